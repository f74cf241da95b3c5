"""What a ticket's clocks say now: time left in working time, its colour, and what the browser needs to count on by itself."""

from dataclasses import dataclass
from datetime import datetime

from client.shapes import ServiceLevels, Ticket, TicketClock

from console.domain.words import moment
from console.domain.working_time import AROUND_THE_CLOCK, Calendar, calendar_of

TARGET = {"first_response": "首次响应", "next_response": "再次响应", "diagnosis": "一线诊断", "resolution": "解决"}
_WATCH, _WARN = 0.5, 0.75


@dataclass(frozen=True, slots=True)
class Countdown:
    """One clock. `state` is running, paused, met, late (met after it was due) or off (nothing is asked).

    `left_s` are working seconds left now, negative once overdue; `share` is that of the time allowed which is used. A running clock
    counts from `left_from_s` at `begins` to the end of that working period at `ends` (seconds since 1970) and stands outside of it.
    """

    target: str
    state: str
    allowed_s: float = 0
    left_s: float = 0
    due_at: str = ""
    met_at: str = ""
    left_from_s: float = 0
    begins: float = 0
    ends: float = 0
    working: bool = True

    @property
    def share(self) -> float:
        """0 to 1, also where more than all is used."""
        return min(1.0, max(0.0, 1 - self.left_s / self.allowed_s)) if self.allowed_s else 0.0

    @property
    def tone(self) -> str:
        """good, watch from half of the time, warn from three quarters, bad once overdue; calm while it stands."""
        if self.state in ("met", "late", "off"):
            return {"met": "good", "late": "bad", "off": "calm"}[self.state]
        if self.left_s < 0:
            return "bad"
        if self.state == "paused":
            return "calm"
        return "warn" if self.share > _WARN else "watch" if self.share > _WATCH else "good"

    @property
    def words(self) -> str:
        """Seconds where it runs, as the browser counts them on."""
        if self.state == "off":
            return "不要求"
        if self.state == "met":
            return "已按时完成"
        if self.state == "late":
            return f"超时 {lasting(-self.left_s)} 完成"
        if self.state == "paused":
            return f"已暂停 · {'剩 ' + lasting(self.left_s) if self.left_s >= 0 else '已超时 ' + lasting(-self.left_s)}"
        return counted(self.left_s)

    @property
    def attributes(self) -> dict[str, str]:
        """What the browser's script counts from; none where nothing runs."""
        if self.state != "running":
            return {}
        figures = {"from": self.begins, "to": self.ends, "left": self.left_from_s, "allowed": self.allowed_s}
        return {f"data-{name}": f"{value:.0f}" for name, value in figures.items()}


def counted(left_s: float) -> str:
    """"剩 1:04:09", "剩 2 天 03:00:00", "超时 0:12:00"; console.js writes the same."""
    seconds = int(abs(left_s))
    days, hours, minutes, rest = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
    clock = f"{days} 天 {hours:02d}:{minutes:02d}:{rest:02d}" if days else f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{'剩' if left_s >= 0 else '超时'} {clock}"


def lasting(seconds: float) -> str:
    """A span of working time in hours and minutes: a working day has no fixed length, so no days."""
    minutes = round(abs(seconds) / 60)
    hours, rest = minutes // 60, minutes % 60
    return f"{hours} 小时 {rest} 分" if hours and rest else f"{hours} 小时" if hours else f"{rest} 分钟" if rest else "不到 1 分钟"


class Calendars:
    """The calendar that each policy's times are counted in."""

    def __init__(self, levels: ServiceLevels | None = None) -> None:
        known = {c.get("calendar_id", ""): calendar_of(c) for c in (levels or {}).get("calendars", [])}
        self._of = {p.get("policy_id", ""): known.get(p.get("calendar_id", "")) for p in (levels or {}).get("policies", [])}

    def of(self, ticket: Ticket) -> Calendar:
        """Around the clock where the policy is not known any more."""
        return self._of.get(ticket.get("policy_id", "")) or AROUND_THE_CLOCK


def countdown(clock: TicketClock, calendar: Calendar, now: datetime) -> Countdown:
    """One clock at this moment."""
    target, allowed = clock.get("target", ""), float(clock.get("allowed_s") or 0)
    due, met = moment(clock.get("due_at")), moment(clock.get("met_at"))
    if not allowed:
        return Countdown(target, "off")
    due_at, met_at = clock.get("due_at") or "", clock.get("met_at") or ""
    left = allowed - float(clock.get("used_s") or 0)
    if met is not None:
        return Countdown(target, "late" if clock.get("breached_at") or left < 0 else "met", allowed, left, due_at, met_at)
    if not clock.get("running") or due is None:
        return Countdown(target, "paused", allowed, left, due_at, met_at)
    begins, ends = calendar.period_at(now)
    return Countdown(
        target, "running", allowed, calendar.between(now, due), due_at, left_from_s=calendar.between(begins, due),
        begins=begins.timestamp(), ends=ends.timestamp(), working=begins <= now,
    )


def countdowns(ticket: Ticket, calendars: Calendars, now: datetime) -> list[Countdown]:
    """Every clock that has a limit, in the order of a ticket's life."""
    order = {name: n for n, name in enumerate(TARGET)}
    every = [countdown(c, calendars.of(ticket), now) for c in ticket.get("clocks", [])]
    return sorted((c for c in every if c.state != "off"), key=lambda c: order.get(c.target, 9))


def next_due(ticket: Ticket, calendars: Calendars, now: datetime) -> Countdown | None:
    """The clock that matters now: of those that run the one due first, else the one that stands with the least left; None once all are met."""
    pending = [c for c in countdowns(ticket, calendars, now) if c.state in ("running", "paused")]
    running = [c for c in pending if c.state == "running"]
    return min(running, key=lambda c: c.due_at) if running else min(pending, key=lambda c: c.left_s, default=None)
