"""A ticket and the steps it can take; every step is written into its history."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from chassis.errors import InvalidInput, NotAllowedNow

SYSTEM = "system"
MAX_NOTE = 2_000
MAX_NAME = 200
MAX_HISTORY = 1_000


class Kind(Enum):
    """What sort of work a ticket is."""

    SERVICE = "service"
    CALLBACK = "callback"
    RECTIFICATION = "rectification"


class State(Enum):
    """Where a ticket stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Urgency(Enum):
    """How soon somebody must act."""

    NORMAL = "normal"
    HIGH = "high"


class Action(Enum):
    """What can happen to a ticket. Only the first group changes its state."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    STARTED = "started"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"
    COMMENTED = "commented"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"


# What each step may start from and where it leads. Escalating hands the ticket over: the second line still has to take it,
# so it is open again; the same holds for a ticket that is reopened.
STEPS: dict[Action, tuple[frozenset[State], State]] = {
    Action.ASSIGNED: (frozenset({State.OPEN, State.ASSIGNED, State.IN_PROGRESS}), State.ASSIGNED),
    Action.STARTED: (frozenset({State.ASSIGNED}), State.IN_PROGRESS),
    Action.ESCALATED: (frozenset({State.OPEN, State.ASSIGNED, State.IN_PROGRESS}), State.OPEN),
    Action.RESOLVED: (frozenset({State.IN_PROGRESS}), State.RESOLVED),
    Action.CLOSED: (frozenset({State.RESOLVED}), State.CLOSED),
    Action.REOPENED: (frozenset({State.RESOLVED, State.CLOSED}), State.OPEN),
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened; `from_state` is None for the opening."""

    at: datetime
    by: str
    action: Action
    from_state: State | None
    to_state: State
    note: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the agent undertook in the interaction; `deadline` is None where none was given."""

    promise_id: str
    what: str
    deadline: datetime | None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When somebody must have answered and when it must be solved, each with the moment of its warning."""

    first_response_warning: datetime
    first_response: datetime
    resolution_warning: datetime
    resolution: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """One piece of work. `version` grows by one with every change; `fired` names the timers that have gone off."""

    ticket_id: str
    tenant: str
    interaction_id: str
    kind: Kind
    type: str
    urgency: Urgency
    department: str
    routed_by: str
    line: int
    state: State
    title: str
    description: str
    causes: tuple[str, ...]
    customer_id: str
    customer_tier: str
    agent_id: str
    product: str
    industry: str
    assignee: str
    opened_at: datetime
    deadlines: Deadlines
    first_responded_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    overdue: bool
    resolution: str
    promises: tuple[Promise, ...]
    fired: tuple[str, ...]
    version: int
    history: tuple[HistoryEntry, ...]


def assign(ticket: Ticket, assignee: str, by: str, at: datetime, note: str = "") -> Ticket:
    """Give it to somebody. Raises InvalidInput, NotAllowedNow."""
    assignee = _needed("assignee", assignee, MAX_NAME)
    moved = _step(ticket, Action.ASSIGNED, by, at, note or f"分配给 {assignee}")
    return replace(moved, assignee=assignee)


def start(ticket: Ticket, by: str, at: datetime, note: str = "") -> Ticket:
    """Work has begun and the customer was answered. Raises NotAllowedNow."""
    moved = _step(ticket, Action.STARTED, by, at, note)
    return replace(moved, first_responded_at=ticket.first_responded_at or at)


def escalate(ticket: Ticket, by: str, at: datetime, note: str) -> Ticket:
    """Give it to the second line. Raises InvalidInput, NotAllowedNow where it is there already."""
    note = _needed("note", note, MAX_NOTE)
    if ticket.line >= 2:
        raise NotAllowedNow("the second line has this ticket already")
    return replace(_step(ticket, Action.ESCALATED, by, at, note), line=2, assignee="")


def resolve(ticket: Ticket, resolution: str, by: str, at: datetime, note: str = "") -> Ticket:
    """Say what solved it. Raises InvalidInput, NotAllowedNow."""
    resolution = _needed("resolution", resolution, MAX_NOTE)
    return replace(_step(ticket, Action.RESOLVED, by, at, note or resolution), resolution=resolution, resolved_at=at)


def close(ticket: Ticket, by: str, at: datetime, note: str = "") -> Ticket:
    """End it. Raises NotAllowedNow."""
    return replace(_step(ticket, Action.CLOSED, by, at, note), closed_at=at)


def reopen(ticket: Ticket, deadlines: Deadlines, by: str, at: datetime, note: str) -> Ticket:
    """Take it up again with a resolution deadline counted anew; what fired for the old one may fire again.

    Raises InvalidInput, NotAllowedNow.
    """
    note = _needed("note", note, MAX_NOTE)
    return replace(
        _step(ticket, Action.REOPENED, by, at, note),
        assignee="",
        resolved_at=None,
        closed_at=None,
        resolution="",
        deadlines=replace(
            ticket.deadlines, resolution_warning=deadlines.resolution_warning, resolution=deadlines.resolution
        ),
        fired=tuple(name for name in ticket.fired if not name.endswith(":resolution")),
    )


def comment(ticket: Ticket, by: str, at: datetime, note: str) -> Ticket:
    """Add a note; in any state. Raises InvalidInput, NotAllowedNow where the history is full."""
    note = _needed("note", note, MAX_NOTE)
    _check_room(ticket)
    return noted(ticket, Action.COMMENTED, by, at, note)


def noted(ticket: Ticket, action: Action, by: str, at: datetime, note: str) -> Ticket:
    """The ticket with one more history entry that leaves the state as it is."""
    entry = HistoryEntry(at, by, action, ticket.state, ticket.state, note)
    return replace(ticket, version=ticket.version + 1, history=(*ticket.history, entry))


def _step(ticket: Ticket, action: Action, by: str, at: datetime, note: str) -> Ticket:
    allowed, to = STEPS[action]
    if ticket.state not in allowed:
        states = ", ".join(sorted(state.value for state in allowed))
        raise NotAllowedNow(f"a ticket that is {ticket.state.value} cannot be {action.value}; it must be {states}")
    if len(note) > MAX_NOTE:
        raise InvalidInput("note", f"at most {MAX_NOTE} characters")
    _check_room(ticket)
    entry = HistoryEntry(at, by, action, ticket.state, to, note)
    return replace(ticket, state=to, version=ticket.version + 1, history=(*ticket.history, entry))


def _check_room(ticket: Ticket) -> None:
    if len(ticket.history) >= MAX_HISTORY:
        raise NotAllowedNow(f"a ticket keeps at most {MAX_HISTORY} history entries")


def _needed(name: str, value: str, limit: int) -> str:
    value = value.strip()
    if not value:
        raise InvalidInput(name, "must not be empty")
    if len(value) > limit:
        raise InvalidInput(name, f"at most {limit} characters")
    return value


def replayed(history: tuple[HistoryEntry, ...]) -> State:
    """The state a history leads to. Raises ValueError where an entry does not follow from the one before."""
    state: State | None = None
    for entry in history:
        if entry.from_state is not state:
            raise ValueError(f"{entry.action.value} starts from {entry.from_state}, but the ticket was {state}")
        if entry.action is Action.OPENED:
            expected = State.OPEN
        elif entry.action in STEPS:
            allowed, expected = STEPS[entry.action]
            if entry.from_state not in allowed:
                raise ValueError(f"{entry.action.value} is not allowed from {entry.from_state}")
        else:
            expected = entry.from_state or State.OPEN
        if entry.to_state is not expected:
            raise ValueError(f"{entry.action.value} cannot lead to {entry.to_state}")
        state = entry.to_state
    if state is None:
        raise ValueError("a ticket without history was never opened")
    return state
