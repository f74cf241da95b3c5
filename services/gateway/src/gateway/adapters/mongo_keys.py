"""API keys in MongoDB: the hash of a secret, never the secret."""

from datetime import datetime

from chassis.errors import AlreadyExists
from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from gateway.domain.keys import ApiKey


class MongoKeys:
    """Satisfies gateway.app.KeyStore. Collection `api_keys`, one document per key, `_id` = key_id."""

    def __init__(self, db: Database) -> None:
        self._keys = db["api_keys"]

    async def prepare(self) -> None:
        """Make the indexes every question is bound to."""
        await self._keys.create_indexes([
            IndexModel([("secret_hash", 1)], unique=True, name="secret_hash"),
            IndexModel([("tenant", 1), ("created_at", -1)], name="tenant_newest"),
            IndexModel([("tenant", 1), ("revoked_at", 1)], name="tenant_working"),
        ])

    async def add(self, key: ApiKey, secret_hash: str) -> None:
        document = {
            "_id": key.key_id, "tenant": key.tenant, "name": key.name, "role": key.role, "agent_id": key.agent_id, "team_id": key.team_id,
            "extra_permissions": list(key.extra_permissions), "created_at": key.created_at, "created_by": key.created_by,
            "revoked_at": key.revoked_at, "secret_hash": secret_hash,
        }
        try:
            await self._keys.insert_one(document)
        except DuplicateKeyError:
            raise AlreadyExists("there is such a key") from None

    async def by_hash(self, secret_hash: str) -> ApiKey | None:
        return _key(await self._keys.find_one({"secret_hash": secret_hash}))

    async def get(self, tenant: str, key_id: str) -> ApiKey | None:
        return _key(await self._keys.find_one({"_id": key_id, "tenant": tenant}))

    async def newest(self, tenant: str, limit: int) -> list[ApiKey]:
        found = self._keys.find({"tenant": tenant}).sort([("created_at", -1)]).limit(limit)
        return [key async for document in found if (key := _key(document))]

    async def working(self, tenant: str) -> int:
        return await self._keys.count_documents({"tenant": tenant, "revoked_at": None})

    async def revoke(self, tenant: str, key_id: str, at: datetime) -> ApiKey | None:
        await self._keys.update_one({"_id": key_id, "tenant": tenant, "revoked_at": None}, {"$set": {"revoked_at": at}})
        return await self.get(tenant, key_id)


def _key(document: Document | None) -> ApiKey | None:
    if document is None:
        return None
    return ApiKey(
        document["_id"], document["tenant"], document["name"], document["role"], document["agent_id"], tuple(document["extra_permissions"]),
        document["created_at"], document["created_by"], document["revoked_at"], document.get("team_id", ""),
    )
