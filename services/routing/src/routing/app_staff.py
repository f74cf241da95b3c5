"""Who is given what: people and their presence kept, their load counted, waiting tickets handed out."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chassis.errors import InvalidInput, NotAllowedNow, NotFound, Stale

from routing.app import Routing, Who
from routing.domain import tickets as steps
from routing.domain.staff import Choice, Person, Presence, checked, choose, holder, is_queued, lasting, obstacles
from routing.domain.tickets import SYSTEM, Action, Ticket

_CANDIDATES = 500
_QUEUE_HEAD = 200
_PRESENT = 2_000
_READ_AT_MOST = 2_000
_TRIES = 8


class StaffStore(Protocol):
    """Where people are kept. What a person holds is a set of tickets, so that counting one twice changes nothing."""

    async def put(self, person: Person) -> Person:
        """Store what is known of a person; presence and load stay as they are. Returns what is stored."""

    async def get(self, tenant: str, agent_id: str) -> Person | None:
        """None where there is nobody."""

    async def any(self, tenant: str) -> bool:
        """Does the tenant keep staff?"""

    async def page(self, tenant: str, department: str, size: int, after: str) -> Sequence[Person]:
        """By agent_id, behind `after`; of all departments where `department` is empty."""

    async def set_presence(self, tenant: str, agent_id: str, presence: Presence, until: datetime) -> Person | None:
        """The person after it; None where there is nobody."""

    async def candidates(self, tenant: str, department: str, limit: int) -> Sequence[Person]:
        """Who said to be online, the least loaded first."""

    async def present(self, now: datetime, limit: int) -> Sequence[Person]:
        """Who is online in any company."""

    async def hold(self, tenant: str, agent_id: str, ticket_id: str, at: datetime, *, below: int | None = None) -> bool:
        """Count the ticket to the person. False where the person is gone, or where it is not counted yet and the load is not below `below`."""

    async def release(self, tenant: str, agent_id: str, ticket_id: str) -> None:
        """Count it no longer."""

    async def holding(self, tenant: str, agent_id: str) -> frozenset[str]:
        """The tickets counted to the person."""


class TicketQueue(Protocol):
    """Tickets by who has them."""

    async def head(self, tenant: str, department: str, limit: int) -> Sequence[Ticket]:
        """Those that wait to be given to somebody, in the order of their turn, without history."""

    async def held_by(self, tenant: str, agent_id: str) -> frozenset[str]:
        """Unfinished tickets of a person, by id."""


class Workload:
    """What people have, kept in step with their tickets; and where something may now be handed out: `stirred` is set then."""

    def __init__(self, store: StaffStore, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self.stirred = asyncio.Event()
        self._departments: set[tuple[str, str]] = set()
        self._people: set[tuple[str, str]] = set()

    async def check(self, tenant: str, assignee: str) -> None:
        """Raises InvalidInput for somebody unknown; a company that keeps no staff may name whom it likes."""
        person = await self._store.get(tenant, assignee)
        if (person is None or person.retired) and await self._store.any(tenant):
            raise InvalidInput("assignee", f"there is nobody {assignee} who takes tickets")

    async def changed(self, before: Ticket | None, after: Ticket) -> None:
        """A ticket was stored: the load of whoever had or has it follows."""
        had, has = holder(before) if before else "", holder(after)
        if has and has != had:
            await self._store.hold(after.tenant, has, after.ticket_id, self._now())
        if had and has != had:
            await self._store.release(after.tenant, had, after.ticket_id)
            self._people.add((after.tenant, had))
            self.stirred.set()
        if is_queued(after) and (before is None or not is_queued(before) or before.department != after.department or before.line != after.line):
            self.stir(after.tenant, after.department)

    def stir(self, tenant: str, *departments: str) -> None:
        """Something may be handed out there now."""
        self._departments.update((tenant, department) for department in departments)
        self.stirred.set()

    async def take_stirred(self) -> set[tuple[str, str]]:
        """Companies and departments in which something may be handed out since the last look."""
        found, self._departments = self._departments, set()
        people, self._people = self._people, set()
        self.stirred.clear()
        for tenant, agent_id in people:
            person = await self._store.get(tenant, agent_id)
            found |= {(tenant, department) for department in (person.departments if person else ())}
        return found


@dataclass(frozen=True, slots=True)
class Staffing:
    """People, and tickets given to them. `automatic` says that tickets are handed out without being asked."""

    routing: Routing
    store: StaffStore
    queue: TicketQueue
    workload: Workload
    automatic: bool = True

    async def put(self, person: Person) -> Person:
        """Raises InvalidInput naming the field."""
        stored = await self.store.put(checked(person))
        self.workload.stir(person.tenant, *person.departments)
        return stored

    async def set_presence(self, tenant: str, agent_id: str, presence: Presence, for_s: int) -> Person:
        """Raises InvalidInput, NotFound."""
        person = await self.store.set_presence(tenant, agent_id, presence, self.routing.at() + lasting(for_s))
        if person is None:
            raise NotFound(f"there is nobody {agent_id} who takes tickets")
        if presence is Presence.ONLINE:
            self.workload.stir(tenant, *person.departments)
        return person

    async def page(self, tenant: str, department: str, presence: Presence | None, size: int, after: str) -> tuple[list[Person], str]:
        """People by id, and behind whom the next page begins; "" on the last. Who is now present is known only when asked."""
        found: list[Person] = []
        at, read = self.routing.at(), 0
        while len(found) < size and read < _READ_AT_MOST:
            part = await self.store.page(tenant, department, size, after)
            for person in part:
                read += 1
                after = person.agent_id
                if presence is None or person.presence(at) is presence:
                    found.append(person)
                if len(found) == size:
                    break
            if len(part) < size and (not part or after == part[-1].agent_id):
                return found, ""
        return found, after

    async def auto_assign(self, who: Who, ticket_id: str, version: int) -> tuple[Ticket, Choice]:
        """Give it to whoever fits best. Raises NotFound, Stale, NotAllowedNow where nobody fits."""
        ticket = await self.routing.get(who, ticket_id)
        if version and version != ticket.version:
            raise Stale(f"ticket {ticket_id} has changed: its current version is {ticket.version}, not {version}")
        allowed, _ = steps.STEPS[Action.ASSIGNED]
        if ticket.state not in allowed:
            raise NotAllowedNow(f"a ticket that is {ticket.state.value} cannot be assigned")
        for _ in range(_TRIES):
            people = [p for p in await self.store.candidates(who.tenant, ticket.department, _CANDIDATES) if p.agent_id != ticket.assignee]
            given = await self._give(ticket, people, who.principal)
            if given is not None:
                return given
            if choose(people, ticket, self.routing.at()) is None:
                counted = obstacles(people, ticket, self.routing.at())
                why = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
                raise NotAllowedNow(f"nobody of {ticket.department} can be given ticket {ticket_id} now: {why or 'nobody is online'}")
        raise Stale(f"ticket {ticket_id} or the people of {ticket.department} change too fast; try again")

    async def hand_out(self, tenant: str, department: str) -> int:
        """Give what waits in a department to who is there, the most urgent first. Returns how many tickets found somebody."""
        people = list(await self.store.candidates(tenant, department, _CANDIDATES))
        given = 0
        for ticket in await self.queue.head(tenant, department, _QUEUE_HEAD) if people else ():
            result = await self._give(ticket, people, SYSTEM)
            if result is None and choose(people, ticket, self.routing.at()) is not None:
                people = list(await self.store.candidates(tenant, department, _CANDIDATES))  # somebody else was faster
                result = await self._give(ticket, people, SYSTEM)
            if result is not None:
                given += 1
                taker = result[1].person
                people = [replace(p, load=p.load + 1, last_assigned_at=self.routing.at()) if p.agent_id == taker.agent_id else p for p in people]
            if all(person.load >= person.capacity for person in people):
                break
        return given

    async def work(self) -> int:
        """Hand out where something has stirred. Returns how many tickets found somebody."""
        stirred = await self.workload.take_stirred()
        return sum([await self.hand_out(tenant, department) for tenant, department in sorted(stirred)]) if self.automatic else 0

    async def look_around(self) -> None:
        """Hand out wherever somebody is present: finds what another replica, or a crash, has left waiting."""
        for person in await self.store.present(self.routing.at(), _PRESENT):
            self.workload.stir(person.tenant, *person.departments)

    async def reconcile(self, doubted: frozenset[tuple[str, str, str]]) -> frozenset[tuple[str, str, str]]:
        """Count again what present people have. Returns (tenant, agent, ticket) counted without a ticket that says so: what was `doubted` before
        is counted no longer, for a ticket that is just being given is doubted once at most.
        """
        found: set[tuple[str, str, str]] = set()
        for person in await self.store.present(self.routing.at(), _PRESENT):
            counted = await self.store.holding(person.tenant, person.agent_id)
            held = await self.queue.held_by(person.tenant, person.agent_id)
            for ticket_id in held - counted:
                await self.store.hold(person.tenant, person.agent_id, ticket_id, self.routing.at())
            for ticket_id in counted - held:
                one = (person.tenant, person.agent_id, ticket_id)
                if one in doubted:
                    await self.store.release(*one)
                    self.workload.stir(person.tenant, *person.departments)
                else:
                    found.add(one)
        return frozenset(found)

    async def _give(self, ticket: Ticket, people: Sequence[Person], by: str) -> tuple[Ticket, Choice] | None:
        """Reserve the best person's time, then give; None where nobody fits, or somebody was faster."""
        at = self.routing.at()
        choice = choose(people, ticket, at)
        if choice is None:
            return None
        person = choice.person
        if not await self.store.hold(ticket.tenant, person.agent_id, ticket.ticket_id, at, below=person.capacity):
            return None
        note = f"自动分配给 {person.name}（{'；'.join(choice.because)}）"
        try:
            after = await self.routing.change(
                Who(ticket.tenant, by), ticket.ticket_id, ticket.version, Action.ASSIGNED,
                lambda t, terms, now: steps.assign(t, person.agent_id, by, now, note),
            )
        except (Stale, NotAllowedNow):
            if holder(await self.routing.tickets.get(ticket.tenant, ticket.ticket_id)) != person.agent_id:
                await self.store.release(ticket.tenant, person.agent_id, ticket.ticket_id)
            return None
        return after, choice
