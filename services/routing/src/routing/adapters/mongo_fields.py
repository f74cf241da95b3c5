"""What tickets say, in MongoDB: within the ticket's document; `look_at` is there while its contact has to be looked at."""

from collections.abc import Sequence
from datetime import datetime

from chassis.mongo import Database, Document, IndexModel

from routing.adapters.mongo_tickets import ticket_in
from routing.domain.tickets import Ticket


class MongoToLookAt:
    """The collection `tickets`, by when their contact has to be looked at."""

    def __init__(self, db: Database) -> None:
        self._tickets = db["tickets"]

    async def prepare(self) -> None:
        """Make the index that they are found by."""
        await self._tickets.create_indexes([IndexModel([("look_at", 1)], sparse=True, name="look_at")])

    async def due(self, now: datetime, limit: int) -> Sequence[Ticket]:
        found = self._tickets.find(due_query(now), {"history": 0, "outbox": 0}).sort("look_at", 1).limit(limit)
        return [ticket_in(document) for document in await found.to_list(limit)]

    async def again(self, ticket: Ticket, at: datetime) -> None:
        key = {"_id": f"{ticket.tenant}/{ticket.ticket_id}", "version": ticket.version}
        await self._tickets.update_one(key, {"$set": {"look_at": at}, "$inc": {"particulars.looks": 1}})


def due_query(now: datetime) -> Document:
    """One range of one index."""
    return {"look_at": {"$lte": now}}
