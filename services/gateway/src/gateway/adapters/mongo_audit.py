"""The audit log in MongoDB: inserted, never updated."""

from collections.abc import AsyncIterator

from chassis.errors import AlreadyExists
from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from gateway.domain.audit import Entry

_BATCH = 500


class MongoAudit:
    """Satisfies gateway.app.AuditStore. Collection `audit`; the unique index on (tenant, sequence) decides who comes next."""

    def __init__(self, db: Database) -> None:
        self._entries = db["audit"]

    async def prepare(self) -> None:
        """Make the indexes every question is bound to."""
        await self._entries.create_indexes([
            IndexModel([("tenant", 1), ("sequence", -1)], unique=True, name="tenant_sequence"),
            IndexModel([("tenant", 1), ("object_id", 1), ("sequence", -1)], name="tenant_object"),
        ])

    async def last(self, tenant: str) -> Entry | None:
        document = await self._entries.find_one({"tenant": tenant}, sort=[("sequence", -1)])
        return _entry(document) if document else None

    async def add(self, entry: Entry) -> None:
        try:
            await self._entries.insert_one({
                "tenant": entry.tenant, "sequence": entry.sequence, "at": entry.at, "principal": entry.principal, "action": entry.action,
                "object_id": entry.object_id, "status": entry.status, "hash": entry.hash,
            })
        except DuplicateKeyError:
            raise AlreadyExists("another entry has this sequence") from None

    async def page(self, tenant: str, *, object_id: str, before: int, limit: int) -> list[Entry]:
        wanted: Document = {"tenant": tenant}
        if object_id:
            wanted["object_id"] = object_id
        if before:
            wanted["sequence"] = {"$lt": before}
        return [_entry(document) async for document in self._entries.find(wanted).sort([("sequence", -1)]).limit(limit)]

    async def in_order(self, tenant: str) -> AsyncIterator[list[Entry]]:
        after = 0
        while True:
            found = self._entries.find({"tenant": tenant, "sequence": {"$gt": after}}).sort([("sequence", 1)]).limit(_BATCH)
            entries = [_entry(document) async for document in found]
            if not entries:
                return
            yield entries
            after = entries[-1].sequence


def _entry(document: Document) -> Entry:
    return Entry(
        document["tenant"], document["sequence"], document["at"], document["principal"], document["action"], document["object_id"],
        document["status"], document["hash"],
    )
