"""What is in an audio file, by FFmpeg through PyAV: read to its end, decoded only until it is sure that it decodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from chassis.errors import InvalidInput

from ingestion.domain.audio import FIELD, FORMATS, MIN_MS, Probe

# Without this FFmpeg would also take playlists, which make it open other files and addresses.
_DEMUXERS = "wav,mp3,ogg,flac"
_RAW_OPTIONS = {"sample_rate": "8000"}
_HEADERS = (b"RIFF", b"OggS", b"fLaC", b"ID3")
# A recorder that did not know the length while writing puts these.
_LENGTH_UNKNOWN = (0, 0xFFFFFFFF, 0x7FFFFFFF)
_MAX_CHUNKS = 100


class ReadableFile(Protocol):
    """A file in an object store; `read` may give any buffer."""

    def read(self, size: int | None = None, /) -> Any: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


class _Bytes:
    """Reads as bytes, which is what PyAV takes, and keeps what the store itself failed with: FFmpeg would take it for the file's end."""

    def __init__(self, file: ReadableFile) -> None:
        self._file = file
        self.failure: Exception | None = None

    def read(self, size: int) -> bytes:
        try:
            return bytes(self._file.read(size))
        except Exception as e:
            self.failure = e
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def probe(file: ReadableFile, audio_format: str = "", *, max_ms: int) -> Probe:
    """Blocking; reads no further than just past `max_ms`. `audio_format` is alaw or mulaw for a file without a header, as FFmpeg names them.

    Raises InvalidInput on "audio" where it is no audio file and on "metadata.audio_format" where that contradicts it. What the file
    itself raises comes through.
    """
    source = _Bytes(file)
    try:
        return _probe(source, audio_format, max_ms)
    finally:
        if source.failure:
            raise source.failure


@contextmanager
def opened(file: ReadableFile, audio_format: str = "") -> Iterator[InputContainer]:
    """A recording that was probed, to be decoded. Blocking; what the file itself raises comes through."""
    source = _Bytes(file)
    try:
        with _open(source, audio_format) as container:
            yield container
    finally:
        if source.failure:
            raise source.failure


def _open(source: _Bytes, audio_format: str) -> InputContainer:
    try:
        if audio_format:
            return av.open(source, mode="r", format=audio_format, container_options=_RAW_OPTIONS)
        return av.open(source, mode="r", container_options={"format_whitelist": _DEMUXERS})
    except (FFmpegError, ValueError):
        raise InvalidInput(FIELD, f"is not a file that can be read; {FORMATS} can") from None


def _probe(source: _Bytes, audio_format: str, max_ms: int) -> Probe:
    if audio_format:
        if source.read(4).startswith(_HEADERS):
            raise InvalidInput("metadata.audio_format", "is for files without a header, and this one says itself what it is")
        source.seek(0)
    with _open(source, audio_format) as container:
        if not container.streams.audio:
            raise InvalidInput(FIELD, "holds no audio stream")
        found = _read(container, container.streams.audio[0], max_ms)
        return replace(found, promised_ms=_wav_promises_ms(source)) if found.container == "wav" else found


def _read(container: InputContainer, stream: AudioStream, max_ms: int) -> Probe:
    context = stream.codec_context
    found = (container.format.name, context.name, context.sample_rate or 0, context.channels)
    if not found[2] or not stream.time_base:
        raise InvalidInput(FIELD, "holds no sound that can be decoded")
    unit: Fraction = stream.time_base
    ticks, most, decoded, damaged = 0, max_ms / 1000 / unit, 0, False
    try:
        for packet in container.demux(stream):
            if decoded * 1000 < MIN_MS * found[2]:
                decoded += _decoded(packet)
            ticks += packet.duration or 0
            if ticks > most:
                break
    except FFmpegError:
        damaged = True  # what came before it stays readable
    promised = stream.duration * unit if stream.duration and found[0] == "flac" else 0
    return Probe(*found, read_ms=int(ticks * unit * 1000), decoded_ms=decoded * 1000 // found[2], promised_ms=int(promised * 1000), damaged=damaged)


def _wav_promises_ms(source: _Bytes) -> int:
    """Length by the header, 0 where it does not say: FFmpeg corrects it to the file's and does not tell."""
    source.seek(12)
    bytes_per_s = 0
    for _ in range(_MAX_CHUNKS):
        head = source.read(8)
        if len(head) < 8:
            return 0
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name == b"data":
            return size * 1000 // bytes_per_s if bytes_per_s and size not in _LENGTH_UNKNOWN else 0
        body = source.tell()
        if name == b"fmt ":
            bytes_per_s = int.from_bytes(source.read(12)[8:12], "little")
        source.seek(body + size + size % 2)
    return 0


def _decoded(packet: "Packet[AudioStream]") -> int:
    """Samples per channel in it; 0 where it is broken, which the next one need not be."""
    try:
        return sum(frame.samples for frame in packet.decode() if isinstance(frame, AudioFrame))
    except FFmpegError:
        return 0
