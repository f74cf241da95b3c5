"""Which files are being written, in MongoDB, so that a crash leaves none behind unseen."""

from collections.abc import Sequence
from datetime import datetime

from chassis.mongo import Database, IndexModel

from ingestion.app import Upload

_BATCH = 500


class MongoUploads:
    """Satisfies app.Uploads."""

    def __init__(self, db: Database) -> None:
        self._uploads = db.uploads

    async def prepare(self) -> None:
        """Make the index that the oldest are found by."""
        await self._uploads.create_indexes([IndexModel([("begun_at", 1)], name="begun_at")])

    async def begin(self, upload: Upload, at: datetime) -> None:
        begun = {"tenant": upload.tenant, "interaction_id": upload.interaction_id, "begun_at": at}
        await self._uploads.replace_one({"_id": upload.path}, begun, upsert=True)  # two may write the same redacted copy

    async def end(self, path: str) -> None:
        await self._uploads.delete_one({"_id": path})

    async def begun_before(self, at: datetime) -> Sequence[Upload]:
        found = self._uploads.find({"begun_at": {"$lt": at}}).sort("begun_at", 1).limit(_BATCH)
        return [Upload(d["_id"], d["tenant"], d["interaction_id"]) async for d in found]
