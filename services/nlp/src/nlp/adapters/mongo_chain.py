"""Chains of records in MongoDB: one link document for each evaluation, and the end of each tenant's chain as last seen.

An evaluation is stored with `unchained_since`, so that scoring never waits for a link; a writer gives places to what waits, in batches.
Two unique keys make it right whoever writes, and whenever one is killed: a place is taken once, and an evaluation has one place. A batch is
inserted in order, so that no place is taken before the one under it. The lease only saves several workers from doing the same work.
"""

import asyncio
import logging
import time
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from chassis.ids import new_id
from chassis.mongo import BulkWriteError, Collection, Database, Document, DuplicateKeyError, IndexModel, UpdateOne, is_conflict
from chassis.transient import is_transient
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion

from nlp.adapters.mongo_documents import read
from nlp.adapters.mongo_records import CHAIN_INDEXES, UNCHAINED_SINCE, as_judged
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app_verification import Kept
from nlp.domain.chain import ChainLink, Head, Link, appended
from nlp.domain.records import Subject, record_of

log = logging.getLogger(__name__)

BATCH = 500
LEASE = timedelta(seconds=10)
_BATCHES = 10
_WAIT_S = 1.0
_TRIES = 20
_DIGITS = 12
_DUPLICATE_KEY = 11000
_LAST = "~"


class MongoChain:
    """Writes and reads the chains; satisfies app_verification.Chain."""

    def __init__(self, db: Database) -> None:
        self._links, self._heads, self._leases = db.chain_links, db.chain_heads, db.leases
        self._chained = (db.evaluations, db.additional_evaluations)  # a tenant's records are one chain, wherever they are kept
        self._ends: dict[str, Head] = {}  # where this writer left each chain; another may have gone on
        self._holder = new_id()

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._links.create_indexes([IndexModel([("place", 1)], name="place", unique=True)])
        for evaluations in self._chained:
            await evaluations.create_indexes(list(CHAIN_INDEXES))

    # -- writing ----------------------------------------------------------------------------------------------------------------

    async def append_forever(self) -> None:
        """Runs as long as the process; give it to Life.spawn."""
        held_until = 0.0
        while True:
            try:
                if time.monotonic() >= held_until and await self._holds_lease():
                    held_until = time.monotonic() + LEASE.total_seconds() / 2
                while time.monotonic() < held_until and await self.append_waiting() >= BATCH:
                    pass
            except Exception as e:
                if not (is_transient(e) or is_conflict(e)):
                    raise
                log.warning("chain waits: %s", type(e).__name__)
            await asyncio.sleep(_WAIT_S)

    async def append_waiting(self, batch: int = BATCH) -> int:
        """Give places to evaluations that have none, oldest first and so many at a time, and return how many were found."""
        return sum([await self._append_from(evaluations, batch) for evaluations in self._chained])

    async def _append_from(self, evaluations: Collection, batch: int) -> int:
        limit = batch * _BATCHES  # a server may read all that waits before it heeds the limit: so it is not asked for every batch
        found = await evaluations.find(
            {UNCHAINED_SINCE: {"$lt": datetime.now(UTC) + LEASE}}, {"tenant": 1, "record_sha256": 1}
        ).sort(UNCHAINED_SINCE, 1).limit(limit).to_list(limit)
        waiting: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for document in found:
            waiting[document["tenant"]].append((document["_id"], document["record_sha256"]))
        for tenant, records in waiting.items():
            for start in range(0, len(records), batch):
                await self._append(evaluations, tenant, records[start : start + batch])
        return len(found)

    async def _append(self, evaluations: Collection, tenant: str, records: Sequence[tuple[str, str]]) -> None:
        for _ in range(_TRIES):
            head = self._ends.pop(tenant, None)
            links = appended(tenant, head or await self._end(tenant), records)
            try:
                await self._links.insert_many([_to_document(tenant, link) for link in links])
            except BulkWriteError as failure:
                if any(error["code"] != _DUPLICATE_KEY for error in (failure.details or {}).get("writeErrors", [])):
                    raise
                # Another writer took a place, or gave one of these its place and was killed before it could say so.
                links = await self._linked([evaluation_id for evaluation_id, _ in records])
            else:
                self._ends[tenant] = links[-1].head
            await self._told(evaluations, tenant, links)
            known = {link.evaluation_id for link in links}
            records = [record for record in records if record[0] not in known]
            if not records:
                return
        log.warning("places were taken by others %d times over; the next round goes on", _TRIES)

    async def _end(self, tenant: str) -> Head:
        """The end of a chain: as last seen, and on from there."""
        head = await self.head(tenant)
        while further := await self.links(tenant, head.sequence + 1, BATCH):
            head = further[-1].head
        return head

    async def _linked(self, evaluation_ids: Sequence[str]) -> list[Link]:
        found = await self._links.find({"_id": {"$in": list(evaluation_ids)}}).to_list(None)
        return sorted((_from_document(document) for document in found), key=lambda link: link.place.sequence)

    async def _told(self, evaluations: Collection, tenant: str, links: Sequence[Link]) -> None:
        """Write each place beside its evaluation, and the end of the chain."""
        if not links:
            return
        await evaluations.bulk_write([
            UpdateOne(
                {"_id": link.evaluation_id},
                {"$set": {"chain": asdict(link.place), "place": _place(tenant, link.place.sequence)}, "$unset": {UNCHAINED_SINCE: ""}},
            )
            for link in links
        ], ordered=False)
        head = links[-1].head
        moved = await self._heads.update_one({"_id": tenant, "sequence": {"$lt": head.sequence}}, {"$set": asdict(head)})
        if not moved.matched_count:
            with suppress(DuplicateKeyError):  # another writer's end lies further on
                await self._heads.insert_one({"_id": tenant} | asdict(head))

    async def _holds_lease(self) -> bool:
        now = datetime.now(UTC)
        mine = {"$set": {"holder": self._holder, "until": now + LEASE}}
        for free in ({"holder": self._holder}, {"until": {"$lt": now}}):
            if (await self._leases.update_one({"_id": "chain"} | free, mine)).matched_count:
                return True
        try:
            await self._leases.insert_one({"_id": "chain", "holder": self._holder, "until": now + LEASE})
        except DuplicateKeyError:
            return False
        return True

    # -- reading ----------------------------------------------------------------------------------------------------------------

    async def head(self, tenant: str) -> Head:
        found = await self._heads.find_one({"_id": tenant}, {"_id": 0})
        return read(Head, found) if found else Head()

    async def links(self, tenant: str, first: int, limit: int) -> list[Link]:
        asked = {"place": {"$gte": _place(tenant, first), "$lt": f"{tenant}/{_LAST}"}}
        return [_from_document(document) async for document in self._links.find(asked).sort("place", 1).limit(limit)]

    async def evaluation_at(self, tenant: str, sequence: int) -> str:
        for evaluations in self._chained:
            if found := await evaluations.find_one({"place": _place(tenant, sequence)}, {"_id": 1}):
                return str(found["_id"])
        return ""

    async def kept(self, tenant: str, evaluation_ids: Sequence[str]) -> Mapping[str, Kept]:
        asked = {"_id": {"$in": list(evaluation_ids)}, "tenant": tenant}
        found = [document for evaluations in self._chained for document in await evaluations.find(asked, {"outbox": 0}).to_list(None)]
        return await asyncio.to_thread(lambda: {document["_id"]: _kept(document) for document in found})  # 0.1 s for a hundred


def _place(tenant: str, sequence: int) -> str:
    return f"{tenant}/{sequence:0{_DIGITS}d}"


def _to_document(tenant: str, link: Link) -> Document:
    place = _place(tenant, link.place.sequence)
    return {"_id": link.evaluation_id, "tenant": tenant, "place": place, "record_sha256": link.record_sha256} | asdict(link.place)


def _from_document(document: Document) -> Link:
    return Link(read(ChainLink, document), document["_id"], document["record_sha256"])


def _kept(document: Document) -> Kept:
    """Nothing that was done to a document keeps it from being looked at: what cannot be read is None."""
    try:
        record = zlib.decompress(document["record"])
    except (KeyError, TypeError, zlib.error):
        record = b""
    try:
        said = record_of(as_judged(document), read(Subject, document))
    except (KeyError, TypeError, ValueError, AttributeError):
        said = None
    try:
        received = ingestion.Interaction.FromString(document["received"])
        contact = contact_from_wire(received, document["tenant"], document["duration_ms"])
    except Exception:  # protobuf raises its own, and a tampered field may raise anything
        contact = None
    return Kept(record, said, contact)
