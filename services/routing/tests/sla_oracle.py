"""Counts a ticket's working minutes one by one: slow, plain, and written without a look at the interval arithmetic it checks."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from routing.domain.calendars import Period, WorkingCalendar
from routing.domain.clocks import Clocks, Policy, Target

START = datetime(2026, 3, 20, tzinfo=UTC)  # both changes of the clock in Berlin and New York lie near
DAYS = 70
MINUTES = DAYS * 1440
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
STEPS = ("answered", "customer_said", "waits", "resumed", "diagnosed", "resolved", "reopened")


def random_periods(random: Random) -> tuple[Period, ...]:
    cuts = sorted(random.sample(range(0, 1441), 2 * random.choice((0, 1, 1, 2, 2, 3))))
    return tuple(Period(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True))


def random_calendar(random: Random) -> WorkingCalendar:
    weekly = [random_periods(random) if random.random() < 0.8 else () for _ in range(7)]
    if not any(weekly):
        weekly[0] = (Period(540, 1080),)
    days = {(START + timedelta(days=random.randrange(DAYS))).date(): random_periods(random) for _ in range(random.randrange(6))}
    return WorkingCalendar("random", "random", random.choice(ZONES), tuple(weekly), days)


class Oracle:
    """Every minute of ten weeks, worked or not, by what the wall clock shows; `upto[m]` is the number worked before minute m."""

    def __init__(self, calendar: WorkingCalendar) -> None:
        zone = ZoneInfo(calendar.zone)
        self.upto = [0]
        for minute in range(MINUTES):
            local = (START + timedelta(minutes=minute)).astimezone(zone)
            shown = local.hour * 60 + local.minute
            periods = calendar.days.get(local.date(), calendar.weekly[local.weekday()])
            self.upto.append(self.upto[-1] + any(p.start <= shown < p.end for p in periods))

    def due(self, begin: int, amount: int) -> int | None:
        """The minute at which `amount` worked minutes have passed since `begin`; None beyond the ten weeks."""
        if amount <= 0:
            return begin
        wanted = self.upto[begin] + amount
        low, high = begin, MINUTES
        if self.upto[high] < wanted:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.upto[middle] >= wanted else (middle, high)
        return high

    def played(self, events: list[tuple[int, str]]) -> dict[str, tuple[int, int | None]]:
        """(minutes used, minute it runs since or None) of each target after the events; the first is the opening."""
        used = dict.fromkeys(("first", "next", "diagnosis", "resolution"), 0)
        runs: dict[str, int | None] = dict.fromkeys(used, None)
        met = dict.fromkeys(used, False)
        waiting = False

        def stop(name: str, minute: int) -> None:
            if runs[name] is not None:
                used[name] += self.upto[minute] - self.upto[runs[name]]
                runs[name] = None

        def happened(name: str, minute: int) -> None:
            stop(name, minute)
            met[name] = True

        opened = events[0][0]
        runs.update(first=opened, diagnosis=opened, resolution=opened)
        asked = False
        for minute, what in events[1:]:
            if what in ("answered", "waits", "resolved"):
                happened("first", minute)
                if asked:
                    happened("next", minute)
                    asked = False
            if what == "waits":
                waiting = True
                stop("diagnosis", minute)
                stop("resolution", minute)
            if what in ("diagnosed", "resolved"):
                happened("diagnosis", minute)
            if what == "resolved":
                happened("resolution", minute)
                waiting = False
            if what in ("resumed", "customer_said") and waiting:
                waiting = False
                for name in ("diagnosis", "resolution"):
                    if not met[name] and runs[name] is None:
                        runs[name] = minute
            if what == "customer_said" and met["first"] and not met["resolution"] and not asked:
                asked, used["next"], runs["next"], met["next"] = True, 0, minute, False
            if what == "reopened" and runs["resolution"] is None:
                runs["resolution"], met["resolution"] = minute, False
        return {name: (used[name], runs[name]) for name in used}


NAMES = {Target.FIRST_RESPONSE: "first", Target.NEXT_RESPONSE: "next", Target.DIAGNOSIS: "diagnosis", Target.RESOLUTION: "resolution"}


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def applied(clocks: Clocks, what: str, at: datetime, calendar: WorkingCalendar) -> Clocks:
    match what:
        case "answered":
            return clocks.answered(at, calendar)
        case "customer_said":
            return clocks.customer_said(at, calendar)
        case "waits":
            return clocks.waits_for_customer(at, calendar)
        case "resumed":
            return clocks.resumed(at)
        case "diagnosed":
            return clocks.diagnosed(at, calendar)
        case "resolved":
            return clocks.resolved(at, calendar)
        case _:
            return clocks.reopened(at)


def disagreements(seed: int, cases: int) -> list[str]:
    """Random tickets under one random calendar: what interval arithmetic and counting minutes do not agree on."""
    random = Random(seed)
    calendar = random_calendar(random)
    oracle, found = Oracle(calendar), []
    for case in range(cases):
        moments = sorted(random.sample(range(40 * 1440), random.randrange(1, 12)))
        events = [(moments[0], "opened"), *((m, random.choice(STEPS)) for m in moments[1:])]
        clocks = Clocks().opened(minute(moments[0]))
        for at, what in events[1:]:
            clocks = applied(clocks, what, minute(at), calendar)
        expected = oracle.played(events)
        policy = Policy("p", "1", {t: timedelta(minutes=random.randrange(1, 3_000)) for t in Target})
        for target, name in NAMES.items():
            used, since = expected[name]
            clock = clocks[target]
            allowed = int(policy.allowed[target].total_seconds() // 60)
            due = None if since is None else oracle.due(since, allowed - used)
            got = clock.due_at(policy.allowed[target], calendar)
            if clock.used != timedelta(minutes=used) or clock.since != (None if since is None else minute(since)):
                found.append(f"seed {seed} case {case} {name}: used {clock.used} since {clock.since}, expected {used} min since {since}: {events}")
            elif due is not None and got != minute(due):
                found.append(f"seed {seed} case {case} {name}: due {got}, expected {minute(due)}: {events}")
            elif since is None and got is not None:
                found.append(f"seed {seed} case {case} {name}: due {got} though it stands: {events}")
    return found
