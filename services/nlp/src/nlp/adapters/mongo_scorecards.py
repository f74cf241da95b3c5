"""Scorecard versions in MongoDB, and for each tenant one document that says which of them judge now."""

from dataclasses import asdict, replace
from typing import Any

from chassis.ids import derived_id
from chassis.messaging import Events, wrap
from chassis.mongo import Database, Document, DuplicateKeyError, Outbox
from mingjian.nlp.v1.events_pb2 import ScorecardPublished

from nlp.adapters.mongo_pages import index_models, list_query, order_of, page
from nlp.adapters.protobuf_scorecards import version_to_wire
from nlp.app_scorecards import InForce, ScorecardVersion, VersionKey, VersionPage

VERSION_INDEXES: tuple[tuple[str, ...], ...] = (("tenant", "scorecard_id", "order"),)


class MongoScorecards:
    """Satisfies app_scorecards.Versions.

    The two writes of a publication are two documents: a crash between them leaves a version that does not judge yet, and publishing
    it again puts it in force. The event is stored with the second, in the same atomic write.
    """

    def __init__(self, db: Database, events: Events) -> None:
        self._versions, self._in_force = db.scorecard_versions, db.scorecards_in_force
        self.outbox = Outbox(self._in_force, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._versions.create_indexes(index_models(VERSION_INDEXES))
        await self.outbox.prepare()

    async def add(self, version: ScorecardVersion) -> ScorecardVersion:
        try:
            await self._versions.insert_one(_to_document(version))
        except DuplicateKeyError:
            found = await self.find(version.key)
            assert found is not None  # versions are never removed
            return found
        return version

    async def find(self, key: VersionKey) -> ScorecardVersion | None:
        found = await self._versions.find_one({"_id": _id(key)})
        return _from_document(found) if found else None

    async def page(self, tenant: str, scorecard_id: str, *, size: int, token: str) -> VersionPage:
        asked = list_query(tenant, {"scorecard_id": scorecard_id}, ["scorecard_id"])
        documents, following = await page(self._versions, asked, size, token, {"source": 0})
        return VersionPage([_from_document(document) for document in documents], following)

    async def in_force(self, tenant: str) -> InForce:
        found = await self._in_force.find_one({"_id": tenant}, {"revision": 1, "versions": 1})
        return _in_force(found) if found else InForce()

    async def put_in_force(self, tenant: str, version: ScorecardVersion) -> InForce:
        wanted = asdict(version.key)
        while True:
            now = await self.in_force(tenant)
            if now.versions.get(version.key.scorecard_id) == version.key:
                return now
            event = ScorecardPublished(version=version_to_wire(replace(version, active=True, source="")))
            sequence = str(now.revision + 1)
            told = wrap(event, tenant=tenant, key=derived_id(tenant, version.key.scorecard_id, version.key.version, sequence))
            versions = [*(asdict(key) for name, key in now.versions.items() if name != version.key.scorecard_id), wanted]
            update: dict[str, Any] = self.outbox.appended([told])
            if now.revision:
                changed = await self._in_force.update_one(
                    {"_id": tenant, "revision": now.revision}, update | {"$set": {"revision": now.revision + 1, "versions": versions}}
                )
                if not changed.modified_count:
                    continue  # another replica was quicker
            else:
                try:
                    await self._in_force.insert_one({"_id": tenant, "revision": 1, "versions": versions} | self.outbox.pending([told]))
                except DuplicateKeyError:
                    continue
            await self.outbox.flush(tenant, [told])
            return InForce(now.revision + 1, {key["scorecard_id"]: VersionKey(**key) for key in versions})


def _id(key: VersionKey) -> str:
    return derived_id("scorecard", key.tenant, key.scorecard_id, key.version)


def _in_force(document: Document) -> InForce:
    return InForce(document["revision"], {key["scorecard_id"]: VersionKey(**key) for key in document["versions"]})


def _to_document(version: ScorecardVersion) -> Document:
    plain = asdict(version)
    del plain["active"], plain["key"]
    identity = _id(version.key)
    return plain | asdict(version.key) | {"_id": identity, "order": order_of(version.published_at, identity)}


def _from_document(document: Document) -> ScorecardVersion:
    key = VersionKey(document["tenant"], document["scorecard_id"], document["version"])
    parent = VersionKey(**document["parent"]) if document["parent"] else None
    kept = {
        name: document[name]
        for name in ("title", "published_by", "published_at", "note", "sha256", "lineage_sha256", "items", "simulation_id")
    }
    return ScorecardVersion(key, parent=parent, source=document.get("source", ""), **kept)
