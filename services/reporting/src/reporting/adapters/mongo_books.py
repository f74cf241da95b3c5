"""The books in MongoDB: rollups, what is known of each contact, ids of folded events, targets and item titles.

Every rollup is kept at three widths (the tenant, each team, each agent in a team) and one day long: `scope` says which, and the
fields a wider one leaves out are "". Those of teams and agents are also kept over blocks of days (scope "team8", "agent8"; `day`
is the first), so that a ranking over months reads few documents per group.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.errors import Unavailable
from chassis.messaging import Envelope, Events
from chassis.mongo import Database, Document, IndexModel, Outbox, Session, transaction
from chassis.transient import is_transient
from pymongo import ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError

from reporting.adapters.mongo_contacts import contact_from, contact_key, contact_to, place, place_of
from reporting.adapters.mongo_sessions import MongoSessions
from reporting.app import Conflict, DayTotal
from reporting.domain.contacts import REPEAT_WITHIN, Cell, Contact, Position
from reporting.domain.days import BLOCK_DAYS, Span, block_of
from reporting.domain.figures import Figures, ItemJudged
from reporting.domain.kpis import KpiValue

log = logging.getLogger(__name__)

Announce = Callable[[str, str, KpiValue], Envelope]
_KINDS = ("f", "d", "e", "a", "i", "h")
_TO_BE_REPEATED = frozenset({112, 11000})  # WriteConflict, DuplicateKey


class MongoBooks:
    """`announce` makes the KpiBreached event of a tenant's day and figure."""

    def __init__(self, db: Database, events: Events, announce: Announce, *, folded_kept: timedelta = timedelta(days=45)) -> None:
        self._db, self._announce, self._folded_kept = db, announce, folded_kept
        self._sessions = MongoSessions(db)
        self.outbox = Outbox(db.rollups, events)

    async def prepare(self) -> None:
        """Give up what a killed process left open, and make the indexes: each query reads by one of them, bound to its end."""
        if ended := await self._sessions.end_all():
            log.info("ended the sessions of earlier processes", extra={"sessions": ended})
        await self.outbox.prepare()
        await self._db.rollups.create_indexes([
            IndexModel([("tenant", 1), ("scope", 1), ("day", 1)], name="by_day"),
            IndexModel([("tenant", 1), ("scope", 1), ("agent_id", 1), ("day", 1)], name="by_agent"),
            IndexModel([("tenant", 1), ("scope", 1), ("team_id", 1), ("day", 1)], name="by_team"),
            IndexModel([("tenant", 1), ("scope", 1), ("agent_id", 1), ("team_id", 1), ("day", 1)], name="by_agent_in_team"),
        ])
        await self._db.contacts.create_indexes([IndexModel([("place", 1)], name="by_place", sparse=True)])
        await self._db.folded.create_indexes([IndexModel([("at", 1)], expireAfterSeconds=int(self._folded_kept.total_seconds()), name="expiry")])
        await self._db.targets.create_indexes([IndexModel([("tenant", 1)], name="tenant")])
        await self._db.items.create_indexes([IndexModel([("tenant", 1)], name="tenant")])

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["MongoLedger"]:
        try:
            async with transaction(self._db) as session:
                await self._sessions.note(session)
                ledger = MongoLedger(self._db, session, self._announce)
                yield ledger
        except PyMongoError as e:
            if _to_be_repeated(e):
                raise Conflict from e
            if is_transient(e):
                raise Unavailable("the store is away") from e
            raise
        for day_id, envelopes in ledger.told:
            await self.outbox.flush(day_id, envelopes)

    async def targets(self, tenant: str) -> dict[str, float]:
        return {d["kpi"]: d["target"] async for d in self._db.targets.find({"tenant": tenant})}

    async def set_target(self, tenant: str, kpi: str, target: float) -> None:
        await self._db.targets.update_one({"_id": _id(tenant, kpi)}, {"$set": {"tenant": tenant, "kpi": kpi, "target": target}}, upsert=True)

    async def rollups(self, tenant: str, span: Span, group_by: str, agent_id: str, team_id: str, *, items: bool) -> AsyncIterator[tuple[str, Figures]]:
        key = {"day": "day", "agent": "agent_id", "team": "team_id", "all": ""}[group_by]
        fields = {"i": 1, **({key: 1} if key else {})} if items else {"i": 0, "told": 0, "outbox": 0}
        for chosen in selections(tenant, span, group_by, agent_id, team_id):
            async for document in self._db.rollups.find(chosen, fields).batch_size(2000):
                yield (document.get(key, "") if key else "all"), _figures(document)

    async def titles(self, tenant: str) -> dict[str, tuple[str, str]]:
        return {d["item_id"]: (d["title"], d["dimension"]) async for d in self._db.items.find({"tenant": tenant})}


def selections(tenant: str, span: Span, group_by: str, agent_id: str, team_id: str) -> list[Document]:
    """The fewest rollups that answer a query; equal fields first, then the span of days, as the indexes are."""
    scope = "agent" if agent_id or group_by == "agent" else "team" if team_id or group_by == "team" else "all"
    who = {name: given for name, given in (("agent_id", agent_id), ("team_id", team_id)) if given}
    pieces = [(scope, span)]
    if scope != "all" and group_by != "day":
        pieces = list(zip((scope, f"{scope}{BLOCK_DAYS}", scope), span.pieces(), strict=True))
    return [
        {"tenant": tenant, "scope": over, **who, "day": {"$gte": piece.first.isoformat(), "$lte": piece.last.isoformat()}}
        for over, piece in pieces if piece.days > 0
    ]


class MongoLedger:
    """The books inside one transaction."""

    def __init__(self, db: Database, session: Session, announce: Announce) -> None:
        self._db, self._session, self._announce = db, session, announce
        self.told: list[tuple[str, list[Envelope]]] = []

    async def take_turn(self, tenants: Iterable[str]) -> None:
        # All transactions of a tenant write the same rollup of its day, and reading neighbours takes no lock. They meet in this
        # write, which comes first: the one that is too late has lost no work yet.
        for tenant in sorted(tenants):
            await self._db.turns.update_one({"_id": tenant}, {"$inc": {"turns": 1}}, upsert=True, session=self._session)

    async def unfolded(self, event_ids: Sequence[str]) -> set[str]:
        known = {d["_id"] async for d in self._db.folded.find({"_id": {"$in": list(event_ids)}}, session=self._session)}
        fresh = [e for e in event_ids if e not in known]
        if fresh:
            now = datetime.now(UTC)
            await self._db.folded.insert_many([{"_id": e, "at": now} for e in fresh], session=self._session)
        return set(fresh)

    async def contacts(self, keys: Iterable[tuple[str, str]]) -> list[Contact]:
        ids = [contact_key(*key) for key in keys]
        return [contact_from(d) async for d in self._db.contacts.find({"_id": {"$in": ids}}, session=self._session)]

    async def neighbours(self, position: Position) -> tuple[Contact | None, Contact | None]:
        issue, at, here = position.issue, position.at, place(position)
        before = {"$gte": place_of(issue, at - REPEAT_WITHIN), "$lt": here}
        after = {"$gt": here, "$lt": place_of(issue, at + REPEAT_WITHIN + timedelta(milliseconds=1))}
        return await self._nearest(before, -1), await self._nearest(after, 1)

    async def _nearest(self, places: Mapping[str, str], direction: int) -> Contact | None:
        found = await self._db.contacts.find_one({"place": places}, sort=[("place", direction)], session=self._session)
        return contact_from(found) if found else None

    async def store(self, contacts: Sequence[Contact]) -> None:
        if contacts:
            writes = [ReplaceOne({"_id": (d := contact_to(c))["_id"]}, d, upsert=True) for c in contacts]
            await self._db.contacts.bulk_write(writes, ordered=False, session=self._session)

    async def add(self, changes: Mapping[Cell, Figures]) -> list[DayTotal]:
        sums: dict[tuple[str, str, str, str, str], dict[str, int]] = {}
        for cell, figures in changes.items():
            block, own = block_of(cell.day), (cell.agent_id, cell.team_id)
            for scope, day, agent_id, team_id in (
                ("all", cell.day, "", ""), ("team", cell.day, "", cell.team_id), ("agent", cell.day, *own),
                (f"team{BLOCK_DAYS}", block, "", cell.team_id), (f"agent{BLOCK_DAYS}", block, *own),
            ):
                into = sums.setdefault((cell.tenant, scope, day, agent_id, team_id), {})
                for name, n in figures.items():
                    into[name] = into.get(name, 0) + n
        writes = []
        for key, figures in sums.items():
            tenant, scope, day, agent_id, team_id = key
            if kept := {name: n for name, n in figures.items() if n}:
                names = {"tenant": tenant, "scope": scope, "day": day, "agent_id": agent_id, "team_id": team_id}
                writes.append(UpdateOne({"_id": _id(*key)}, {"$inc": kept, "$setOnInsert": names}, upsert=True))
        if not writes:
            return []
        await self._db.rollups.bulk_write(writes, ordered=False, session=self._session)
        days = [_id(*key) for key in sums if key[1] == "all"]
        found = self._db.rollups.find({"_id": {"$in": days}}, {"i": 0, "outbox": 0}, session=self._session)
        return [DayTotal(d["tenant"], d["day"], _figures(d), tuple(d.get("told", ()))) async for d in found]

    async def title(self, items: Sequence[tuple[str, ItemJudged]]) -> None:
        wanted = {_id(t, i.item_id): {"tenant": t, "item_id": i.item_id, "title": i.title, "dimension": i.dimension} for t, i in items}
        if not wanted:
            return
        async for document in self._db.items.find({"_id": {"$in": list(wanted)}}, session=self._session):
            if wanted[document["_id"]] == {k: v for k, v in document.items() if k != "_id"}:
                del wanted[document["_id"]]
        if wanted:
            await self._db.items.bulk_write([UpdateOne({"_id": i}, {"$set": d}, upsert=True) for i, d in wanted.items()], session=self._session)

    async def tell(self, day: DayTotal, breaches: Sequence[KpiValue]) -> None:
        day_id = _id(day.tenant, "all", day.day, "", "")
        envelopes = [self._announce(day.tenant, day.day, b) for b in breaches]
        change = {"$addToSet": {"told": {"$each": [b.kpi.kpi for b in breaches]}}, **Outbox.appended(envelopes)}
        await self._db.rollups.update_one({"_id": day_id}, change, session=self._session)
        self.told.append((day_id, envelopes))


def _id(*parts: str) -> str:
    """One id of many names, whatever characters they have."""
    return json.dumps(parts, ensure_ascii=False)


def _figures(document: Document) -> dict[str, int]:
    made: dict[str, int] = {}
    for kind in _KINDS:
        _flatten(kind, document.get(kind, {}), made)
    return made


def _flatten(name: str, value: Any, into: dict[str, int]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, into)
    else:
        into[name] = value


def _to_be_repeated(failure: PyMongoError) -> bool:
    if isinstance(failure, BulkWriteError):
        return any(e.get("code") in _TO_BE_REPEATED for e in (failure.details or {}).get("writeErrors", ()))
    return getattr(failure, "code", None) in _TO_BE_REPEATED or (failure.has_error_label("TransientTransactionError") and not is_transient(failure))


