import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.safe_regex import PIECE_CHARS, RegexTimeoutError, UnsafeRegexError, compile_safely

HOSTILE = "a" * 100_000


@pytest.mark.parametrize("source", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*a){20}x", "([a-zA-Z]+)*$", "(?:a|a?)+b", "(a.*b)|a"])
def test_a_catastrophic_expression_ends_at_once(source):
    began = time.process_time()
    for text in (HOSTILE, HOSTILE + "!"):
        compile_safely(source).spans(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("source", [
    "(?=a)(a+)+$", "(a|aa)+(?!b)", "(a)\\1+", "(", "x" * 2000, "a{1000}{1000}", "(?:a{0,999}){0,999}", "(?=a)" + "a*" * 5,
])
def test_what_could_stall_is_refused(source):
    began = time.process_time()
    with pytest.raises(UnsafeRegexError):
        compile_safely(source)
    assert time.process_time() - began < 1


def test_an_expression_that_looks_around_and_takes_too_long_says_so():
    began = time.process_time()
    with pytest.raises(RegexTimeoutError):
        compile_safely("(?=a).*.*.*.*[bc]").spans(HOSTILE)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(("source", "text"), [
    ("(?<!们)由[^，。]{0,8}(?:跟进|负责)", "我们由他跟进，由我负责。"),
    ("你(?:自己|个人)的?问题(?!吗|么)", "这是你个人的问题吗？这是你自己的问题。"),
    ("(?:^|[，。])(?:好的?|行)(?=[，。]|$)", "好的，行吗，行。好"),
    ("退(?:款|货)+", "退款退货货"),
    (r"\d+元", "一共290元，九十元"),
    ("(退)|(货)|😀*", "a退é货😀😀b\ud800退"),
    ("", "退款"),
    (".", "a退😀"),
])
def test_it_finds_what_the_standard_library_finds(source, text):
    assert compile_safely(source).spans(text) == [match.span() for match in re.finditer(source, text) if match[0]]


@given(st.text(alphabet="退换款不可以，。a1", max_size=60))
def test_both_ways_find_the_same(text):
    sources = ("退[^，。]{0,4}款", "(?:不可以|可以)[退换]?", "[a1]+")
    for source in sources:
        expected = [match.span() for match in re.finditer(source, text)]
        assert compile_safely(source).spans(text) == expected
        assert compile_safely(f"{source}(?!z)").spans(text) == expected


def test_a_long_text_is_cut_only_after_a_sentence():
    text = ("好的，" + "嗯" * 900 + "。由我跟进。") * 20
    assert len(text) > 2 * PIECE_CHARS
    assert len(compile_safely("(?<!们)由我跟进").spans(text)) == 20
