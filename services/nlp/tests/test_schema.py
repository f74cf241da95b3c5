import copy
import json

import pytest
import yaml
from jsonschema import Draft202012Validator
from nlp.adapters.yaml_packs import load_packs, read_scorecard
from nlp.domain.rule_parser import OPERATORS
from nlp.domain.schema import BESIDE, CARD, RANGE, VALUES, rule_schema
from nlp.domain.scorecard_files import FileRefused
from nlp.domain.scorecard_parser import CARD_KEYS, ITEM_KEYS, OPTION_KEYS, SECTION_KEYS
from nlp_scorecards import shop

GOOD = """\
words: [谢谢]
near: {a: [退], b: [款], within_chars: 5, ordered: true}
number: {at_least: 3, unit: [天]}
date: {at_most_days: 3, after: [回复]}
meaning: [很抱歉]
asks_for: [密码]
jargon: {terms: {光猫: [上网的盒子]}}
promise: {dated: true}
silence: {longer_than_s: 10, between: other, unless: [稍等]}
hold: {longer_than_s: 30, announced: [稍等], without: [久等]}
overlap: {longer_than_s: 1}
response_time: {longer_than_s: 5}
speech_rate: {above: 7}
loudness: {rises_db: 6}
pitch: {rises_percent: 20}
talk_share: {above: 0.7}
call_length: {longer_than_s: 600}
emotion: {is: angry, rises_after: [不行], by: 0.3}
repeated: {at_least: 3}
demands: {list: {退款: {of: [退款], answered_by: [退给您]}}}
attribute: {customer_tier: [vip]}
previous_contacts: {days: 7, at_least: 2}
hang_up: agent
judge: {question: 坐席是否真诚？}
rule: apologised
all: [[谢谢], {not: [不]}]
any: [apologised]
none: [apologised]
not: apologised
sequence: [[你好], [再见]]
count: {of: [谢谢], at_least: 2}
each: {of: [投诉], answered_by: apologised}
regex: 退.{0,3}款
"""


@pytest.fixture(scope="module")
def packs():
    return load_packs()


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(rule_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_every_shipped_scorecard_is_as_the_schema_says(packs, validator):
    for name, file in packs.files.items():
        assert [error.message for error in validator.iter_errors(file.given)] == [], name


def test_the_schema_knows_every_operator_and_key_that_the_parser_knows():
    assert VALUES.keys() == OPERATORS.keys()
    assert {key for operator in OPERATORS.values() for key in operator.beside} == BESIDE.keys()
    assert CARD.keys() == CARD_KEYS | {"tests", "rule_tests"}
    section = CARD["sections"]["items"]["properties"]
    assert section.keys() == SECTION_KEYS
    item = section["items"]["items"]["properties"]
    assert item.keys() == ITEM_KEYS
    assert item["options"]["items"]["properties"].keys() == OPTION_KEYS
    assert "around" in RANGE["properties"]


def with_rule(condition):
    card = yaml.safe_load(shop())
    card["rules"]["tried"] = condition
    return card


def accepted(card, packs):
    try:
        read_scorecard(yaml.safe_dump(card, allow_unicode=True), packs.cards)
    except FileRefused:
        return False
    return True


OPERATOR_CASES = [{key: value} for key, value in yaml.safe_load(GOOD).items()]


@pytest.mark.parametrize("condition", OPERATOR_CASES, ids=lambda c: next(iter(c)))
def test_schema_and_parser_accept_and_refuse_the_same(condition, packs, validator):
    (name, value), = condition.items()
    assert accepted(with_rule(condition), packs)
    assert validator.is_valid(with_rule(condition))
    broken = [condition | {"nonsense": 1}, condition | {"role": "boss"}, condition | {"range": {"first_turn": 1}}, condition | {"range": {"first_turns": -1}}]
    broken += [{name: []}, condition | {"words" if name != "words" else "regex": "x"}]
    if isinstance(value, dict) and name != "attribute":
        broken.append({name: value | {"nonsense": 1}})
        broken += [{name: {key: inner for key, inner in value.items() if key != gone}} for gone in value if name in ("near", "silence", "hold", "count", "each")
                   and gone in ("a", "b", "longer_than_s", "announced", "of", "answered_by")]
    for wrong in broken:
        card = with_rule(copy.deepcopy(wrong))
        assert not accepted(card, packs), wrong
        assert not validator.is_valid(card), wrong


def test_every_operator_has_a_case_above():
    assert {next(iter(condition)) for condition in OPERATOR_CASES} == OPERATORS.keys()


@pytest.mark.parametrize("change", [
    {"id": None}, {"rulez": {}}, {"fatal_policy": "zero"}, {"sections": [{"dimension": "其他"}]},
    {"sections": [{"dimension": "流程规范", "items": [{"id": "a", "title": "b"}]}]},
    {"sections": [{"dimension": "流程规范", "items": [{"id": "a", "title": "b", "points": 0, "rule": "thanked"}]}]},
    {"tests": {"thanks": {"passed": ["坐席：好"]}}}, {"tests": {"thanks": {"pass": ["老板：好"]}}}, {"max_score": 50}, {"applies_to": {"mood": ["bad"]}},
])
def test_a_broken_card_is_refused_by_both(change, packs, validator):
    card = yaml.safe_load(shop()) | change
    card = {key: value for key, value in card.items() if value is not None}
    assert not accepted(card, packs)
    assert not validator.is_valid(card)
