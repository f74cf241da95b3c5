"""Audio files through PyAV: whatever FFmpeg reads, decoded frame by frame to 16 kHz."""

from io import BytesIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from asr.app import Audio, UndecodableAudio
from asr.domain.speech import SAMPLE_RATE

# Telephone codecs without a container say nothing of themselves: 8 kHz, one channel.
HEADERLESS = ("alaw", "mulaw")


class PyavAudio:
    """Decodes within limits, so that a small file that unpacks to days of audio harms nobody."""

    def __init__(self, *, max_seconds: float, max_channels: int = 2) -> None:
        self._max_seconds = max_seconds
        self._max_channels = max_channels

    def decode(self, content: bytes, container: str) -> Audio:
        """All channels as int16 at 16 kHz. A file cut off in the middle gives what came before the cut.

        `container` is FFmpeg's name of the format; only for formats without a header does it matter.
        Raises UndecodableAudio when there is no audio in it or too much.
        """
        try:
            raw = container in HEADERLESS
            file = av.open(BytesIO(content), "r", format=container if raw else None, options={"sample_rate": "8000"} if raw else None)
        except (FFmpegError, ValueError) as error:
            raise UndecodableAudio("录音无法解码：不是可识别的音频格式，或文件已损坏。") from error
        with file:
            return self._read(file, cut_off=_ends_early(content))

    def _read(self, file: InputContainer, *, cut_off: bool) -> Audio:
        if not file.streams.audio:
            raise UndecodableAudio("文件中没有音频。")
        stream = file.streams.audio[0]
        if not 1 <= stream.codec_context.channels <= self._max_channels:
            raise UndecodableAudio(f"录音有{stream.codec_context.channels}个声道，最多支持{self._max_channels}个。")
        resampler = AudioResampler(format="s16p", rate=SAMPLE_RATE)
        blocks: list[NDArray[np.int16]] = []
        samples = 0

        def take(frame: AudioFrame | None) -> None:
            nonlocal samples
            for out in resampler.resample(frame):
                blocks.append(out.to_ndarray().astype(np.int16, copy=False))
                samples += out.samples
            if samples > self._max_seconds * SAMPLE_RATE:
                raise UndecodableAudio(f"录音超过{self._max_seconds / 60:.0f}分钟，无法转写。")

        try:
            for frame in file.decode(stream):
                take(frame)
        except (FFmpegError, EOFError) as error:
            if not blocks:
                raise UndecodableAudio("录音无法解码：文件从开头就已损坏。") from error
            cut_off = True
        if blocks:
            take(None)  # what the resampler still holds
        if not samples:
            raise UndecodableAudio("录音中没有任何声音数据。")
        return Audio(np.concatenate(blocks, axis=1), cut_off)


def _ends_early(content: bytes) -> bool:
    """Whether a WAV's header promises more than the file holds; FFmpeg reads such a file without a word.

    A recorder that streams does not know the length yet and writes 0 or the largest number there is.
    """
    size = int.from_bytes(content[4:8], "little")
    return content[:4] == b"RIFF" and 0 < size < 0x7FFF_0000 and size + 8 > len(content)
