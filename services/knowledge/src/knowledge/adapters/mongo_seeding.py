"""Writing a seed in one go, also where another process is writing the same one."""

from collections.abc import Sequence

from chassis.mongo import BulkWriteError, Collection, Document

_DUPLICATE = 11000


async def insert_missing(collection: Collection, documents: Sequence[Document]) -> None:
    """Insert the documents; one that is already there stays as it is."""
    if not documents:
        return
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as failure:
        if any(error["code"] != _DUPLICATE for error in (failure.details or {}).get("writeErrors", ())):
            raise
