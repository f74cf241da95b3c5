"""What goes off on a ticket and when: warnings, breaches and escalations of its clocks, and promises that run out."""

from dataclasses import dataclass, replace
from datetime import datetime

from routing.domain.clocks import Alarm, Target, alarms, gone_off
from routing.domain.tickets import SYSTEM, Action, State, Terms, Ticket, Urgency, noted

PROMISE = "promise"
_CALLED = {Target.FIRST_RESPONSE: "首次响应", Target.NEXT_RESPONSE: "再次响应", Target.DIAGNOSIS: "一线诊断", Target.RESOLUTION: "解决"}


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that goes off at a moment; `name` is unique within the ticket, `share` that of the time allowed that is used then."""

    at: datetime
    action: Action
    deadline: str
    name: str
    share: float = 1.0
    level: int = 1
    alarm: Alarm | None = None
    promise_id: str = ""


def timers(ticket: Ticket, terms: Terms) -> tuple[Timer, ...]:
    """What has still to go off, soonest first; nothing once it is resolved. A promise that lies before the opening has no timer."""
    if ticket.state in (State.RESOLVED, State.CLOSED):
        return ()
    pending = [
        Timer(a.at, Action.OVERDUE if a.level else Action.DUE_SOON, a.target.value, a.name, a.share, a.level, a)
        for a in alarms(ticket.clocks, terms.policy, terms.calendar)
    ]
    for promise in ticket.promises:
        name = f"overdue:{PROMISE}:{promise.promise_id}"
        # a recording sent long after the call says nothing about whether a promise that has run out was kept
        if promise.deadline is not None and promise.deadline > ticket.opened_at and not promise.outcome and name not in ticket.fired:
            at = terms.calendar.next_working(promise.deadline)
            pending.append(Timer(at, Action.OVERDUE, PROMISE, name, promise_id=promise.promise_id))
    return tuple(sorted(pending, key=lambda t: (t.at, t.level, t.share, t.name)))


def next_timer_at(ticket: Ticket, terms: Terms) -> datetime | None:
    """When the ticket must be looked at again; None where nothing is pending."""
    pending = timers(ticket, terms)
    return pending[0].at if pending else None


def fire_next(ticket: Ticket, terms: Terms, now: datetime) -> tuple[Ticket, Timer] | None:
    """The ticket after its soonest timer at or before `now` has gone off, and that timer; None where none is due.

    A promise that runs out unkept makes the matter urgent and is named among the causes.
    """
    pending = timers(ticket, terms)
    if not pending or pending[0].at > now:
        return None
    timer = pending[0]
    overdue = ticket.overdue or timer.action is Action.OVERDUE
    if timer.alarm is not None:
        after = noted(ticket, timer.action, SYSTEM, now, _note(timer.alarm))
        return replace(after, clocks=gone_off(ticket.clocks, timer.alarm), overdue=overdue, level=max(ticket.level, timer.alarm.level)), timer
    what = next(p.what for p in ticket.promises if p.promise_id == timer.promise_id)
    causes = tuple(dict.fromkeys((*ticket.causes, "broken_promise")))
    urgent = replace(ticket, urgency=Urgency.HIGH, causes=causes, fired=(*ticket.fired, timer.name), overdue=True)
    return noted(urgent, timer.action, SYSTEM, now, f"承诺到期未确认兑现：{what}"), timer


def _note(alarm: Alarm) -> str:
    called = _CALLED[alarm.target]
    if alarm.level == 0:
        return f"{called}时限已用 {alarm.share:.0%}"
    return f"{called}已超时" if alarm.level == 1 else f"{called}超时未处理，升级至第 {alarm.level} 级"
