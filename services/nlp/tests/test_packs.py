"""Every shipped pack shows by its own test utterances that each item passes, fails and does not apply where it should."""

from collections import Counter

import pytest
from nlp.adapters.yaml_packs import load_packs
from nlp.app_scorecards import SIGNALS
from nlp.domain.engine import COMMON, QualityEngine
from nlp.domain.linting import ERROR, lint, rules_named
from nlp.domain.scorecard_tests import ITEM_TESTS, run_tests

PACKS = load_packs()
OWN_ITEMS = 12
LEAST_SHOWN = 2


@pytest.fixture(scope="module")
def shipped():
    """The engine of these very scorecards."""
    return QualityEngine(PACKS.cards.values(), PACKS.signals)


def own_items(name):
    """The items that a pack's own file lists."""
    given = PACKS.files[name].given
    listed = {item["id"] for section in given["sections"] for item in section["items"]}
    return [item for item in PACKS.files[name].card.items if item.item_id in listed]


@pytest.mark.parametrize("name", PACKS.files)
def test_every_test_utterance_comes_out_as_it_should(shipped, name):
    file = PACKS.files[name]
    wrong = [(result.case.place, result.case.expected, result.actual) for result in run_tests(file.cases, file.card, shipped) if not result.passed]
    assert wrong == []


@pytest.mark.parametrize("name", PACKS.files)
def test_every_item_is_shown_to_pass_to_fail_and_not_to_apply(name):
    file = PACKS.files[name]
    shown = Counter((case.about, case.expected) for case in file.cases if case.kind == ITEM_TESTS)
    lacking = []
    for item in own_items(name):
        against = "na" if item.bonus else "fail"
        lacking += [(item.item_id, wanted) for wanted in ("pass", against) if shown[item.item_id, wanted] < LEAST_SHOWN]
        if item.applies_when is not None and not shown[item.item_id, "na"]:
            lacking.append((item.item_id, "na"))
    assert lacking == []


@pytest.mark.parametrize("name", sorted(set(PACKS.files) - {COMMON}))
def test_every_industry_adds_twelve_items_of_its_own(name):
    common = {item.item_id for item in PACKS.files[COMMON].card.items}
    assert len({item.item_id for item in own_items(name)} - common) >= OWN_ITEMS


@pytest.mark.parametrize("name", PACKS.files)
def test_every_item_says_what_is_expected_and_what_could_be_said(name):
    for item in own_items(name):
        assert item.guidance.why and item.guidance.say, item.item_id


@pytest.mark.parametrize("name", PACKS.files)
def test_no_pack_has_an_error_that_lint_knows(shipped, name):
    others = rules_named(card for other, card in PACKS.cards.items() if other != name)
    found = lint(PACKS.files[name], lambda read: shipped, shared_rules=PACKS.signals.rules, used_elsewhere=others)
    assert [finding for finding in found if finding.severity == ERROR] == []


def test_signals_are_no_scorecard():
    assert SIGNALS not in PACKS.files
