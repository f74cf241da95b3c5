"""Days and spans of days as managers count them: in Asia/Shanghai, first and last day inclusive."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

from chassis.errors import InvalidInput

# China has kept UTC+8 without summer time since 1991, so a fixed offset is Asia/Shanghai for every contact there can be.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
MOST_DAYS = 400
DEFAULT_DAYS = 30
# Rollups of agents and teams are also kept over blocks of so many days: 90 days are then at most 24 documents instead of 90.
BLOCK_DAYS = 8
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIRST, _LAST = date(2000, 1, 1), date(2200, 1, 1)


def day_of(moment: datetime) -> str:
    """The day of a moment (aware) as YYYY-MM-DD."""
    return moment.astimezone(SHANGHAI).date().isoformat()


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both inclusive."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def pieces(self) -> tuple["Span", "Span", "Span"]:
        """Single days, whole blocks, single days: together every day once; a piece without days ends before it begins."""
        first, last = self.first.toordinal(), self.last.toordinal()
        begin = -(-first // BLOCK_DAYS) * BLOCK_DAYS
        end = (last + 1) // BLOCK_DAYS * BLOCK_DAYS
        if end <= begin:
            nothing = Span(self.first, self.first - timedelta(days=1))
            return self, nothing, nothing
        ends = [first, begin, end, last + 1]
        head, blocks, tail = (Span(date.fromordinal(a), date.fromordinal(b - 1)) for a, b in pairwise(ends))
        return head, blocks, tail

    def before(self) -> "Span":
        """The span of the same length that ends the day before this one begins."""
        return Span(self.first - timedelta(days=self.days), self.first - timedelta(days=1))


def block_of(day: str) -> str:
    """First day of the block of BLOCK_DAYS days that a day (YYYY-MM-DD) is in."""
    return date.fromordinal(date.fromisoformat(day).toordinal() // BLOCK_DAYS * BLOCK_DAYS).isoformat()


def _day(text: str, field: str) -> date:
    if _DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            pass
        else:
            if _FIRST <= day <= _LAST:
                return day
    raise InvalidInput(field, "must be a day as YYYY-MM-DD")


def span(first: str, last: str, today: date, *, first_field: str = "from", last_field: str = "to") -> Span:
    """A span as asked for: `last` is today where empty, `first` 30 days before it. Raises InvalidInput."""
    end = _day(last, last_field) if last else today
    begin = _day(first, first_field) if first else end - timedelta(days=DEFAULT_DAYS)
    if end < begin:
        raise InvalidInput(last_field, f"must not be before {first_field}")
    made = Span(begin, end)
    if made.days > MOST_DAYS:
        raise InvalidInput(first_field, f"must be at most {MOST_DAYS} days before {last_field}")
    return made
