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


@LAWS
@given(data=st.data())
def test_none_of_several_is_the_opposite_of_any_of_them_and_the_same_as_not_one_and_not_the_other(data):
    parts, dialogue = data.draw(st.lists(conditions(), min_size=1, max_size=3)), data.draw(dialogues())
    known, course = data.draw(attributes()), data.draw(courses(dialogue))
    spoken = [{"none": parts}, {"not": {"any": parts}}, {"all": [{"not": part} for part in parts]}]
    made = [read(node, dialogue, known, course) for node in spoken]
    assert len({evaluator.finding(condition, "test").holds for condition, evaluator in made}) == 1


@LAWS
@given(data=st.data())
def test_a_wider_range_never_finds_less_said(data):
    phrases, dialogue = data.draw(one_of_kind("words").filter(lambda node: "range" not in node)), data.draw(dialogues())
    narrow, wide = sorted(data.draw(st.tuples(st.integers(0, 8), st.integers(0, 8))))
    for key in ("first_turns", "last_turns", "first_percent", "last_percent"):
        factor = 10 if "percent" in key else 1
        found = []
        for limit in (narrow, wide):
            condition, evaluator = read({**phrases, "range": {key: limit * factor}}, dialogue)
            found.append({(hit.passage, hit.start, hit.end) for hit in evaluator.finding(condition, "test").hits})
        assert found[0] <= found[1]


@LAWS
@given(data=st.data())
def test_once_is_what_holds_and_never_is_what_does_not(data):
    node, dialogue = data.draw(one_of_kind("words")), data.draw(dialogues())
    plain, once, never = (read(n, dialogue) for n in (node, {"count": {"of": node, "at_least": 1}}, {"count": {"of": node, "at_most": 0}}))
    holds = plain[1].finding(plain[0], "test").holds
    assert once[1].finding(once[0], "test").holds is holds
    assert never[1].finding(never[0], "test").holds is (None if holds is None else not holds)


@LAWS
@given(data=st.data())
def test_a_sequence_with_a_limit_holds_only_where_it_holds_without(data):
    parts, dialogue = data.draw(st.lists(one_of_kind("words"), min_size=2, max_size=3)), data.draw(dialogues())
    near = read({"sequence": parts, "within_turns": 2}, dialogue)
    anywhere = read({"sequence": parts}, dialogue)
    if near[1].finding(near[0], "test").holds:
        assert anywhere[1].finding(anywhere[0], "test").holds
