"""Working time as the service levels define it: how much of it lies between two moments, and the period that a moment belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from client.shapes import WorkingCalendar

from console.domain.words import SHANGHAI

# What is shown is never further away; a calendar without work ends the search there.
_MOST_DAYS = 732
_DAY = timedelta(days=1)
Periods = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Calendar:
    """Minutes since local midnight [start, end) for Monday to Sunday; `days` stand in their place on single days."""

    title: str
    zone: tzinfo
    weekly: tuple[Periods, ...]
    days: Mapping[date, Periods] = field(default_factory=dict)

    def periods(self, day: date) -> list[tuple[datetime, datetime]]:
        """The day's working periods."""
        midnight = datetime.combine(day, time(0), self.zone)
        minutes = self.days.get(day, self.weekly[day.weekday()])
        return [(midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)) for start, end in minutes]

    def between(self, begin: datetime, end: datetime) -> float:
        """Working seconds in [begin, end); negative where it ends before it begins."""
        if end < begin:
            return -self.between(end, begin)
        total, day, last = 0.0, begin.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        for _ in range(_MOST_DAYS):
            if day > last:
                break
            total += sum(max(0.0, (min(stop, end) - max(start, begin)).total_seconds()) for start, stop in self.periods(day))
            day += _DAY
        return total

    def period_at(self, at: datetime) -> tuple[datetime, datetime]:
        """The period that `at` lies in, or the next one; two days around `at` where nobody works for two years."""
        day = at.astimezone(self.zone).date()
        for _ in range(_MOST_DAYS):
            for start, stop in self.periods(day):
                if at < stop:
                    return start, stop
            day += _DAY
        return at - _DAY, at + _DAY


AROUND_THE_CLOCK = Calendar("7×24 小时", SHANGHAI, (((0, 1440),),) * 7)


def periods_in(text: str) -> Periods:
    """"09:00-12:00 13:30-18:00" as minutes; what is written otherwise is left out."""
    found = []
    for part in text.split():
        first, _, last = part.partition("-")
        try:
            found.append((_minutes(first), _minutes(last)))
        except ValueError:
            continue
    return tuple(found)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def calendar_of(given: WorkingCalendar) -> Calendar:
    """A calendar as the gateway tells it. A time zone unknown here is taken for China's."""
    try:
        zone: tzinfo = SHANGHAI if given.get("zone") in (None, "", "Asia/Shanghai") else ZoneInfo(given["zone"])
    except (ZoneInfoNotFoundError, ValueError):
        zone = SHANGHAI
    weekly = tuple(periods_in(text) for text in given.get("weekly", []))
    days = {date.fromisoformat(day["date"]): periods_in(day.get("periods", "")) for day in given.get("days", [])}
    return Calendar(given.get("title") or given.get("calendar_id", ""), zone, weekly if len(weekly) == 7 else AROUND_THE_CLOCK.weekly, days)
