"""Interactions in MongoDB: one document each, with its chat turns and, until published, its InteractionReceived inside."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.errors import InvalidInput, NotFound
from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel, Outbox, decode_page_token, encode_page_token, page_size
from mingjian.ingestion.v1.events_pb2 import InteractionReceived

from ingestion.adapters.protobuf_interactions import to_wire
from ingestion.app import Page
from ingestion.domain.audio import Audio
from ingestion.domain.chat import ChatTurn
from ingestion.domain.interaction import RANK, Filters, Interaction, Medium, Outcome, Report, Status
from ingestion.domain.metadata import Direction, Metadata, Role

# Every list ends in `order`, the time of receipt and the id in one string: a page, and a span of time, is one range of an index.
# Filters are tried in this order; what a list asks beyond its index's fields is looked for among the few of that customer or agent.
_BY = ("metadata.customer_id", "metadata.agent_id", "metadata.team_id", "metadata.industry", "status")
_INDEXES: tuple[tuple[str, ...], ...] = (
    ("tenant", "order"), ("tenant", "status", "order"), ("tenant", "metadata.customer_id", "order"),
    ("tenant", "metadata.agent_id", "order"), ("tenant", "metadata.agent_id", "status", "order"),
    ("tenant", "metadata.team_id", "order"), ("tenant", "metadata.team_id", "status", "order"),
    ("tenant", "metadata.industry", "order"), ("tenant", "metadata.industry", "status", "order"),
)
_UNLISTED = {"turns": 0, "outbox": 0, "outbox_since": 0}


class MongoInteractions:
    """Satisfies app.Interactions."""

    def __init__(self, db: Database, events: Events) -> None:
        self._interactions = db.interactions
        self.outbox = Outbox(self._interactions, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._interactions.create_indexes([IndexModel([(f, 1) for f in fields], name=index_name(fields)) for fields in _INDEXES])
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

    async def page(self, tenant: str, filters: Filters, *, size: int, token: str) -> Page:
        size = page_size(size)
        query, index = list_query(tenant, filters)
        asked = _digest(query)  # without the page's own bound
        if key := decode_page_token(token):
            if len(key) != 2 or not isinstance(key[0], str) or key[1] != asked:
                raise InvalidInput("page_token", "belongs to a list with other filters")
            query["order"] = query.get("order", {}) | {"$lt": key[0]}
        found = self._interactions.find(query, _UNLISTED).sort("order", -1).limit(size + 1).hint(index)
        documents = [d async for d in found]
        more = len(documents) > size
        return Page([_from_document(d) for d in documents[:size]], encode_page_token(documents[size - 1]["order"], asked) if more else "")

    async def advance(self, tenant: str, interaction_id: str, report: Report) -> None:
        change: Document = {"status": report.status, "rank": RANK[report.status], "reason": report.reason, "updated_at": report.at}
        before: list[Document] = [{"rank": {"$lt": RANK[report.status]}}]
        if report.outcome:
            change["outcome"] = _plain(report.outcome)
            before.append({"rank": RANK[report.status], "outcome.scored_at": {"$lt": report.outcome.scored_at}})  # judged again
        this = {"_id": interaction_id, "tenant": tenant}
        done = await self._interactions.update_one(this | {"$or": before}, {"$set": change})
        if not done.matched_count and not await self._interactions.find_one(this, {"_id": 1}):
            raise NotFound(f"no interaction {interaction_id}")


def index_name(fields: Sequence[str]) -> str:
    return "_".join(f.removeprefix("metadata.") for f in fields)


def list_query(tenant: str, filters: Filters) -> tuple[Document, str]:
    """The query, and the name of the index whose prefix binds it; sort it by `order`."""
    asked: Document = {f"metadata.{name}": value for name in ("customer_id", "agent_id", "team_id", "industry") if (value := getattr(filters, name))}
    if filters.status:
        asked["status"] = filters.status
    first = next((name for name in _BY if name in asked), None)
    fields = ["tenant", *([first] if first else [])]
    if "status" in asked and (*fields, "status", "order") in _INDEXES:
        fields.append("status")
    span = {op: _order(at) for op, at in (("$gte", filters.since), ("$lt", filters.until)) if at}
    return {"tenant": tenant} | asked | ({"order": span} if span else {}), index_name([*fields, "order"])


def _digest(query: Document) -> str:
    return hashlib.sha256(repr(sorted(query.items())).encode()).hexdigest()[:16]


def _order(at: datetime, interaction_id: str = "") -> str:
    """Sorts as (time, id) does."""
    return f"{int(at.timestamp() * 1000):014d}{interaction_id}"


def _received(interaction: Interaction) -> Envelope:
    return wrap(InteractionReceived(interaction=to_wire(interaction)), tenant=interaction.tenant, key=interaction.interaction_id)


def _plain(thing: Any) -> Document:
    return {name: getattr(thing, name) for name in thing.__slots__}


def _to_document(interaction: Interaction) -> Document:
    return {
        "_id": interaction.interaction_id, "tenant": interaction.tenant, "order": _order(interaction.received_at, interaction.interaction_id),
        "metadata": _plain(interaction.metadata), "medium": interaction.medium, "content": interaction.content,
        "received_at": interaction.received_at, "updated_at": interaction.updated_at,
        "status": interaction.status, "rank": RANK[interaction.status], "reason": interaction.reason,
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
