"""Very long contacts cost time in proportion to their length, whatever the condition."""

import time

import pytest
from nlp.domain.courses import Feeling
from nlp.domain.evaluation import Evaluator
from nlp.domain.rule_parser import OPERATORS, parse_condition
from nlp.domain.rules import RuleBook, parse_rules
from nlp_contacts import said
from strategies import RULES, SAYINGS
from test_describing import SAID

CONDITIONS = [parse_condition(node, "test") for node, _ in SAID]
BOOK = RuleBook(parse_rules(RULES), CONDITIONS)


def seconds(turns: int) -> float:
    dialogue = said(*(("a: " if n % 2 else "c: ") + SAYINGS[(n * 7 + n // 20) % len(SAYINGS)] for n in range(turns)))
    began = time.process_time()
    course = {turn.turn_id: Feeling("neutral", n % 10 / 10) for n, turn in enumerate(dialogue.turns)}
    evaluator = Evaluator(BOOK.read(dialogue), {"industry": "bank"}, course)
    for condition in CONDITIONS:
        evaluator.finding(condition, "test")
    return time.process_time() - began


def test_ten_thousand_turns_take_seconds_under_every_operator():
    assert {key for node, _ in SAID if isinstance(node, dict) for key in node} >= set(OPERATORS)
    short, long = seconds(2_000), seconds(10_000)
    assert long < 10
    assert long < 5 * short * 3  # five times the turns; three for what a busy machine adds


@pytest.mark.parametrize("saying", ["退款", "您好", "工时费90元", "我的验证码是多少"])
def test_a_contact_that_says_the_same_thousands_of_times_takes_seconds(saying):
    dialogue = said(*[f"c: {saying}。", "a: 抱歉。"] * 5_000)
    began = time.process_time()
    evaluator = Evaluator(BOOK.read(dialogue), {"industry": "bank"})
    for condition in CONDITIONS:
        evaluator.finding(condition, "test")
    assert time.process_time() - began < 10
