"""Large files in an object store: file:// on a laptop, s3://, gs:// or az:// in a cluster."""

from collections.abc import AsyncIterator

import obstore
from obstore.store import ObjectStore, from_url

from chassis.errors import NotFound

_PART = 5 * 1024 * 1024  # the smallest part S3 takes in a multipart upload


def open_store(url: str) -> ObjectStore:
    """A store for the URL; a file:// folder is made where it is missing."""
    return from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)


async def write(store: ObjectStore, path: str, chunks: AsyncIterator[bytes]) -> int:
    """Store the chunks under `path` and return their bytes. Nothing is visible under it before the last one arrived."""
    size = 0
    # Parts under way at once are memory; by default there would be twelve.
    async with obstore.open_writer_async(store, path, buffer_size=_PART, max_concurrency=2) as writer:
        async for chunk in chunks:
            await writer.write(chunk)
            size += len(chunk)
    return size


async def read(store: ObjectStore, path: str, *, chunk_bytes: int = 256 * 1024) -> AsyncIterator[bytes]:
    """The file in chunks of about `chunk_bytes`. Raises NotFound."""
    try:
        found = await obstore.get_async(store, path)
    except FileNotFoundError:
        raise NotFound(f"no stored file {path}") from None
    async for chunk in found.stream(min_chunk_size=chunk_bytes):
        yield bytes(chunk)


async def delete(store: ObjectStore, path: str) -> None:
    """Remove the file; one that is not there is no error."""
    try:
        await obstore.delete_async(store, path)
    except FileNotFoundError:
        return
