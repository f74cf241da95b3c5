import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.scanning import literals as scanning
from nlp.domain.scanning.gaps import GapRule, GapRules
from nlp.domain.scanning.literals import Literals

LETTERS = "退款投诉不了a1\n。😀𠀀"
words = st.text(alphabet=LETTERS, min_size=1, max_size=7)


def by_hand(literals, text):
    return sorted(
        (at, at + len(literal), number) for number, literal in enumerate(literals) for at in range(len(text)) if text.startswith(literal, at)
    )


def by_arrays(literals, text):
    return sorted(zip(*(column.tolist() for column in Literals(literals).arrays(text)), strict=True))


@given(st.lists(words, unique=True, max_size=12), st.text(alphabet=LETTERS, max_size=80))
def test_arrays_and_automaton_find_what_trying_every_place_finds(literals, text):
    expected = by_hand(literals, text)
    assert by_arrays(literals, text) == expected
    assert sorted(Literals(literals).find(text)) == expected


@given(st.lists(st.tuples(words, words, st.integers(0, 6)), min_size=1, max_size=6), st.text(alphabet=LETTERS, max_size=60))
def test_gap_rules_find_what_expressions_find(rules, text):
    expected = [
        (match.start(1), match.end(1), number)
        for number, (first, then, reach) in enumerate(rules)
        for match in re.finditer(rf"(?=({re.escape(first)}.{{0,{reach}}}?{re.escape(then)}))", text)
    ]
    found = GapRules([GapRule(*rule) for rule in rules]).find(text)
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


def test_matches_across_the_blocks_of_a_long_text_are_found(monkeypatch):
    monkeypatch.setattr(scanning, "_BLOCK", 16)
    monkeypatch.setattr(scanning, "_WALKED_AT_ONCE", 20)
    text = "感谢您的来电再见" * 100
    literals = ["感谢您的来电", "来电再见感谢", "您的", "再", "不在"]
    assert by_arrays(literals, text) == by_hand(literals, text)


def test_literals_that_share_a_hash_of_their_first_letters_are_told_apart():
    rng = np.random.default_rng(5)
    literals = sorted({"".join(chr(c) for c in rng.integers(0x4E00, 0x5400, rng.integers(2, 6))) for _ in range(20_000)})
    text = "".join(chr(c) for c in rng.integers(0x4E00, 0x5400, 3_000)) + "".join(literals[::50])
    assert by_arrays(literals, text) == sorted(Literals(literals)._automaton.find_overlapping(text))


@pytest.mark.parametrize("scale", [4])
def test_time_grows_with_the_length_of_the_text_and_no_faster(scale):
    finder = Literals(["感谢您的来电", "退款", "我要投诉"])
    text = "您好，我要投诉，什么时候退款？感谢您的来电。" * 20_000
    finder.arrays(text)

    def seconds(content):
        began = time.process_time()
        finder.arrays(content)
        return time.process_time() - began

    once, more = min(seconds(text) for _ in range(3)), min(seconds(text * scale) for _ in range(3))
    assert more < once * scale * 3
