"""Recordings in an object store, probed where they lie."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from chassis import blobs
from chassis.errors import Unavailable
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from ingestion.adapters.pyav_probe import ReadableFile, probe
from ingestion.adapters.pyav_redaction import planned, redacted
from ingestion.domain.audio import Audio, Probe
from ingestion.domain.metadata import AUDIO_FORMATS, Metadata
from ingestion.domain.silence import SilentSpan, cuts

_READ_AHEAD_BYTES = 1024 * 1024
_CHUNK_BYTES = 256 * 1024


class ObstoreRecordings:
    """Satisfies app.Recordings and app_playback.Copies over a store that chassis.blobs opened for the same URL."""

    def __init__(self, store: ObjectStore, url: str) -> None:
        self._store = store
        self._folder = Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None
        self._probing = asyncio.Semaphore(os.cpu_count() or 1)  # probing is work for a core, and leaves threads for hashing

    async def keep(self, path: str, chunks: AsyncIterator[bytes]) -> None:
        """A failure leaves nothing under `path`."""
        try:
            await blobs.write(self._store, path, chunks)
        except (BaseError, OSError) as e:
            raise Unavailable(f"the object store did not take the audio: {type(e).__name__}") from e

    async def probe(self, path: str, audio_format: str, *, max_ms: int) -> Probe:
        async with self._probing:
            try:
                return await asyncio.to_thread(self._probe, path, audio_format, max_ms)
            except (BaseError, OSError) as e:
                raise Unavailable(f"the object store did not give the audio: {type(e).__name__}") from e

    async def read(self, path: str) -> AsyncIterator[bytes]:
        """Raises NotFound."""
        try:
            async for chunk in blobs.read(self._store, path, chunk_bytes=_CHUNK_BYTES):
                yield chunk
        except (BaseError, OSError) as e:
            raise Unavailable(f"the object store did not give the audio: {type(e).__name__}") from e

    async def size(self, path: str) -> int | None:
        try:
            return int((await obstore.head_async(self._store, path))["size"])
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as e:
            raise Unavailable(f"the object store did not give the audio: {type(e).__name__}") from e

    async def redact(self, audio: Audio, metadata: Metadata, spans: Sequence[SilentSpan], path: str) -> int:
        async with self._probing:
            made = await self.size(path)  # by whoever asked at the same time
            if made is not None:
                return made
            raw = audio.container if audio.container in AUDIO_FORMATS else ""
            wanted = cuts(spans, metadata, rate_hz=audio.sample_rate_hz, channels=audio.channels)
            try:
                plan = await asyncio.to_thread(lambda: planned(self._file(audio.path), raw, wanted))
                await blobs.write(self._store, path, _in_threads(redacted(self._file(audio.path), raw, plan)))
            except (BaseError, OSError) as e:
                raise Unavailable(f"the object store did not give or take the audio: {type(e).__name__}") from e
            return plan.size_bytes

    async def drop(self, path: str) -> None:
        try:
            await blobs.delete(self._store, path)
            if self._folder:
                await asyncio.to_thread(_remove_staged, self._folder / path)
        except (BaseError, OSError) as e:
            raise Unavailable(f"the object store did not delete the audio: {type(e).__name__}") from e

    def _probe(self, path: str, audio_format: str, max_ms: int) -> Probe:
        return probe(self._file(path), audio_format, max_ms=max_ms)

    def _file(self, path: str) -> ReadableFile:
        return obstore.open_reader(self._store, path, buffer_size=_READ_AHEAD_BYTES)


async def _in_threads(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Blocks made off the event loop, one after the other."""
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        yield block


def _remove_staged(path: Path) -> None:
    """A process killed while writing leaves the file's parts under `path#<n>`; object stores expire theirs by rule."""
    for staged in path.parent.glob(f"{path.name}#*"):
        staged.unlink(missing_ok=True)
