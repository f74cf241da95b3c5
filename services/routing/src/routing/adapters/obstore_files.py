"""Content of attachments in an object store, one object each."""

from collections.abc import AsyncIterator

from chassis import blobs
from obstore.store import ObjectStore

_CHUNK_BYTES = 256 * 1024


class ObstoreFiles:
    """Satisfies app_desk.Files over a store that chassis.blobs opened."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def write(self, tenant: str, ticket_id: str, attachment_id: str, content: bytes) -> None:
        async def once() -> AsyncIterator[bytes]:
            yield content

        await blobs.write(self._store, _path(tenant, ticket_id, attachment_id), once())

    async def read(self, tenant: str, ticket_id: str, attachment_id: str) -> AsyncIterator[bytes]:
        async for chunk in blobs.read(self._store, _path(tenant, ticket_id, attachment_id), chunk_bytes=_CHUNK_BYTES):
            yield chunk

    async def delete(self, tenant: str, ticket_id: str, attachment_id: str) -> None:
        await blobs.delete(self._store, _path(tenant, ticket_id, attachment_id))


def _path(tenant: str, ticket_id: str, attachment_id: str) -> str:
    return f"tickets/{tenant}/{ticket_id}/{attachment_id}"
