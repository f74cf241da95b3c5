from datetime import date, datetime, timedelta, timezone

import chinese_calendar
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.calendar import WORK_BEGINS, WORK_ENDS, after_working, holiday, is_working, next_working, working_days_after

CHINA = timezone(timedelta(hours=8))
DAYS = st.dates(date(2004, 1, 1), date(2030, 12, 1))
MINUTE = timedelta(minutes=1)


def test_holidays_are_off_and_days_worked_instead_are_worked():
    assert not is_working(date(2026, 10, 1))
    assert is_working(date(2026, 9, 20))  # a Sunday, worked for the holiday after it
    assert date(2026, 9, 20).weekday() == 6


def test_a_year_nobody_has_announced_has_its_weekdays():
    assert is_working(date(2029, 10, 1))
    assert not is_working(date(2029, 10, 6))


@given(DAYS, st.integers(0, 40))
def test_working_days_are_counted_one_by_one(day, count):
    left, walked = count, day
    while left:
        walked += timedelta(days=1)
        worked = chinese_calendar.is_workday(walked) if walked.year <= 2026 else walked.weekday() < 5
        left -= bool(worked)
    assert working_days_after(day, count) == walked


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)), st.integers(0, 1500))
def test_working_time_is_counted_minute_by_minute(at, minutes):
    at = at.replace(second=0, microsecond=0, tzinfo=CHINA)
    left, walked = minutes, at
    while left:
        left -= is_working(walked.date()) and WORK_BEGINS <= walked.hour < WORK_ENDS
        walked += MINUTE
    done = after_working(at, minutes * MINUTE)
    assert done == walked if minutes else done >= at


def test_nothing_to_work_ends_when_work_begins():
    night = datetime(2026, 9, 30, 23, 0, tzinfo=CHINA)
    assert after_working(night, timedelta(hours=2)) == datetime(2026, 10, 8, 11, 0, tzinfo=CHINA)


def test_a_holiday_is_known_with_the_weekends_beside_it():
    assert holiday("国庆", date(2026, 9, 20)) == (date(2026, 10, 1), date(2026, 10, 7))
    assert holiday("春节", date(2026, 1, 20)) == (date(2026, 2, 15), date(2026, 2, 23))


def test_a_holiday_under_way_is_the_one_meant():
    assert holiday("国庆", date(2026, 10, 3)) == (date(2026, 10, 1), date(2026, 10, 7))


def test_a_holiday_that_moves_with_the_moon_is_unknown_before_it_is_announced():
    assert holiday("春节", date(2026, 11, 22)) is None
    assert holiday("国庆", date(2028, 1, 1)) is not None


@given(DAYS)
def test_the_next_working_day_is_worked_and_none_before_it(day):
    found = next_working(day)
    assert is_working(found)
    assert not any(is_working(day + timedelta(days=n)) for n in range((found - day).days))
