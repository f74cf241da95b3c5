"""A recording with spans of it silenced, as a WAV file: read through twice, a block in memory, every other sample as it was decoded."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from ingestion.adapters.pyav_probe import ReadableFile, opened
from ingestion.domain.silence import Cut

# By the decoder's sample format: WAV's format number, bytes of a sample, FFmpeg's name and the value of silence. What else a decoder
# gives (lossy codecs give planar floats) becomes PCM16, as every player does.
_KEPT = {"u8": (1, 1, "u8", 128), "s16": (1, 2, "s16", 0), "s32": (1, 4, "s32", 0), "flt": (3, 4, "flt", 0)}
_BLOCK_BYTES = 512 * 1024
_MOST = 0xFFFFFFFF
HEADER_BYTES = 44
# A voice is in the other channel too where both move alike, or where its own channel is empty (a recorder that writes one line twice,
# or a line with loud echo). Two voices, or a voice and noise, correlate by less than 0.2.
_ALIKE_FROM = 0.6
_EMPTY_BELOW = 10 ** (-60 / 20)


@dataclass(frozen=True)
class Plan:
    """What the copy will be: `samples` per channel, and every cut in order."""

    rate_hz: int
    channels: int
    samples: int
    sample_format: str
    cuts: tuple[Cut, ...]

    @property
    def size_bytes(self) -> int:
        return HEADER_BYTES + self.samples * self.channels * _KEPT[self.sample_format][1]


def planned(file: ReadableFile, audio_format: str, cuts: Sequence[Cut]) -> Plan:
    """Blocking. Reads the recording once: how long it is, and where a speaker's voice is in both channels."""
    with opened(file, audio_format) as container:
        context = container.streams.audio[0].codec_context
        kept, channels = _kept_format(context.format.name), context.channels
        alike = _Alikeness(cuts, kept) if channels == 2 else None
        samples = 0
        for block in _blocks(container, kept):
            if alike:
                alike.add(samples, block)
            samples += len(block)
        more = alike.other_channels() if alike else []
        return Plan(context.sample_rate, channels, samples, kept, tuple(sorted({*cuts, *more})))


def redacted(file: ReadableFile, audio_format: str, plan: Plan) -> Iterator[bytes]:
    """Blocking. The copy as `planned`, header first, in blocks."""
    number, width, _, quiet = _KEPT[plan.sample_format]
    data = plan.samples * plan.channels * width
    yield struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", min(_MOST, data + HEADER_BYTES - 8), b"WAVE", b"fmt ", 16, number, plan.channels, plan.rate_hz,
        plan.rate_hz * plan.channels * width, plan.channels * width, width * 8, b"data", min(_MOST, data),
    )
    gathered: list[bytes] = []
    pending, at = 0, 0
    ahead = list(reversed(plan.cuts))
    under_way: list[Cut] = []
    with opened(file, audio_format) as container:
        for block in _blocks(container, plan.sample_format):
            while ahead and ahead[-1].first < at + len(block):
                under_way.append(ahead.pop())
            for cut in under_way:
                block[max(0, cut.first - at) : max(0, cut.last - at), cut.channel] = quiet
            at += len(block)
            under_way = [cut for cut in under_way if cut.last > at]
            gathered.append(block.tobytes())
            pending += len(gathered[-1])
            if pending >= _BLOCK_BYTES:
                yield b"".join(gathered)
                gathered, pending = [], 0
    if pending:
        yield b"".join(gathered)


class _Alikeness:
    """How much of each cut's sound is in the other channel too."""

    def __init__(self, cuts: Sequence[Cut], kept: str) -> None:
        self._cuts, self._kept = list(cuts), kept
        self._sums = np.zeros((len(cuts), 4))  # own x own, other x other, own x other, samples
        self._next = 0

    def add(self, at: int, block: NDArray[Any]) -> None:
        end = at + len(block)
        first = self._next
        for index in range(first, len(self._cuts)):
            cut = self._cuts[index]
            if cut.first >= end:
                break
            if cut.last <= at:
                if index == self._next:
                    self._next += 1
                continue
            part = self._scaled(block[max(0, cut.first - at) : cut.last - at])
            own, other = part[:, cut.channel], part[:, 1 - cut.channel]
            self._sums[index] += (own @ own, other @ other, own @ other, len(part))

    def other_channels(self) -> list[Cut]:
        return [Cut(cut.first, cut.last, 1 - cut.channel) for cut, sums in zip(self._cuts, self._sums, strict=True) if _in_both(*sums)]

    def _scaled(self, part: NDArray[Any]) -> NDArray[np.float64]:
        as_float = part.astype(np.float64)
        match self._kept:
            case "u8":
                return (as_float - 128) / 128
            case "flt":
                return as_float
            case _:
                return as_float / (2.0**15 if self._kept == "s16" else 2.0**31)


def _in_both(own: float, other: float, both: float, samples: float) -> bool:
    if not samples:
        return False
    if np.sqrt(own / samples) < _EMPTY_BELOW:
        return bool(other > 0)
    return bool(other > 0 and abs(both) / np.sqrt(own * other) > _ALIKE_FROM)


def _kept_format(decoded: str) -> str:
    return "flt" if decoded in ("dbl", "flt") else decoded.removesuffix("p") if decoded.removesuffix("p") in ("u8", "s16", "s32") else "s16"


def _blocks(container: InputContainer, kept: str) -> Iterator[NDArray[Any]]:
    """Samples by channels, writable; what is damaged is left out, as everywhere where this recording is read."""
    stream = container.streams.audio[0]
    context = stream.codec_context
    resampler = av.AudioResampler(format=kept, layout=context.layout, rate=context.sample_rate)
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame):
                    for made in resampler.resample(frame):
                        yield made.to_ndarray().reshape(-1, context.channels).copy()
    except FFmpegError:
        return
