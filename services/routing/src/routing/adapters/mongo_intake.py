"""What waits for the evaluation of its contact, and which ticket a customer's matter has, in MongoDB."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from chassis.errors import Stale
from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from routing.app_intake import Matter, Watched
from routing.domain.opening import Contact
from routing.domain.tickets import Promise

# How long a scored contact is remembered, so that an alert which comes late opens nothing.
_REMEMBERED = timedelta(days=2)


class MongoWaiting:
    """The collection `promises`: promises and alerts; a document keeps `settle_at` until it has been looked at."""

    def __init__(self, db: Database) -> None:
        self._waiting = db["promises"]

    async def prepare(self) -> None:
        """Make the index that due ones are found by, and let what is over vanish."""
        await self._waiting.create_indexes([
            IndexModel([("settle_at", 1)], sparse=True, name="settle_at"),
            IndexModel([("forget_at", 1)], sparse=True, expireAfterSeconds=0, name="forget_at"),
        ])

    async def watch(self, watched: Watched) -> None:
        document: Document = {"contact": asdict(watched.contact), "settle_at": watched.settle_at, "alert": watched.alert, "words": watched.words}
        if watched.promise is not None:
            document["promise"] = asdict(watched.promise)
        await self._waiting.update_one({"_id": _key(watched)}, {"$setOnInsert": document}, upsert=True)

    async def scored(self, contact: Contact) -> None:
        forget = datetime.now(UTC) + _REMEMBERED
        for kind in ("complaint_keyword", "negative_emotion"):
            update = {"$set": {"scored": True, "forget_at": forget}, "$unset": {"settle_at": ""}}
            await self._waiting.update_one({"_id": f"{contact.tenant}/{contact.interaction_id}/{kind}"}, update, upsert=True)

    async def to_settle(self, now: datetime, limit: int) -> Sequence[Watched]:
        found = self._waiting.find({"settle_at": {"$lte": now}}).sort("settle_at", 1).limit(limit)
        return [_from_document(document) for document in await found.to_list(limit)]

    async def settled(self, watched: Watched) -> None:
        forget = datetime.now(UTC) + _REMEMBERED
        await self._waiting.update_one({"_id": _key(watched)}, {"$unset": {"settle_at": ""}, "$set": {"forget_at": forget}})


class MongoMatters:
    """The collection `matters`: for each customer, type and product the ticket that was opened last."""

    def __init__(self, db: Database) -> None:
        self._matters = db["matters"]

    async def get(self, key: str) -> Matter:
        found = await self._matters.find_one({"_id": key})
        return Matter(key, found["ticket_id"], found["version"]) if found else Matter(key)

    async def keep(self, matter: Matter) -> None:
        document = {"ticket_id": matter.ticket_id, "version": matter.version}
        if matter.version == 1:
            try:
                await self._matters.insert_one({"_id": matter.key} | document)
            except DuplicateKeyError:
                raise Stale("the customer's matter is there already") from None
            return
        changed = await self._matters.update_one({"_id": matter.key, "version": matter.version - 1}, {"$set": document})
        if not changed.matched_count:
            raise Stale("the customer's matter has changed")


def _key(watched: Watched) -> str:
    contact = watched.contact
    if watched.promise is not None:
        return f"{contact.tenant}/{watched.promise.promise_id}"
    return f"{contact.tenant}/{contact.interaction_id}/{watched.alert}"


def _from_document(document: Document) -> Watched:
    promise = Promise(**document["promise"]) if "promise" in document else None
    return Watched(Contact(**document["contact"]), document["settle_at"], promise, document["alert"], document["words"])
