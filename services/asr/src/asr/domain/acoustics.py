"""What a voice sounds like: level, peak, pitch and rate of speech."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.domain.speech import SAMPLE_RATE, Pcm, as_float

SILENCE_DBFS = -120.0
"""Level given to digital silence, so that no figure is infinite."""
LEVEL_MS = 10
LEVEL_BLOCK = 6000  # frames worked on at once: a minute
PITCH_FRAME = 1024  # samples: 64 ms hold four periods of the lowest voice
PITCH_HOP = 320  # samples: 20 ms
LOWEST_HZ, HIGHEST_HZ = 65.0, 450.0
VOICED_FROM = 0.5  # normalised autocorrelation above which a frame has a pitch
MIN_VOICED_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Acoustics:
    """Acoustic features of one turn."""

    rms_dbfs: float
    """Loudness relative to full scale, in decibels; 0 is the loudest sine there can be plus 3."""
    peak_dbfs: float
    """Largest sample relative to full scale, in decibels."""
    pitch_hz: float
    """Median fundamental frequency of voiced frames, 0 where none is voiced."""
    speech_rate: float
    """Characters (words where a script has spaces) per second of speech."""


def levels(samples: Pcm) -> NDArray[np.float32]:
    """Level in dBFS per 10 ms; a rest shorter than that is left out. Shape [frames]."""
    step = SAMPLE_RATE * LEVEL_MS // 1000
    power = np.zeros(len(samples) // step, np.float32)
    for first in range(0, len(power), LEVEL_BLOCK):
        frames = as_float(samples[first * step : min(first + LEVEL_BLOCK, len(power)) * step]).reshape(-1, step)
        power[first : first + LEVEL_BLOCK] = np.einsum("ij,ij->i", frames, frames) / step
    decibels: NDArray[np.float32] = 10 * np.log10(np.maximum(power, np.float32(10 ** (SILENCE_DBFS / 10))))
    return decibels


def rms_dbfs(samples: NDArray[np.float32]) -> float:
    """Root mean square relative to full scale, in decibels."""
    return _decibels(float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0)


def peak_dbfs(samples: NDArray[np.float32]) -> float:
    """Largest magnitude relative to full scale, in decibels."""
    return _decibels(float(np.abs(samples).max()) if len(samples) else 0.0)


def _decibels(amplitude: float) -> float:
    return max(SILENCE_DBFS, float(20 * np.log10(amplitude))) if amplitude > 0 else SILENCE_DBFS


def pitch_track(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fundamental frequency in Hz per 20 ms, 0 where the frame is unvoiced. Shape [frames].

    Autocorrelation by FFT, divided by that of the window so that long lags are not at a disadvantage (Boersma 1993,
    "Accurate short-term analysis of the fundamental frequency"). The shortest lag within 10 % of the best is taken:
    its multiples fit as well and would be an octave too low.
    """
    if len(samples) < PITCH_FRAME:
        return np.zeros(0, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, PITCH_FRAME)[::PITCH_HOP]
    window = np.hanning(PITCH_FRAME).astype(np.float32)
    size = 2 * PITCH_FRAME
    ideal = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)[:PITCH_FRAME]
    shortest, longest = int(SAMPLE_RATE / HIGHEST_HZ), int(SAMPLE_RATE / LOWEST_HZ)
    pitch = np.zeros(len(frames), np.float32)
    for first in range(0, len(frames), 1024):  # bounds the memory, whatever the length
        block = frames[first : first + 1024] - frames[first : first + 1024].mean(axis=1, keepdims=True)
        spectrum = np.fft.rfft((block * window).astype(np.float32), size, axis=1)
        similarity = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : longest + 2]
        power = similarity[:, :1]
        similarity = similarity / np.maximum(power, 1e-9) / (ideal[: longest + 2] / ideal[0])
        inside = similarity[:, shortest : longest + 1]
        best = inside.max(axis=1)
        peaks = (inside >= similarity[:, shortest - 1 : longest]) & (inside >= similarity[:, shortest + 1 : longest + 2])
        lag = shortest + np.argmax(peaks & (inside >= 0.9 * best[:, None]), axis=1)
        voiced = (best >= VOICED_FROM) & (power[:, 0] > 1e-4)
        pitch[first : first + 1024] = np.where(voiced, SAMPLE_RATE / lag, 0)
    return pitch


def median_pitch_hz(samples: NDArray[np.float32]) -> float:
    """Median pitch of the voiced frames in Hz, 0 where fewer than five are voiced."""
    track = pitch_track(samples)
    voiced = track[track > 0]
    return float(np.median(voiced)) if len(voiced) >= MIN_VOICED_FRAMES else 0.0


def speech_rate(text: str, speech_ms: int) -> float:
    """Characters per second of speech; Latin words and numbers written in digits count by word and by digit."""
    if speech_ms <= 0:
        return 0.0
    count, in_word = 0, False
    for c in text:
        latin = c.isascii() and c.isalpha()
        if (c.isalnum() and not latin) or (latin and not in_word):
            count += 1
        in_word = latin
    return count * 1000 / speech_ms
