import numpy as np
import pytest
from asr.domain.acoustics import SILENCE_DBFS, levels, median_pitch_hz, peak_dbfs, rms_dbfs, speech_rate


def voice(hz: float, seconds: float = 1.0, amplitude: float = 0.3) -> np.ndarray:
    """A sound with harmonics, as vocal cords make it, the fundamental weaker than the second, as on a telephone."""
    t = np.arange(int(16_000 * seconds)) / 16_000
    wave = sum(w * np.sin(2 * np.pi * hz * k * t) for k, w in ((1, 0.3), (2, 1.0), (3, 0.7), (4, 0.5), (5, 0.3)))
    return (amplitude * wave / np.abs(wave).max()).astype(np.float32)


@pytest.mark.parametrize("hz", [80, 110, 160, 220, 300, 400])
def test_pitch_is_found_within_two_percent(hz: float) -> None:
    assert median_pitch_hz(voice(hz)) == pytest.approx(hz, rel=0.02)


def test_pitch_survives_line_noise() -> None:
    noisy = voice(180) + np.random.default_rng(0).normal(0, 0.03, 16_000).astype(np.float32)
    assert median_pitch_hz(noisy) == pytest.approx(180, rel=0.03)


def test_noise_silence_and_a_blink_have_no_pitch() -> None:
    assert median_pitch_hz(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)) == 0
    assert median_pitch_hz(np.zeros(16_000, np.float32)) == 0
    assert median_pitch_hz(np.zeros(100, np.float32)) == 0


def test_levels_are_relative_to_full_scale() -> None:
    full = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert rms_dbfs(full) == pytest.approx(-3.01, abs=0.01)
    assert peak_dbfs(full * np.float32(0.5)) == pytest.approx(-6.02, abs=0.01)
    pcm = (full * 3276.8).astype(np.int16)
    assert levels(pcm) == pytest.approx(np.full(100, -23.01), abs=0.05)
    assert levels(np.tile(pcm, 90)).shape == (9000,)


def test_digital_silence_has_a_finite_level() -> None:
    nothing = np.zeros(1600, np.float32)
    assert rms_dbfs(nothing) == peak_dbfs(nothing) == SILENCE_DBFS
    assert rms_dbfs(nothing[:0]) == peak_dbfs(nothing[:0]) == SILENCE_DBFS
    assert levels(np.zeros(1600, np.int16)) == pytest.approx(np.full(10, SILENCE_DBFS))


@pytest.mark.parametrize(
    ("text", "count"), [("您好，请问。", 4), ("138 0013", 7), ("my car", 2), ("三十个G的流量", 7), ("", 0)]
)
def test_rate_counts_what_is_spoken_not_marks(text: str, count: int) -> None:
    assert speech_rate(text, 2000) == count / 2


def test_no_speech_has_no_rate() -> None:
    assert speech_rate("您好", 0) == 0
