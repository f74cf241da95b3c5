from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from chassis.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from routing.domain.calendars import MIDNIGHT, Period, WorkingCalendar, around_the_clock, parse_period

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = (Period(9 * 60, 12 * 60), Period(13 * 60 + 30, 18 * 60))
HOLIDAY, WORKED_SATURDAY = date(2026, 10, 1), date(2026, 10, 10)
CALENDAR = WorkingCalendar(
    "office", "工作日", "Asia/Shanghai", (OFFICE, OFFICE, OFFICE, OFFICE, OFFICE, (), ()), {HOLIDAY: (), WORKED_SATURDAY: OFFICE},
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("begin", "minutes", "due"),
    [
        ("2026-09-07 09:00", 60, "2026-09-07 10:00"),
        ("2026-09-07 11:30", 60, "2026-09-07 14:00"),  # over the midday break
        ("2026-09-07 17:30", 60, "2026-09-08 09:30"),  # over the night
        ("2026-09-11 17:30", 60, "2026-09-14 09:30"),  # over the weekend
        ("2026-09-30 17:30", 60, "2026-10-02 09:30"),  # over the holiday
        ("2026-10-09 17:30", 60, "2026-10-10 09:30"),  # into the Saturday worked instead
        ("2026-09-07 02:00", 60, "2026-09-07 10:00"),  # what comes at night is begun in the morning
        ("2026-09-07 09:00", 180, "2026-09-07 12:00"),  # the end of a period belongs to it
    ],
)
def test_working_time_is_added_over_breaks_nights_weekends_and_holidays(begin, minutes, due):
    assert CALENDAR.after(at(begin), timedelta(minutes=minutes)) == at(due)
    assert CALENDAR.between(at(begin), at(due)) == timedelta(minutes=minutes)


def test_what_comes_due_at_night_is_told_in_the_morning():
    assert CALENDAR.next_working(at("2026-09-07 00:00")) == at("2026-09-07 09:00")
    assert CALENDAR.next_working(at("2026-09-12 10:00")) == at("2026-09-14 09:00")
    assert CALENDAR.next_working(at("2026-09-07 10:00")) == at("2026-09-07 10:00")


def test_the_whole_day_leaves_no_minute_out_at_midnight():
    assert around_the_clock().between(at("2026-09-07 23:00"), at("2026-09-08 01:00")) == timedelta(hours=2)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 3), (date(2026, 10, 25), 5)])
def test_an_hour_leapt_over_does_not_count_and_one_gone_through_twice_counts_twice(day, hours):
    berlin = WorkingCalendar("night", "Nacht", "Europe/Berlin", ((Period(60, 300),),) * 7)
    begin = datetime.combine(day, datetime.min.time(), ZoneInfo("Europe/Berlin"))
    assert berlin.between(begin, begin + timedelta(days=1)) == timedelta(hours=hours)


def test_a_period_over_midnight_is_cut_there():
    assert parse_period("22:00-06:00", "weekly[0]") == (Period(22 * 60, MIDNIGHT), Period(0, 360))
    assert parse_period("18:00-00:00", "weekly[0]") == (Period(18 * 60, MIDNIGHT),)
    assert parse_period("00:00-24:00", "weekly[0]") == (Period(0, MIDNIGHT),)


@pytest.mark.parametrize("text", ["", "9-18", "09:00", "09:00-09:00", "25:00-26:00", "09:60-10:00", "09:00–18:00", "24:00-01:00"])
def test_what_is_no_period_is_refused_by_the_fields_name(text):
    with pytest.raises(InvalidInput) as refused:
        parse_period(text, "weekly[3]")
    assert refused.value.field == "weekly[3]"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"weekly": ((),) * 7}, "weekly"),
        ({"weekly": (OFFICE,) * 6}, "weekly"),
        ({"weekly": ((Period(540, 600), Period(590, 700)), *((),) * 6)}, "weekly[0]"),
        ({"days": {HOLIDAY: (Period(10, 5),)}}, "days.2026-10-01"),
        ({"zone": "Mars/Olympus"}, "zone"),
    ],
)
def test_what_is_no_calendar_is_refused_by_the_fields_name(changed, field):
    made = {"calendar_id": "x", "title": "x", "zone": "Asia/Shanghai", "weekly": (OFFICE,) * 7, "days": {}}
    with pytest.raises(InvalidInput) as refused:
        WorkingCalendar(**made | changed)
    assert refused.value.field == field


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, st.integers(1, 40_000))
def test_a_deadline_is_exactly_the_time_allowed_away_and_no_sooner(begin, seconds):
    amount = timedelta(seconds=seconds)
    due = CALENDAR.after(begin, amount)
    assert CALENDAR.between(begin, due) == amount
    assert CALENDAR.between(begin, due - timedelta(seconds=1)) < amount


@given(MOMENTS, MOMENTS, MOMENTS)
def test_working_time_adds_up(a, b, c):
    first, second, third = sorted((a, b, c))
    assert CALENDAR.between(first, second) + CALENDAR.between(second, third) == CALENDAR.between(first, third)
    assert CALENDAR.between(second, first) == timedelta(0)
