"""Replies of the language model in MongoDB, by what was asked, so that the same is not asked twice; they go by themselves."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from chassis.mongo import Database, DuplicateKeyError, IndexModel

KEPT = timedelta(days=90)


class MongoReplies:
    """Satisfies openai_judge.KeptReplies."""

    def __init__(self, db: Database) -> None:
        self._replies = db.model_replies

    async def prepare(self) -> None:
        """Make the index by which they go."""
        await self._replies.create_indexes([IndexModel([("at", 1)], name="at", expireAfterSeconds=int(KEPT.total_seconds()))])

    async def find(self, key: str) -> str | None:
        """One by its key."""
        found = await self._replies.find_one({"_id": key})
        return str(found["reply"]) if found else None

    async def keep(self, key: str, reply: str) -> None:
        """Keep one; the first stays."""
        with suppress(DuplicateKeyError):
            await self._replies.insert_one({"_id": key, "reply": reply, "at": datetime.now(UTC)})
