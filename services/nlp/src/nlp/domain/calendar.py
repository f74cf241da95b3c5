"""Working days and holidays, and the hours in which people work."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache

import chinese_calendar

WORK_BEGINS, WORK_ENDS = 9, 18
FIRST_YEAR, LAST_YEAR = 2004, 2026  # what the State Council had announced when the library was made
# What people call a holiday -> its name in the library and, where it does not move with the moon, its first day.
HOLIDAYS: dict[str, tuple[str, tuple[int, int] | None]] = {
    "元旦": ("New Year's Day", (1, 1)), "春节": ("Spring Festival", None), "过年": ("Spring Festival", None), "清明": ("Tomb-sweeping Day", None),
    "五一": ("Labour Day", (5, 1)), "劳动节": ("Labour Day", (5, 1)), "端午": ("Dragon Boat Festival", None), "中秋": ("Mid-autumn Festival", None),
    "国庆": ("National Day", (10, 1)), "十一": ("National Day", (10, 1)),
}
_A_DAY = timedelta(days=1)
_LONGEST_HOLIDAY = 12


@cache
def is_working(day: date) -> bool:
    """Whether people work that day; in years nobody has announced yet, from Monday to Friday."""
    if FIRST_YEAR <= day.year <= LAST_YEAR:
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5


def next_working(day: date) -> date:
    """That day, or the first one after it on which people work."""
    while not is_working(day):
        day += _A_DAY
    return day


def working_days_after(day: date, count: int) -> date:
    """The last of so many working days that follow a day."""
    for _ in range(count):
        day = next_working(day + _A_DAY)
    return day


def after_working(at: datetime, amount: timedelta) -> datetime:
    """The moment by which `amount` of working time has passed since `at`, in the zone of `at`."""
    left = amount
    day = at.date()
    while True:
        if is_working(day):
            begins, ends = (datetime.combine(day, time(hour), at.tzinfo) for hour in (WORK_BEGINS, WORK_ENDS))
            begins = max(begins, at)
            if left <= max(ends - begins, timedelta(0)):
                return begins + left
            left -= max(ends - begins, timedelta(0))
        day += _A_DAY


def holiday(name: str, after: date) -> tuple[date, date] | None:
    """The first and last day off of the named holiday that has not ended by a day; "" is whichever comes next. None where nobody knows yet."""
    for start in range(0, 400):
        day = after + _A_DAY * start
        if _is_of(name, day):
            first = last = day
            while not is_working(first - _A_DAY) and (day - first).days < _LONGEST_HOLIDAY:
                first -= _A_DAY
            while not is_working(last + _A_DAY) and (last - day).days < _LONGEST_HOLIDAY:
                last += _A_DAY
            return first, last
    return None


def _is_of(name: str, day: date) -> bool:
    known = FIRST_YEAR <= day.year <= LAST_YEAR
    off, named = chinese_calendar.get_holiday_detail(day) if known else (False, None)
    wanted = [HOLIDAYS[name]] if name else HOLIDAYS.values()
    return any(off and named == holiday_name if known else (day.month, day.day) == first_day for holiday_name, first_day in wanted)
