import pytest
from nlp.adapters.yaml_packs import load_packs, read_scorecard
from nlp.domain.dialogue import Role
from nlp.domain.engine import QualityEngine
from nlp.domain.scorecard_files import FileRefused
from nlp.domain.scorecard_tests import run_tests, untested

CARD = """\
id: shop
version: "1"
title: 小店
extends: common
industries: [shop]
rules:
  thanked: {words: [谢谢光临], role: agent}
  vip: {attribute: {customer_tier: [vip]}}
  slow: {silence: {longer_than_s: 10}}
  cut_in: {overlap: {longer_than_s: 1}, role: agent}
  hurried: {speech_rate: {above: 7}, role: agent}
sections:
  - dimension: 流程规范
    items:
      - {id: thanks, title: 致谢, points: 5, rule: thanked, applies_when: vip}
"""


@pytest.fixture(scope="module")
def packs():
    return load_packs()


def read(packs, tests):
    return read_scorecard(CARD + tests, packs.cards, "shop.yaml")


def tried(packs, tests):
    file = read(packs, tests)
    engine = QualityEngine([packs.cards["common"], file.card], packs.signals)
    return {result.case.place: result.actual for result in run_tests(file.cases, file.card, engine)}


def test_every_outcome_of_an_item_can_be_shown(packs):
    assert tried(packs, """\
tests:
  thanks:
    pass: [{lines: ["坐席：谢谢光临"], attributes: {customer_tier: vip}}]
    fail: [{lines: "坐席: 慢走", attributes: {customer_tier: vip}}]
    na: [["客户：喂", "坐席：谢谢光临"]]
""") == {"tests.thanks.pass[0]": "pass", "tests.thanks.fail[0]": "fail", "tests.thanks.na[0]": "na"}


def test_a_case_that_comes_out_otherwise_has_not_passed(packs):
    file = read(packs, "rule_tests:\n  thanked: {hit: ['客户：谢谢光临']}\n")
    engine = QualityEngine([packs.cards["common"], file.card], packs.signals)
    (result,) = run_tests(file.cases, file.card, engine)
    assert (result.actual, result.passed, file.locate(result.case.place)) == ("miss", False, (17, 19))


def test_pauses_interruptions_and_rates_are_written_as_directions(packs):
    assert set(tried(packs, """\
rule_tests:
  slow:
    hit: [["坐席：我查一下", "（静音35秒）", "坐席：查到了"], {lines: ["坐席：在", （静音11.5秒）, "客户：嗯嗯"], attributes: {channel: chat}}]
    miss: [["坐席：我查一下", (静音5秒), "坐席：查到了"], {lines: ["坐席：在", "客户：在"], attributes: {channel: chat}}]
  cut_in:
    hit: [["客户：我想问一下我的那个快递到哪里了", （抢话2秒）, "坐席：您说单号我查"]]
    miss: [["客户：我想问一下我的那个快递到哪里了", "坐席：您说单号我查"]]
  hurried:
    hit: [[（语速9字/秒）, "坐席：您好很高兴为您服务请问有什么可以帮您的吗"]]
    miss: [[（语速3字每秒）, "坐席：您好很高兴为您服务请问有什么可以帮您的吗"], "坐席：您好很高兴为您服务请问有什么可以帮您的吗"]
""").items()) == {
        ("rule_tests.slow.hit[0]", "hit"), ("rule_tests.slow.hit[1]", "hit"), ("rule_tests.slow.miss[0]", "miss"), ("rule_tests.slow.miss[1]", "miss"),
        ("rule_tests.cut_in.hit[0]", "hit"), ("rule_tests.cut_in.miss[0]", "miss"),
        ("rule_tests.hurried.hit[0]", "hit"), ("rule_tests.hurried.miss[0]", "miss"), ("rule_tests.hurried.miss[1]", "miss"),
    }


def test_times_are_220_ms_a_character_and_typed_words_have_none(packs):
    file = read(packs, """\
tests:
  thanks:
    na: [["坐席：您好", "客户：喂喂喂"], {lines: ["客户：在吗"], attributes: {channel: chat}}]
""")
    spoken, typed = (case.dialogue for case in file.cases)
    assert [(t.role, t.start_ms, t.end_ms) for t in spoken.turns] == [(Role.AGENT, 0, 440), (Role.CUSTOMER, 940, 1600)]
    assert spoken.interaction.industry == "shop"
    assert spoken.interaction.spoken
    assert (typed.turns[0].start_ms, typed.interaction.spoken) == (None, False)


def test_how_a_turn_sounded_and_how_surely_it_was_heard_can_be_told(packs):
    (case,) = read(packs, "tests: {thanks: {na: [[{say: '客户：我要投诉', energy_db: -8, confidence: 0.4}]]}}\n").cases
    assert (case.dialogue.turns[0].confidence, case.dialogue.turns[0].acoustics.energy_db) == (0.4, -8.0)


@pytest.mark.parametrize(("tests", "where", "says"), [
    ("tests:\n  thankz: {pass: ['坐席：好']}\n", (17, 3), "no such item"),
    ("rule_tests:\n  thankd: {hit: ['坐席：好']}\n", (17, 3), "no such rule"),
    ("tests:\n  thanks:\n    passed: ['坐席：好']\n", (18, 5), "must be one of"),
    ("tests:\n  thanks:\n    pass: ['坐席：好', '老板：好']\n", (18, 20), "begins with"),
    ("tests:\n  thanks:\n    pass: [['坐席：好', '（静音很久）']]\n", (18, 21), "begins with"),
    ("tests:\n  thanks:\n    pass: [['（静音5秒）']]\n", (18, 12), "begins with"),
    ("tests:\n  thanks:\n    pass: [{line: '坐席：好'}]\n", (18, 13), "unknown key"),
    ("tests:\n  thanks:\n    pass: [{lines: '坐席：好', attributes: {ticket_type: 投诉}}]\n", (18, 41), "derived"),
    ("tests:\n  thanks:\n    pass: '坐席：好'\n", (18, 5), "expected a list"),
    ("tests: {thanks: {pass: [[{say: '坐席：好', confidence: 2}]]}}\n", (16, 40), "0 to 1"),
    ("tests: {thanks: {pass: [[（语速0字/秒）, '坐席：好']]}}\n", (16, 26), "more than 0"),
])
def test_what_is_wrong_in_a_test_is_named_with_file_line_and_column(packs, tests, where, says):
    with pytest.raises(FileRefused, match=says) as refused:
        read(packs, tests)
    assert (refused.value.line, refused.value.column) == where
    assert str(refused.value).startswith(f"shop.yaml:{where[0]}:{where[1]}: tests." if tests.startswith("tests") else "shop.yaml")


def test_what_no_case_shows_is_told(packs):
    file = read(packs, "tests: {thanks: {pass: [{lines: '坐席：谢谢光临', attributes: {customer_tier: vip}}]}}\n")
    lacking = untested(file.card, file.cases)
    assert lacking["thanks"] == ("fail",)
    assert lacking["greeting"] == ("pass", "fail")
