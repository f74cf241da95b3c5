"""A ticket and the steps it can take; every step is written into its history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from chassis.errors import InvalidInput, NotAllowedNow

from routing.domain.attachments import Attachment
from routing.domain.calendars import WorkingCalendar
from routing.domain.clocks import Clocks, Policy, Target
from routing.domain.particulars import Particulars
from routing.domain.rectification import Rectification, proof_begun

SYSTEM = "system"
MAX_NOTE = 2_000
MAX_NAME = 200
MAX_HISTORY = 1_000
MAX_LINKED = 100
_NO_PARTICULARS = Particulars()


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
    WAITING = "waiting"
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
    WAITED = "waited"
    RESUMED = "resumed"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"
    CALLED_BACK = "called_back"
    PROVEN = "proven"
    UNPROVEN = "unproven"
    RELAPSED = "relapsed"
    WITHDRAWN = "withdrawn"
    COMMENTED = "commented"
    ANSWERED = "answered"
    CUSTOMER_SAID = "customer_said"
    DIAGNOSED = "diagnosed"
    TERMS_CHANGED = "terms_changed"
    UPDATED = "updated"
    FILLED = "filled"
    CHECKED = "checked"
    WATCHED = "watched"
    UNWATCHED = "unwatched"
    ATTACHED = "attached"
    DETACHED = "detached"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"


# What each step may start from and where it leads. Escalating hands the ticket over: the second line still has to take it,
# so it is open again; the same holds for a ticket that is reopened.
STEPS: dict[Action, tuple[frozenset[State], State]] = {
    Action.ASSIGNED: (frozenset({State.OPEN, State.ASSIGNED, State.IN_PROGRESS, State.WAITING}), State.ASSIGNED),
    Action.STARTED: (frozenset({State.ASSIGNED}), State.IN_PROGRESS),
    Action.ESCALATED: (frozenset({State.OPEN, State.ASSIGNED, State.IN_PROGRESS, State.WAITING}), State.OPEN),
    Action.WAITED: (frozenset({State.IN_PROGRESS}), State.WAITING),
    Action.RESUMED: (frozenset({State.WAITING}), State.IN_PROGRESS),
    Action.RESOLVED: (frozenset({State.IN_PROGRESS, State.WAITING}), State.RESOLVED),
    Action.CLOSED: (frozenset({State.RESOLVED}), State.CLOSED),
    Action.REOPENED: (frozenset({State.RESOLVED, State.CLOSED}), State.OPEN),
    Action.CALLED_BACK: (frozenset(set(State) - {State.RESOLVED, State.CLOSED}), State.RESOLVED),
    Action.PROVEN: (frozenset(set(State) - {State.CLOSED}), State.CLOSED),
    Action.UNPROVEN: (frozenset(set(State) - {State.CLOSED}), State.OPEN),
    Action.RELAPSED: (frozenset({State.CLOSED}), State.OPEN),
    Action.WITHDRAWN: (frozenset(set(State) - {State.CLOSED}), State.CLOSED),
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened; `from_state` is None for the opening. `public` words were sent to the customer."""

    at: datetime
    by: str
    action: Action
    from_state: State | None
    to_state: State
    note: str = ""
    public: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    """What the agent undertook in the interaction; `deadline` is None where none was given, `outcome` kept, late, broken or not known yet."""

    promise_id: str
    what: str
    deadline: datetime | None
    owner: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a ticket's clocks go by: the time allowed and when people work."""

    policy: Policy
    calendar: WorkingCalendar


@dataclass(frozen=True, slots=True)
class Ticket:
    """One piece of work. `version` grows by one with every change.

    `allowed` is the working time each target has; `due` says when that is due, or was when it was met; a clock that stands has no such
    moment. `policy_id` and `levels_version` name the terms they come from. `fired` names the promises that have run out. `level` is how far an overdue
    ticket was escalated: 1 at the breach, more for each further step. `interactions` are the contacts it is about, the first and repeats.
    `external_id` is its id in the system it was imported from. `done_keys` are the last bulk changes that were made to it.
    """

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
    clocks: Clocks
    allowed: Mapping[Target, timedelta]
    due: Mapping[Target, datetime]
    policy_id: str
    levels_version: str
    resolved_at: datetime | None
    closed_at: datetime | None
    overdue: bool
    level: int
    resolution: str
    promises: tuple[Promise, ...]
    fired: tuple[str, ...]
    version: int
    history: tuple[HistoryEntry, ...]
    team_id: str = ""
    interactions: tuple[str, ...] = ()
    rectification: Rectification | None = None
    skill: str = ""
    particulars: Particulars = _NO_PARTICULARS
    watchers: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    external_id: str = ""
    done_keys: tuple[str, ...] = ()

    @property
    def reopenings(self) -> int:
        """How often it was taken up again."""
        return sum(entry.action is Action.REOPENED for entry in self.history)

    @property
    def first_responded_at(self) -> datetime | None:
        """When somebody first answered."""
        return self.clocks[Target.FIRST_RESPONSE].met_at


def timed(ticket: Ticket, clocks: Clocks, terms: Terms) -> Ticket:
    """The ticket with its clocks moved, and by when each target is due from now on."""
    due = {}
    for target, allowed in terms.policy.allowed.items():
        clock = clocks[target]
        if clock.since is not None:
            at = clock.due_at(allowed, terms.calendar)
            if at is not None:
                due[target] = at
        elif clock.met_at is not None and target in ticket.due:
            due[target] = ticket.due[target]
    return replace(ticket, clocks=clocks, allowed=terms.policy.allowed, due=due)


def assign(ticket: Ticket, assignee: str, by: str, at: datetime, note: str = "") -> Ticket:
    """Give it to somebody. Raises InvalidInput, NotAllowedNow."""
    assignee = _needed("assignee", assignee, MAX_NAME)
    moved = _step(ticket, Action.ASSIGNED, by, at, note or f"分配给 {assignee}")
    return replace(moved, assignee=assignee)


def start(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str = "") -> Ticket:
    """Work has begun and the customer was answered. Raises NotAllowedNow."""
    moved = _step(ticket, Action.STARTED, by, at, note)
    return timed(moved, ticket.clocks.resumed(at).answered(at, terms.calendar), terms)


def escalate(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str) -> Ticket:
    """Give it to the second line, which the first line's diagnosis led to. Raises InvalidInput, NotAllowedNow where it is there already."""
    note = _needed("note", note, MAX_NOTE)
    if ticket.line >= 2:
        raise NotAllowedNow("the second line has this ticket already")
    moved = replace(_step(ticket, Action.ESCALATED, by, at, note), line=2, assignee="")
    return timed(moved, ticket.clocks.resumed(at).diagnosed(at, terms.calendar), terms)


def wait(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str) -> Ticket:
    """Nothing can be done before the customer answers: the clocks stand. Raises InvalidInput, NotAllowedNow."""
    note = _needed("note", note, MAX_NOTE)
    return timed(_step(ticket, Action.WAITED, by, at, note), ticket.clocks.waits_for_customer(at, terms.calendar), terms)


def resume(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str = "") -> Ticket:
    """It goes on without the customer's answer. Raises NotAllowedNow."""
    return timed(_step(ticket, Action.RESUMED, by, at, note), ticket.clocks.resumed(at), terms)


def answer(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str) -> Ticket:
    """The customer was answered; not once it is resolved. Raises InvalidInput, NotAllowedNow."""
    return _told(ticket, Action.ANSWERED, by, at, note, lambda clocks: clocks.answered(at, terms.calendar), terms)


def customer_said(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str) -> Ticket:
    """The customer wrote or called, by whatever channel: a ticket that waited for it goes on. Raises InvalidInput."""
    note = _needed("note", note, MAX_NOTE)
    if ticket.state is State.WAITING:
        ticket = _step(ticket, Action.RESUMED, by, at, note)
        return timed(ticket, ticket.clocks.customer_said(at, terms.calendar), terms)
    _check_room(ticket)
    return timed(noted(ticket, Action.CUSTOMER_SAID, by, at, note), ticket.clocks.customer_said(at, terms.calendar), terms)


def diagnose(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str) -> Ticket:
    """What is wrong is known; not once it is resolved. Raises InvalidInput, NotAllowedNow."""
    return _told(ticket, Action.DIAGNOSED, by, at, note, lambda clocks: clocks.diagnosed(at, terms.calendar), terms)


def resolve(ticket: Ticket, terms: Terms, resolution: str, by: str, at: datetime, note: str = "") -> Ticket:
    """Say what solved it. Raises InvalidInput, NotAllowedNow."""
    resolution = _needed("resolution", resolution, MAX_NOTE)
    moved = replace(_step(ticket, Action.RESOLVED, by, at, note or resolution), resolution=resolution, resolved_at=at)
    if moved.rectification is not None and moved.rectification.proof_since is None:
        moved = replace(moved, rectification=proof_begun(moved.rectification, at))
    return timed(moved, ticket.clocks.resolved(at, terms.calendar), terms)


def called_back(ticket: Ticket, terms: Terms, note: str, at: datetime) -> Ticket:
    """The customer was called back and is content: it is resolved. Raises NotAllowedNow."""
    moved = replace(_step(ticket, Action.CALLED_BACK, SYSTEM, at, note), resolution=note, resolved_at=at)
    return timed(moved, ticket.clocks.resolved(at, terms.calendar), terms)


def proven(ticket: Ticket, terms: Terms, note: str, at: datetime) -> Ticket:
    """Later calls have proven it: it is over. Raises NotAllowedNow."""
    moved = replace(_step(ticket, Action.PROVEN, SYSTEM, at, note), closed_at=at, resolved_at=ticket.resolved_at or at)
    return timed(moved, ticket.clocks.resolved(at, terms.calendar), terms)


def unproven(ticket: Ticket, terms: Terms, note: str, at: datetime) -> Ticket:
    """Later calls have shown that it is not mended: the second line takes it. Raises NotAllowedNow."""
    moved = replace(_step(ticket, Action.UNPROVEN, SYSTEM, at, note), line=2, assignee="", resolved_at=None, resolution="")
    return timed(moved, ticket.clocks.reopened(at), terms)


def relapse(ticket: Ticket, terms: Terms, note: str, at: datetime) -> Ticket:
    """It has come back: the ticket is taken up again. Raises NotAllowedNow."""
    moved = replace(_step(ticket, Action.RELAPSED, SYSTEM, at, note), assignee="", resolved_at=None, closed_at=None, resolution="")
    return timed(moved, ticket.clocks.reopened(at), terms)


def withdraw(ticket: Ticket, terms: Terms, note: str, at: datetime) -> Ticket:
    """It should not have been opened. Raises NotAllowedNow."""
    moved = replace(_step(ticket, Action.WITHDRAWN, SYSTEM, at, note), closed_at=at, resolved_at=ticket.resolved_at or at)
    return timed(moved, ticket.clocks.resolved(at, terms.calendar), terms)


def close(ticket: Ticket, by: str, at: datetime, note: str = "") -> Ticket:
    """End it; a rectification ends on proof alone. Raises NotAllowedNow."""
    if ticket.rectification is not None:
        raise NotAllowedNow("a rectification closes by itself once later calls have proven it, or is withdrawn by a review")
    return replace(_step(ticket, Action.CLOSED, by, at, note), closed_at=at)


def reopen(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str) -> Ticket:
    """Take it up again: the resolution goes on with the time it had used, the time since then does not count.

    Raises InvalidInput, NotAllowedNow.
    """
    note = _needed("note", note, MAX_NOTE)
    moved = replace(_step(ticket, Action.REOPENED, by, at, note), assignee="", resolved_at=None, closed_at=None, resolution="")
    return timed(moved, ticket.clocks.reopened(at), terms)


def under_terms(ticket: Ticket, old: Terms, new: Terms, levels_version: str, at: datetime) -> Ticket:
    """Other terms from now on, the time used so far kept; the very same ticket where nothing changes for it."""
    named = replace(ticket, policy_id=new.policy.policy_id, levels_version=levels_version)
    clocks = ticket.clocks.moved(at, old.calendar).under(new.policy, at, new.calendar)
    after = timed(named, clocks, new)
    if after.due == ticket.due and named.policy_id == ticket.policy_id:
        return replace(named, clocks=ticket.clocks, version=ticket.version + 1)
    overdue = any(clock.breached_at is not None for clock in clocks.of.values()) or any(name.startswith("overdue:") for name in ticket.fired)
    return replace(noted(after, Action.TERMS_CHANGED, SYSTEM, at, f"时限改按 {new.policy.policy_id}@{levels_version}"), overdue=overdue)


def comment(ticket: Ticket, by: str, at: datetime, note: str) -> Ticket:
    """Add a note; in any state. Raises InvalidInput, NotAllowedNow where the history is full."""
    note = _needed("note", note, MAX_NOTE)
    _check_room(ticket)
    return noted(ticket, Action.COMMENTED, by, at, note)


def _told(ticket: Ticket, action: Action, by: str, at: datetime, note: str, move: Callable[[Clocks], Clocks], terms: Terms) -> Ticket:
    note = _needed("note", note, MAX_NOTE)
    if ticket.state in (State.RESOLVED, State.CLOSED):
        raise NotAllowedNow(f"a ticket that is {ticket.state.value} cannot be {action.value}; reopen it first")
    _check_room(ticket)
    return timed(noted(ticket, action, by, at, note), move(ticket.clocks), terms)


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
