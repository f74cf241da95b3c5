"""Published tables in MongoDB: one document for each version, which is never changed but for having been followed."""

from collections.abc import Sequence
from datetime import UTC

from chassis.errors import AlreadyExists
from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from routing.app_versions import Published


class MongoVersions:
    """A collection of versions, such as `service_levels`; `number` counts a tenant's from 1, the highest counts."""

    def __init__(self, db: Database, collection: str) -> None:
        self._versions = db[collection]

    async def prepare(self) -> None:
        await self._versions.create_indexes([
            IndexModel([("tenant", 1), ("number", 1)], name="tenant_number", unique=True),
            IndexModel([("to_move", 1)], name="to_move", sparse=True),
        ])

    async def add(self, published: Published) -> None:
        newest = await self._newest(published.tenant)
        document = {
            "_id": f"{published.tenant}/{published.version}", "tenant": published.tenant, "version": published.version,
            "number": newest["number"] + 1 if newest else 1, "source": published.source, "published_by": published.published_by,
            "published_at": published.published_at, "note": published.note, "before": published.before,
            **({} if published.moved else {"to_move": True}),
        }
        try:
            await self._versions.insert_one(document)
        except DuplicateKeyError:
            if await self._versions.find_one({"_id": document["_id"]}, {"_id": 1}):
                raise AlreadyExists(f"the version {published.version} was published before; write another", field="version") from None
            raise AlreadyExists("somebody else published at the same moment; look at that first", field="version") from None

    async def newest(self, tenant: str) -> Published | None:
        found = await self._newest(tenant)
        return _published(found) if found else None

    async def get(self, tenant: str, version: str) -> Published | None:
        found = await self._versions.find_one({"_id": f"{tenant}/{version}"})
        return _published(found) if found else None

    async def versions(self, tenant: str, limit: int) -> Sequence[Published]:
        found = self._versions.find({"tenant": tenant}).sort("number", -1).limit(limit)
        return [_published(document) for document in await found.to_list(limit)]

    async def to_move(self, limit: int) -> Sequence[Published]:
        return [_published(document) for document in await self._versions.find({"to_move": True}).limit(limit).to_list(limit)]

    async def moved(self, published: Published) -> None:
        await self._versions.update_one({"_id": f"{published.tenant}/{published.version}"}, {"$unset": {"to_move": ""}})

    async def _newest(self, tenant: str) -> Document | None:
        found = await self._versions.find({"tenant": tenant}).sort("number", -1).limit(1).to_list(1)
        return found[0] if found else None


def _published(document: Document) -> Published:
    return Published(
        document["tenant"], document["version"], document["source"], document["published_by"], document["published_at"].astimezone(UTC),
        document["note"], document["before"], not document.get("to_move", False),
    )
