"""Promises that wait for the evaluation of their contact, in MongoDB."""

from collections.abc import Sequence
from datetime import datetime

from chassis.mongo import Database, Document, IndexModel

from routing.app import WatchedPromise
from routing.domain.opening import Contact
from routing.domain.tickets import Promise


class MongoPromises:
    """The collection `promises`; a document keeps `settle_at` until the promise has been looked at."""

    def __init__(self, db: Database) -> None:
        self._promises = db["promises"]

    async def prepare(self) -> None:
        """Make the index that due promises are found by."""
        await self._promises.create_indexes([IndexModel([("settle_at", 1)], sparse=True, name="settle_at")])

    async def watch(self, watched: WatchedPromise) -> None:
        contact, promise = watched.contact, watched.promise
        await self._promises.update_one(
            {"_id": _key(watched)},
            {
                "$setOnInsert": {
                    "contact": {
                        "tenant": contact.tenant,
                        "interaction_id": contact.interaction_id,
                        "agent_id": contact.agent_id,
                        "customer_id": contact.customer_id,
                        "customer_tier": contact.customer_tier,
                        "product": contact.product,
                        "industry": contact.industry,
                    },
                    "promise": {
                        "promise_id": promise.promise_id,
                        "what": promise.what,
                        "deadline": promise.deadline,
                        "owner": promise.owner,
                    },
                    "settle_at": watched.settle_at,
                }
            },
            upsert=True,
        )

    async def to_settle(self, now: datetime, limit: int) -> Sequence[WatchedPromise]:
        found = self._promises.find({"settle_at": {"$lte": now}}).sort("settle_at", 1).limit(limit)
        return [_from_document(document) for document in await found.to_list(limit)]

    async def settled(self, watched: WatchedPromise) -> None:
        await self._promises.update_one({"_id": _key(watched)}, {"$unset": {"settle_at": ""}})


def _key(watched: WatchedPromise) -> str:
    return f"{watched.contact.tenant}/{watched.promise.promise_id}"


def _from_document(document: Document) -> WatchedPromise:
    return WatchedPromise(Contact(**document["contact"]), Promise(**document["promise"]), document["settle_at"])
