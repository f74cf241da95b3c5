"""What happens first and what then when a contact arrives, is looked at, comes further, or is answered by its customer."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from chassis.errors import InvalidInput, NotFound

from ingestion.domain.audio import FIELD as AUDIO
from ingestion.domain.audio import Audio, Probe, check_probe, notices
from ingestion.domain.chat import ChatTurn, check_turns, turns_sha256
from ingestion.domain.feedback import Feedback, check_feedback
from ingestion.domain.interaction import Filters, Interaction, Medium, Report, check_same, check_seen_by, narrowed
from ingestion.domain.metadata import Caller, Metadata, accepted, fingerprint

Clock = Callable[[], datetime]
# Hashed and written at once: large enough that handing it to a thread costs nothing beside the hashing.
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_uploads` are taken at once, the rest wait their turn unread; `upload_timeout_s` bounds waiting and sending together."""

    max_audio_bytes: int
    max_audio_ms: int
    max_uploads: int
    upload_timeout_s: float


@dataclass(frozen=True, slots=True)
class Page:
    """`next_token` is empty on the last page."""

    interactions: Sequence[Interaction]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file being written for an interaction that may never come to be."""

    path: str
    tenant: str
    interaction_id: str


class Ids(Protocol):
    """New ids, and ids that are the same for the same parts."""

    def new(self) -> str: ...
    def derived(self, *parts: str) -> str: ...


class Interactions(Protocol):
    """Interactions as they are kept."""

    async def add(self, interaction: Interaction, turns: Sequence[ChatTurn] = ()) -> Interaction:
        """Keep it and see that InteractionReceived is published, once; where its id is taken, return the one that has it."""

    async def find(self, tenant: str, interaction_id: str) -> Interaction | None: ...

    async def find_many(self, tenant: str, interaction_ids: Sequence[str]) -> Mapping[str, Interaction]:
        """Those of the ids that are known, by id."""

    async def turns(self, tenant: str, interaction_id: str) -> Sequence[ChatTurn]:
        """Empty for a call."""

    async def page(self, tenant: str, filters: Filters, *, size: int, token: str) -> Page:
        """Newest first. Raises InvalidInput on "page_size" and "page_token"."""

    async def advance(self, tenant: str, interaction_id: str, report: Report) -> None:
        """Note the report unless what is known comes after it. Raises NotFound."""


class Uploads(Protocol):
    """Which files are being written, so that what a crash leaves half done is found."""

    async def begin(self, upload: Upload, at: datetime) -> None: ...
    async def end(self, path: str) -> None: ...

    async def begun_before(self, at: datetime) -> Sequence[Upload]:
        """The oldest first, some hundreds at most."""


class Recordings(Protocol):
    """Audio files in the object store. Every method raises Unavailable where the store does not take or give."""

    async def keep(self, path: str, chunks: AsyncIterator[bytes]) -> None: ...

    async def probe(self, path: str, audio_format: str, *, max_ms: int) -> Probe:
        """What is in the file, read no further than just past `max_ms`. Raises InvalidInput on "audio" where it is no audio file."""

    async def drop(self, path: str) -> None:
        """No error where it is not there."""


class Answers(Protocol):
    """Customers' answers as they are kept."""

    async def add(self, tenant: str, answers: Sequence[tuple[Feedback, Interaction | None]]) -> int:
        """Keep those not yet known, see that FeedbackReceived is published for each, and return how many they were."""


class Intake:
    """Takes calls and chats."""

    def __init__(
        self, interactions: Interactions, recordings: Recordings, uploads: Uploads, *, ids: Ids, now: Clock, limits: Limits,
    ) -> None:
        self._interactions, self._recordings, self._uploads = interactions, recordings, uploads
        self._ids, self._now, self._limits = ids, now, limits
        self._places = asyncio.Semaphore(limits.max_uploads)

    async def upload(self, sent: Metadata, chunks: AsyncIterator[bytes], caller: Caller) -> Interaction:
        """The new interaction, or the first one sent with this external_id and content.

        Raises InvalidInput, Denied, AlreadyExists, Unavailable, TimeoutError; then nothing is stored.
        """
        now = self._now()
        metadata = accepted(sent, caller, now)
        async with asyncio.timeout(self._limits.upload_timeout_s), self._places:
            interaction_id = self._interaction_id(metadata)
            measured = _Measured(self._limits.max_audio_bytes)
            said = fingerprint(sent)
            first = await self._interactions.find(metadata.tenant, interaction_id) if metadata.external_id else None
            if first:
                async for _ in measured.through(chunks):
                    pass
                check_same(first, _content(said, measured.sha256))
                return first
            path = f"{metadata.tenant}/{self._ids.new()}"
            await self._uploads.begin(Upload(path, metadata.tenant, interaction_id), now)
            try:
                probe = await self._received(path, measured, chunks, metadata.audio_format)
            except BaseException:
                await asyncio.shield(self._discard(path))  # also when the sender has hung up
                raise
            made = Interaction(
                interaction_id, metadata, Medium.CALL, now, now, _content(said, measured.sha256),
                audio=Audio(probe.container, probe.codec, probe.sample_rate_hz, probe.channels, probe.read_ms, measured.size, measured.sha256, path),
                notices=notices(probe, announced_two=bool(sent.left or sent.right)),
            )
            # Where this fails it may still have been stored: the file stays, and `tidy` finds out.
            stored = await self._interactions.add(made)
            if stored.audio and stored.audio.path == path:
                await self._uploads.end(path)
                return stored
            await self._discard(path)
            check_same(stored, made.content)
            return stored

    async def create(self, sent: Metadata, turns: Sequence[ChatTurn], caller: Caller) -> Interaction:
        """A chat; otherwise as `upload`."""
        now = self._now()
        metadata = accepted(sent, caller, now)
        check_turns(turns)
        content = _content(fingerprint(sent), turns_sha256(turns))
        made = Interaction(self._interaction_id(metadata), metadata, Medium.CHAT, now, now, content)
        stored = await self._interactions.add(made, turns)
        check_same(stored, content)
        return stored

    async def tidy(self) -> int:
        """Remove the files of uploads that a crash has ended, and return how many those were."""
        dropped = 0
        for upload in await self._uploads.begun_before(self._now() - timedelta(seconds=2 * self._limits.upload_timeout_s)):
            kept = await self._interactions.find(upload.tenant, upload.interaction_id)
            if kept and kept.audio and kept.audio.path == upload.path:
                await self._uploads.end(upload.path)
            else:
                await self._discard(upload.path)
                dropped += 1
        return dropped

    async def _received(self, path: str, measured: "_Measured", chunks: AsyncIterator[bytes], audio_format: str) -> Probe:
        await self._recordings.keep(path, measured.through(chunks))
        probe = await self._recordings.probe(path, audio_format, max_ms=self._limits.max_audio_ms)
        check_probe(probe, max_ms=self._limits.max_audio_ms)
        return probe

    async def _discard(self, path: str) -> None:
        await self._recordings.drop(path)
        await self._uploads.end(path)

    def _interaction_id(self, metadata: Metadata) -> str:
        if metadata.external_id:
            return self._ids.derived("interaction", metadata.tenant, metadata.external_id)
        return self._ids.new()


class Archive:
    """Shows what is kept, to those who may see it."""

    def __init__(self, interactions: Interactions) -> None:
        self._interactions = interactions

    async def get(self, interaction_id: str, caller: Caller) -> Interaction:
        """Raises NotFound."""
        found = await self._interactions.find(caller.tenant, interaction_id)
        if not found:
            raise NotFound("no such interaction", field="interaction_id")
        check_seen_by(caller, found)
        return found

    async def page(self, filters: Filters, caller: Caller, *, size: int, token: str) -> Page:
        """Newest first. Raises InvalidInput, Denied."""
        narrow = replace(filters, agent_id=narrowed(filters, caller))
        return await self._interactions.page(caller.tenant, narrow, size=size, token=token)

    async def turns(self, interaction_id: str, caller: Caller) -> Sequence[ChatTurn]:
        """A chat's turns, unmasked. Raises NotFound, also for a call."""
        found = await self.get(interaction_id, caller)
        if found.medium != Medium.CHAT:
            raise NotFound("a call has no written turns", field="interaction_id")
        return await self._interactions.turns(caller.tenant, interaction_id)


class Survey:
    """Takes what customers answered."""

    def __init__(self, answers: Answers, interactions: Interactions, *, now: Clock) -> None:
        self._answers, self._interactions, self._now = answers, interactions, now

    async def take(self, answers: Sequence[Feedback], caller: Caller) -> tuple[int, int]:
        """How many were new and how many already there. Raises InvalidInput; then none is stored."""
        now = self._now()
        check_feedback(answers, now)
        known = await self._interactions.find_many(caller.tenant, sorted({a.interaction_id for a in answers if a.interaction_id}))
        complete: dict[str, tuple[Feedback, Interaction | None]] = {}
        for n, answer in enumerate(answers):
            about = known.get(answer.interaction_id)
            if answer.interaction_id and not about:
                raise InvalidInput(f"feedback[{n}].interaction_id", "no such interaction")
            customer = answer.customer_id or (about.metadata.customer_id if about else "")
            complete.setdefault(answer.feedback_id, (replace(answer, customer_id=customer, given_at=answer.given_at or now), about))
        new = await self._answers.add(caller.tenant, list(complete.values()))
        return new, len(answers) - new


class _Measured:
    """Chunks on their way: counted, hashed off the event loop, and gathered into blocks."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def through(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Raises InvalidInput on "audio" where there is nothing, or more than the limit."""
        gathered, pending = [], 0
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > self._max:
                raise InvalidInput(AUDIO, f"is larger than {self._max / 2**20:g} MiB")
            gathered.append(chunk)
            pending += len(chunk)
            if pending >= _BLOCK_BYTES:
                yield await self._hashed(gathered)
                gathered, pending = [], 0
        if pending:
            yield await self._hashed(gathered)
        if not self.size:
            raise InvalidInput(AUDIO, "is empty")

    async def _hashed(self, gathered: list[bytes]) -> bytes:
        block = b"".join(gathered)
        await asyncio.to_thread(self._hash.update, block)
        return block


def _content(said: str, sha256: str) -> str:
    """By this a repeated sending is known: what was said about it, and what it is."""
    return f"{said}:{sha256}"
