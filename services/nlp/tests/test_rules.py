import time

import numpy as np
import pytest
from nlp.domain.evaluation import Evaluator
from nlp.domain.rule_parser import RuleError, parse_condition
from nlp.domain.rules import RuleBook, parse_rules
from nlp_contacts import contact, said

LINES = ("a: 您好，请问有什么可以帮您？", "c: 我的退款没到账，我要投诉。", "a: 非常抱歉，我帮您查一下。", "c: 快点吧。", "a: 已经退了，感谢您的来电。")


def holds(node: object, *lines: str, rules: dict[str, object] | None = None, **attributes: str) -> bool | None:
    condition = parse_condition(node, "test")
    book = RuleBook(parse_rules(rules or {}), [condition])
    return Evaluator(book.read(said(*(lines or LINES))), attributes).finding(condition, "test").holds


@pytest.mark.parametrize(("node", "expected"), [
    (["抱歉"], True),
    ({"words": ["抱歉"], "role": "customer"}, False),
    ({"words": ["退款", "投诉"], "at_least": 2}, True),
    ({"words": ["退款", "抱歉"], "at_least": 2}, False),
    ({"words": ["退款"], "unless": ["退款没到账"]}, False),
    ({"words": ["到账"], "not_negated": True}, False),
    ({"words": ["感谢"], "range": {"last_turns": 1}}, True),
    ({"words": ["您好"], "range": {"last_turns": 1}, "role": "agent"}, False),
    ({"words": ["您好"], "range": {"first_s": 1}}, True),
    ({"words": ["感谢"], "range": {"first_s": 1}}, False),
    ({"words": ["抱歉"], "range": {"after": ["投诉"], "within_turns": 1}}, True),
    ({"words": ["感谢"], "range": {"after": ["投诉"], "within_turns": 1}}, False),
    ({"words": ["您好"], "range": {"before": ["投诉"]}}, True),
    ({"words": ["抱歉"], "range": {"before": ["投诉"]}}, False),
    ({"regex": "已经(?:退|办)"}, True),
    ({"regex": "已经(?:退|办)", "excluding": "已经退了"}, False),
    ({"all": [["抱歉"], ["感谢"]]}, True),
    ({"all": [["抱歉"], ["感谢"]], "same_turn": True}, False),
    ({"all": [["投诉"], ["抱歉"]], "within_turns": 1}, True),
    ({"all": [["退款"], {"not": ["投诉"]}], "same_turn": True}, False),
    ({"any": [["没有的词"], ["抱歉"]]}, True),
    ({"not": ["抱歉"]}, False),
    ({"sequence": [["您好"], ["投诉"], ["抱歉"]]}, True),
    ({"sequence": [["抱歉"], ["投诉"]]}, False),
    ({"count": {"of": {"words": ["您", "我"]}, "at_least": 3}}, True),
    ({"count": {"of": ["投诉"], "at_most": 0, "at_least": 0}}, False),
    ({"each": {"of": ["投诉"], "answered_by": ["抱歉"], "within_turns": 1}}, True),
    ({"each": {"of": ["投诉"], "answered_by": ["感谢"], "within_turns": 1}}, False),
    ({"attribute": {"industry": ["bank"]}}, True),
    ({"attribute": {"industry": ["telecom"]}}, False),
    ("complains", True),
])
def test_every_operator_says_what_it_means(node, expected):
    assert holds(node, rules={"complains": {"words": ["投诉"], "role": "customer"}}, industry="bank") is expected


@pytest.mark.parametrize(("gap", "line", "expected"), [
    (15, "好的。", True), (15, "好的，请您稍等。", False), (5, "好的。", False), (200, "请您稍等。", True),
])
def test_a_silence_counts_unless_it_was_announced(gap, line, expected):
    condition = parse_condition({"silence": {"longer_than_s": 10, "unless": ["请稍等", "请您稍等"], "announced_s": 90}}, "test")
    dialogue = contact([{"customer": "帮我查一下。"}, {"agent": line}, {"agent": "查到了。", "gap": gap}])
    assert Evaluator(RuleBook({}, [condition]).read(dialogue)).finding(condition, "test").holds is expected


@pytest.mark.parametrize(("gap", "words", "expected"), [
    (-1.2, "四十八小时之内会上门。", True), (-0.3, "四十八小时之内会上门。", False), (-1.2, "嗯，好的。", False), (0.5, "四十八小时之内会上门。", False),
])
def test_an_interruption_is_more_than_a_listening_sound(gap, words, expected):
    condition = parse_condition({"overlap": {"longer_than_s": 0.5}, "role": "agent"}, "test")
    dialogue = contact([{"customer": "请问大概什么时候能够装好？因为我比较着急。"}, {"agent": words, "gap": gap}])
    assert Evaluator(RuleBook({}, [condition]).read(dialogue)).finding(condition, "test").holds is expected


def test_without_times_silence_is_neither_true_nor_false():
    condition = parse_condition({"not": {"silence": {"longer_than_s": 10}}}, "test")
    dialogue = contact([{"customer": "在吗"}, {"agent": "在的"}], timed=False)
    assert Evaluator(RuleBook({}, [condition]).read(dialogue)).finding(condition, "test").holds is None


def test_speech_rate_is_characters_per_second():
    condition = parse_condition({"speech_rate": {"above": 4.0, "min_chars": 5}, "role": "agent"}, "test")
    dialogue = contact([{"agent": "您现在的套餐是每个月五十九元"}])
    assert Evaluator(RuleBook({}, [condition]).read(dialogue)).finding(condition, "test").holds is True


class ByCharacters:
    """A sentence is the characters it holds."""

    def encode(self, sentences):
        vectors = np.zeros((len(sentences), 4096), dtype=np.float32)
        for row, sentence in enumerate(sentences):
            for char in sentence:
                vectors[row, ord(char) % 4096] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_meaning_compares_sentences_with_examples():
    condition = parse_condition({"meaning": ["真是给您添麻烦了"], "unlike": ["麻烦您报一下号码"], "threshold": 0.7}, "test")
    book = RuleBook({}, [condition], ByCharacters())
    like = Evaluator(book.read(said("a: 给您添了麻烦。"))).finding(condition, "test")
    unlike = Evaluator(book.read(said("a: 麻烦您报一下号码。"))).finding(condition, "test")
    assert (like.holds, unlike.holds) == (True, False)


@pytest.mark.parametrize(("node", "place", "word"), [
    ({"wrods": ["a"]}, "test.wrods", "words"),
    ({"words": ["您好"], "range": {"first_turn": 1}}, "test.range.first_turn", "first_turns"),
    ({"words": ["您好"], "role": "boss"}, "test.role", "boss"),
    ({"words": []}, "test.words", "list"),
    ({"words": ["您好"], "at_least": 2}, "test.words.at_least", "2 of 1"),
    ({"regex": "(?=a)(a+)+b"}, "test.regex", "repetition"),
    ({"regex": "(ab|c)*d(?!e)"}, "test.regex", "alternatives"),
    ({"regex": "("}, "test.regex", "not a regular expression"),
    ({"silence": {}}, "test.silence.longer_than_s", "missing"),
    ({"all": []}, "test.all", "list"),
    (7, "test", "expected"),
])
def test_a_wrong_rule_is_refused_with_its_place(node, place, word):
    with pytest.raises(RuleError) as refused:
        parse_condition(node, "test")
    assert refused.value.place == place
    assert word in str(refused.value)


def test_rules_that_name_no_rule_or_themselves_are_refused():
    with pytest.raises(RuleError, match="does not exist"):
        RuleBook(parse_rules({"a": {"not": "b"}}))
    with pytest.raises(RuleError, match="refers to itself"):
        RuleBook(parse_rules({"a": {"not": "b"}, "b": {"not": "a"}}))


def test_an_expression_that_is_accepted_cannot_stall():
    condition = parse_condition({"regex": "(?:退|换)[^。]{0,40}(?:可以|支持)[^。]*不"}, "test")
    dialogue = said("a: " + "退换可以" * 900)
    began = time.perf_counter()
    Evaluator(RuleBook({}, [condition]).read(dialogue)).finding(condition, "test")
    assert time.perf_counter() - began < 2
