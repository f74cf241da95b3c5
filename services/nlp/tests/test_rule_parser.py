import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.evaluation import Evaluator
from nlp.domain.parsing.fields import MAX_TEXTS
from nlp.domain.rule_parser import MAX_DEPTH, MAX_NODES, OPERATORS, RuleError, parse_condition
from nlp.domain.rules import RuleBook, parse_rules
from nlp_contacts import said


@pytest.mark.parametrize(("node", "place", "word"), [
    ({"wrods": ["a"]}, "test.wrods", "'words'"),
    ({"words": ["您好"], "range": {"first_turn": 1}}, "test.range.first_turn", "'first_turns'"),
    ({"words": ["您好"], "rnage": {"first_turns": 1}}, "test.rnage", "'range'"),
    ({"words": ["您好"], "threshold": 0.5}, "test.threshold", "unknown key"),
    ({"words": ["您好"], "role": "boss"}, "test.role", "boss"),
    ({"words": ["您好"], "sounds_like": "strickt"}, "test.words.sounds_like", "'strict'"),
    ({"words": ["您好", "*退款"]}, "test.words[1]", "wildcard"),
    ({"words": [["您好"]]}, "test.words[0]", "quotes"),
    ({"words": [True]}, "test.words[0]", "quotes"),
    ({"words": [None]}, "test.words[0]", "quotes"),
    ({"words": ["您好"], "at_least": 2}, "test.words.at_least", "2 of 1"),
    ({"words": ["您好"], "then": "("}, "test.words.then", "not a regular expression"),
    ({"words": ["您"] * (MAX_TEXTS + 1)}, "test.words", f"{MAX_TEXTS}"),
    ({"words": ["您" * 2001]}, "test.words[0]", "longer"),
    ({"regex": "您好", "excluding": "("}, "test.regex.excluding", "not a regular expression"),
    ({"regex": ["您好"]}, "test.regex", "text"),
    ({"near": {"a": ["您"]}}, "test.near.b", "missing"),
    ({"near": {"a": ["您"], "b": ["好"], "whitin_chars": 3}}, "test.near.whitin_chars", "'within_chars'"),
    ({"near": {"a": ["您"], "b": ["好"], "within_chars": 9999}}, "test.near.within_chars", "at most"),
    ({"number": {"at_least": 3}}, "test.number", "after or unit"),
    ({"number": {"unit": "元", "at_least": 3, "at_most": 2}}, "test.number", "over 3 and under 2"),
    ({"number": {"unit": "元", "at_least": "three"}}, "test.number.at_least", "'three'"),
    ({"date": {"at_most_days": -1}}, "test.date.at_most_days", "0 or more"),
    ({"meaning": ["您好"], "threshold": 1.5}, "test.meaning.threshold", "cosine"),
    ({"asks_for": []}, "test.asks_for", "list"),
    ({"jargon": {"terms": ["主板"]}}, "test.jargon.terms", "plain words"),
    ({"jargon": {"terms": {"主板": []}}}, "test.jargon.terms.主板", "list"),
    ({"promise": {"dated": "yes"}}, "test.promise.dated", "true or false"),
    ({"silence": {}}, "test.silence.longer_than_s", "missing"),
    ({"silence": {"longer_than_s": 3, "between": "both"}}, "test.silence.between", "'other'"),
    ({"silence": {"longer_than_s": 3, "unless": {"wrods": ["a"]}}}, "test.silence.unless.wrods", "'words'"),
    ({"hold": {"longer_than_s": 3}}, "test.hold.announced", "missing"),
    ({"overlap": {"longer_than_s": "1"}}, "test.overlap.longer_than_s", "number"),
    ({"overlap": {"longer_than_s": float("nan")}}, "test.overlap.longer_than_s", "number"),
    ({"response_time": {}}, "test.response_time", "longer_than_s"),
    ({"response_time": {"longer_than_s": 5, "shorter_than_s": 4}}, "test.response_time", "nothing is longer"),
    ({"speech_rate": {}}, "test.speech_rate", "needs above"),
    ({"loudness": {}}, "test.loudness", "rises_db"),
    ({"loudness": {"above_dbfs": 10}}, "test.loudness.above_dbfs", "between -120 and 0"),
    ({"pitch": {}}, "test.pitch.rises_percent", "missing"),
    ({"talk_share": {"above": 70}}, "test.talk_share.above", "between 0 and 1"),
    ({"talk_share": {}}, "test.talk_share", "above or below"),
    ({"call_length": {}}, "test.call_length", "longer_than_s"),
    ({"emotion": {}}, "test.emotion", "needs is"),
    ({"emotion": {"is": "angy"}}, "test.emotion.is", "'angry'"),
    ({"emotion": {"is": "angry", "not_back": True}}, "test.emotion", "rises_after"),
    ({"repeated": {"at_least": 1}}, "test.repeated.at_least", "once"),
    ({"demands": {"list": {}}}, "test.demands.list", "1 to"),
    ({"demands": {"list": {"退款": {"of": ["退款"]}}}}, "test.demands.list.退款.answered_by", "missing"),
    ({"demands": {"list": {"退款": {"of": ["退款"], "answered_by": ["退"]}}, "at_least": 2}}, "test.demands.at_least", "2 of 1"),
    ({"attribute": {"a": ["b"], "c": ["d"]}}, "test.attribute", "one attribute"),
    ({"attribute": {"queue": {"atleast": 3}}}, "test.attribute.queue.atleast", "'at_least'"),
    ({"attribute": {"queue": {}}}, "test.attribute.queue", "comparison"),
    ({"previous_contacts": {"days": 14, "at_least": 1}}, "test.previous_contacts.days", "7 or 30"),
    ({"previous_contacts": {"days": 7}}, "test.previous_contacts", "at_least"),
    ({"hang_up": "boss"}, "test.hang_up", "agent, customer"),
    ({"judge": {"question": "?"}}, "test.judge.question", "4 to"),
    ({"judge": "坐席是否致歉？"}, "test.judge", "mapping"),
    ({"rule": 7}, "test.rule", "name"),
    ({"all": []}, "test.all", "list"),
    ({"any": "greeted"}, "test.any", "list"),
    ({"all": [["您好"], {"not": {"regex": "("}}]}, "test.all[1].not.regex", "not a regular expression"),
    ({"all": [["您好"]], "same_turn": "yes"}, "test.all.same_turn", "true or false"),
    ({"count": {"of": ["您好"], "at_least": 3, "at_most": 2}}, "test.count", "3 or more and 2 or less"),
    ({"count": {"at_least": 3}}, "test.count.of", "missing"),
    ({"each": {"of": ["您好"]}}, "test.each.answered_by", "missing"),
    ({"words": ["您好"], "range": {"within_turns": 3}}, "test.range.within_turns", "after, before or around"),
    ({"words": ["您好"], "range": {"around": ["退款"]}}, "test.range.around", "within_turns"),
    ({"words": ["您好"], "range": {"hit": 2}}, "test.range.hit", "whose hits"),
    ({"words": ["您好"], "range": {"after": ["退款"], "hit": 0}}, "test.range.hit", "first, last"),
    ({"words": ["您好"], "range": {"after": ["退款"], "hit": True}}, "test.range.hit", "first, last"),
    ({"words": ["您好"], "range": {"first_percent": 120}}, "test.range.first_percent", "between 0 and 100"),
    ({"words": ["您好"], "range": {"first_turns": 1.5}}, "test.range.first_turns", "whole number"),
    ({"words": ["您好"], "range": [1]}, "test.range", "mapping"),
    ({"words": ["您好"], "regex": "您好"}, "test", "exactly one"),
    ({"role": "agent"}, "test", "exactly one"),
    (None, "test", "expected"),
    (7, "test", "expected"),
])
def test_a_wrong_rule_is_refused_with_its_place_and_what_was_meant(node, place, word):
    with pytest.raises(RuleError) as refused:
        parse_condition(node, "test")
    assert refused.value.place == place
    assert word in str(refused.value)


def test_the_suggestion_stands_by_itself_too():
    with pytest.raises(RuleError) as refused:
        parse_condition({"wrods": ["a"]}, "test")
    assert refused.value.suggestion == "words"


def test_a_condition_may_not_nest_without_end():
    node = ["您好"]
    for _ in range(MAX_DEPTH + 1):
        node = {"not": node}
    with pytest.raises(RuleError, match="deeper"):
        parse_condition(node, "test")


def test_a_condition_may_not_grow_without_end():
    with pytest.raises(RuleError, match="more than"):
        parse_condition({"any": [{"any": ["greeted"] * 100}] * (MAX_NODES // 100)}, "test")


def test_there_may_be_any_number_of_rules():
    assert len(RuleBook(parse_rules({f"rule {n}": [f"第{n}条规则"] for n in range(5000)})).rules) == 5000


STEPS = [lambda name: {"not": name}, lambda name: {"all": [name, ["您好"]], "range": {"around": name, "within_turns": 3}}]


def chain(step, count):
    return parse_rules({"r0": ["您好"], **{f"r{n}": step(f"r{n - 1}") for n in range(1, count)}})


@pytest.mark.parametrize("step", STEPS)
def test_rules_may_name_rules_that_name_rules(step):
    book = RuleBook(chain(step, 49))
    assert Evaluator(book.read(said("a: 您好", "c: 您好"))).rule("r48").holds is True


@pytest.mark.parametrize("count", [52, 5000])
@pytest.mark.parametrize("step", STEPS)
def test_rules_may_not_name_rules_without_end(count, step):
    rules = chain(step, count)
    for order in (rules, dict(reversed(rules.items()))):
        with pytest.raises(RuleError, match="deeper"):
            RuleBook(order)


def test_a_rule_that_does_not_exist_is_refused_with_the_one_that_may_have_been_meant():
    with pytest.raises(RuleError) as refused:
        RuleBook(parse_rules({"greeted": ["您好"], "opened": {"not": "greetd"}}))
    assert refused.value.suggestion == "greeted"


def test_yaml_numbers_are_words_too():
    assert parse_condition([12315, 1.5], "test").phrases[0].text == "12315"


_keys = st.sampled_from([*OPERATORS, "of", "role", "range", "at_least", "unless", "x"])
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=12,
)


@given(st.one_of(_values, st.dictionaries(st.sampled_from(list(OPERATORS)), _values, min_size=1, max_size=1)))
def test_whatever_is_written_is_read_or_refused_with_a_place(node):
    try:
        parse_condition(node, "test")
    except RuleError as refused:
        assert refused.place.startswith("test")
