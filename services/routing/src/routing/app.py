"""What routing does: opens what is called for, takes each step once, and lets nothing pass its deadline unseen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chassis.errors import InvalidInput, NotFound, Stale

from routing.domain import tickets as steps
from routing.domain.deadlines import PROMISE, fire_next, next_timer_at
from routing.domain.departments import DepartmentRules
from routing.domain.desk import tell
from routing.domain.opening import Wanted, absorbed, by_hand, opened
from routing.domain.rectification import Rectification
from routing.domain.service_levels import ServiceLevels
from routing.domain.tickets import Action, Kind, State, Terms, Ticket

_TRIES = 8
_DUE_BATCH = 500
Change = Callable[[Ticket, Terms, datetime], Ticket]


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts. `agent_id` narrows what can be seen to one agent's own tickets; empty sees the whole tenant's."""

    tenant: str
    principal: str
    agent_id: str = ""


def commented(who: Who, note: str, public: bool) -> Change:
    """The step that adds words, for the company's people or to the customer."""
    if public:
        return lambda t, terms, at: tell(t, terms, who.principal, at, note)
    return lambda t, terms, at: steps.comment(t, who.principal, at, note)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something others must hear about: the ticket after it, and for deadlines which one, its name, the share used and the level."""

    action: Action
    ticket: Ticket
    deadline: str = ""
    name: str = ""
    share: float = 0.0
    level: int = 0


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
    due_first: bool = False
    watcher: str = ""
    query: str = ""
    team_id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Tickets without their history, newest first, and the token of the next page; empty on the last."""

    tickets: tuple[Ticket, ...]
    next_token: str


class Tickets(Protocol):
    """Where tickets are kept. Every write publishes what happened, once, also after a crash."""

    async def add(self, ticket: Ticket, timer_at: datetime | None) -> tuple[Ticket, bool]:
        """Store a new ticket and tell of its opening. Returns the stored one and True, or the one already there and False."""
        ...

    async def get(self, tenant: str, ticket_id: str) -> Ticket:
        """The ticket with its history. Raises NotFound."""
        ...

    async def change(self, before: Ticket, after: Ticket, timer_at: datetime | None, happened: Sequence[Happened]) -> None:
        """Store the step from `before` to `after`. Raises Stale where the stored version is not `before.version` any more."""
        ...

    async def page(self, tenant: str, narrowed: TicketFilter, size: int, token: str) -> Page:
        """Tickets, newest first, or those with a deadline, soonest first. Raises InvalidInput for a token this list did not give out."""
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[Ticket]:
        """Tickets of all tenants with a timer at or before `now`, the longest waiting first."""
        ...

    async def of_version(self, tenant: str, levels_version: str, limit: int) -> Sequence[Ticket]:
        """Unfinished tickets whose clocks go by that version of the service levels."""
        ...


class Levels(Protocol):
    """Published service levels; a version never changes."""

    async def current(self, tenant: str) -> ServiceLevels:
        """Those that count for a tenant now."""
        ...

    async def version(self, tenant: str, version: str) -> ServiceLevels:
        """Raises NotFound."""
        ...


class Rules(Protocol):
    """Published routing rules; a version never changes."""

    async def current(self, tenant: str) -> DepartmentRules:
        """Those that count for a tenant now."""
        ...


class Assignees(Protocol):
    """Those whom tickets are given to."""

    async def check(self, tenant: str, assignee: str) -> None:
        """Raises InvalidInput for somebody unknown."""
        ...

    async def changed(self, before: Ticket | None, after: Ticket) -> None:
        """A ticket was stored."""
        ...


class Anybody:
    """Tickets may be given to whoever is named."""

    async def check(self, tenant: str, assignee: str) -> None:
        """Everybody is known."""

    async def changed(self, before: Ticket | None, after: Ticket) -> None:
        """Nobody's load is counted."""


_ANYBODY = Anybody()


@dataclass(frozen=True, slots=True)
class Routing:
    """`derived_id` gives the same id for the same parts; `now` the current time, aware; `complete` says what a new ticket still lacks."""

    tickets: Tickets
    rules: Rules
    levels: Levels
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    derived_id: Callable[..., str]
    assignees: Assignees = _ANYBODY
    complete: Callable[[Ticket], Ticket] = lambda ticket: ticket

    async def open_for(self, wanted: Wanted, ticket_id: str, at: datetime) -> tuple[Ticket, bool]:
        """Open the ticket of that id; the ticket and True, or the one that is there already, with what is wanted taken in, and False."""
        tenant = wanted.contact.tenant
        levels, rules = await self.levels.current(tenant), await self.rules.current(tenant)
        ticket, new = await self._add(opened(wanted, ticket_id, rules, levels, at), levels)
        if new or wanted.contact.interaction_id not in ticket.interactions:
            return ticket, new
        return await self.system_change(tenant, ticket_id, lambda t, terms, now: absorbed(t, wanted, rules, levels, now)), False

    async def open_by_hand(self, who: Who, wanted: Wanted, idempotency_key: str) -> Ticket:
        """Open a ticket somebody asks for; the same key returns the first. Raises InvalidInput."""
        if len(idempotency_key) > 200:
            raise InvalidInput("idempotency_key", "at most 200 characters")
        ticket_id = self.derived_id("ticket-by-hand", who.tenant, idempotency_key) if idempotency_key else self.new_id()
        levels, rules = await self.levels.current(who.tenant), await self.rules.current(who.tenant)
        ticket = opened(by_hand(wanted), ticket_id, rules, levels, self.at(), who.principal)
        return (await self._add(self.complete(ticket), levels))[0]

    async def open_imported(self, who: Who, wanted: Wanted, external_id: str) -> tuple[Ticket, bool]:
        """Open the ticket another system knows by that id; the ticket and True, or the one that is there and False. Raises InvalidInput."""
        levels, rules = await self.levels.current(who.tenant), await self.rules.current(who.tenant)
        ticket = opened(by_hand(wanted), self.imported_id(who.tenant, external_id), rules, levels, self.at(), who.principal)
        return await self._add(self.complete(replace(ticket, external_id=external_id)), levels)

    def imported_id(self, tenant: str, external_id: str) -> str:
        """Under which id such a ticket is opened."""
        return self.derived_id("imported-ticket", tenant, external_id)

    async def open_rectification(self, wanted: Wanted, matter: Rectification, number: int) -> Ticket:
        """The ticket of a matter, the `number`-th of its kind; the one that is there where it was opened before."""
        tenant = wanted.contact.tenant
        ticket_id = self.derived_id("rectification", tenant, matter.target.value, matter.target_id, matter.item_id, str(number))
        levels, rules = await self.levels.current(tenant), await self.rules.current(tenant)
        ticket = opened(wanted, ticket_id, rules, levels, self.at())
        return (await self._add(replace(ticket, rectification=matter), levels))[0]

    async def system_change(self, tenant: str, ticket_id: str, change: Change) -> Ticket:
        """A change that follows from what happened; one that gives back the very same ticket is none. Raises NotFound, Stale."""
        for _ in range(_TRIES):
            before = await self.tickets.get(tenant, ticket_id)
            at = self.at()
            current, terms = await self._under_current(before, at)
            after = change(current, terms, at)
            if after is current:
                return before
            try:
                await self._change(before, after, await self._terms(after), (Happened(after.history[-1].action, after),))
                return after
            except Stale:
                continue
        raise Stale(f"ticket {ticket_id} changes too fast")

    async def get(self, who: Who, ticket_id: str) -> Ticket:
        """The ticket. Raises NotFound, also for one that is not the caller's to see."""
        ticket = await self.tickets.get(who.tenant, ticket_id)
        if who.agent_id and who.agent_id not in (ticket.agent_id, ticket.assignee, *ticket.watchers):
            raise NotFound(f"no ticket {ticket_id}")
        return ticket

    async def page(self, who: Who, narrowed: TicketFilter, size: int, token: str) -> Page:
        """One page of what the caller may see. Raises InvalidInput."""
        return await self.tickets.page(who.tenant, replace(narrowed, visible_to=who.agent_id), size, token)

    async def assign(self, who: Who, ticket_id: str, version: int, assignee: str, note: str) -> Ticket:
        """Raises NotFound, Stale, NotAllowedNow, InvalidInput also for somebody unknown; so do the steps that follow."""
        await self.assignees.check(who.tenant, assignee.strip())
        return await self.change(
            who, ticket_id, version, Action.ASSIGNED, lambda t, terms, at: steps.assign(t, assignee, who.principal, at, note)
        )

    async def start(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.STARTED, lambda t, terms, at: steps.start(t, terms, who.principal, at, note))

    async def escalate(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.ESCALATED, lambda t, terms, at: steps.escalate(t, terms, who.principal, at, note))

    async def wait(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.WAITED, lambda t, terms, at: steps.wait(t, terms, who.principal, at, note))

    async def resume(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.RESUMED, lambda t, terms, at: steps.resume(t, terms, who.principal, at, note))

    async def answer(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.ANSWERED, lambda t, terms, at: steps.answer(t, terms, who.principal, at, note))

    async def customer_said(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(
            who, ticket_id, version, Action.CUSTOMER_SAID, lambda t, terms, at: steps.customer_said(t, terms, who.principal, at, note)
        )

    async def diagnose(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.DIAGNOSED, lambda t, terms, at: steps.diagnose(t, terms, who.principal, at, note))

    async def comment(self, who: Who, ticket_id: str, version: int, note: str, public: bool = False) -> Ticket:
        return await self.change(who, ticket_id, version, Action.COMMENTED, commented(who, note, public))

    async def resolve(self, who: Who, ticket_id: str, version: int, resolution: str, note: str) -> Ticket:
        return await self.change(
            who, ticket_id, version, Action.RESOLVED, lambda t, terms, at: steps.resolve(t, terms, resolution, who.principal, at, note)
        )

    async def close(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.CLOSED, lambda t, terms, at: steps.close(t, who.principal, at, note))

    async def reopen(self, who: Who, ticket_id: str, version: int, note: str) -> Ticket:
        return await self.change(who, ticket_id, version, Action.REOPENED, lambda t, terms, at: steps.reopen(t, terms, who.principal, at, note))

    async def change(self, who: Who, ticket_id: str, version: int, action: Action, step: Change) -> Ticket:
        """A step somebody takes. Raises NotFound, Stale, NotAllowedNow, InvalidInput."""
        for _ in range(_TRIES):
            before = await self.get(who, ticket_id)
            if version and version != before.version:
                raise Stale(f"ticket {ticket_id} has changed: its current version is {before.version}, not {version}")
            at = self.at()
            current, terms = await self._under_current(before, at)
            after = step(current, terms, at)
            try:
                terms = terms if after.policy_id == current.policy_id else await self._terms(after)
                await self._change(before, after, terms, (Happened(action, after),))
                return after
            except Stale:
                continue  # somebody was faster; look again, and refuse if a version was named
        raise Stale(f"ticket {ticket_id} changes too fast; try again")

    async def fire_due(self) -> int:
        """Let every timer go off whose time has come, in order of time, each once. Returns how many tickets were due."""
        now = self.at()
        due = await self.tickets.due(now, _DUE_BATCH)
        for before in due:
            after, terms = await self._under_current(before, now)
            happened = []
            while (fired := fire_next(after, terms, now)) is not None:
                after, timer = fired
                happened.append(Happened(timer.action, after, timer.deadline, timer.name, timer.share, timer.level))
                if timer.deadline == PROMISE:  # a broken promise is urgent: shorter times from now on, and the second line
                    after, terms = await self._under_fitting(after, terms, now)
                    if after.line == 1:
                        after = steps.escalate(after, terms, steps.SYSTEM, now, "承诺未兑现，自动升级")
                        happened.append(Happened(Action.ESCALATED, after))
            try:
                await self._change(before, after, terms, happened)
            except Stale:
                continue  # another replica fired it, or it has just changed: the next look decides
        return len(due)

    async def move_to_current(self, tenant: str, old_version: str) -> int:
        """Bring unfinished tickets of an old version of the service levels under those of now. Returns how many there were."""
        found = await self.tickets.of_version(tenant, old_version, _DUE_BATCH)
        for before in found:
            after, terms = await self._under_current(before, self.at())
            try:
                await self._change(before, after, terms, ())
            except Stale:
                continue  # whoever changed it has brought it along
        return len(found)

    async def _under_current(self, ticket: Ticket, at: datetime) -> tuple[Ticket, Terms]:
        """The ticket under the service levels of now, and its terms there."""
        levels = await self.levels.current(ticket.tenant)
        if ticket.levels_version == levels.version:
            return ticket, levels.terms_of(ticket.policy_id) or levels.terms_for(ticket)
        new = levels.terms_for(ticket)
        if ticket.state in (State.RESOLVED, State.CLOSED):
            return ticket, new
        try:
            old = (await self.levels.version(ticket.tenant, ticket.levels_version)).terms_of(ticket.policy_id) or new
        except NotFound:  # it is older than any version that is kept
            old = new
        return steps.under_terms(ticket, old, new, levels.version, at), new

    async def _under_fitting(self, ticket: Ticket, terms: Terms, at: datetime) -> tuple[Ticket, Terms]:
        """The ticket under the terms for what has become of it, and these."""
        levels = await self.levels.current(ticket.tenant)
        fitting = levels.terms_for(ticket)
        if fitting.policy.policy_id == ticket.policy_id:
            return ticket, terms
        return steps.under_terms(ticket, terms, fitting, levels.version, at), fitting

    async def _terms(self, ticket: Ticket) -> Terms:
        levels = await self.levels.current(ticket.tenant)
        return levels.terms_of(ticket.policy_id) or levels.terms_for(ticket)

    async def _add(self, ticket: Ticket, levels: ServiceLevels) -> tuple[Ticket, bool]:
        stored, new = await self.tickets.add(ticket, next_timer_at(ticket, levels.terms_for(ticket)))
        if new:
            await self.assignees.changed(None, stored)
        return stored, new

    async def _change(self, before: Ticket, after: Ticket, terms: Terms, happened: Sequence[Happened]) -> None:
        await self.tickets.change(before, after, next_timer_at(after, terms), happened)
        await self.assignees.changed(before, after)

    def at(self) -> datetime:
        """Now, to the millisecond: what is stored and what is held are the same."""
        now = self.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
