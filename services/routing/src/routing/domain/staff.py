"""Who can take a ticket, and who takes it best: skills, presence and load in, one person and the reasons out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from chassis.errors import InvalidInput

from routing.domain.tickets import Kind, State, Ticket, Urgency

MAX_CAPACITY = 200
MAX_LISTED = 50
MAX_NAME = 200
SHORTEST, LONGEST, USUAL = timedelta(seconds=10), timedelta(days=1), timedelta(minutes=5)
# Customers of these tiers are served by senior agents first, as the service levels give them shorter times.
HIGH_VALUE = frozenset({"vip", "gold", "platinum", "diamond"})
_HELD = (State.ASSIGNED, State.IN_PROGRESS, State.WAITING)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Presence(Enum):
    """Whether somebody can be given work."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who takes tickets. Empty `products` and `industries` mean all; `load` counts the unfinished tickets this person has."""

    tenant: str
    agent_id: str
    name: str
    departments: tuple[str, ...]
    skills: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    level: int = 1
    senior: bool = False
    capacity: int = 10
    retired: bool = False
    said: Presence = Presence.OFFLINE
    until: datetime | None = None
    load: int = 0
    last_assigned_at: datetime | None = None

    def presence(self, at: datetime) -> Presence:
        """What was said last, until it ends by itself."""
        return self.said if self.until is not None and at < self.until else Presence.OFFLINE

    def obstacle(self, ticket: Ticket, at: datetime) -> str:
        """Why this person cannot be given the ticket now: retired, department, level, skill, product, industry, absent or full; "" where nothing is."""
        skilled = not ticket.skill or ticket.skill in (*self.skills, *self.languages)
        fits_product = not self.products or any(product in ticket.product for product in self.products)
        obstacles = (
            ("retired", self.retired), ("department", ticket.department not in self.departments), ("level", self.level < ticket.line),
            ("skill", not skilled), ("product", not fits_product), ("industry", bool(self.industries) and ticket.industry not in self.industries),
            ("absent", self.presence(at) is not Presence.ONLINE), ("full", self.load >= self.capacity),
        )
        return next((name for name, holds in obstacles if holds), "")


@dataclass(frozen=True, slots=True)
class Choice:
    """Who takes it and why, in Chinese for people."""

    person: Person
    because: tuple[str, ...]


def checked(person: Person) -> Person:
    """The person as it may be stored. Raises InvalidInput naming the field."""
    _text("staff.agent_id", person.agent_id)
    if len(person.name) > MAX_NAME:
        raise InvalidInput("staff.name", f"at most {MAX_NAME} characters")
    if not person.departments:
        raise InvalidInput("staff.departments", "at least one is needed")
    for field in ("departments", "skills", "products", "industries", "languages"):
        values = getattr(person, field)
        if len(values) > MAX_LISTED:
            raise InvalidInput(f"staff.{field}", f"at most {MAX_LISTED}")
        for value in values:
            _text(f"staff.{field}", value)
    if person.level not in (1, 2):
        raise InvalidInput("staff.level", "must be 1 or 2")
    if not 1 <= person.capacity <= MAX_CAPACITY:
        raise InvalidInput("staff.capacity", f"must be between 1 and {MAX_CAPACITY}")
    return replace(person, name=person.name.strip() or person.agent_id)


def _text(field: str, value: str) -> None:
    if not value.strip() or len(value) > MAX_NAME:
        raise InvalidInput(field, f"must be a text of 1 to {MAX_NAME} characters")


def lasting(for_s: int) -> timedelta:
    """How long a presence counts. Raises InvalidInput."""
    time = timedelta(seconds=for_s) if for_s else USUAL
    if not SHORTEST <= time <= LONGEST:
        raise InvalidInput("for_s", f"must be between {SHORTEST.seconds} and {LONGEST // timedelta(seconds=1)}")
    return time


def holder(ticket: Ticket) -> str:
    """Whose load the ticket counts to; "" for nobody's."""
    return ticket.assignee if ticket.state in _HELD else ""


def is_queued(ticket: Ticket) -> bool:
    """Does it wait to be given to somebody? What has to be put right goes to those concerned, not to whoever has time."""
    return ticket.state is State.OPEN and ticket.kind is not Kind.RECTIFICATION


def is_precious(ticket: Ticket) -> bool:
    """Is it for senior agents first?"""
    return ticket.urgency is Urgency.HIGH or ticket.customer_tier in HIGH_VALUE


def queue_rank(ticket: Ticket) -> int:
    """Urgent before high-value customers before all others."""
    return 0 if ticket.urgency is Urgency.HIGH else 1 if ticket.customer_tier in HIGH_VALUE else 2


def choose(people: Sequence[Person], ticket: Ticket, at: datetime) -> Choice | None:
    """The best of those who can be given it; None where nobody can.

    The least loaded for their capacity comes first, of these the one without a new ticket for longest. Urgent matters and high-value
    customers look for a senior first; all others spare seniors, and the second line, where the load is the same.
    """
    fitting = [person for person in people if not person.obstacle(ticket, at)]
    if not fitting:
        return None
    precious = is_precious(ticket)

    def order(person: Person) -> tuple[bool, float, bool, int, datetime, str]:
        spared = not precious and person.senior
        return precious and not person.senior, person.load / person.capacity, spared, person.level, person.last_assigned_at or _NEVER, person.agent_id

    best = min(fitting, key=order)
    because = [f"部门：{ticket.department}"]
    if ticket.line > 1:
        because.append("二线专家")
    if ticket.skill:
        because.append(f"技能：{ticket.skill}")
    if precious:
        why = "紧急" if ticket.urgency is Urgency.HIGH else f"{ticket.customer_tier} 客户"
        because.append(f"{why}，{'资深坐席优先' if best.senior else '没有资深坐席可接，先由他人处理'}")
    because.append(f"负载 {best.load}/{best.capacity}，{len(fitting)} 人可接")
    return Choice(best, tuple(because))


def obstacles(people: Sequence[Person], ticket: Ticket, at: datetime) -> dict[str, int]:
    """How many cannot be given it, by what stands in the way."""
    counted: dict[str, int] = {}
    for person in people:
        if name := person.obstacle(ticket, at):
            counted[name] = counted.get(name, 0) + 1
    return counted
