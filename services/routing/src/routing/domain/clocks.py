"""The SLA clock: how much working time each target of a ticket has used, when it is due and what goes off before and after."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from chassis.errors import InvalidInput

from routing.domain.calendars import WorkingCalendar

WARNINGS = (0.5, 0.75, 0.9)
_NOTHING = timedelta(0)


class Target(Enum):
    """What must happen in time. DIAGNOSIS is the first line's: what is wrong, or on to the second line."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    DIAGNOSIS = "diagnosis"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class Policy:
    """Working time allowed for each target; one that is not named has no deadline.

    `warn_at` are shares of the time allowed. `escalate_after` are working times after a breach at which the next level is told.
    """

    policy_id: str
    version: str
    allowed: Mapping[Target, timedelta]
    warn_at: tuple[float, ...] = WARNINGS
    escalate_after: tuple[timedelta, ...] = ()

    def __post_init__(self) -> None:
        for target, amount in self.allowed.items():
            if amount <= _NOTHING:
                raise InvalidInput(f"allowed.{target.value}", "must be longer than nothing")
        if any(not 0 < share < 1 for share in self.warn_at) or list(self.warn_at) != sorted(set(self.warn_at)):
            raise InvalidInput("warn_at", "must be rising shares between 0 and 1")
        if any(amount <= _NOTHING for amount in self.escalate_after) or list(self.escalate_after) != sorted(set(self.escalate_after)):
            raise InvalidInput("escalate_after", "must be rising times after the breach")


@dataclass(frozen=True, slots=True)
class Clock:
    """One target's clock: working time `used` up to `since`, from which it runs; it stands where `since` is None.

    `met_at` says when what it waits for happened. A next response is asked for again and again: `round` counts how often.
    `fired` names what has gone off in this round.
    """

    used: timedelta = _NOTHING
    since: datetime | None = None
    met_at: datetime | None = None
    breached_at: datetime | None = None
    round: int = 0
    fired: tuple[str, ...] = ()

    def used_by(self, at: datetime, calendar: WorkingCalendar) -> timedelta:
        """Working time used by then."""
        return self.used if self.since is None else self.used + calendar.between(self.since, at)

    def started(self, at: datetime) -> "Clock":
        """It runs, from where it stood."""
        return self if self.since is not None else replace(self, since=at, met_at=None)

    def stopped(self, at: datetime, calendar: WorkingCalendar) -> "Clock":
        """It stands; what it has used is kept. A clock set back takes nothing away."""
        return self if self.since is None else replace(self, used=self.used_by(at, calendar), since=None)

    def due_at(self, allowed: timedelta | None, calendar: WorkingCalendar) -> datetime | None:
        """When the time allowed will have been used up, if it goes on running; None while it stands or where nothing is asked."""
        if allowed is None or self.since is None:
            return None
        return calendar.after(self.since, allowed - self.used)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that goes off at a moment. `name` is unique within the ticket, `share` that of the time allowed (1 at the breach).

    `level` is 0 for warnings, 1 at the breach, 2 and more for each further escalation.
    """

    at: datetime
    target: Target
    share: float
    level: int
    name: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """A ticket's clocks, moved by what happens to it. All four always count, so that a policy that comes later finds the time used."""

    of: Mapping[Target, Clock] = field(default_factory=dict)
    waiting: bool = False

    def __getitem__(self, target: Target) -> Clock:
        return self.of.get(target, Clock())

    def opened(self, at: datetime) -> "Clocks":
        """The customer came: somebody must answer, find out and solve it. The next response is not asked for before the first."""
        return self._with({t: Clock(since=at) for t in (Target.FIRST_RESPONSE, Target.DIAGNOSIS, Target.RESOLUTION)})

    def answered(self, at: datetime, calendar: WorkingCalendar) -> "Clocks":
        """Somebody answered the customer: whichever response was asked for has been given."""
        return self._met(at, calendar, Target.FIRST_RESPONSE, Target.NEXT_RESPONSE)

    def customer_said(self, at: datetime, calendar: WorkingCalendar) -> "Clocks":
        """The customer has the last word, by whatever channel: nobody waits for the customer any more, and a next response is asked for.

        A second message before it is answered gives no more time.
        """
        after = self.resumed(at)
        if after[Target.FIRST_RESPONSE].met_at is None or after[Target.RESOLUTION].met_at is not None:
            return after
        asked = after[Target.NEXT_RESPONSE]
        if asked.since is not None:
            return after
        return after._with({Target.NEXT_RESPONSE: Clock(since=at, round=asked.round + 1)})

    def waits_for_customer(self, at: datetime, calendar: WorkingCalendar) -> "Clocks":
        """Nothing more can be done until the customer answers: asking was an answer, and the rest stands still."""
        after = self.answered(at, calendar)
        still = {t: after[t].stopped(at, calendar) for t in (Target.DIAGNOSIS, Target.RESOLUTION)}
        return replace(after._with(still), waiting=True)

    def resumed(self, at: datetime) -> "Clocks":
        """No longer waiting: what stood still and is not met goes on."""
        if not self.waiting:
            return self
        running = {t: self[t].started(at) for t in (Target.DIAGNOSIS, Target.RESOLUTION) if self[t].met_at is None}
        return replace(self._with(running), waiting=False)

    def diagnosed(self, at: datetime, calendar: WorkingCalendar) -> "Clocks":
        """The first line knows what it is, or has handed it on."""
        return self._met(at, calendar, Target.DIAGNOSIS)

    def resolved(self, at: datetime, calendar: WorkingCalendar) -> "Clocks":
        """It is said to be solved: nothing runs any more, whoever had the last word."""
        return replace(self._met(at, calendar, *Target), waiting=False)

    def reopened(self, at: datetime) -> "Clocks":
        """It was not solved: the resolution goes on with the time it had used; the time in between does not count."""
        clock = self[Target.RESOLUTION]
        return self._with({Target.RESOLUTION: clock.started(at)})

    def moved(self, at: datetime, old: WorkingCalendar) -> "Clocks":
        """Before another calendar counts: what was used by the old one is kept as it is."""
        return self._with({t: replace(c, used=c.used_by(at, old), since=max(at, c.since)) for t, c in self.of.items() if c.since is not None})

    def under(self, policy: Policy, at: datetime, calendar: WorkingCalendar) -> "Clocks":
        """Another policy from now on: the time used stays; what its longer limits have not reached yet may go off again."""
        changed = {}
        for target, clock in self.of.items():
            used, allowed = clock.used_by(at, calendar), policy.allowed.get(target)
            reached = {name for name, amount, _, _ in _steps(target, clock, policy) if amount <= used}
            breached = clock.breached_at if allowed is not None and used >= allowed else None
            changed[target] = replace(clock, fired=tuple(name for name in clock.fired if name in reached), breached_at=breached)
        return self._with(changed)

    def _met(self, at: datetime, calendar: WorkingCalendar, *targets: Target) -> "Clocks":
        changed = {}
        for target in targets:
            clock = self[target]
            if target in self.of and clock.met_at is None:
                changed[target] = replace(clock.stopped(at, calendar), met_at=at)
        return self._with(changed)

    def _with(self, changed: Mapping[Target, Clock]) -> "Clocks":
        return replace(self, of={**self.of, **changed})


def alarms(clocks: Clocks, policy: Policy, calendar: WorkingCalendar) -> tuple[Alarm, ...]:
    """What has still to go off if nothing else happens, soonest first.

    Each falls into working time: one whose moment has passed already (a shorter policy came) goes off when somebody works again.
    """
    pending = []
    for target, clock in clocks.of.items():
        if clock.since is None:
            continue
        for name, amount, share, level in _steps(target, clock, policy):
            if name not in clock.fired:
                left = amount - clock.used
                at = calendar.after(clock.since, left) if left > _NOTHING else calendar.next_working(clock.since)
                pending.append(Alarm(at, target, share, level, name))
    return tuple(sorted(pending, key=lambda alarm: (alarm.at, alarm.level, alarm.share, alarm.name)))


def _steps(target: Target, clock: Clock, policy: Policy) -> list[tuple[str, timedelta, float, int]]:
    """(name, working time at which it goes off, share, level) of one clock's warnings, breach and escalations."""
    allowed = policy.allowed.get(target)
    if allowed is None:
        return []
    place = f"{target.value}:{clock.round}"
    steps = [(f"{place}:warning:{share:.0%}", allowed * share, share, 0) for share in policy.warn_at]
    steps.append((f"{place}:breach", allowed, 1.0, 1))
    steps.extend((f"{place}:level:{level}", allowed + beyond, 1.0, level) for level, beyond in enumerate(policy.escalate_after, start=2))
    return steps


def gone_off(clocks: Clocks, alarm: Alarm) -> Clocks:
    """The clocks with that alarm gone off; a breach is dated to when it was due, however late it was noticed."""
    clock = clocks[alarm.target]
    breached = alarm.at if alarm.level == 1 else clock.breached_at
    return replace(clocks, of={**clocks.of, alarm.target: replace(clock, fired=(*clock.fired, alarm.name), breached_at=breached)})
