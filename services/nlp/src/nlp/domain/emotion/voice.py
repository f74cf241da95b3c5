"""How excited a voice is against the same speaker's own usual; what is loud for others may be calm for the speaker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from math import log2
from statistics import median

from nlp.domain.dialogue import Acoustics

MIN_BASELINE_TURNS = 3
BASELINE_TURNS = 30  # people and lines change slowly, and a very long call must not cost more and more
EXCITED = 1.0
# Deviations smaller than these are measuring noise: semitones of pitch, dB of level, and the logarithm of rate.
_LEAST_SPREAD = (1.0, 2.0, 0.15)
_MAD_TO_DEVIATION = 1.4826
_MOST = 4.0
# A raised level may be a bad line or a noisy room: it only confirms what pitch and rate say.
_MOST_BY_LEVEL = 1.0
_LEVEL = 1
_Measured = tuple[float | None, float | None, float | None]


def arousal(turns: Iterable[Acoustics | None]) -> Iterator[float]:
    """For each turn of one speaker, in order, the mean deviation of pitch, level and rate from the turns before it, in standard deviations.

    The usual is the median of the turns before, its spread 1.4826 times their median absolute deviation (Rousseeuw and Croux, 1993).
    0.0 before three turns were measured and where a turn has no sound. Level alone never reaches more than EXCITED.
    """
    before: tuple[deque[float], ...] = tuple(deque(maxlen=BASELINE_TURNS) for _ in _LEAST_SPREAD)
    for heard in turns:
        measured = _measured(heard)
        deviations = []
        for kind, (value, usual) in enumerate(zip(measured, before, strict=True)):
            if value is not None and len(usual) >= MIN_BASELINE_TURNS:
                deviations.append(_deviation(value, usual, kind))
        yield round(sum(deviations) / len(deviations), 3) if deviations else 0.0
        for value, usual in zip(measured, before, strict=True):
            if value is not None:
                usual.append(value)


def _deviation(value: float, usual: deque[float], kind: int) -> float:
    middle = median(usual)
    spread = max(_LEAST_SPREAD[kind], _MAD_TO_DEVIATION * median(abs(other - middle) for other in usual))
    most = _MOST_BY_LEVEL if kind == _LEVEL else _MOST
    return max(-_MOST, min(most, (value - middle) / spread))


def _measured(heard: Acoustics | None) -> _Measured:
    """Pitch in semitones, level in dB, logarithm of the rate: scales on which ratios are differences, so that gain is only an offset."""
    if heard is None:
        return None, None, None
    return (
        12 * log2(heard.pitch_hz) if heard.pitch_hz and heard.pitch_hz > 0 else None,
        heard.energy_db,
        log2(heard.rate) if heard.rate and heard.rate > 0 else None,
    )
