"""What tickets say: filled from their contact, changed by people, held against the contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from chassis.errors import NotAllowedNow, NotFound

from routing.app import Routing, Who
from routing.domain.consistency import Conversation, filled, is_written_by_hand
from routing.domain.fields import FieldTable
from routing.domain.tickets import Action, Terms, Ticket
from routing.domain.updating import Changes, updated

_BATCH = 100
# A contact that runs, or is being transcribed, has no transcript yet: after these times somebody looks again, then no more.
_AGAIN = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 900, 3600, 3600, 7200, 14400, 28800))


class Conversations(Protocol):
    """Contacts as they were transcribed and judged."""

    async def get(self, tenant: str, interaction_id: str) -> Conversation:
        """Masked. Raises NotFound while there is no transcript, Unavailable."""
        ...


class ToLookAt(Protocol):
    """Tickets whose contact has to be looked at."""

    async def due(self, now: datetime, limit: int) -> Sequence[Ticket]:
        """The longest waiting first, without history."""
        ...

    async def again(self, ticket: Ticket, at: datetime) -> None:
        """Look again at `at`; changes nothing where the ticket has changed since."""
        ...


@dataclass(frozen=True, slots=True)
class Filling:
    """Fills, changes and checks what tickets say."""

    routing: Routing
    conversations: Conversations
    to_look_at: ToLookAt
    table: FieldTable

    async def update(self, who: Who, ticket_id: str, version: int, changes: Changes) -> Ticket:
        """Raises NotFound, Stale, NotAllowedNow, InvalidInput naming the field."""
        levels, rules = await self.routing.levels.current(who.tenant), await self.routing.rules.current(who.tenant)

        def change(ticket: Ticket, terms: Terms, at: datetime) -> Ticket:
            return updated(ticket, changes, self.table, rules, levels, who.principal, at)

        return await self.routing.change(who, ticket_id, version, Action.UPDATED, change)

    async def check(self, who: Who, ticket_id: str, version: int) -> Ticket:
        """Hold a ticket against its contact. Raises NotFound, Stale, Unavailable, NotAllowedNow where there is no contact to look at."""
        ticket = await self.routing.get(who, ticket_id)
        if not ticket.interaction_id:
            raise NotAllowedNow("the ticket belongs to no contact")
        try:
            conversation = await self.conversations.get(who.tenant, ticket.interaction_id)
        except NotFound:
            raise NotAllowedNow(f"contact {ticket.interaction_id} has no transcript yet") from None
        return await self.routing.change(
            who, ticket_id, version, Action.CHECKED, lambda t, terms, at: filled(t, self.table, conversation, at, check=True)
        )

    async def look(self) -> int:
        """Look at the contacts of tickets that wait for it. Returns how many there were. Raises Unavailable, and all keep waiting."""
        due = await self.to_look_at.due(self.routing.at(), _BATCH)
        for ticket in due:
            conversation = None
            if ticket.interaction_id:
                try:
                    conversation = await self.conversations.get(ticket.tenant, ticket.interaction_id)
                except NotFound:
                    if ticket.particulars.looks < len(_AGAIN):
                        await self.to_look_at.again(ticket, self.routing.at() + _AGAIN[ticket.particulars.looks])
                        continue
            await self.routing.system_change(ticket.tenant, ticket.ticket_id, partial(self._looked, conversation))
        return len(due)

    def _looked(self, conversation: Conversation | None, ticket: Ticket, terms: Terms, at: datetime) -> Ticket:
        if ticket.particulars.look_at is None or ticket.particulars.look_at > at:
            return ticket  # another replica has looked
        return filled(ticket, self.table, conversation, at, check=is_written_by_hand(ticket))

