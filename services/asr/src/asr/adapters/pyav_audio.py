"""Audio files through PyAV: whatever FFmpeg reads, decoded frame by frame to 16 kHz."""

import io
from contextlib import ExitStack
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from asr.adapters.spool import SpooledPcm
from asr.app import Audio, UndecodableAudio
from asr.domain.speech import SAMPLE_RATE

# Telephone codecs without a container say nothing of themselves: 8 kHz, one channel.
HEADERLESS = ("alaw", "mulaw")


class PyavAudio:
    """Decodes within limits, so that a small file that unpacks to days of audio harms nobody."""

    def __init__(self, *, max_seconds: float, max_channels: int = 2) -> None:
        self._max_seconds = max_seconds
        self._max_channels = max_channels

    def decode(self, content: BinaryIO, container: str) -> Audio:
        """All channels at 16 kHz, kept on disk. A file cut off in the middle gives what came before the cut.

        `container` is FFmpeg's name of the format; only for formats without a header does it matter.
        Raises UndecodableAudio when there is no audio in it or too much.
        """
        cut_off = _ends_early(content)
        try:
            raw = container in HEADERLESS
            file = av.open(content, "r", format=container if raw else None, options={"sample_rate": "8000"} if raw else None)
        except (FFmpegError, ValueError) as error:
            raise UndecodableAudio("录音无法解码：不是可识别的音频格式，或文件已损坏。") from error
        with file, ExitStack() as stack:
            stream = _stream(file, self._max_channels)
            channels = [stack.enter_context(SpooledPcm()) for _ in range(stream.codec_context.channels)]
            cut_off |= self._decoded(file, stream, channels)
            return Audio(tuple(c.finished() for c in channels), cut_off)

    def _decoded(self, file: InputContainer, stream: AudioStream, channels: list[SpooledPcm]) -> bool:
        """Fill the channels; whether the stream broke off."""
        resampler = AudioResampler(format="s16p", rate=SAMPLE_RATE)

        def take(frame: AudioFrame | None) -> None:
            for out in resampler.resample(frame):
                for channel, block in zip(channels, out.to_ndarray().astype(np.int16, copy=False), strict=True):
                    channel.append(block)
            if channels[0].samples > self._max_seconds * SAMPLE_RATE:
                raise UndecodableAudio(f"录音超过{self._max_seconds / 60:.0f}分钟，无法转写。")

        broken = False
        try:
            for frame in file.decode(stream):
                take(frame)
        except (FFmpegError, EOFError) as error:
            if not channels[0].samples:
                raise UndecodableAudio("录音无法解码：文件从开头就已损坏。") from error
            broken = True
        if channels[0].samples:
            take(None)  # what the resampler still holds
        if not channels[0].samples:
            raise UndecodableAudio("录音中没有任何声音数据。")
        return broken


def _stream(file: InputContainer, max_channels: int) -> AudioStream:
    if not file.streams.audio:
        raise UndecodableAudio("文件中没有音频。")
    stream = file.streams.audio[0]
    if not 1 <= stream.codec_context.channels <= max_channels:
        raise UndecodableAudio(f"录音有{stream.codec_context.channels}个声道，最多支持{max_channels}个。")
    return stream


def _ends_early(content: BinaryIO) -> bool:
    """Whether a WAV's header promises more than the file holds; FFmpeg reads such a file without a word.

    A recorder that streams does not know the length yet and writes 0 or the largest number there is.
    """
    head = content.read(8)
    length = content.seek(0, io.SEEK_END)
    content.seek(0)
    size = int.from_bytes(head[4:], "little")
    return head[:4] == b"RIFF" and 0 < size < 0x7FFF_0000 and size + 8 > length
