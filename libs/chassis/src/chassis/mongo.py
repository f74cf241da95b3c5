"""MongoDB through motor, and the outbox: documents that carry the events they caused until those are published.

The only file that knows motor: its maker names pymongo's own asynchronous client as its successor.
"""

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import bson.errors
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from chassis.errors import InvalidInput, Unavailable
from chassis.messaging import Envelope, Events
from chassis.telemetry import DEFERRED
from chassis.transient import is_transient

log = logging.getLogger(__name__)

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]
Database = AsyncIOMotorDatabase[Document]
Session = AsyncIOMotorClientSession
__all__ = [
    "LAST", "BulkWriteError", "Collection", "Database", "Document", "DuplicateKeyError", "IndexModel", "Outbox", "Session", "UpdateOne",
    "database", "decode_page_token", "encode_page_token", "is_conflict", "newest_first", "page_size", "transaction", "windows",
]

LAST = "~"  # sorts behind every `order`

_SWEEP_AFTER = timedelta(seconds=5)
_SWEEP_EVERY_S = 2.0
_SWEEP_BATCH = 200
_WINDOWS_MS = tuple(60_000 * 4**n for n in range(11))  # a minute to two years: about four times what a page shows is read


@asynccontextmanager
async def database(uri: str, service: str, *, name: str = "") -> AsyncIterator[Database]:
    """The service's own database, `mingjian_<service>` unless named otherwise; times come back aware, in UTC."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(uri, appname=service, serverSelectionTimeoutMS=5000, timeoutMS=20000)
    try:
        yield client.get_database(name or f"mingjian_{service}", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))
    finally:
        client.close()


@asynccontextmanager
async def transaction(db: Database) -> AsyncIterator[Session]:
    """Writes given this session are all done or none."""
    async with await db.client.start_session() as session, session.start_transaction():
        yield session


def is_conflict(failure: BaseException) -> bool:
    """True where a transaction met another that wrote the same: nothing of it was done, and doing it again is the answer."""
    return isinstance(failure, PyMongoError) and failure.has_error_label("TransientTransactionError")


class Outbox:
    """The events of one collection's documents: stored with them in `outbox`, published, then cleared.

    A write stores `pending(events)` with its document, in the same atomic write, and then calls `flush`. What a crash or an absent
    broker leaves behind is published by `sweep`; JetStream drops what it already has, by the events' derived ids.
    """

    def __init__(self, collection: Collection, events: Events) -> None:
        self._collection, self._events = collection, events

    async def prepare(self) -> None:
        """Make the index that the sweeper reads by."""
        await self._collection.create_indexes([IndexModel([("outbox_since", ASCENDING)], sparse=True, name="outbox_since")])

    @staticmethod
    def pending(envelopes: Sequence[Envelope]) -> Document:
        """Fields to insert, or to `$set` where the document has nothing pending."""
        return {"outbox": [e.to_document() for e in envelopes], "outbox_since": datetime.now(UTC)} if envelopes else {}

    @staticmethod
    def appended(envelopes: Sequence[Envelope]) -> Document:
        """Update operators that add events to a document which may have others pending; merge with your own `$set`."""
        return {"$push": {"outbox": {"$each": [e.to_document() for e in envelopes]}}, "$currentDate": {"outbox_since": True}}

    async def flush(self, document_id: Any, envelopes: Sequence[Envelope]) -> None:
        """Publish and clear. Where the broker is away they stay with the document, and the sweeper sends them."""
        if not envelopes:
            return
        try:
            await self._events.publish(*envelopes)
        except Unavailable as e:
            DEFERRED.labels(self._collection.name).inc(len(envelopes))
            log.warning("events left to the sweeper: %s", e.message, extra={"collection": self._collection.name})
            return
        ids = [e.id for e in envelopes]
        exactly = {"outbox": {"$size": len(ids)}, **{f"outbox.{place}.id": i for place, i in enumerate(ids)}}
        whole = await self._collection.update_one(
            # by place: the embedded server finds nothing by $all on a field within an array, and reads the whole collection for an $and
            {"_id": document_id, **exactly}, {"$unset": {"outbox": "", "outbox_since": ""}}
        )
        if not whole.modified_count:
            await self._collection.update_one({"_id": document_id}, {"$pull": {"outbox": {"id": {"$in": ids}}}})
            await self._close(document_id)

    async def flush_stored(self, document: Document) -> None:
        """Publish what a document read from the collection still carries; for a consumer that meets its own work again."""
        if document.get("outbox") == []:  # a crash came between the last event taken out and the mark: nothing is owed
            await self._close(document["_id"])
        await self.flush(document["_id"], [Envelope.from_document(e) for e in document.get("outbox", ())])

    async def _close(self, document_id: Any) -> None:
        await self._collection.update_one({"_id": document_id, "outbox": {"$size": 0}}, {"$unset": {"outbox": "", "outbox_since": ""}})

    async def sweep(self, *, older_than: timedelta = _SWEEP_AFTER) -> int:
        """Publish what was left behind, oldest first, and return how many documents were found."""
        found = self._collection.find({"outbox_since": {"$lt": datetime.now(UTC) - older_than}}).sort("outbox_since", ASCENDING).limit(_SWEEP_BATCH)
        count = 0
        async for document in found:
            await self.flush_stored(document)
            count += 1
        return count

    async def sweep_forever(self) -> None:
        """Runs as long as the process; give it to Life.spawn."""
        while True:
            try:
                while await self.sweep() == _SWEEP_BATCH:
                    pass
            except Exception as e:
                if not is_transient(e):
                    raise
                log.warning("sweeper waits: %s", type(e).__name__)
            await asyncio.sleep(_SWEEP_EVERY_S)


async def newest_first(
    collection: Collection, equal: Document, limit: int, *, digits: int, since: str = "", until: str = LAST,
    beyond: Document | None = None, projection: Document | None = None,
) -> list[Document]:
    """Up to `limit` documents whose `order` lies in [since, until), newest first; the page after a document ends before its `order`.

    `order` is text: milliseconds since 1970 in so many `digits`, then what tells documents of one instant apart. `equal` names the
    fields of an index that ascends and ends in `order`; what is asked `beyond` them is looked for among what that index finds.
    """
    documents: list[Document] = []
    for low, high in windows(since, until, digits=digits, now_ms=int(time.time() * 1000)):
        wanted, query = limit - len(documents), equal | {"order": {"$gte": low, "$lt": high}}
        if beyond:
            # As stages, because a server may give up on an index when a query names a field outside it; and for their ids alone, because
            # the embedded server's stages leave out no field of an array's members, as its `find` does.
            stages: list[Document] = [
                {"$match": query}, {"$sort": {"order": -1}}, {"$match": beyond}, {"$limit": wanted}, {"$project": {"_id": 1}},
            ]
            query = {"_id": {"$in": [document["_id"] async for document in collection.aggregate(stages)]}}
        documents += await collection.find(query, projection).sort("order", -1).limit(wanted).to_list(wanted)
        if len(documents) >= limit:
            break
    return documents


def windows(since: str, until: str, *, digits: int, now_ms: int) -> Iterator[tuple[str, str]]:
    """The span [since, until) of `order` in pieces without gap, newest and shortest first.

    A server may read a whole range before it heeds the limit: so a page reads what it shows and little more.
    """
    newest = min(now_ms, int(until[:digits])) if until[:digits].isdecimal() else now_ms
    for width in _WINDOWS_MS:
        low = max(since, f"{max(newest - width, 0):0{digits}d}")
        if low < until:
            yield low, until
        if low == since:
            return
        until = min(until, low)
    if since < until:
        yield since, until


def page_size(asked: int, *, field: str = "page_size", default: int = 50, most: int = 200) -> int:
    """Documents on a page. Raises InvalidInput."""
    if asked == 0:
        return default
    if not 1 <= asked <= most:
        raise InvalidInput(field, f"must be between 1 and {most}")
    return asked


def encode_page_token(*key: Any) -> str:
    """An opaque token that names the last document of a page by its sort key."""
    return base64.urlsafe_b64encode(bson.encode({"k": list(key)})).decode()


def decode_page_token(token: str, *, field: str = "page_token") -> list[Any]:
    """The sort key in a token; [] where it is empty. Raises InvalidInput."""
    if not token:
        return []
    try:
        return list(bson.decode(base64.urlsafe_b64decode(token), codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))["k"])
    except (ValueError, KeyError, TypeError, binascii.Error, bson.errors.BSONError):
        raise InvalidInput(field, "is not a token this list gave out") from None
