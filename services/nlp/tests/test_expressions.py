import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st
from nlp.adapters.yaml_packs import load_packs
from nlp.domain.conditions import Pattern
from nlp.domain.rules import RuleBook
from nlp.domain.safe_regex import MAX_MATCHES, Expression, compile_safely
from nlp.domain.scanning.expressions import Expressions, weakened

SOURCES = (
    "退.{0,3}款", "(?<!不)退款", "由[^,。]{0,4}(?=跟进|负责)", "你(?!好)们?", "[^,。?]{2,}", ".", "(?:^|,)好的?(?=,|$)", "退(?=[(款])",
    r"a\)(?!b)", "[]a](?=b)", "款$", r"(?<=\d)元",
)
TEXTS = st.text("退款不由跟进负责你好们的,。?)(]ab元1１\n", max_size=14)


@given(TEXTS)
@settings(max_examples=300)
def test_no_expression_that_matches_is_passed_over(text):
    listed = [compile_safely(source) for source in SOURCES]
    expressions = Expressions(listed)
    found = {expressions.number(one) for one in listed if one.spans(text)}
    assert found <= expressions.possible(text)


def test_an_expression_that_does_not_match_is_not_looked_for():
    listed = [Expression(source) for source in SOURCES]
    assert Expressions(listed).possible("今天天气") == {listed.index(Expression(source)) for source in (".", "[^,。?]{2,}")}


@pytest.mark.parametrize(("source", "left"), [
    ("退款", "退款"), ("(?<!不)退款", "退款"), ("由(?=[)])(?:他|你)", "由(?:他|你)"), (r"退\((?!款)", r"退\("), ("[(?=]款(?=了)", None),
    (r"(?<=\d)元", "元"), (r"\d元(?=整)", None), ("款(?=了)$", None), ("(?i)a(?=b)", None),
    ("退(?=款)?", None), ("退(?=款){0,}", None), ("退{,3}(?!款)", None), ("退++(?!款)", None),
])
def test_an_expression_without_its_look_around_stands_for_it_where_both_libraries_read_it_alike(source, left):
    assert weakened(source) == left


def test_where_a_set_runs_out_of_memory_every_expression_is_looked_for(monkeypatch):
    class Exhausted:
        def Match(self, text):
            return None

    expressions = Expressions([Expression("退款"), Expression("投诉")])
    monkeypatch.setattr(expressions, "_sets", [(Exhausted(), [0, 1])])
    assert expressions.possible("今天天气") == {0, 1}


def test_many_expressions_are_numbered_through():
    listed = [Expression(f"第{number}条") for number in range(200)]
    expressions = Expressions([*listed, *listed])
    assert expressions.possible("第7条,第150条") == {7, 150}


def test_the_look_around_of_every_shipped_expression_has_a_stand_in():
    packs = load_packs()
    for card in packs.cards.values():
        book = RuleBook({**packs.cards["common"].rules, **card.rules, **packs.signals.rules})
        for part in (part for rule in book.rules.values() for part in book.inside(rule) if isinstance(part, Pattern)):
            assert weakened(part.expression.source) is not None


@given(TEXTS)
def test_one_kind_of_character_is_found_as_by_re2(text):
    for source in (".", "[^,。]{2,}", "[退款]", "退+", "[^退]", "(?:退|款){1,2}"):
        expected = [match.span() for match in re2.compile(source).finditer(text)]
        assert Expression(source).spans(text) == expected[:MAX_MATCHES]
