"""What hangs on doubtful words, or on what was badly heard, is left to a person; what does not is decided."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nlp.domain.certainty import ACCEPTED, DECIDED, SURE, absence, recognised
from nlp.domain.dialogue import Dialogue
from nlp.domain.evaluation import Evaluator
from nlp.domain.judged import Cause, Outcome
from nlp.domain.judging import judge
from nlp.domain.rules import RuleBook
from nlp.domain.scorecard_parser import parse_scorecard
from nlp_contacts import said

# 重兴启动 sounds nearly as 重新启动 does: in a well heard turn it may be something else.
DOUBTFUL, SURELY = "请您重兴启动一下", "请您重新启动一下"


def judged(rule, *lines, applies=None, confidence=None, rules=None, **more):
    """The one item of a scorecard made for the test; `confidence` is that of turns by their number."""
    item = {"id": "x", "title": "先远程指导", "points": 10, "rule": rule} | ({"applies_when": applies} if applies else {}) | more
    if "options" in item:
        del item["rule"], item["points"]
    card = parse_scorecard({"id": "card", "version": 1, "title": "卡", "rules": rules or {}, "sections": [{"dimension": "流程规范", "items": [item]}]}, {})
    dialogue = said(*lines)
    turns = tuple(replace(turn, confidence=(confidence or {}).get(number, 1.0)) for number, turn in enumerate(dialogue.turns, start=1))
    judgement = judge(card, reading(card, Dialogue(dialogue.interaction, turns)))
    return judgement.items[0], judgement


def reading(card, dialogue):
    return Evaluator(RuleBook(card.rules, [condition for item in card.items for condition in item.conditions()]).read(dialogue))


def test_the_words_used_here_are_doubtful_and_sure():
    card = parse_scorecard({"id": "card", "version": 1, "title": "卡", "sections": [
        {"dimension": "流程规范", "items": [{"id": "x", "title": "x", "points": 1, "rule": ["重新启动"]}]},
    ]}, {})
    doubtful, sure = (reading(card, said(f"a: {words}。")).finding(card.items[0].rule, "x").confidence for words in (DOUBTFUL, SURELY))
    assert ACCEPTED < doubtful < SURE < sure


def test_what_hangs_on_doubtful_words_is_left_to_a_person():
    item, judgement = judged(["重新启动"], "c: 坏了。", f"a: {DOUBTFUL}。")
    assert (item.outcome, item.cause) == (Outcome.ABSTAIN, Cause.DOUBTFUL_WORDS)
    assert [(hit.turn_id, hit.text, hit.phrase) for hit in item.evidence] == [("t2", "重兴启动", "重新启动")]
    assert (judgement.score_low, judgement.score_high) == (0, 100)


@pytest.mark.parametrize(("rule", "outcome"), [
    ({"any": [["重新启动"], ["插拔电源"]]}, Outcome.PASS),
    ({"all": [["重新启动"], ["从来没说"]]}, Outcome.FAIL),
    ({"all": [["重新启动"], ["插拔电源"]]}, Outcome.ABSTAIN),
    ({"any": [["重新启动"], ["从来没说"]]}, Outcome.ABSTAIN),
    ({"not": ["重新启动"]}, Outcome.ABSTAIN),
    ({"not": {"all": [["重新启动"], ["从来没说"]]}}, Outcome.PASS),
    ({"not": {"any": [["重新启动"], ["插拔电源"]]}}, Outcome.FAIL),
    ({"all": [["插拔电源"], {"not": ["重新启动"]}]}, Outcome.ABSTAIN),
    ({"any": [["插拔电源"], {"not": ["重新启动"]}]}, Outcome.PASS),
    ({"sequence": [["插拔电源"], ["重新启动"]]}, Outcome.ABSTAIN),
    ({"count": {"of": ["重新启动", "插拔电源"], "at_least": 1}}, Outcome.PASS),
    ({"count": {"of": ["重新启动", "插拔电源"], "at_least": 2}}, Outcome.ABSTAIN),
    ({"all": [["重新启动"], {"not": ["重新启动"]}]}, Outcome.ABSTAIN),
])
def test_an_item_is_doubtful_only_where_the_doubtful_words_would_change_it(rule, outcome):
    item, _ = judged(rule, "a: 请您插拔电源。", "c: 插了。", f"a: {DOUBTFUL}。")
    assert item.outcome is outcome


def test_the_same_words_well_heard_are_decided():
    assert judged(["重新启动"], f"a: {SURELY}。")[0].outcome is Outcome.PASS
    assert judged(["重新启动"], f"a: {SURELY}。", confidence={1: 0.4})[0].outcome is Outcome.PASS


def test_a_written_contact_has_no_doubt():
    item, _ = judged(["重新启动"], f"a: {SURELY}。")
    assert item.confidence > 0.95


# Each phrase with how it is heard surely and doubtfully in a well heard turn.
HEARD = {"重新启动": ("重新启动", "重兴启动"), "插拔电源": ("插拔电源", "插把电源"), "感谢来电": ("感谢来电", "感谢来点")}
trees = st.recursive(
    st.sampled_from(sorted(HEARD)).map(lambda phrase: [phrase]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}), st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ), max_leaves=6,
)


def holds(tree, said_words):
    """What a rule comes to where it is known what was said."""
    if isinstance(tree, list):
        return tree[0] in said_words
    ((operator, inner),) = tree.items()
    if operator == "not":
        return not holds(inner, said_words)
    return (all if operator == "all" else any)(holds(part, said_words) for part in inner)


def leaves(tree):
    """The phrases of a rule, as often as they stand in it."""
    if isinstance(tree, list):
        return list(tree)
    (inner,) = tree.values()
    return [leaf for part in (inner if isinstance(inner, list) and not isinstance(inner[0], str) else [inner]) for leaf in leaves(part)]


@settings(max_examples=150, deadline=None)
@given(trees, st.fixed_dictionaries({phrase: st.sampled_from(["surely", "doubtfully", "never"]) for phrase in HEARD}))
def test_what_is_decided_is_so_however_the_doubtful_words_are_taken(tree, how):
    lines = [f"a: 请您{HEARD[phrase][way == 'doubtfully']}一下。" for phrase, way in how.items() if way != "never"]
    item, _ = judged(tree, "c: 坏了。", *lines, "c: 好。")
    doubtful = [phrase for phrase, way in how.items() if way == "doubtfully"]
    sure = {phrase for phrase, way in how.items() if way == "surely"}
    answers = {
        holds(tree, sure | {phrase for phrase, taken in zip(doubtful, choice, strict=True) if taken})
        for choice in product((False, True), repeat=len(doubtful))
    }
    if item.outcome is not Outcome.ABSTAIN:
        assert answers == {item.outcome is Outcome.PASS}
    elif len(set(leaves(tree))) == len(leaves(tree)):  # a phrase that stands twice may cancel itself, which nobody writes
        assert len(answers) == 2


@pytest.mark.parametrize(("applies", "rule", "outcome"), [
    (["重新启动"], ["插拔电源"], Outcome.PASS),
    (["重新启动"], ["从来没说"], Outcome.ABSTAIN),
    ({"any": [["重新启动"], ["插拔电源"]]}, ["从来没说"], Outcome.FAIL),
])
def test_a_doubtful_cause_to_apply_matters_only_where_the_item_would_fail(applies, rule, outcome):
    item, _ = judged(rule, "a: 请您插拔电源。", f"a: {DOUBTFUL}。", applies=applies)
    assert item.outcome is outcome


def test_what_was_not_found_where_it_was_badly_heard_is_left_to_a_person():
    lines = "a: 您好。", "c: 坏了。", "a: 啊七牛弟子波吧。", "c: 好。"
    item, _ = judged({"words": ["重新启动"], "role": "agent"}, *lines, confidence={3: 0.42})
    assert (item.outcome, item.cause, item.evidence[0].turn_id, item.evidence[0].confidence) == (Outcome.ABSTAIN, Cause.BADLY_HEARD, "t3", 0.42)
    assert judged({"words": ["重新启动"], "role": "agent"}, *lines)[0].outcome is Outcome.FAIL
    forbidden, _ = judged({"not": {"words": ["重新启动"], "role": "agent"}}, *lines, confidence={3: 0.42})
    assert forbidden.outcome is Outcome.PASS


def test_only_where_it_was_looked_for_does_it_matter_how_it_was_heard():
    item, _ = judged({"words": ["重新启动"], "role": "agent", "range": {"first_turns": 1}}, "a: 您好。", "c: 坏了。", "a: 七牛弟子波吧。", confidence={3: 0.3})
    assert item.outcome is Outcome.FAIL


GRADED = [
    {"title": "时限和跟进人都说了", "points": 10, "rule": {"all": [["二十四小时"], ["重新启动"]]}},
    {"title": "只说了时限", "points": 4, "rule": ["二十四小时"]},
    {"title": "都没说", "points": 0},
]


@pytest.mark.parametrize(("line", "outcome", "option", "points"), [
    (f"二十四小时之内，{SURELY}", Outcome.PASS, "时限和跟进人都说了", 10),
    ("二十四小时之内给您回电", Outcome.PASS, "只说了时限", 4),
    ("好的再见吧", Outcome.FAIL, "都没说", 0),
    (f"二十四小时之内，{DOUBTFUL}", Outcome.ABSTAIN, "", 0),
])
def test_the_first_option_that_holds_gives_the_points(line, outcome, option, points):
    item, _ = judged(None, f"a: {line}。", options=GRADED)
    assert (item.outcome, item.option, item.points, item.max_points) == (outcome, option, points, 10)


def test_a_bonus_not_earned_takes_nothing():
    item, judgement = judged(["从来没说"], "a: 您好。", bonus=True)
    assert (item.outcome, item.cause, judgement.score) == (Outcome.NA, Cause.NOT_EARNED, 100)


def test_what_cannot_be_judged_without_times_says_so():
    dialogue = said("a: 您好。", "c: 好。", channel="chat")
    item = {"id": "x", "title": "不冷场", "points": 1, "rule": {"not": {"silence": {"longer_than_s": 5}}}}
    card = parse_scorecard({"id": "card", "version": 1, "title": "卡", "sections": [{"dimension": "沟通效能", "items": [item]}]}, {})
    found = judge(card, reading(card, dialogue)).items[0]
    assert (found.outcome, found.cause) == (Outcome.NA, Cause.NO_TIMES)


def test_less_is_found_of_badly_heard_turns_and_of_what_must_be_written_exactly():
    assert recognised(0.5) < recognised(0.7) < recognised(0.9) < 1
    assert recognised(0.7, 0.0) < recognised(0.7, 0.5) < recognised(0.7, 1.0)


def test_absence_is_sure_of_what_is_rare_or_always_found():
    assert absence(1.0, 0.9) == 1.0
    assert absence(0.0, 0.4) == pytest.approx(0.6)
    assert absence(0.5, 0.05) > DECIDED > absence(0.5, 0.4)
