"""What routing does: opens what is called for, takes each step once, and lets nothing pass its deadline unseen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from chassis.errors import InvalidInput, NotFound, Stale

from routing.domain import tickets as steps
from routing.domain.deadlines import ServiceLevels, fire_next
from routing.domain.departments import DepartmentRules
from routing.domain.opening import (
    Contact,
    Scored,
    Wanted,
    absorbed,
    by_hand,
    opened,
    wanted_for,
    wanted_for_promise,
)
from routing.domain.tickets import Action, Kind, Promise, State, Ticket

_TRIES = 8
_DUE_BATCH = 500


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts. `agent_id` narrows what can be seen to one agent's own tickets; empty sees the whole tenant's."""

    tenant: str
    principal: str
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something others must hear about: the ticket after it, and for deadlines which one was near or missed and its name."""

    action: Action
    ticket: Ticket
    deadline: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What a list is narrowed to; an unset field does not narrow. `visible_to` is an agent who sees only what is his own."""

    interaction_id: str = ""
    state: State | None = None
    department: str = ""
    assignee: str = ""
    customer_id: str = ""
    overdue: bool = False
    kind: Kind | None = None
    visible_to: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Tickets without their history, newest first, and the token of the next page; empty on the last."""

    tickets: tuple[Ticket, ...]
    next_token: str


@dataclass(frozen=True, slots=True)
class WatchedPromise:
    """A promise heard of before the evaluation of its contact; looked at again at `settle_at`."""

    contact: Contact
    promise: Promise
    settle_at: datetime


class Tickets(Protocol):
    """Where tickets are kept. Every write publishes what happened, once, also after a crash."""

    async def add(self, ticket: Ticket) -> tuple[Ticket, bool]:
        """Store a new ticket and tell of its opening. Returns the stored one and True, or the one already there and False."""
        ...

    async def get(self, tenant: str, ticket_id: str) -> Ticket:
        """The ticket with its history. Raises NotFound."""
        ...

    async def change(self, before: Ticket, after: Ticket, happened: Sequence[Happened]) -> None:
        """Store the step from `before` to `after`. Raises Stale where the stored version is not `before.version` any more."""
        ...

    async def page(self, tenant: str, narrowed: TicketFilter, size: int, token: str) -> Page:
        """Tickets, newest first. Raises InvalidInput for a token this list did not give out."""
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[Ticket]:
        """Tickets of all tenants with a timer at or before `now`, the longest waiting first."""
        ...


class Promises(Protocol):
    """Promises that wait for the evaluation of their contact."""

    async def watch(self, watched: WatchedPromise) -> None:
        """Remember it. Remembering the same promise twice is not an error and changes nothing."""
        ...

    async def to_settle(self, now: datetime, limit: int) -> Sequence[WatchedPromise]:
        """Those whose time to settle has come, the longest waiting first."""
        ...

    async def settled(self, watched: WatchedPromise) -> None:
        """It needs no further look."""
        ...


@dataclass(frozen=True, slots=True)
class Routing:
    """`derived_id` gives the same id for the same parts; `now` the current time, aware."""

    tickets: Tickets
    promises: Promises
    departments: DepartmentRules
    levels: ServiceLevels
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    derived_id: Callable[..., str]
    promise_settle: timedelta = timedelta(seconds=5)

    async def on_scored(self, scored: Scored) -> None:
        """Open what the evaluation calls for. Doing it again changes nothing.

        They open a millisecond apart, so that in a list, newest first, the customer's own matter stands before what follows from it.
        """
        at = self._at()
        for number, wanted in enumerate(wanted_for(scored)):
            await self._open_or_absorb(wanted, at + timedelta(milliseconds=number))

    async def on_promise(self, contact: Contact, promise: Promise) -> None:
        """Remember the promise; the evaluation, which knows more, mostly follows at once and opens the ticket."""
        await self.promises.watch(WatchedPromise(contact, promise, self._at() + self.promise_settle))

    async def settle_promises(self) -> int:
        """Follow the promises whose evaluation has had its time: on the contact's ticket, or on one of their own."""
        due = await self.promises.to_settle(self._at(), _DUE_BATCH)
        for watched in due:
            wanted = wanted_for_promise(watched.contact, watched.promise)
            if wanted is not None:
                await self._open_or_absorb(wanted, self._at())
            await self.promises.settled(watched)
        return len(due)

    async def _open_or_absorb(self, wanted: Wanted, at: datetime) -> None:
        contact = wanted.contact
        ticket_id = self.derived_id("ticket", contact.tenant, contact.interaction_id, wanted.kind.value)
        ticket, new = await self.tickets.add(opened(wanted, ticket_id, self.departments, self.levels, at))
        for _ in range(_TRIES):
            if new:
                return
            after = absorbed(ticket, wanted, self.departments, self.levels, at)
            if after is ticket:
                return
            try:
                await self.tickets.change(ticket, after, ())
                return
            except Stale:
                ticket = await self.tickets.get(contact.tenant, ticket_id)
        raise Stale(f"ticket {ticket_id} changes too fast to be added to")

    async def open_by_hand(self, who: Who, wanted: Wanted, idempotency_key: str) -> Ticket:
        """Open a ticket somebody asks for; the same key returns the first. Raises InvalidInput."""
        if len(idempotency_key) > 200:
            raise InvalidInput("idempotency_key", "at most 200 characters")
        ticket_id = self.derived_id("ticket-by-hand", who.tenant, idempotency_key) if idempotency_key else self.new_id()
        ticket = opened(by_hand(wanted), ticket_id, self.departments, self.levels, self._at(), who.principal)
        return (await self.tickets.add(ticket))[0]

    async def get(self, who: Who, ticket_id: str) -> Ticket:
        """The ticket. Raises NotFound, also for one that is not the caller's to see."""
        ticket = await self.tickets.get(who.tenant, ticket_id)
        if who.agent_id and who.agent_id not in (ticket.agent_id, ticket.assignee):
            raise NotFound(f"no ticket {ticket_id}")
        return ticket

    async def page(self, who: Who, narrowed: TicketFilter, size: int, token: str) -> Page:
        """One page of what the caller may see. Raises InvalidInput."""
        return await self.tickets.page(who.tenant, replace(narrowed, visible_to=who.agent_id), size, token)

    async def assign(self, who: Who, ticket_id: str, version: int, assignee: str, note: str) -> Ticket:
        """Raises NotFound, Stale, NotAllowedNow, InvalidInput; so do the steps that follow."""
        return await self._step(
            who, ticket_id, version, Action.ASSIGNED, lambda t, at: steps.assign(t, assignee, who.principal, at, note)
        )

    async def start(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self._step(who, ticket_id, version, Action.STARTED, lambda t, at: steps.start(t, who.principal, at, note))

    async def escalate(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self._step(who, ticket_id, version, Action.ESCALATED, lambda t, at: steps.escalate(t, who.principal, at, note))

    async def comment(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self._step(who, ticket_id, version, Action.COMMENTED, lambda t, at: steps.comment(t, who.principal, at, note))

    async def resolve(self, who: Who, ticket_id: str, version: int, resolution: str, note: str) -> Ticket:
        return await self._step(
            who, ticket_id, version, Action.RESOLVED, lambda t, at: steps.resolve(t, resolution, who.principal, at, note)
        )

    async def close(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self._step(who, ticket_id, version, Action.CLOSED, lambda t, at: steps.close(t, who.principal, at, note))

    async def reopen(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self._step(
            who, ticket_id, version, Action.REOPENED,
            lambda t, at: steps.reopen(t, self.levels.deadlines(t.kind, t.urgency, at), who.principal, at, note),
        )

    async def _step(
        self, who: Who, ticket_id: str, version: int, action: Action, step: Callable[[Ticket, datetime], Ticket]
    ) -> Ticket:
        for _ in range(_TRIES):
            before = await self.get(who, ticket_id)
            if version and version != before.version:
                raise Stale(f"ticket {ticket_id} has changed: its current version is {before.version}, not {version}")
            after = step(before, self._at())
            try:
                await self.tickets.change(before, after, (Happened(action, after),))
                return after
            except Stale:
                continue  # somebody was faster; look again, and refuse if a version was named
        raise Stale(f"ticket {ticket_id} changes too fast; try again")

    async def fire_due(self) -> int:
        """Let every timer go off whose time has come, in order of time, each once. Returns how many tickets were due."""
        now = self._at()
        due = await self.tickets.due(now, _DUE_BATCH)
        for before in due:
            after = before
            happened = []
            while (fired := fire_next(after, now)) is not None:
                after, timer = fired
                happened.append(Happened(timer.action, after, timer.deadline, f"{timer.name}@{timer.at.isoformat()}"))
            try:
                await self.tickets.change(before, after, happened)
            except Stale:
                continue  # another replica fired it, or it has just changed: the next look decides
        return len(due)

    def _at(self) -> datetime:
        """Now, to the millisecond: what is stored and what is held are the same."""
        now = self.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
