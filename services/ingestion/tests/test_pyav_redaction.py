import io
import tracemalloc
import wave

import av
import numpy as np
import pytest
from ingestion.adapters.pyav_redaction import planned, redacted
from ingestion.domain.audio import Audio
from ingestion.domain.metadata import Metadata, Role
from ingestion.domain.silence import Cut, SilentSpan, cuts, tag_of

CUSTOMER, AGENT = Role.CUSTOMER, Role.AGENT
BOTH = Metadata(left=AGENT, right=CUSTOMER)


def decoded(content: bytes, raw: str = "", kept: str = "s16") -> np.ndarray:
    """Samples by channels, as any player decodes them."""
    options = {"format": raw, "container_options": {"sample_rate": "8000"}} if raw else {}
    with av.open(io.BytesIO(content), **options) as container:
        context = container.streams.audio[0].codec_context
        resampler = av.AudioResampler(format=kept, layout=context.layout, rate=context.sample_rate)
        parts = [made.to_ndarray().reshape(-1, context.channels) for frame in container.decode(audio=0) for made in resampler.resample(frame)]
    return np.concatenate(parts)


def copy_of(content: bytes, wanted, raw: str = "") -> bytes:
    plan = planned(io.BytesIO(content), raw, wanted)
    made = b"".join(redacted(io.BytesIO(content), raw, plan))
    assert len(made) == plan.size_bytes
    return made


def wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize(("container", "codec", "rate", "kept"), [
    ("wav", "pcm_s16le", 8000, "s16"), ("wav", "pcm_alaw", 8000, "s16"), ("wav", "pcm_mulaw", 8000, "s16"), ("wav", "pcm_u8", 8000, "u8"),
    ("wav", "pcm_s24le", 16000, "s32"), ("wav", "pcm_f32le", 48000, "flt"), ("flac", "flac", 16000, "s16"),
    ("mp3", "libmp3lame", 16000, "s16"), ("ogg", "libopus", 48000, "s16"),
])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_span_is_silent_and_every_other_sample_is_as_it_was_decoded(recorded, container, codec, rate, kept, channels):
    content = recorded(container, codec, rate, channels, 3.0)
    spans = [SilentSpan(1000, 1500, CUSTOMER), SilentSpan(2000, 2100, CUSTOMER)]
    wanted = cuts(spans, BOTH, rate_hz=rate, channels=channels)
    before, after = decoded(content, kept=kept), decoded(copy_of(content, wanted), kept=kept)
    assert before.shape == after.shape
    quiet = np.zeros(before.shape, dtype=bool)
    for start, end in ((1000, 1500), (2000, 2100)):
        quiet[start * rate // 1000 : end * rate // 1000, channels - 1] = True
    assert (after[quiet] == (128 if kept == "u8" else 0)).all()
    assert (before[quiet] != after[quiet]).any()
    assert (before[~quiet] == after[~quiet]).all()


def test_g711_without_a_header_is_redacted_too(recorded):
    content = recorded("alaw", "pcm_alaw", 8000, 1, 2)
    before, after = decoded(content, "alaw"), decoded(copy_of(content, [Cut(4000, 8000, 0)], "alaw"))
    assert not after[4000:8000].any()
    assert (before[:4000] == after[:4000]).all() and (before[8000:] == after[8000:]).all()


@pytest.mark.parametrize(("metadata", "role", "channel"), [
    (BOTH, CUSTOMER, 1), (BOTH, AGENT, 0), (Metadata(left=CUSTOMER, right=AGENT), CUSTOMER, 0), (Metadata(left=CUSTOMER, right=AGENT), AGENT, 1),
])
def test_the_speakers_channel_is_silenced(metadata, role, channel):
    assert cuts([SilentSpan(0, 1000, role)], metadata, rate_hz=8000, channels=2) == [Cut(0, 8000, channel)]
    assert cuts([SilentSpan(0, 1000, role)], metadata, rate_hz=8000, channels=1) == [Cut(0, 8000, 0)]


def test_a_voice_that_is_in_both_channels_is_silenced_in_both():
    noise = np.random.default_rng(1).normal(0, 3000, (16000, 2)).astype(np.int16)
    voice = noise[:, 0]
    nothing = np.zeros_like(voice)
    wanted = [Cut(4000, 8000, 1)]
    for left, right, silent in (
        (noise[:, 0], noise[:, 1], {1}), (voice, voice, {0, 1}), (voice, voice // 8, {0, 1}), (voice, nothing, {0, 1}), (nothing, voice, {1}),
    ):
        after = decoded(copy_of(wav(np.stack([left, right], axis=1)), wanted))
        for channel, before in enumerate((left, right)):
            part = after[4000:8000, channel]
            assert (part == (0 if channel in silent else before[4000:8000])).all()
            assert (after[:4000, channel] == before[:4000]).all() and (after[8000:, channel] == before[8000:]).all()


def test_spans_may_overlap_touch_and_reach_past_the_end():
    samples = np.full((8000, 1), 1000, dtype=np.int16)
    after = decoded(copy_of(wav(samples), [Cut(100, 300, 0), Cut(200, 400, 0), Cut(400, 500, 0), Cut(7900, 9000, 0), Cut(9500, 9900, 0)]))
    assert np.flatnonzero(after[:, 0] == 0).tolist() == [*range(100, 500), *range(7900, 8000)]


def test_a_recording_that_breaks_off_is_copied_up_to_there(recorded):
    content = recorded(seconds=3)
    after = decoded(copy_of(content[: len(content) // 2], [Cut(0, 800, 0)]))
    before = decoded(content)
    assert not after[:800, 0].any()
    assert (after[800:] == before[800 : len(after)]).all() and (after[:, 1] == before[: len(after), 1]).all()


def test_a_long_recording_takes_no_more_memory_than_a_short_one():
    content = wav(np.tile(np.random.default_rng(1).normal(0, 3000, (8000, 2)).astype(np.int16), (1800, 1)))  # half an hour, 55 MiB
    wanted = [Cut(n * 8000, n * 8000 + 4000, n % 2) for n in range(0, 1800, 2)]
    tracemalloc.start()
    plan = planned(io.BytesIO(content), "", wanted)
    size = sum(len(block) for block in redacted(io.BytesIO(content), "", plan))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == len(content)
    assert peak < 8 * 2**20


def test_a_copy_is_named_by_its_recording_and_its_spans():
    audio = Audio("wav", "pcm_s16le", 8000, 2, 1000, 16044, "ab" * 32, "t1/x")
    spans = [SilentSpan(0, 10, CUSTOMER), SilentSpan(20, 30, AGENT)]
    assert tag_of(audio, spans) == tag_of(audio, spans[::-1]) != tag_of(audio, spans[:1])
