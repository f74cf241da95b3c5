"""Interactions in MongoDB: one document each, with its chat turns and, until published, its InteractionReceived inside."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.errors import InvalidInput, NotFound
from chassis.messaging import Envelope, Events, wrap
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
    page_size,
)
from mingjian.ingestion.v1.events_pb2 import InteractionReceived

from ingestion.adapters.protobuf_interactions import to_wire
from ingestion.app import Page
from ingestion.domain.audio import Audio
from ingestion.domain.chat import ChatTurn
from ingestion.domain.interaction import Filters, Interaction, Medium, Outcome, Report, Status
from ingestion.domain.metadata import Direction, Metadata, Role
from ingestion.domain.silence import SilentSpan

# Every list ends in `order`, the time of receipt and the id in one string: a page, and a span of time, is one range of an index.
# What a list asks beyond the fields of its index is looked for among the few of that customer, agent or team.
_INDEXES: tuple[tuple[str, ...], ...] = (
    ("tenant", "order"), ("tenant", "status", "order"), ("tenant", "metadata.customer_id", "order"),
    ("tenant", "metadata.agent_id", "order"), ("tenant", "metadata.agent_id", "status", "order"),
    ("tenant", "metadata.team_id", "order"), ("tenant", "metadata.team_id", "status", "order"),
    ("tenant", "metadata.industry", "order"), ("tenant", "metadata.industry", "status", "order"),
)
_BY = ("metadata.customer_id", "metadata.agent_id", "metadata.team_id", "metadata.industry", "status")
DIGITS = 14
_UNLISTED = {"turns": 0, "silences": 0, "outbox": 0, "outbox_since": 0}


class MongoInteractions:
    """Satisfies app.Interactions."""

    def __init__(self, db: Database, events: Events) -> None:
        self._interactions = db.interactions
        self.outbox = Outbox(self._interactions, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        names = ["_".join(f.removeprefix("metadata.") for f in fields) for fields in _INDEXES]
        await self._interactions.create_indexes([IndexModel([(f, 1) for f in fields], name=name) for name, fields in zip(names, _INDEXES, strict=True)])
        await self.outbox.prepare()

    async def add(self, interaction: Interaction, turns: Sequence[ChatTurn] = ()) -> Interaction:
        envelope = _received(interaction)
        document = _to_document(interaction) | {"turns": [[t.role, t.text, t.start_ms, t.end_ms] for t in turns]} | self.outbox.pending([envelope])
        try:
            await self._interactions.insert_one(document)
        except DuplicateKeyError:
            first = await self._interactions.find_one({"_id": interaction.interaction_id, "tenant": interaction.tenant}, {"turns": 0})
            if not first:
                raise
            await self.outbox.flush_stored(first)
            return _from_document(first)
        await self.outbox.flush(interaction.interaction_id, [envelope])
        return interaction

    async def find(self, tenant: str, interaction_id: str) -> Interaction | None:
        found = await self._interactions.find_one({"_id": interaction_id, "tenant": tenant}, _UNLISTED)
        return _from_document(found) if found else None

    async def find_many(self, tenant: str, interaction_ids: Sequence[str]) -> Mapping[str, Interaction]:
        found = self._interactions.find({"_id": {"$in": list(interaction_ids)}, "tenant": tenant}, _UNLISTED)
        return {d["_id"]: _from_document(d) async for d in found}

    async def turns(self, tenant: str, interaction_id: str) -> Sequence[ChatTurn]:
        found = await self._interactions.find_one({"_id": interaction_id, "tenant": tenant}, {"turns": 1})
        return [ChatTurn(Role(role), text, start, end) for role, text, start, end in (found or {}).get("turns", ())]

    async def silences(self, tenant: str, interaction_id: str) -> Sequence[SilentSpan] | None:
        found = await self._interactions.find_one({"_id": interaction_id, "tenant": tenant}, {"silences": 1})
        kept = (found or {}).get("silences")
        return None if kept is None else [SilentSpan(start, end, Role(role)) for start, end, role in kept]

    async def page(self, tenant: str, filters: Filters, *, size: int, token: str) -> Page:
        size = page_size(size)
        bound, beyond = list_query(tenant, filters)
        bottom, top = order(filters.since) if filters.since else "", order(filters.until) if filters.until else LAST
        asked = hashlib.sha256(repr((tenant, filters)).encode()).hexdigest()[:16]
        if key := decode_page_token(token):
            if len(key) != 2 or not isinstance(key[0], str) or key[1] != asked:
                raise InvalidInput("page_token", "belongs to a list with other filters")
            top = min(top, key[0])
        found = await newest_first(
            self._interactions, bound, size + 1, digits=DIGITS, since=bottom, until=top, beyond=beyond, projection=_UNLISTED,
        )
        return Page([_from_document(d) for d in found[:size]], encode_page_token(found[size - 1]["order"], asked) if len(found) > size else "")

    async def advance(self, tenant: str, interaction_id: str, report: Report) -> None:
        change: Document = {"status": report.status, "progress": report.progress, "reason": report.reason, "updated_at": report.at}
        if report.outcome:
            change["outcome"] = _plain(report.outcome)
            change["silences"] = [[span.start_ms, span.end_ms, span.role] for span in report.silences]
        this = {"_id": interaction_id, "tenant": tenant}
        done = await self._interactions.update_one(this | {"progress": {"$lt": report.progress}}, {"$set": change})
        if not done.matched_count and not await self._interactions.find_one(this, {"_id": 1}):
            raise NotFound(f"no interaction {interaction_id}")


def list_query(tenant: str, filters: Filters) -> tuple[Document, Document]:
    """What a list must equal: by its index, and beyond it."""
    asked: Document = {name: value for name in _BY if (value := getattr(filters, name.removeprefix("metadata.")))}
    first = [name for name in _BY if name in asked][:1]
    both = ("tenant", *first, "status")
    bound = both if "status" in asked and (*both, "order") in _INDEXES else ("tenant", *first)
    return {"tenant": tenant} | {f: v for f, v in asked.items() if f in bound}, {f: v for f, v in asked.items() if f not in bound}


def order(at: datetime, interaction_id: str = "") -> str:
    """Sorts as (time, id) does."""
    return f"{int(at.timestamp() * 1000):0{DIGITS}d}{interaction_id}"


def _received(interaction: Interaction) -> Envelope:
    return wrap(InteractionReceived(interaction=to_wire(interaction)), tenant=interaction.tenant, key=interaction.interaction_id)


def _plain(thing: Any) -> Document:
    return {name: getattr(thing, name) for name in thing.__slots__}


def _to_document(interaction: Interaction) -> Document:
    return {
        "_id": interaction.interaction_id, "tenant": interaction.tenant, "order": order(interaction.received_at, interaction.interaction_id),
        "metadata": _plain(interaction.metadata), "medium": interaction.medium, "content": interaction.content,
        "received_at": interaction.received_at, "updated_at": interaction.updated_at,
        "status": interaction.status, "progress": 0, "reason": interaction.reason,
        "audio": _plain(interaction.audio) if interaction.audio else None,
        "outcome": _plain(interaction.outcome) if interaction.outcome else None, "notices": list(interaction.notices),
    }


def _from_document(document: Document) -> Interaction:
    metadata = document["metadata"]
    return Interaction(
        document["_id"],
        Metadata(**metadata | {
            "direction": Direction(metadata["direction"]), "left": Role(metadata["left"]), "right": Role(metadata["right"]),
        }),
        Medium(document["medium"]), document["received_at"], document["updated_at"], document["content"], Status(document["status"]),
        document["reason"], Audio(**document["audio"]) if document["audio"] else None,
        Outcome(**document["outcome"]) if document["outcome"] else None, tuple(document["notices"]),
    )


def utc_now() -> datetime:
    """Now, to the millisecond: finer is lost in MongoDB, and what was stored must equal what is read."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
