"""The screen-pop: who the customer is and what is going on with him, in one call."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from chassis.errors import InvalidInput, NotFound

from routing.app import Routing, TicketFilter, Who
from routing.domain.tickets import Promise, State, Ticket

_WEEK = timedelta(days=7)
_LATE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SeenContact:
    """One contact with a customer; `type`, `summary` and `emotion` are empty until it is scored."""

    tenant: str
    interaction_id: str
    customer_id: str
    customer_tier: str
    agent_id: str
    product: str
    at: datetime
    type: str = ""
    summary: str = ""
    emotion: str = ""


class Contacts(Protocol):
    """Contacts as they were heard of."""

    async def seen(self, contact: SeenContact) -> None:
        """Keep it; what is heard later adds to what was known. In any order, any number of times."""

    async def get(self, tenant: str, interaction_id: str) -> SeenContact | None:
        """None where nothing was heard of it."""

    async def of_customer(self, tenant: str, customer_id: str, limit: int) -> Sequence[SeenContact]:
        """Newest first."""


@dataclass(frozen=True, slots=True)
class CrmOrder:
    """An order as the company's system tells it."""

    order_id: str
    product: str
    status: str
    amount: str
    ordered_at: datetime | None


@dataclass(frozen=True, slots=True)
class CrmCustomer:
    """`status` is ok, off, unknown or away; all else is empty unless it is ok."""

    status: str
    customer_id: str = ""
    name: str = ""
    tier: str = ""
    since: datetime | None = None
    tags: tuple[str, ...] = ()
    orders: tuple[CrmOrder, ...] = ()


class Customers(Protocol):
    """The company's own system. It never raises: what is wrong with it is the answer's status."""

    async def by_id(self, tenant: str, customer_id: str) -> CrmCustomer:
        """The customer of that id."""

    async def by_phone(self, tenant: str, phone_hash: str) -> CrmCustomer:
        """The customer whose number has that SHA-256."""


class NoCustomers:
    """There is no such system."""

    async def by_id(self, tenant: str, customer_id: str) -> CrmCustomer:
        return CrmCustomer("off")

    async def by_phone(self, tenant: str, phone_hash: str) -> CrmCustomer:
        return CrmCustomer("off")


@dataclass(frozen=True, slots=True)
class FollowedPromise:
    """A promise that is not settled, and the ticket that follows it."""

    promise: Promise
    ticket_id: str
    overdue: bool


@dataclass(frozen=True, slots=True)
class ScreenPop:
    """What the agent sees; `customer_id` is empty where nobody knows who it is."""

    customer_id: str
    customer_tier: str
    contacts: tuple[SeenContact, ...]
    contacts_in_week: int
    open_tickets: tuple[Ticket, ...]
    recent_tickets: tuple[Ticket, ...]
    promises: tuple[FollowedPromise, ...]
    repeat_contacts: int
    crm: CrmCustomer


@dataclass(frozen=True, slots=True)
class Screen:
    """`customers` is the company's system."""

    routing: Routing
    contacts: Contacts
    customers: Customers

    async def of(self, who: Who, customer_id: str, phone_hash: str, interaction_id: str) -> ScreenPop:
        """Raises InvalidInput unless the customer is named in exactly one way, NotFound for an interaction that is not an agent's own."""
        given = [name for name, value in (("customer_id", customer_id), ("phone_hash", phone_hash), ("interaction_id", interaction_id)) if value]
        if len(given) != 1:
            raise InvalidInput(given[1] if given else "customer_id", "name the customer in exactly one way")
        if len(customer_id) > 200 or (phone_hash and not re.fullmatch("[0-9a-f]{64}", phone_hash)):
            raise InvalidInput(given[0], "must be a SHA-256 in lower-case hex" if phone_hash else "at most 200 characters")
        tier = ""
        if who.agent_id and not interaction_id:
            raise InvalidInput("interaction_id", "is needed: an agent sees the customers of its own interactions")
        if interaction_id:
            contact = await self.contacts.get(who.tenant, interaction_id)
            if who.agent_id and (contact is None or contact.agent_id != who.agent_id):
                raise NotFound(f"nothing is known of the interaction {interaction_id}")
            customer_id, tier = (contact.customer_id, contact.customer_tier) if contact else ("", "")
        crm = None
        if phone_hash:
            crm = await self.customers.by_phone(who.tenant, phone_hash)
            customer_id = crm.customer_id
        if not customer_id:
            return ScreenPop("", tier, (), 0, (), (), (), 0, crm or CrmCustomer("unknown"))
        return await self._of_customer(who.tenant, who.principal, customer_id, tier, crm)

    async def _of_customer(self, tenant: str, principal: str, customer_id: str, tier: str, crm: CrmCustomer | None) -> ScreenPop:
        everyone = Who(tenant, principal)  # the customer's matters, whoever has them
        page, contacts, told = await asyncio.gather(
            self.routing.page(everyone, TicketFilter(customer_id=customer_id), 50, ""),
            self.contacts.of_customer(tenant, customer_id, 50),
            _given(crm) if crm is not None else self.customers.by_id(tenant, customer_id),
        )
        now = self.routing.at()
        over = (State.RESOLVED, State.CLOSED)
        unfinished = [ticket for ticket in page.tickets if ticket.state not in over]
        promises = {
            promise.promise_id: FollowedPromise(promise, ticket.ticket_id, promise.deadline is not None and promise.deadline < now)
            for ticket in unfinished for promise in ticket.promises if not promise.outcome
        }
        tiers = (told.tier, tier, *(c.customer_tier for c in contacts), *(t.customer_tier for t in page.tickets))
        return ScreenPop(
            customer_id, next((one for one in tiers if one), ""), tuple(contacts[:10]),
            sum(now - contact.at <= _WEEK for contact in contacts),
            tuple(unfinished[:20]), tuple([ticket for ticket in page.tickets if ticket.state in over][:5]),
            tuple(sorted(promises.values(), key=lambda p: p.promise.deadline or _LATE)),
            sum("repeat_contact" in ticket.causes for ticket in page.tickets),
            replace(told, orders=told.orders[:10]),
        )


async def _given(crm: CrmCustomer) -> CrmCustomer:
    return crm
