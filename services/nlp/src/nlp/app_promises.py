"""What happens first and what then until a promise is kept, late or broken: tickets, later contacts, the clock and people are heard."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chassis.errors import Denied, NotFound, Stale

from nlp.app import Clock
from nlp.app_reviews import Person
from nlp.domain.promise_keeping import TICKET, JudgedContact, PromiseStatus, StoredPromise, done, heard_of, run_out, said

__all__ = ["Contacts", "JudgedContact", "PromiseFilters", "PromiseKeeping", "PromisePage", "PromiseStore"]

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 2.0
SWEEP_BATCH = 200
MOST_LOOKED_AT = 200
_TRIES = 20

Settle = Callable[[StoredPromise], StoredPromise | None]


@dataclass(frozen=True, slots=True)
class PromiseFilters:
    """Only those that match; empty matches all."""

    interaction_id: str = ""
    agent_id: str = ""
    customer_id: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class PromisePage:
    """`next_token` is empty on the last page."""

    promises: Sequence[StoredPromise]
    next_token: str = ""


class PromiseStore(Protocol):
    """Promises where they are kept; they come there with the evaluation of their contact."""

    async def find(self, tenant: str, promise_id: str) -> StoredPromise | None:
        """One promise."""

    async def of_interaction(self, tenant: str, interaction_id: str) -> Sequence[StoredPromise]:
        """Those made in one contact."""

    async def to_customer(self, tenant: str, customer_id: str, before: datetime, most: int) -> Sequence[StoredPromise]:
        """Those made to one customer before a moment, newest first."""

    async def run_out(self, now: datetime, most: int) -> Sequence[StoredPromise]:
        """Open ones of every tenant whose time has run out, longest first."""

    async def settle(self, seen: StoredPromise, after: StoredPromise) -> bool:
        """Keep what became of it and tell PromiseSettled, in one; False where it is no longer as it was seen."""

    async def page(self, tenant: str, filters: PromiseFilters, *, size: int, token: str) -> PromisePage:
        """Newest first. Raises InvalidInput on "page_size" and "page_token"."""


class Contacts(Protocol):
    """Contacts as they were judged."""

    async def contact(self, tenant: str, interaction_id: str) -> JudgedContact | None:
        """One contact; None where it was not judged."""

    async def later(self, tenant: str, customer_id: str, after: datetime, most: int) -> Sequence[JudgedContact]:
        """Those of a customer that began later, in order."""


class PromiseKeeping:
    """Hears of everything by which a promise is settled; each hearing may come again, and in any order."""

    def __init__(self, store: PromiseStore, contacts: Contacts, *, now: Clock, is_transient: Callable[[BaseException], bool]) -> None:
        self._store, self._contacts, self._now, self._is_transient = store, contacts, now, is_transient

    async def contact_judged(self, tenant: str, interaction_id: str) -> None:
        """A contact may settle promises made before it; and contacts judged sooner may settle those made in it."""
        contact = await self._contacts.contact(tenant, interaction_id)
        if contact is None or not contact.customer_id:
            return
        for promise in await self._store.to_customer(tenant, contact.customer_id, contact.at, MOST_LOOKED_AT):
            await self._settle(promise, _hearing(contact))
        made = await self._store.of_interaction(tenant, interaction_id)
        if made:
            for later in await self._contacts.later(tenant, contact.customer_id, contact.at, MOST_LOOKED_AT):
                for promise in made:
                    await self._settle(promise, _hearing(later))

    async def ticket_done(self, tenant: str, ticket_id: str, interaction_ids: Sequence[str], at: datetime) -> None:
        """A ticket about these contacts was solved at a moment: what was promised in them was done then."""
        for interaction_id in dict.fromkeys(interaction_ids):
            for promise in await self._store.of_interaction(tenant, interaction_id):
                await self._settle(promise, lambda seen: done(seen, at, f"{TICKET}:{ticket_id}"))

    async def sweep(self) -> int:
        """Break what has run out; returns how many were found."""
        now = self._now()
        found = await self._store.run_out(now, SWEEP_BATCH)
        for promise in found:
            await self._settle(promise, lambda seen: run_out(seen, now))
        return len(found)

    async def sweep_forever(self) -> None:
        """Runs as long as the process; give it to Life.spawn."""
        while True:
            try:
                while await self.sweep() == SWEEP_BATCH:
                    pass
            except Exception as failure:
                if not self._is_transient(failure):
                    raise
                log.warning("promises are swept later: %s", type(failure).__name__)
            await asyncio.sleep(SWEEP_EVERY_S)

    async def settle(self, promise_id: str, status: PromiseStatus, note: str, person: Person) -> StoredPromise:
        """As a person says; saying it twice is saying it once. Raises NotFound, Denied, InvalidInput, Stale where others settle it without end."""
        if person.agent_id:
            raise Denied("an agent does not settle promises", field="promise_id")
        promise = await self._store.find(person.tenant, promise_id)
        if promise is None:
            raise NotFound("there is no such promise", field="promise_id")
        return await self._settle(promise, lambda seen: said(seen, status, note, person.principal, self._now()))

    async def page(self, filters: PromiseFilters, person: Person, *, size: int, token: str) -> PromisePage:
        """Newest first; a key for one agent sees that agent's alone. Raises InvalidInput, Denied."""
        if person.agent_id and filters.agent_id not in ("", person.agent_id):
            raise Denied("the key is for one agent's own contacts", field="agent_id")
        narrowed = replace(filters, agent_id=filters.agent_id or person.agent_id)
        return await self._store.page(person.tenant, narrowed, size=size, token=token)

    async def _settle(self, promise: StoredPromise, decide: Settle) -> StoredPromise:
        """The promise as it is after a decision, taken on what it is now, once."""
        for _ in range(_TRIES):
            after = decide(promise)
            if after is None:
                return promise
            if await self._store.settle(promise, after):
                return after
            found = await self._store.find(promise.tenant, promise.promise.promise_id)
            if found is None:
                raise NotFound("there is no such promise", field="promise_id")
            promise = found
        raise Stale("others settle the same promise without end", field="promise_id")


def _hearing(contact: JudgedContact) -> Settle:
    return lambda seen: heard_of(seen, contact)
