import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.canonical import Unlike, canonical, first_difference, plain, sha256_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Word:
    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Place:
    text: str
    weight: float = 1.0


@pytest.mark.parametrize(("value", "expected"), [
    # RFC 8785, section 3.2.3 and appendix B
    ({"numbers": [333333333.33333329, 4.50, 2e-3, 0.0], "string": "€$\u000f\nA'B\"\\\\\"/", "literals": [None, True, False]},
     '{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,0],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'),
    ({"€": "Euro", "\r": "CR", "1": "One", "\u0080": "Control", "ö": "o"}, '{"\\r":"CR","1":"One","\u0080":"Control","ö":"o","€":"Euro"}'),
    ([-0.0, 9007199254740991, 5.0, 0.1 + 0.2], "[0,9007199254740991,5,0.30000000000000004]"),
])
def test_it_writes_what_the_standard_says(value, expected):
    assert canonical(value).decode() == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], 2**53, 1e300, "\ud800"])
def test_what_canonical_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError):
        canonical(value)


@given(JSON)
def test_reading_it_back_and_writing_it_again_gives_the_same_bytes(value):
    written = canonical(value)
    assert canonical(json.loads(written)) == written


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=6))
def test_the_order_in_which_keys_came_does_not_count(value):
    assert canonical(dict(reversed(list(value.items())))) == canonical(value)


@given(JSON, JSON)
def test_a_difference_is_found_where_the_bytes_differ_and_only_there(one, other):
    found = first_difference(plain(one), plain(other))
    assert (found is None) == (canonical(one) == canonical(other))


def test_the_first_difference_is_named_with_both_sides():
    stored = {"items": [{"id": "a", "result": "pass"}, {"id": "b", "result": "pass"}], "score": 90}
    expected = {"items": [{"id": "a", "result": "pass"}, {"id": "b", "result": "fail"}], "score": 80}
    assert first_difference(stored, expected) == Unlike("items[1].result", '"pass"', '"fail"')
    assert first_difference({"a": [1]}, {"a": [1, 2]}) == Unlike("a[1]", "", "2")
    assert first_difference({"a": 1}, {}) == Unlike("a", "1", "")
    assert first_difference(True, 1) == Unlike("", "true", "1")


def test_times_are_utc_to_the_millisecond_wherever_they_were_taken():
    at = datetime(2026, 11, 22, 8, 0, 0, 123456, UTC)
    assert plain(at) == plain(at.astimezone(timezone(timedelta(hours=8)))) == "2026-11-22T08:00:00.123Z"


def test_rules_of_two_kinds_differ_and_a_field_added_later_changes_no_digest():
    assert sha256_of(plain(Word("a"), named=True)) != sha256_of(plain(Place("a"), named=True))
    assert plain(Word("a"), named=True) == {"kind": "Word", "text": "a"}
    assert plain(Word("a", 2), named=True) == {"kind": "Word", "text": "a", "weight": 2}
    assert plain([re.compile("a+"), frozenset("ba")], named=True) == [{"pattern": "a+", "flags": 32}, ["a", "b"]]
