"""By when a ticket must be answered and solved, and what goes off when."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import yaml
from chassis.errors import InvalidInput

from routing.domain.tickets import SYSTEM, Action, Deadlines, Kind, State, Ticket, Urgency, noted

FIRST_RESPONSE = "first_response"
RESOLUTION = "resolution"
PROMISE = "promise"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Time given from the opening on."""

    first_response: timedelta
    resolution: timedelta


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """How long each kind of ticket may take, by urgency. `warn_at` is the share of the time after which it is due soon."""

    version: str
    warn_at: float
    allowances: Mapping[tuple[Kind, Urgency], Allowance]

    def deadlines(self, kind: Kind, urgency: Urgency, since: datetime) -> Deadlines:
        """Deadlines counted from `since`, round the clock."""
        given = self.allowances[kind, urgency]
        return Deadlines(
            first_response_warning=since + given.first_response * self.warn_at,
            first_response=since + given.first_response,
            resolution_warning=since + given.resolution * self.warn_at,
            resolution=since + given.resolution,
        )


def service_levels_in(text: str) -> ServiceLevels:
    """Read the YAML table. Raises InvalidInput naming what is missing or wrong."""
    table: Mapping[str, Any] = yaml.safe_load(text)
    try:
        warn_at = float(table["warn_at"])
        allowances = {
            (kind, urgency): Allowance(
                timedelta(minutes=table["kinds"][kind.value][urgency.value]["first_response_minutes"]),
                timedelta(minutes=table["kinds"][kind.value][urgency.value]["resolution_minutes"]),
            )
            for kind in Kind
            for urgency in Urgency
        }
    except KeyError as missing:
        raise InvalidInput(str(missing.args[0]), "missing in the service levels") from None
    if not 0 < warn_at < 1:
        raise InvalidInput("warn_at", "must lie between 0 and 1")
    for (kind, urgency), allowance in allowances.items():
        if not timedelta(0) < allowance.first_response <= allowance.resolution:
            raise InvalidInput(f"kinds.{kind.value}.{urgency.value}", "the first response must come before the resolution")
    return ServiceLevels(str(table["version"]), warn_at, allowances)


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that goes off at a moment; `name` is unique within the ticket."""

    at: datetime
    action: Action
    deadline: str
    name: str
    promise_id: str = ""


def timers(ticket: Ticket) -> tuple[Timer, ...]:
    """What has still to go off, soonest first. A deadline that was met, or that lies before the opening, has no timer."""
    if ticket.state in (State.RESOLVED, State.CLOSED):
        return ()
    due = ticket.deadlines
    pending = []
    if ticket.first_responded_at is None:
        pending.append(Timer(due.first_response_warning, Action.DUE_SOON, FIRST_RESPONSE, f"due_soon:{FIRST_RESPONSE}"))
        pending.append(Timer(due.first_response, Action.OVERDUE, FIRST_RESPONSE, f"overdue:{FIRST_RESPONSE}"))
    pending.append(Timer(due.resolution_warning, Action.DUE_SOON, RESOLUTION, f"due_soon:{RESOLUTION}"))
    pending.append(Timer(due.resolution, Action.OVERDUE, RESOLUTION, f"overdue:{RESOLUTION}"))
    for promise in ticket.promises:
        # a recording sent long after the call says nothing about whether a promise that has run out was kept
        if promise.deadline is not None and promise.deadline > ticket.opened_at:
            name = f"overdue:{PROMISE}:{promise.promise_id}"
            pending.append(Timer(promise.deadline, Action.OVERDUE, PROMISE, name, promise.promise_id))
    return tuple(sorted((t for t in pending if t.name not in ticket.fired), key=lambda t: (t.at, t.name)))


def next_timer_at(ticket: Ticket) -> datetime | None:
    """When the ticket must be looked at again; None where nothing is pending."""
    pending = timers(ticket)
    return pending[0].at if pending else None


_NOTES = {
    (Action.DUE_SOON, FIRST_RESPONSE): "首次响应即将超时",
    (Action.OVERDUE, FIRST_RESPONSE): "首次响应已超时",
    (Action.DUE_SOON, RESOLUTION): "解决时限即将到期",
    (Action.OVERDUE, RESOLUTION): "解决时限已超时",
}


def fire_next(ticket: Ticket, now: datetime) -> tuple[Ticket, Timer] | None:
    """The ticket after its soonest timer at or before `now` has gone off, and that timer; None where none is due.

    A promise that runs out unkept makes the matter urgent and is named among the causes.
    """
    pending = timers(ticket)
    if not pending or pending[0].at > now:
        return None
    timer = pending[0]
    if timer.deadline == PROMISE:
        what = next(p.what for p in ticket.promises if p.promise_id == timer.promise_id)
        note = f"承诺到期未确认兑现：{what}"
        ticket = replace(
            ticket, urgency=Urgency.HIGH, causes=tuple(dict.fromkeys((*ticket.causes, "broken_promise")))
        )
    else:
        note = _NOTES[timer.action, timer.deadline]
    after = noted(ticket, timer.action, SYSTEM, now, note)
    return replace(after, fired=(*after.fired, timer.name), overdue=after.overdue or timer.action is Action.OVERDUE), timer
