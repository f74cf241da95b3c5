"""What routing hears becomes work: evaluations, alerts, promises, feedback and later contacts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from chassis.errors import NotFound, Stale

from routing.app import Routing, TicketFilter, Who
from routing.domain import tickets as steps
from routing.domain.opening import (
    COMPLAINT,
    Contact,
    Feedback,
    Scored,
    Wanted,
    followup_of,
    wanted_for,
    wanted_for_alert,
    wanted_for_feedback,
    wanted_for_promise,
)
from routing.domain.tickets import SYSTEM, Action, Kind, Promise, State, Terms, Ticket, noted

_BATCH = 500
_TRIES = 8
# A customer who comes back with the same matter within this time has a repeat contact, no second ticket.
REPEAT_WITHIN = timedelta(days=7)
_PLATFORM = "system"


@dataclass(frozen=True, slots=True)
class Watched:
    """A promise or an urgent alert heard of before the evaluation of its contact; looked at again at `settle_at`.

    Of a live call the evaluation is still to come: an alert that is urgent opens its ticket without it.
    """

    contact: Contact
    settle_at: datetime
    promise: Promise | None = None
    alert: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Matter:
    """What a customer last had a ticket about; `version` guards against two writers."""

    key: str
    ticket_id: str = ""
    version: int = 0


class Waiting(Protocol):
    """What waits for the evaluation of its contact."""

    async def watch(self, watched: Watched) -> None:
        """Remember it. Remembering the same twice, or an alert whose contact was scored, changes nothing."""
        ...

    async def scored(self, contact: Contact) -> None:
        """The contact was scored: its alerts wait no longer, nor will those that come late."""
        ...

    async def to_settle(self, now: datetime, limit: int) -> Sequence[Watched]:
        """Those whose time to settle has come, the longest waiting first."""
        ...

    async def settled(self, watched: Watched) -> None:
        """It needs no further look."""
        ...


class Matters(Protocol):
    """Which ticket a customer's matter has."""

    async def get(self, key: str) -> Matter:
        """An empty one where there is none."""
        ...

    async def keep(self, matter: Matter) -> None:
        """Store it in the place of the version before. Raises Stale."""
        ...


class Intake:
    """Opens what is called for, once, however often it is heard of."""

    def __init__(self, routing: Routing, waiting: Waiting, matters: Matters, settle: timedelta = timedelta(seconds=5)) -> None:
        self.routing, self._waiting, self._matters, self._settle = routing, waiting, matters, settle

    async def on_scored(self, scored: Scored) -> None:
        """Open what the evaluation calls for. Doing it again changes nothing.

        They open a millisecond apart, so that in a list, newest first, the customer's own matter stands before what follows from it.
        """
        if scored.urgent_alerts:
            await self._waiting.scored(scored.contact)
        if scored.outbound and scored.contact.customer_id:
            await self._called_back(scored)
        at = self.routing.at()
        for number, wanted in enumerate(wanted_for(scored)):
            await self._open(wanted, at + timedelta(milliseconds=number))

    async def on_promise(self, contact: Contact, promise: Promise) -> None:
        """Remember the promise; the evaluation, which knows more, mostly follows at once and opens the ticket."""
        await self._waiting.watch(Watched(contact, self.routing.at() + self._settle, promise=promise))

    async def on_alert(self, contact: Contact, kind: str, words: str) -> None:
        """Remember an urgent alert: of a live call nobody knows yet what the evaluation will say."""
        await self._waiting.watch(Watched(contact, self.routing.at() + self._settle, alert=kind, words=words))

    async def on_promise_settled(self, contact: Contact, promise_id: str, outcome: str) -> int:
        """A promise was kept, late or broken: its ticket knows. Returns how many tickets carry it."""
        page = await self.routing.page(self._all(contact), TicketFilter(interaction_id=contact.interaction_id), 50, "")
        total = 0
        for ticket in page.tickets:
            if any(p.promise_id == promise_id and not p.outcome for p in ticket.promises):
                await self.routing.system_change(contact.tenant, ticket.ticket_id, lambda t, terms, at: _promise_settled(t, promise_id, outcome, at))
                total += 1
        return total

    async def on_feedback(self, feedback: Feedback) -> None:
        """Call back who is dissatisfied; take up again what is said not to be solved."""
        contact = feedback.contact
        if feedback.solved is False and contact.interaction_id:
            page = await self.routing.page(self._all(contact), TicketFilter(interaction_id=contact.interaction_id, kind=Kind.SERVICE), 50, "")
            for ticket in page.tickets:
                if ticket.state in (State.RESOLVED, State.CLOSED):
                    await self.routing.system_change(contact.tenant, ticket.ticket_id, _not_solved)
        wanted = wanted_for_feedback(feedback)
        if wanted is not None:
            await self._open(wanted, self.routing.at(), about=contact.interaction_id or feedback.feedback_id)

    async def settle(self) -> int:
        """Follow what has waited long enough for its evaluation. Returns how much there was."""
        due = await self._waiting.to_settle(self.routing.at(), _BATCH)
        for watched in due:
            if watched.promise is not None:
                wanted = wanted_for_promise(watched.contact, watched.promise)
            else:
                wanted = wanted_for_alert(watched.contact, watched.alert, watched.words)
            if wanted is not None:
                await self._open(wanted, self.routing.at())
            await self._waiting.settled(watched)
        return len(due)

    async def on_resolved(self, ticket: Ticket) -> None:
        """A complaint that was handled is followed up within three days."""
        if ticket.kind is Kind.SERVICE and ticket.type == COMPLAINT and ticket.customer_id:
            await self._open(followup_of(ticket), self.routing.at(), about=f"{ticket.ticket_id}-followup-{ticket.reopenings}")

    async def _open(self, wanted: Wanted, at: datetime, about: str = "") -> None:
        contact = wanted.contact
        own_id = self.routing.derived_id("ticket", contact.tenant, about or contact.interaction_id, wanted.kind.value)
        if wanted.kind is not Kind.SERVICE or not contact.customer_id:
            await self.routing.open_for(wanted, own_id, at)
            return
        key = f"{contact.tenant}/{contact.customer_id}/{wanted.type}/{contact.product}"
        for _ in range(_TRIES):
            matter = await self._matters.get(key)
            ticket_id = matter.ticket_id
            if not ticket_id or (ticket_id != own_id and await self._is_over(contact.tenant, ticket_id, at)):
                ticket_id = own_id
                try:
                    await self._matters.keep(Matter(key, own_id, matter.version + 1))
                except Stale:
                    continue  # another contact of the same customer was faster: look what it opens
            ticket, new = await self.routing.open_for(wanted, ticket_id, at)
            if not new and contact.interaction_id not in ticket.interactions:
                await self.routing.system_change(contact.tenant, ticket_id, lambda t, terms, now: _repeated(t, terms, wanted, now))
            return
        raise Stale(f"the customer's matters change too fast: {contact.customer_id}")

    async def _is_over(self, tenant: str, ticket_id: str, at: datetime) -> bool:
        """Was it resolved so long ago that the same matter is a new one? One that is not there is just being opened."""
        try:
            ticket = await self.routing.tickets.get(tenant, ticket_id)
        except NotFound:
            return False
        return ticket.state in (State.RESOLVED, State.CLOSED) and at - (ticket.resolved_at or at) > REPEAT_WITHIN

    async def _called_back(self, scored: Scored) -> None:
        """A call to a customer answers the callback that was due: it is resolved where the customer is no longer angry."""
        contact = scored.contact
        page = await self.routing.page(self._all(contact), TicketFilter(customer_id=contact.customer_id, kind=Kind.CALLBACK), 50, "")
        for ticket in page.tickets:
            if ticket.state in (State.RESOLVED, State.CLOSED) or contact.interaction_id == ticket.interaction_id:
                continue
            await self.routing.system_change(contact.tenant, ticket.ticket_id, partial(_after_callback, scored=scored))

    def _all(self, contact: Contact) -> Who:
        return Who(contact.tenant, _PLATFORM)


def _repeated(ticket: Ticket, terms: Terms, wanted: Wanted, at: datetime) -> Ticket:
    contact = wanted.contact
    if contact.interaction_id in ticket.interactions:
        return ticket
    linked = replace(
        ticket, interactions=(*ticket.interactions, contact.interaction_id)[-steps.MAX_LINKED :],
        causes=tuple(dict.fromkeys((*ticket.causes, *wanted.causes, "repeat_contact"))),
        promises=(*ticket.promises, *(p for p in wanted.promises if p.promise_id not in {q.promise_id for q in ticket.promises})),
    )
    note = f"同一客户重复来电（第 {len(linked.interactions)} 次）：{wanted.title}"
    if ticket.state in (State.RESOLVED, State.CLOSED):
        return steps.reopen(linked, terms, SYSTEM, at, note)
    return steps.customer_said(linked, terms, SYSTEM, at, note)


def _after_callback(ticket: Ticket, terms: Terms, at: datetime, *, scored: Scored) -> Ticket:
    interaction_id = scored.contact.interaction_id
    if ticket.state in (State.RESOLVED, State.CLOSED) or interaction_id in ticket.interactions:
        return ticket
    linked = replace(ticket, interactions=(*ticket.interactions, interaction_id)[-steps.MAX_LINKED :])
    if scored.customer_emotion == "angry":
        return steps.answer(linked, terms, SYSTEM, at, "已回访，客户仍不满意，请继续跟进")
    return steps.called_back(linked, terms, "已回访客户，客户情绪平稳", at)


def _not_solved(ticket: Ticket, terms: Terms, at: datetime) -> Ticket:
    if ticket.state not in (State.RESOLVED, State.CLOSED):
        return ticket
    return steps.reopen(ticket, terms, SYSTEM, at, "客户反馈问题未解决")


def _promise_settled(ticket: Ticket, promise_id: str, outcome: str, at: datetime) -> Ticket:
    promises = tuple(replace(p, outcome=outcome) if p.promise_id == promise_id and not p.outcome else p for p in ticket.promises)
    if promises == ticket.promises:
        return ticket
    what = next(p.what for p in promises if p.promise_id == promise_id)
    said = {"kept": "已兑现", "late": "逾期兑现", "broken": "未兑现"}.get(outcome, outcome)
    return noted(replace(ticket, promises=promises), Action.COMMENTED, SYSTEM, at, f"承诺{said}：{what}")
