"""Where somebody speaks: from a detector's probabilities to spans of speech, and clips short enough to recognise."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
"""Samples of one channel; hours of them are kept, so in the smallest form there is."""
SAMPLE_RATE = 16_000
"""Hz; all audio in the domain has this rate."""
FRAME_SAMPLES = 512
"""Samples per probability of the speech detector: 32 ms."""
FRAME_MS = FRAME_SAMPLES * 1000 // SAMPLE_RATE

SPEECH_FROM = 0.5
SPEECH_UNTIL = 0.35  # lower than the start: a word's weak end still belongs to it
MIN_SPEECH_MS = 160
MIN_PAUSE_MS = 200  # shorter gaps are stops inside words
PAD_MS = 64
LONGEST_CLIP_MS = 12_000
"""A clip of 12 s and the 3 s tail that the recogniser wants fill its 15 s window."""
CLIP_MARGIN_MS = 200
SHORTEST_REST_MS = 1000  # of a long span that is divided; in less there is no word to hear


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of audio, in milliseconds from its beginning; `end_ms` is outside."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """Length, in milliseconds."""
        return self.end_ms - self.start_ms

    def overlap_ms(self, other: "Span") -> int:
        """Milliseconds common to both, 0 when they do not meet."""
        return max(0, min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms))


def meeting(spans: Sequence[Span], span: Span) -> Sequence[Span]:
    """Those of `spans`, which are in order and apart, that have a part in common with `span`."""
    low = bisect_right(spans, span.start_ms, key=lambda s: s.end_ms)
    high = bisect_left(spans, span.end_ms, key=lambda s: s.start_ms)
    return spans[low:high]


def cut(samples: Pcm, span: Span) -> Pcm:
    """The samples of a span; what lies outside the audio is left out."""
    per_ms = SAMPLE_RATE // 1000
    return samples[max(0, span.start_ms) * per_ms : span.end_ms * per_ms]


def as_float(samples: Pcm) -> NDArray[np.float32]:
    """The samples as float32 in -1..1: twice the memory, so never a whole recording at once."""
    scaled: NDArray[np.float32] = np.multiply(samples, 1 / 32768, dtype=np.float32)
    return scaled


def speech_spans(probabilities: NDArray[np.float32], length_ms: int) -> list[Span]:
    """Spans of speech in order, from the probability of speech in each frame of 32 ms.

    Hysteresis keeps weak word endings, pauses under 200 ms do not divide, blips under 160 ms are dropped, every span is
    padded by 64 ms where there is room, and none is longer than a clip may be.
    """
    spans: list[tuple[int, int]] = []  # frames
    start: int | None = None
    quiet = 0
    for i, p in enumerate(probabilities.tolist()):
        if start is None:
            if p >= SPEECH_FROM:
                start, quiet = i, 0
        elif p >= SPEECH_UNTIL:
            quiet = 0
        else:
            quiet += 1
            if quiet * FRAME_MS >= MIN_PAUSE_MS:
                spans.append((start, i + 1 - quiet))
                start = None
    if start is not None:
        spans.append((start, len(probabilities) - quiet))
    pieces = [p for s in spans if (s[1] - s[0]) * FRAME_MS >= MIN_SPEECH_MS for p in _short(s, probabilities)]
    return _padded([Span(a * FRAME_MS, min(b * FRAME_MS, length_ms)) for a, b in pieces], PAD_MS, length_ms)


def _short(span: tuple[int, int], probabilities: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Divide a span that is too long for a clip where speech is least certain in its later half."""
    start, end = span
    longest = (LONGEST_CLIP_MS - 2 * CLIP_MARGIN_MS) // FRAME_MS
    if end - start <= longest:
        return [span]
    smooth = np.convolve(probabilities[start : start + longest], np.ones(3) / 3, mode="same")
    latest = min(longest, end - start - SHORTEST_REST_MS // FRAME_MS)
    at = start + longest // 2 + int(np.argmin(smooth[longest // 2 : latest]))
    return [(start, at), *_short((at, end), probabilities)]


def _padded(spans: Sequence[Span], pad_ms: int, length_ms: int) -> list[Span]:
    """Widen each span without touching its neighbours or leaving the audio."""
    padded = []
    for i, s in enumerate(spans):
        before = spans[i - 1].end_ms if i else 0
        after = spans[i + 1].start_ms if i + 1 < len(spans) else length_ms
        left = min(pad_ms, (s.start_ms - before) // (2 if i else 1))
        right = min(pad_ms, (after - s.end_ms) // (2 if i + 1 < len(spans) else 1))
        padded.append(Span(s.start_ms - left, s.end_ms + max(0, right)))
    return padded


def clips(spans: Sequence[Span], length_ms: int) -> list[Span]:
    """Cover the spans of one turn with clips of at most 12 s, divided at the longest pauses.

    A recogniser hears better with context, so neighbours stay together while they fit.
    """
    if not spans:
        return []
    whole = Span(spans[0].start_ms, spans[-1].end_ms)
    if whole.length_ms + 2 * CLIP_MARGIN_MS <= LONGEST_CLIP_MS or len(spans) == 1:
        return [Span(max(0, whole.start_ms - CLIP_MARGIN_MS), min(length_ms, whole.end_ms + CLIP_MARGIN_MS))]
    pauses = [after.start_ms - before.end_ms for before, after in pairwise(spans)]
    # Of equally long pauses the one nearest the middle, so that no clip is a single word.
    middle = (whole.start_ms + whole.end_ms) // 2
    at = max(range(len(pauses)), key=lambda i: (pauses[i] // 50, -abs(spans[i].end_ms - middle)))
    parts = clips(spans[: at + 1], length_ms) + clips(spans[at + 1 :], length_ms)
    return _apart(parts)


def _apart(parts: list[Span]) -> list[Span]:
    """Two clips that share a pause share no sound."""
    apart = parts[:1]
    for part in parts[1:]:
        if part.start_ms < apart[-1].end_ms:
            meet = (part.start_ms + apart[-1].end_ms) // 2
            apart[-1] = Span(apart[-1].start_ms, meet)
            part = Span(meet, part.end_ms)
        apart.append(part)
    return apart
