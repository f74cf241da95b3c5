"""When people work: several periods a day, holidays, days worked instead of them, in one time zone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.errors import InvalidInput

MIDNIGHT = 24 * 60
MAX_PERIODS = 12
MAX_SPECIAL_DAYS = 2_000
# Whoever has no hour of work in two years has none: what is asked then is an error and no endless search.
HORIZON_DAYS = 732
DAYS_KEPT = 4_096
_MINUTE = timedelta(minutes=1)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Minutes since local midnight: [start, end), at most 1,440."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


def parse_period(text: str, field_name: str) -> tuple[Period, ...]:
    """"09:00-12:00"; one that ends before it begins goes over midnight and is cut there. Raises InvalidInput."""
    first, dash, last = text.strip().partition("-")
    if not dash:
        raise InvalidInput(field_name, f"{text!r} is not written like 09:00-18:00")
    start, end = _minutes(first, field_name), _minutes(last, field_name)
    if start in (MIDNIGHT, end):
        raise InvalidInput(field_name, f"{text!r} holds no time; the whole day is 00:00-24:00")
    if start < end:
        return (Period(start, end),)
    return tuple(p for p in (Period(start, MIDNIGHT), Period(0, end)) if p.start < p.end)


def _minutes(text: str, field_name: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and len(minutes) == 2):
        raise InvalidInput(field_name, f"{text!r} is not a time like 09:00")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > MIDNIGHT:
        raise InvalidInput(field_name, f"{text!r} is not a time between 00:00 and 24:00")
    return total


@dataclass(frozen=True)
class WorkingCalendar:
    """`weekly` holds the periods of Monday to Sunday; `days` replaces them on single days: none for a holiday, some for a day worked instead.

    A moment is worked when the local clock stands within a period then: an hour that the clock goes through twice counts twice,
    one that it leaps over does not count. Raises InvalidInput for what is no calendar.
    """

    calendar_id: str
    title: str
    zone: str
    weekly: tuple[tuple[Period, ...], ...]
    days: Mapping[date, tuple[Period, ...]] = field(default_factory=dict)
    _known: dict[date, tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise InvalidInput("zone", f"there is no time zone {self.zone!r}; one is Asia/Shanghai") from None
        if len(self.weekly) != 7:
            raise InvalidInput("weekly", "needs the periods of seven days, Monday first")
        if len(self.days) > MAX_SPECIAL_DAYS:
            raise InvalidInput("days", f"at most {MAX_SPECIAL_DAYS} days")
        for number, periods in enumerate(self.weekly):
            _check(periods, f"weekly[{number}]")
        for day, periods in self.days.items():
            _check(periods, f"days.{day}")
        if not any(self.weekly):
            raise InvalidInput("weekly", "the calendar has no working time")

    def is_working(self, at: datetime) -> bool:
        """Does somebody work at that moment?"""
        return any(start <= at < end for start, end in self._spans(self._local_day(at)))

    def between(self, begin: datetime, end: datetime) -> timedelta:
        """Working time within [begin, end); nothing where it ends before it begins."""
        total = timedelta(0)
        if end <= begin:
            return total
        day, last = self._local_day(begin), self._local_day(end)
        while day <= last:
            for start, stop in self._spans(day):
                low, high = max(start, begin), min(stop, end)
                if low < high:
                    total += high - low
            day += timedelta(days=1)
        return total

    def after(self, begin: datetime, amount: timedelta) -> datetime:
        """The first moment by which `amount` of working time has passed since `begin`; `begin` itself for nothing or less.

        Raises InvalidInput where two years do not hold that much.
        """
        if amount <= timedelta(0):
            return begin
        left = amount
        for start, stop in self._from(begin):
            if stop - start >= left:
                return start + left
            left -= stop - start
        raise InvalidInput("calendar", f"{self.calendar_id} has less than {amount} of working time in the next two years")

    def next_working(self, at: datetime) -> datetime:
        """`at` where somebody works then, else when the next one begins to: what comes due at night is told in the morning."""
        for start, _ in self._from(at):
            return start
        raise InvalidInput("calendar", f"{self.calendar_id} has no working time in the next two years")

    def _from(self, begin: datetime) -> Iterator[Span]:
        """Working time from a moment on, up to the horizon."""
        day = self._local_day(begin)
        for _ in range(HORIZON_DAYS):
            for start, stop in self._spans(day):
                if stop > begin:
                    yield max(start, begin), stop
            day += timedelta(days=1)

    def _local_day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()

    def _spans(self, day: date) -> tuple[Span, ...]:
        known = self._known.get(day)
        if known is None:
            if len(self._known) >= DAYS_KEPT:
                self._known.clear()
            known = self._known[day] = self._spans_of(day)
        return known

    def _spans_of(self, day: date) -> tuple[Span, ...]:
        """Working time of a local day as [start, end) in UTC, in order."""
        midnight = datetime.combine(day, time(0))
        periods = self.days.get(day, self.weekly[day.weekday()])
        spans = []
        for low, high, offset in _offsets(day, ZoneInfo(self.zone)):
            for period in periods:
                start = (midnight + timedelta(minutes=period.start) - offset).replace(tzinfo=UTC)
                end = (midnight + timedelta(minutes=period.end) - offset).replace(tzinfo=UTC)
                if max(start, low) < min(end, high):
                    spans.append((max(start, low), min(end, high)))
        return tuple(sorted(spans))


def around_the_clock(zone: str = "Asia/Shanghai") -> WorkingCalendar:
    """Every minute counts."""
    return WorkingCalendar("always", "7×24 小时", zone, ((Period(0, MIDNIGHT),),) * 7)


def _offsets(day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime, timedelta]]:
    """A local day in UTC, cut where the clock is changed: (from, to, the zone's offset between them)."""
    begin, end = (datetime.combine(d, time(0), zone).astimezone(UTC) for d in (day, day + timedelta(days=1)))
    before, after = _offset(begin, zone), _offset(end - _MINUTE, zone)
    if before == after:
        return [(begin, end, before)]
    low, high = 0, int((end - begin) / _MINUTE)  # the clock is changed in (low, high], to the minute
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(begin + middle * _MINUTE, zone) == before else (low, middle)
    change = begin + high * _MINUTE
    return [(begin, change, before), (change, end, after)]


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _check(periods: tuple[Period, ...], field_name: str) -> None:
    if len(periods) > MAX_PERIODS:
        raise InvalidInput(field_name, f"at most {MAX_PERIODS} periods a day")
    reached = 0
    for period in sorted(periods):
        if not 0 <= period.start < period.end <= MIDNIGHT:
            raise InvalidInput(field_name, f"{period} is no period of a day")
        if period.start < reached:
            raise InvalidInput(field_name, f"{period} overlaps the period before it")
        reached = period.end
