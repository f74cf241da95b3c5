import errno
import tempfile
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from asr.adapters.pyav_audio import PyavAudio
from asr.app import UndecodableAudio
from asr.domain.speech import as_float
from av.audio.resampler import AudioResampler
from chassis.errors import Unavailable

SECONDS = 3


def encoded(container: str, codec: str, *, rate: int, channels: int = 2) -> bytes:
    """A file with 400 Hz left and 900 Hz right, written by a real encoder."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    t = np.arange(SECONDS * rate) / rate
    tones = np.stack([0.5 * np.sin(2 * np.pi * (400 + 500 * c) * t) for c in range(channels)])
    out = BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray((tones.T.reshape(1, -1) * 32767).astype(np.int16), format="s16", layout=layout)
        frame.sample_rate = rate
        resampler = AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or 1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


def loudest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples[8000:24000].astype(float)))
    return float(np.argmax(spectrum))


@pytest.fixture
def decoder() -> PyavAudio:
    return PyavAudio(max_seconds=60)


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 8000), ("wav", "pcm_s16le", 44100), ("wav", "pcm_alaw", 8000), ("wav", "pcm_mulaw", 8000), ("mp3", "libmp3lame", 16000),
        ("ogg", "libopus", 48000), ("flac", "flac", 16000), ("wav", "pcm_f32le", 48000),
    ],
)
def test_what_recorders_write_is_read_with_its_channels_apart(decoder: PyavAudio, container: str, codec: str, rate: int) -> None:
    audio = decoder.decode(BytesIO(encoded(container, codec, rate=rate)), container)
    assert {c.dtype for c in audio.channels} == {np.dtype(np.int16)}
    assert audio.duration_ms == pytest.approx(SECONDS * 1000, abs=100)
    assert not audio.cut_off
    assert [loudest_hz(channel) for channel in audio.channels] == pytest.approx([400, 900], abs=3)


@pytest.mark.parametrize("codec", ["alaw", "mulaw"])
def test_telephone_audio_without_a_header_is_read_as_what_it_was_announced(decoder: PyavAudio, codec: str) -> None:
    audio = decoder.decode(BytesIO(encoded(codec, f"pcm_{codec}", rate=8000, channels=1)), codec)
    assert len(audio.channels) == 1
    assert audio.duration_ms == SECONDS * 1000
    assert loudest_hz(audio.channels[0]) == pytest.approx(400, abs=3)


def test_full_scale_is_one(decoder: PyavAudio) -> None:
    channel = as_float(decoder.decode(BytesIO(encoded("wav", "pcm_s16le", rate=16000)), "wav").channels[0])
    assert channel.dtype == np.float32
    assert np.abs(channel).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("content", [b"", b"hello, this is no audio at all\n" * 50, b"RIFF\x00\x00\x00\x00WAVE", bytes(4000)])
def test_what_is_no_audio_is_refused_in_words_for_people(decoder: PyavAudio, content: bytes) -> None:
    with pytest.raises(UndecodableAudio, match="录音") as refused:
        decoder.decode(BytesIO(content), "wav")
    assert refused.value.field == "audio"


def test_a_truncated_file_gives_what_is_there(decoder: PyavAudio) -> None:
    whole = encoded("wav", "pcm_s16le", rate=8000)
    audio = decoder.decode(BytesIO(whole[: len(whole) // 3]), "wav")
    assert audio.cut_off
    assert audio.duration_ms == pytest.approx(1000, abs=50)


def test_a_truncated_compressed_file_gives_what_is_there(decoder: PyavAudio) -> None:
    whole = encoded("flac", "flac", rate=16000)
    audio = decoder.decode(BytesIO(whole[: len(whole) // 2]), "flac")
    assert audio.cut_off
    assert 500 < audio.duration_ms < 2500


def test_more_audio_than_allowed_is_refused() -> None:
    with pytest.raises(UndecodableAudio, match="分钟"):
        PyavAudio(max_seconds=2).decode(BytesIO(encoded("flac", "flac", rate=16000)), "flac")


def test_more_than_two_channels_are_refused(decoder: PyavAudio) -> None:
    with pytest.raises(UndecodableAudio, match="声道"):
        decoder.decode(BytesIO(encoded("wav", "pcm_s16le", rate=16000, channels=6)), "wav")


def test_audio_outlives_its_file_and_leaves_nothing_behind(decoder: PyavAudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    audio = decoder.decode(BytesIO(encoded("wav", "pcm_s16le", rate=8000)), "wav")
    assert list(tmp_path.iterdir()) == []
    assert loudest_hz(audio.channels[0]) == pytest.approx(400, abs=3)


def test_a_full_disk_is_waited_for(decoder: PyavAudio, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(BytesIO):
        def write(self, block: object) -> int:
            raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(Unavailable, match="no room"):
        decoder.decode(BytesIO(encoded("wav", "pcm_s16le", rate=8000)), "wav")
