"""What happens when somebody listens: the recording as it came, or its redacted copy, made when it is first asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chassis.errors import NotAllowedNow, NotFound

from ingestion.app import Upload, Uploads
from ingestion.domain.audio import Audio
from ingestion.domain.interaction import Interaction, check_seen_by
from ingestion.domain.metadata import Caller, Metadata
from ingestion.domain.silence import SilentSpan, tag_of

COPY_CONTAINER = "wav"


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file on its way to who listens; `tag` is another one where the file is another one."""

    size_bytes: int
    tag: str
    container: str
    redacted: bool
    chunks: AsyncIterator[bytes]


class Listenable(Protocol):
    """Interactions with what must be silent in them."""

    async def find(self, tenant: str, interaction_id: str) -> Interaction | None: ...

    async def silences(self, tenant: str, interaction_id: str) -> Sequence[SilentSpan] | None:
        """None while the interaction was not scored."""


class Copies(Protocol):
    """Recordings and their redacted copies in the object store. Every method raises Unavailable where the store does not take or give."""

    async def size(self, path: str) -> int | None:
        """Bytes of the file; None where there is none."""

    async def redact(self, audio: Audio, metadata: Metadata, spans: Sequence[SilentSpan], path: str) -> int:
        """Write the copy under `path`, unless it is there already, and return its bytes. Takes a second for an hour of audio."""

    def read(self, path: str) -> AsyncIterator[bytes]: ...


class Playback:
    """Gives recordings to those who may hear them."""

    def __init__(self, interactions: Listenable, copies: Copies, uploads: Uploads, *, now: Callable[[], datetime]) -> None:
        self._interactions, self._copies, self._uploads, self._now = interactions, copies, uploads, now

    async def file(self, interaction_id: str, caller: Caller, *, redacted: bool = False) -> AudioFile:
        """The file as it was uploaded; its redacted copy where that is asked for, and always for who may not read personal information.

        Raises NotFound, also for a chat, and NotAllowedNow for the copy of what is not scored yet.
        """
        found = await self._interactions.find(caller.tenant, interaction_id)
        if not found:
            raise NotFound("no such interaction", field="interaction_id")
        check_seen_by(caller, found)
        if not found.audio:
            raise NotFound("a chat has no audio", field="interaction_id")
        if caller.may_read_pii and not redacted:
            audio = found.audio
            return AudioFile(audio.size_bytes, audio.sha256, audio.container, False, self._copies.read(audio.path))
        return await self._copy(found, found.audio)

    async def _copy(self, interaction: Interaction, audio: Audio) -> AudioFile:
        spans = await self._interactions.silences(interaction.tenant, interaction.interaction_id)
        if spans is None:
            raise NotAllowedNow("the recording can be heard without pii:read once it is scored: what must be silent is not known before")
        tag = tag_of(audio, spans)
        path = f"{audio.path}.redacted.{tag[:32]}"
        size = await self._copies.size(path)
        if size is None:
            # Noted as an upload, so that what a killed process leaves is found; a copy removed is made again.
            await self._uploads.begin(Upload(path, interaction.tenant, interaction.interaction_id), self._now())
            size = await self._copies.redact(audio, interaction.metadata, spans, path)
            await self._uploads.end(path)
        return AudioFile(size, tag, COPY_CONTAINER, True, self._copies.read(path))
