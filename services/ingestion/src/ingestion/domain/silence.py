"""Which part of a recording is silent in its redacted copy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.domain.audio import Audio
from ingestion.domain.metadata import Metadata, Role

# Part of every copy's tag: raise it where the same spans make another file.
VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class SilentSpan:
    """Personal information sounds here: `[start_ms, end_ms)` of the recording, said by `role`."""

    start_ms: int
    end_ms: int
    role: Role


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """Samples `[first, last)` of channel number `channel`, from 0."""

    first: int
    last: int
    channel: int


def cuts(spans: Sequence[SilentSpan], metadata: Metadata, *, rate_hz: int, channels: int) -> list[Cut]:
    """The speaker's channel for the time of each span, in order; the only one of a recording with one."""
    found = set()
    for span in spans:
        if span.end_ms > span.start_ms:
            channel = 1 if channels == 2 and metadata.right is span.role and metadata.left is not span.role else 0
            found.add(Cut(span.start_ms * rate_hz // 1000, -(-span.end_ms * rate_hz // 1000), channel))
    return sorted(found)


def tag_of(audio: Audio, spans: Sequence[SilentSpan]) -> str:
    """Names a redacted copy, lower-case hex: the same for the same recording and spans."""
    said = [VERSION, audio.sha256, [[span.start_ms, span.end_ms, span.role.value] for span in sorted(spans)]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
