"""Transactions that a killed process left open: given up at once by whoever starts next.

MongoDB holds what a transaction wrote until its client commits, or for a minute where the client is gone; rollups are so hot that
everybody would wait for it. So each process notes the sessions it writes with, and a starting one ends all that are noted. Where
that meets a process that lives, its transaction fails with a conflict and is done again: this costs time, never figures.
"""

import time
from datetime import UTC, datetime
from typing import Any

from bson.binary import Binary
from chassis.mongo import Database, IndexModel, Session

_NOTED_FOR_S = 3600
_NOTED_AGAIN_AFTER_S = _NOTED_FOR_S / 4


class MongoSessions:
    """The sessions noted in `writers`, by their ids."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted: dict[bytes, float] = {}

    async def end_all(self) -> int:
        """End every noted session, and return how many there were."""
        noted = [d["_id"] async for d in self._db.writers.find({}, {"_id": 1}).limit(10_000)]
        if noted:
            await self._db.client.admin.command({"killSessions": [{"id": n} for n in noted]})
            await self._db.writers.delete_many({"_id": {"$in": noted}})
        await self._db.writers.create_indexes([IndexModel([("at", 1)], expireAfterSeconds=_NOTED_FOR_S, name="expiry")])
        return len(noted)

    async def note(self, session: Session) -> None:
        """Note the session outside its transaction; drivers use few sessions again and again, so this seldom writes."""
        named: Any = session.session_id  # a property at run time, a method to its stubs
        number = bytes(named["id"])
        now = time.monotonic()
        if now - self._noted.get(number, -_NOTED_FOR_S) < _NOTED_AGAIN_AFTER_S:
            return
        await self._db.writers.update_one({"_id": Binary(number, 4)}, {"$set": {"at": datetime.now(UTC)}}, upsert=True)
        self._noted = {n: at for n, at in self._noted.items() if now - at < _NOTED_FOR_S} | {number: now}
