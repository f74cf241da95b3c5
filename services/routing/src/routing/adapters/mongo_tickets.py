"""Tickets in MongoDB: one document each, with its history and the events it still has to tell."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.errors import InvalidInput, NotFound, Stale
from chassis.messaging import Events
from chassis.mongo import (
    LAST,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    Outbox,
    decode_page_token,
    encode_page_token,
    newest_first,
)

from routing.adapters.mongo_desk import desk_document, desk_in
from routing.adapters.mongo_due import due_windows
from routing.adapters.mongo_older import with_clocks
from routing.adapters.mongo_particulars import particulars_document, particulars_in
from routing.adapters.mongo_rectification import matter_document, matter_in
from routing.adapters.mongo_search import MongoSearch
from routing.adapters.protobuf_tickets import envelopes
from routing.app import Happened, Page, TicketFilter
from routing.domain.clocks import Clock, Clocks, Target
from routing.domain.staff import is_queued, queue_rank
from routing.domain.tickets import (
    Action,
    HistoryEntry,
    Kind,
    Promise,
    State,
    Ticket,
    Urgency,
)

# The ways in which lists are narrowed; each is an index, and what else is asked for is filtered from its range. No list names
# its index with `hint`: the embedded server then reads the whole index, a hundred times slower. Every index ascends: on a descending one
# that server loses documents of a range bound on both sides.
_INDEXED: tuple[tuple[str, ...], ...] = (
    ("interactions",),
    ("customer_id",),
    ("assignee", "state"),
    ("assignee",),
    ("visible_to", "state"),
    ("visible_to",),
    ("watchers",),
    ("department", "state"),
    ("department",),
    ("team_id", "state"),
    ("team_id",),
    ("overdue",),
    ("kind", "state"),
    ("kind",),
    ("state",),
    (),
)

_ORDER = re.compile(r"\d{15}-[0-9a-f-]{36}")
_DIGITS = 15


# The ways in which the tickets due soonest are asked for.
_DUE_INDEXED: tuple[tuple[str, ...], ...] = (("assignee",), ("department",), ("kind",), ("visible_to",), ("team_id",), ())


def _due_index_name(fields: Sequence[str]) -> str:
    return "_".join(("tenant", *fields, "due_order"))


def index_name(fields: Sequence[str]) -> str:
    return "_".join(("tenant", *fields, "order"))


class MongoTickets:
    """The collection `tickets`.

    `order` is the opening time in milliseconds and the id, as one text: lists are sorted and paged by that single field, so that
    every list is one range of one index.
    """

    def __init__(self, db: Database, events: Events) -> None:
        self._tickets = db["tickets"]
        self.outbox = Outbox(self._tickets, events)
        self.search = MongoSearch(db)

    async def prepare(self) -> None:
        """Make the indexes: one for each way to narrow a list, one for the timers, one for the outbox."""
        lists = [
            IndexModel([("tenant", 1), *((field, 1) for field in fields), ("order", 1)], name=index_name(fields)) for fields in _INDEXED
        ]
        soonest = [
            IndexModel([("tenant", 1), *((field, 1) for field in fields), ("due_order", 1)], name=_due_index_name(fields)) for fields in _DUE_INDEXED
        ]
        await self._tickets.create_indexes([
            *lists, *soonest, IndexModel([("next_timer_at", 1)], sparse=True, name="next_timer_at"),
            IndexModel([("tenant", 1), ("unfinished_by", 1)], name="tenant_unfinished_by"),
        ])
        await self.outbox.prepare()
        await self.search.prepare()

    async def add(self, ticket: Ticket, timer_at: datetime | None) -> tuple[Ticket, bool]:
        told = envelopes(Happened(Action.OPENED, ticket))
        document = stored_new(ticket, timer_at) | Outbox.pending(told)
        try:
            await self._tickets.insert_one(document)
        except DuplicateKeyError:
            stored = await self._find(ticket.tenant, ticket.ticket_id)
            await self.outbox.flush_stored(stored)
            return ticket_in(stored), False
        await self.outbox.flush(document["_id"], told)
        return ticket, True

    async def get(self, tenant: str, ticket_id: str) -> Ticket:
        return ticket_in(await self._find(tenant, ticket_id))

    async def _find(self, tenant: str, ticket_id: str) -> Document:
        document = await self._tickets.find_one({"_id": _key(tenant, ticket_id)})
        if document is None:
            raise NotFound(f"no ticket {ticket_id}")
        return document

    async def change(self, before: Ticket, after: Ticket, timer_at: datetime | None, happened: Sequence[Happened]) -> None:
        told = [envelope for one in happened for envelope in envelopes(one)]
        fields = _to_document(after) | ({"next_timer_at": timer_at} if timer_at else {})
        update: Document = {"$set": fields}
        gone = {name: "" for name in ("next_timer_at", "due_order", "unfinished_by", "queue_order", "look_at") if name not in fields}
        if gone:
            update["$unset"] = gone
        added = [_entry_document(entry) for entry in after.history[len(before.history) :]]
        if added:
            update["$push"] = {"history": {"$each": added}}
        if told:
            appended = Outbox.appended(told)
            update["$push"] = update.get("$push", {}) | appended.pop("$push")
            update |= appended
        key = _key(before.tenant, before.ticket_id)
        result = await self._tickets.update_one({"_id": key, "version": before.version}, update)
        if not result.matched_count:
            raise Stale(f"ticket {before.ticket_id} is not at version {before.version} any more")
        await self.outbox.flush(key, told)

    async def page(self, tenant: str, narrowed: TicketFilter, size: int, token: str) -> Page:
        if narrowed.query:
            return await self._with_words(tenant, narrowed, size, token)
        if narrowed.due_first:
            return await self._soonest(tenant, narrowed, size, token)
        equal, beyond = query_for(tenant, narrowed)
        found = await newest_first(
            self._tickets,
            equal,
            size + 1,
            digits=_DIGITS,
            until=_order_in(token) or LAST,
            beyond=beyond,
            projection={"history": 0, "outbox": 0},
        )
        tickets = tuple(ticket_in(document) for document in found[:size])
        return Page(tickets, encode_page_token(found[size - 1]["order"]) if len(found) > size else "")

    async def _soonest(self, tenant: str, narrowed: TicketFilter, size: int, token: str) -> Page:
        after, found = _order_in(token), list[Document]()
        for low, high in due_windows(datetime.now(UTC), after):
            left = size + 1 - len(found)
            query = due_query_for(tenant, narrowed, low, high)
            found += await self._tickets.find(query, {"history": 0, "outbox": 0}).sort("due_order", 1).limit(left).to_list(left)
            if len(found) > size:
                break
        tickets = tuple(ticket_in(document) for document in found[:size])
        return Page(tickets, encode_page_token(found[size - 1]["due_order"]) if len(found) > size else "")

    async def _with_words(self, tenant: str, narrowed: TicketFilter, size: int, token: str) -> Page:
        if narrowed.due_first:
            raise InvalidInput("order_by", "what is searched for comes newest first")
        found, until = await self.search.page(tenant, narrowed.query, _asked(narrowed), size, _order_in(token))
        return Page(tuple(ticket_in(document) for document in found), encode_page_token(until) if until else "")

    async def of_version(self, tenant: str, levels_version: str, limit: int) -> Sequence[Ticket]:
        found = self._tickets.find({"tenant": tenant, "unfinished_by": levels_version}, {"outbox": 0}).limit(limit)
        return [ticket_in(document) for document in await found.to_list(limit)]

    async def due(self, now: datetime, limit: int) -> Sequence[Ticket]:
        found = self._tickets.find({"next_timer_at": {"$lte": now}}).sort("next_timer_at", 1).limit(limit)
        return [ticket_in(document) for document in await found.to_list(limit)]


def stored_new(ticket: Ticket, timer_at: datetime | None) -> Document:
    """A ticket as it is first stored."""
    return _to_document(ticket) | ({"next_timer_at": timer_at} if timer_at else {}) | {
        "_id": _key(ticket.tenant, ticket.ticket_id),
        "order": f"{round(ticket.opened_at.timestamp() * 1000):0{_DIGITS}d}-{ticket.ticket_id}",
        "history": [_entry_document(entry) for entry in ticket.history],
    }


def due_query_for(tenant: str, narrowed: TicketFilter, after: str, until: str = LAST) -> Document:
    """Tickets with a deadline that still runs, soonest first, between two places in that order; one index range. Raises InvalidInput."""
    asked = {name: value for name, value in _asked(narrowed).items() if name not in ("visible_to",)}
    if narrowed.visible_to:
        asked["visible_to"] = narrowed.visible_to
    fields = next((f for f in _DUE_INDEXED if set(f) == asked.keys()), None)
    if fields is None:
        raise InvalidInput("order_by", "due goes with no other filter, or with one of assignee, department, kind")
    return {"tenant": tenant} | asked | {"due_order": {"$gt": after, "$lt": until}}


def query_for(tenant: str, narrowed: TicketFilter) -> tuple[Document, Document]:
    """What the tickets of a list must equal: by the fields of its index, and beyond them."""
    asked = _asked(narrowed)
    by = next(fields for fields in _INDEXED if asked.keys() >= set(fields))
    return {"tenant": tenant} | {f: asked[f] for f in by}, {f: v for f, v in asked.items() if f not in by}


def _asked(narrowed: TicketFilter) -> dict[str, Any]:
    return {
        name: value
        for name, value in (
            ("interactions", narrowed.interaction_id),
            ("customer_id", narrowed.customer_id),
            ("assignee", narrowed.assignee),
            ("visible_to", narrowed.visible_to),
            ("watchers", narrowed.watcher),
            ("team_id", narrowed.team_id),
            ("department", narrowed.department),
            ("overdue", narrowed.overdue),
            ("kind", narrowed.kind.value if narrowed.kind else ""),
            ("state", narrowed.state.value if narrowed.state else ""),
        )
        if value
    }


def _order_in(token: str) -> str:
    key = decode_page_token(token)
    if not key:
        return ""
    if len(key) != 1 or not isinstance(key[0], str) or not _ORDER.fullmatch(key[0]):
        raise InvalidInput("page_token", "is not a token this list gave out")
    return key[0]


def _key(tenant: str, ticket_id: str) -> str:
    return f"{tenant}/{ticket_id}"


def _to_document(ticket: Ticket) -> Document:
    """Everything but the id, the order and the history, which are written once or appended to."""
    document: Document = {
        "tenant": ticket.tenant,
        "ticket_id": ticket.ticket_id,
        "interaction_id": ticket.interaction_id,
        "kind": ticket.kind.value,
        "type": ticket.type,
        "urgency": ticket.urgency.value,
        "department": ticket.department,
        "routed_by": ticket.routed_by,
        "line": ticket.line,
        "state": ticket.state.value,
        "title": ticket.title,
        "description": ticket.description,
        "causes": list(ticket.causes),
        "customer_id": ticket.customer_id,
        "customer_tier": ticket.customer_tier,
        "agent_id": ticket.agent_id,
        "product": ticket.product,
        "industry": ticket.industry,
        "assignee": ticket.assignee,
        "visible_to": sorted({ticket.agent_id, ticket.assignee, *ticket.watchers} - {""}),
        "opened_at": ticket.opened_at,
        "clocks": {target.value: _clock_document(clock) for target, clock in ticket.clocks.of.items()},
        "waiting": ticket.clocks.waiting,
        "allowed_ms": {target.value: allowed // timedelta(milliseconds=1) for target, allowed in ticket.allowed.items()},
        "due": {target.value: at for target, at in ticket.due.items()},
        "policy_id": ticket.policy_id,
        "levels_version": ticket.levels_version,
        "resolved_at": ticket.resolved_at,
        "closed_at": ticket.closed_at,
        "overdue": ticket.overdue,
        "level": ticket.level,
        "resolution": ticket.resolution,
        "promises": [
            {"promise_id": p.promise_id, "what": p.what, "deadline": p.deadline, "owner": p.owner, "outcome": p.outcome} for p in ticket.promises
        ],
        "fired": list(ticket.fired),
        "version": ticket.version,
        "team_id": ticket.team_id,
        "interactions": list(ticket.interactions),
        "rectification": matter_document(ticket.rectification),
        **desk_document(ticket),
        "skill": ticket.skill,
        "particulars": particulars_document(ticket.particulars),
    }
    running = [at for target, at in ticket.due.items() if ticket.clocks[target].since is not None]
    if running:
        document["due_order"] = f"{round(min(running).timestamp() * 1000):0{_DIGITS}d}-{ticket.ticket_id}"
    if ticket.particulars.look_at is not None:
        document["look_at"] = ticket.particulars.look_at
    if is_queued(ticket):
        first = min(running, default=ticket.opened_at)
        document["queue_order"] = f"{queue_rank(ticket)}-{round(first.timestamp() * 1000):0{_DIGITS}d}-{ticket.ticket_id}"
    if ticket.state not in (State.RESOLVED, State.CLOSED):
        document["unfinished_by"] = ticket.levels_version
    return document


def _clock_document(clock: Clock) -> Document:
    return {
        "used_ms": clock.used // timedelta(milliseconds=1), "since": clock.since, "met_at": clock.met_at, "breached_at": clock.breached_at,
        "round": clock.round, "fired": list(clock.fired),
    }


def _clock(document: Document) -> Clock:
    used = timedelta(milliseconds=document["used_ms"])
    return Clock(used, document["since"], document["met_at"], document["breached_at"], document["round"], tuple(document["fired"]))


def _entry_document(entry: HistoryEntry) -> Document:
    return {
        "at": entry.at,
        "by": entry.by,
        "action": entry.action.value,
        "from_state": entry.from_state.value if entry.from_state else None,
        "to_state": entry.to_state.value,
        "note": entry.note,
        "public": entry.public,
    }


def ticket_in(document: Document) -> Ticket:
    """A ticket as it is stored; without history where that was not read."""
    document = with_clocks(document)
    return Ticket(
        ticket_id=document["ticket_id"],
        tenant=document["tenant"],
        interaction_id=document["interaction_id"],
        kind=Kind(document["kind"]),
        type=document["type"],
        urgency=Urgency(document["urgency"]),
        department=document["department"],
        routed_by=document["routed_by"],
        line=document["line"],
        state=State(document["state"]),
        title=document["title"],
        description=document["description"],
        causes=tuple(document["causes"]),
        customer_id=document["customer_id"],
        customer_tier=document["customer_tier"],
        agent_id=document["agent_id"],
        product=document["product"],
        industry=document["industry"],
        assignee=document["assignee"],
        opened_at=document["opened_at"],
        clocks=Clocks({Target(name): _clock(clock) for name, clock in document["clocks"].items()}, document["waiting"]),
        allowed={Target(name): timedelta(milliseconds=ms) for name, ms in document["allowed_ms"].items()},
        due={Target(name): at for name, at in document["due"].items()},
        policy_id=document["policy_id"],
        levels_version=document["levels_version"],
        resolved_at=document["resolved_at"],
        closed_at=document["closed_at"],
        overdue=document["overdue"],
        level=document["level"],
        resolution=document["resolution"],
        promises=tuple(Promise(p["promise_id"], p["what"], p["deadline"], p["owner"], p["outcome"]) for p in document["promises"]),
        fired=tuple(document["fired"]),
        version=document["version"],
        team_id=document["team_id"],
        interactions=tuple(document["interactions"]),
        rectification=matter_in(document["rectification"]),
        **desk_in(document),
        skill=document.get("skill", ""),
        particulars=particulars_in(document.get("particulars"), document.get("look_at")),
        history=tuple(
            HistoryEntry(
                entry["at"], entry["by"], Action(entry["action"]),
                State(entry["from_state"]) if entry["from_state"] else None, State(entry["to_state"]), entry["note"], entry.get("public", False),
            )
            for entry in document.get("history", ())
        ),
    )
