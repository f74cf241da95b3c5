"""Every operator is made at random, read, and evaluated; laws that hold of all conditions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nlp.domain.evaluation import Evaluator
from nlp.domain.rule_parser import OPERATORS, parse_condition
from nlp.domain.rules import RuleBook, parse_rules
from nlp.domain.windows import Window
from strategies import RULES, attributes, conditions, courses, dialogues, one_of_kind

LAWS = settings(max_examples=60, deadline=None)


def read(node, dialogue, known=(), course=None):
    condition = parse_condition(node, "test")
    book = RuleBook(parse_rules(RULES), [condition])
    return condition, Evaluator(book.read(dialogue), dict(known), course)


@pytest.mark.parametrize("operator", OPERATORS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_every_operator_can_be_made_and_evaluated(operator, data):
    node = data.draw(one_of_kind(operator))
    dialogue = data.draw(dialogues())
    condition, evaluator = read(node, dialogue, data.draw(attributes()), data.draw(courses(dialogue)))
    found = evaluator.finding(condition, "test")
    assert found.holds in (True, False, None)
    assert 0 <= found.confidence <= 1
    for hit in (*found.hits, *found.against):
        assert 0 <= hit.confidence <= 1
        assert dialogue.turns[[turn.turn_id for turn in dialogue.turns].index(hit.turn_id)]
        if hit.end > hit.start:
            assert dialogue.passages[hit.passage].text[hit.start : hit.end] == hit.text


@LAWS
@given(data=st.data())
def test_the_opposite_of_the_opposite_is_the_thing_itself(data):
    node, dialogue = data.draw(conditions()), data.draw(dialogues())
    known, course = data.draw(attributes()), data.draw(courses(dialogue))
    once, twice = (read(n, dialogue, known, course) for n in (node, {"not": {"not": node}}))
    assert once[1].finding(once[0], "test") == twice[1].finding(twice[0], "test")


@LAWS
@given(data=st.data())
def test_evaluating_again_finds_the_same(data):
    node, dialogue = data.draw(conditions()), data.draw(dialogues())
    known, course = data.draw(attributes()), data.draw(courses(dialogue))
    first, second = (read(node, dialogue, known, course) for _ in range(2))
    assert first[1].finding(first[0], "test") == second[1].finding(second[0], "test")


@LAWS
@given(data=st.data())
def test_a_window_holds_the_same_whether_it_is_looked_at_alone_or_among_many(data):
    node, dialogue = data.draw(conditions()), data.draw(dialogues())
    known, course = data.draw(attributes()), data.draw(courses(dialogue))
    masks = data.draw(st.lists(st.integers(0, (1 << len(dialogue.passages)) - 1), min_size=6, max_size=12))
    condition, among_many = read(node, dialogue, known, course)
    found = [among_many.evaluate(condition, Window(mask), "test") for mask in masks]
    alone = [Evaluator(among_many.scanned, known, course).evaluate(condition, Window(mask), "test") for mask in masks]
    assert found == alone
