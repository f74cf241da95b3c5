from datetime import UTC, date, datetime, timedelta

import pytest
from chassis.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from reporting.domain.days import BLOCK_DAYS, Span, block_of, day_of, span

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(("moment", "day"), [
    (datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC), "2026-11-20"),
    (datetime(2026, 11, 20, 16, 0, 0, tzinfo=UTC), "2026-11-21"),
    (datetime(2026, 12, 31, 20, 0, tzinfo=UTC), "2027-01-01"),
])
def test_a_day_begins_at_midnight_in_shanghai(moment, day):
    assert day_of(moment) == day


def test_what_is_left_out_is_the_last_thirty_days():
    assert span("", "", TODAY) == Span(date(2026, 10, 22), TODAY)
    assert span("", "2026-03-31", TODAY) == Span(date(2026, 3, 1), date(2026, 3, 31))


def test_the_span_before_has_the_same_length_and_ends_the_day_before():
    assert span("2026-03-01", "2026-03-07", TODAY).before() == Span(date(2026, 2, 22), date(2026, 2, 28))


@pytest.mark.parametrize(("first", "last", "field"), [
    ("2026-13-01", "", "from"), ("20260101", "", "from"), ("2026-W01-1", "", "from"), ("", "yesterday", "to"), ("", "2026-02-30", "to"),
    ("2026-02-02", "2026-02-01", "to"), ("2025-10-01", "2026-11-21", "from"), ("0001-01-01", "", "from"), ("", "9999-12-31", "to"),
    ("２０２６-01-01", "", "from"),
])
def test_a_wrong_span_is_refused_with_its_field(first, last, field):
    with pytest.raises(InvalidInput) as caught:
        span(first, last, TODAY)
    assert caught.value.field == field


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 399))
def test_days_and_whole_blocks_cover_a_span_once(first, more):
    asked = Span(first, first + timedelta(days=more))
    head, blocks, tail = asked.pieces()
    days = [s.first + timedelta(days=n) for s in (head, blocks, tail) for n in range(s.days)]
    assert days == [first + timedelta(days=n) for n in range(more + 1)]
    assert blocks.days % BLOCK_DAYS == 0
    assert (head.days < BLOCK_DAYS and tail.days < BLOCK_DAYS) or (blocks.days <= 0 and head.days < 2 * BLOCK_DAYS)
    if blocks.days > 0:
        assert block_of(blocks.first.isoformat()) == blocks.first.isoformat()
        assert block_of((blocks.last + timedelta(days=1)).isoformat()) == (blocks.last + timedelta(days=1)).isoformat()


def test_four_hundred_days_are_the_most():
    assert span("2025-10-18", "2026-11-21", TODAY).days == 400
