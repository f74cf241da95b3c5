"""Who speaks when: spans of speech on each channel to utterances in order, with leakage between channels left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr.domain.acoustics import LEVEL_MS
from asr.domain.speech import Pcm, Span, as_float, meeting

SAME_TURN_GAP_MS = 800
"""A speaker who pauses for less than this goes on with the same turn, if nobody else spoke meanwhile."""
TAKEN_MS = 250  # speech of the other side inside a pause that makes it the end of a turn

LEAK_BELOW_DB = 12.0
LEAK_COVERED = 0.8
LEAK_LIKENESS = 0.6
LEAK_LAG_MS = 300  # echo over a telephone line comes back within this

EMPTY_DBFS = -60.0  # a channel whose loudest 10 ms are below this carries nobody
THINNED = 16  # of so many samples one is enough to see that two channels are copies
SAME_FROM = 0.98  # correlation of the samples of two channels that are copies of one


@dataclass(frozen=True, slots=True)
class Utterance:
    """A turn before its words are known: one speaker, one or more spans of speech in order."""

    speaker: int
    """Channel number, or speaker number where one channel holds several."""
    spans: tuple[Span, ...]

    @property
    def start_ms(self) -> int:
        """Start of the first span, in milliseconds."""
        return self.spans[0].start_ms

    @property
    def end_ms(self) -> int:
        """End of the last span, in milliseconds."""
        return self.spans[-1].end_ms

    @property
    def speech_ms(self) -> int:
        """Time spoken, pauses left out, in milliseconds."""
        return sum(s.length_ms for s in self.spans)


def utterances(speech: Sequence[Sequence[Span]]) -> list[Utterance]:
    """Join each speaker's spans to turns and order all of them by start. `speech` holds each speaker's spans, in order.

    Overlaps stay as they are: who interrupts whom is for the reader to see.
    """
    found: list[Utterance] = []
    for speaker, spans in enumerate(speech):
        others = [theirs for other, theirs in enumerate(speech) if other != speaker]
        current: list[Span] = []
        for span in spans:
            if current and not _goes_on(current[-1], span, others):
                found.append(Utterance(speaker, tuple(current)))
                current = []
            current.append(span)
        if current:
            found.append(Utterance(speaker, tuple(current)))
    return sorted(found, key=lambda u: (u.start_ms, u.end_ms, u.speaker))


def _goes_on(before: Span, after: Span, others: Sequence[Sequence[Span]]) -> bool:
    pause = Span(before.end_ms, after.start_ms)
    return pause.length_ms < SAME_TURN_GAP_MS and sum(_covered(pause, theirs) for theirs in others) < TAKEN_MS


def _covered(span: Span, spans: Sequence[Span]) -> int:
    return sum(span.overlap_ms(s) for s in meeting(spans, span))


def without_leakage(speech: Sequence[Sequence[Span]], levels: Sequence[NDArray[np.float32]]) -> list[list[Span]]:
    """Drop spans that are only another channel heard through: weaker, at the same time, and rising and falling with it.

    `levels` holds dBFS per 10 ms for each channel. A quiet person who really speaks at the same time stays, because
    the loudness of two people does not move together.
    """
    return [
        [
            span
            for span in spans
            if not any(_leaks(span, levels[own], speech[other], levels[other]) for other in range(len(speech)) if other != own)
        ]
        for own, spans in enumerate(speech)
    ]


def _leaks(span: Span, own: NDArray[np.float32], other_spans: Sequence[Span], other: NDArray[np.float32]) -> bool:
    covered = max(_covered(Span(span.start_ms - lag, span.end_ms - lag), other_spans) for lag in (0, LEAK_LAG_MS // 2))
    if covered < LEAK_COVERED * span.length_ms:
        return False
    a, b = span.start_ms // LEVEL_MS, span.end_ms // LEVEL_MS
    mine = own[a:b]
    for lag in range(0, LEAK_LAG_MS // LEVEL_MS + 1):
        theirs = other[max(0, a - lag) : max(0, b - lag)]
        n = min(len(mine), len(theirs))
        if n < 2:
            continue
        difference = float(np.median(theirs[:n] - mine[:n]))
        if difference >= LEAK_BELOW_DB and _likeness(mine[:n], theirs[:n]) >= LEAK_LIKENESS:
            return True
    return False


def _likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pearson's correlation, 0 where one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else 0.0


def one_voice(left: NDArray[np.float32], right: NDArray[np.float32], a: Pcm, b: Pcm) -> int:
    """Whether two channels are really one: 0 when they are two, else the number (1 or 2) of the channel to listen to.

    Some recorders copy one line to both channels or leave one empty. `left` and `right` are levels in dBFS per 10 ms,
    `a` and `b` the samples.
    """
    if not len(left):
        return 1
    loudest = float(left.max()), float(right.max())
    if min(loudest) < EMPTY_DBFS <= max(loudest):
        return 1 if loudest[0] > loudest[1] else 2
    x, y = as_float(a[::THINNED]), as_float(b[::THINNED])
    energy = float(np.sqrt((x @ x) * (y @ y)))
    return 1 if energy > 0 and float(x @ y) / energy > SAME_FROM else 0


def covered_ms(spans: Sequence[Span]) -> int:
    """Time covered by at least one span, in milliseconds."""
    total, until = 0, 0
    for span in sorted(spans):
        total += max(0, span.end_ms - max(span.start_ms, until))
        until = max(until, span.end_ms)
    return total
