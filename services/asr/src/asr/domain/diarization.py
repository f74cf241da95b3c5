"""Who speaks when, where one channel holds two people: voices told apart by pitch and colour.

The method is simple and its limits are stated in every transcript it makes: two speakers at most, no overlapping speech.
Windows of 1.2 s are described by pitch and spectrum, divided in two by k-means, and smoothed so that changes of speaker
fall into pauses.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asr.domain.acoustics import LEVEL_MS, levels, pitch_track
from asr.domain.speech import SAMPLE_RATE, Pcm, Span, as_float, cut

WINDOW_MS = 1200
STEP_MS = 200
BANDS = 20
COEFFICIENTS = 10
PITCH_WEIGHT = 2.5  # against one cepstral coefficient: pitch says more than any of them
FFT = 512
DISTINCT_FROM = 3.8  # distance of two voices, in standard deviations of one along it; a call nearly always has two
CHANGE_COSTS = 6.0  # a change of speaker in the midst of speech, in units of the windows' evidence
CHANGE_COSTS_AT_PAUSE = 1.5
SHORTEST_MS = 300  # of a speaker's part that is kept


def by_speaker(samples: Pcm, spans: Sequence[Span]) -> list[list[Span]]:
    """Spans of each speaker, the one who begins first: one list where only one voice is heard, else two."""
    windows = [w for s in spans for w in _windows(s)]
    if len(windows) < 4:
        return [list(spans)]
    features = np.stack([_features(as_float(cut(samples, w))) for w in windows])
    spread = features.std(axis=0)
    features = (features - features.mean(axis=0)) / np.maximum(spread, 1e-6)
    features[:, 0] *= PITCH_WEIGHT
    labels, centres = _two_means(features)
    if not _distinct(features, labels, centres):
        return [list(spans)]
    distance = np.linalg.norm(features[:, None] - centres[None], axis=2)
    parts = _parts(spans, windows, distance[:, 0] - distance[:, 1], samples)
    first = min(parts)[1]
    return [sorted(s for s, who in parts if who == first), sorted(s for s, who in parts if who != first)]


def _windows(span: Span) -> list[Span]:
    if span.length_ms <= WINDOW_MS:
        return [span]
    return [Span(at, at + WINDOW_MS) for at in range(span.start_ms, span.end_ms - WINDOW_MS + 1, STEP_MS)]


def _features(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """[1 + COEFFICIENTS]: pitch in octaves, then mean cepstrum without its level."""
    track = pitch_track(samples)
    voiced = track[track > 0]
    pitch = float(np.log2(np.median(voiced))) if len(voiced) >= 3 else float(np.log2(160))
    if len(samples) < FFT:
        return np.concatenate([[pitch], np.zeros(COEFFICIENTS)])
    frames = np.lib.stride_tricks.sliding_window_view(samples, FFT)[:: FFT // 2] * np.hanning(FFT).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    loud = power.sum(axis=1)
    power = power[loud >= np.median(loud)]
    bands = np.log(power @ _filters().T + 1e-10).mean(axis=0)
    k = np.arange(1, COEFFICIENTS + 1)[:, None] * (np.arange(BANDS)[None] + 0.5) * np.pi / BANDS
    return np.concatenate([[pitch], np.cos(k) @ bands / BANDS])


def _filters() -> NDArray[np.float64]:
    """Triangular bands even on the mel scale within telephone bandwidth, 150 to 3,600 Hz: [BANDS, FFT / 2 + 1]."""
    edges = 700 * (10 ** (np.linspace(_mel(150), _mel(3600), BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
    rising = (hz[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rising, falling))


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _two_means(features: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """k-means with k = 2, begun from the lowest and the highest voices; the same input gives the same answer."""
    order = np.argsort(features[:, 0])
    quarter = max(1, len(order) // 4)
    centres = np.stack([features[order[:quarter]].mean(axis=0), features[order[-quarter:]].mean(axis=0)])
    labels = np.zeros(len(features), np.intp)
    for _ in range(50):
        labels = np.linalg.norm(features[:, None] - centres[None], axis=2).argmin(axis=1)
        if not 0 < labels.sum() < len(labels):
            break
        moved = np.stack([features[labels == k].mean(axis=0) for k in (0, 1)])
        if np.allclose(moved, centres):
            break
        centres = moved
    return labels, centres


def _distinct(features: NDArray[np.float64], labels: NDArray[np.intp], centres: NDArray[np.float64]) -> bool:
    if min(labels.sum(), len(labels) - labels.sum()) < 2:
        return False
    between = centres[1] - centres[0]
    direction = between / max(float(np.linalg.norm(between)), 1e-9)
    along = (features - centres[labels]) @ direction
    return float(np.linalg.norm(between)) >= DISTINCT_FROM * float(along.std())


def _parts(
    spans: Sequence[Span], windows: Sequence[Span], evidence: NDArray[np.float64], samples: Pcm
) -> list[tuple[Span, int]]:
    """Spans with their speaker: the cheapest path through both speakers over steps of STEP_MS (Viterbi)."""
    starts, ends = [w.start_ms for w in windows], [w.end_ms for w in windows]
    sums = np.concatenate([[0.0], np.cumsum(evidence)])  # evidence of the windows over a step is a difference of two
    steps: list[tuple[int, int, float, bool]] = []  # start, end, evidence for speaker 1, whether a pause comes before
    for s in spans:
        for at in range(s.start_ms, s.end_ms, STEP_MS):
            end = min(at + STEP_MS, s.end_ms)
            low, high = np.searchsorted(ends, at, "right"), np.searchsorted(starts, end, "left")
            steps.append((at, end, float(sums[high] - sums[low]) / max(1, int(high - low)), at == s.start_ms))
    cost = np.array([[max(0.0, e), max(0.0, -e)] for _, _, e, _ in steps])
    came = np.zeros((len(steps), 2), int)
    total = cost[0]
    for i in range(1, len(steps)):
        change = CHANGE_COSTS_AT_PAUSE if steps[i][3] else CHANGE_COSTS
        choices = np.stack([total, total[::-1] + change])  # [stay or change, speaker]
        pick = choices.argmin(axis=0)
        came[i] = np.where(pick == 0, [0, 1], [1, 0])
        total = choices.min(axis=0) + cost[i]
    who = [int(total.argmin())]
    for i in range(len(steps) - 1, 0, -1):
        who.append(int(came[i][who[-1]]))
    who.reverse()
    parts: list[tuple[Span, int]] = []
    for (start, end, _, after_pause), w in zip(steps, (1 - w for w in who), strict=True):
        if parts and not after_pause and parts[-1][1] == w:
            parts[-1] = (Span(parts[-1][0].start_ms, end), w)
        elif parts and not after_pause:
            at = _quietest(samples, parts[-1][0], end)
            parts[-1] = (Span(parts[-1][0].start_ms, at), parts[-1][1])
            parts.append((Span(at, end), w))
        else:
            parts.append((Span(start, end), w))
    return [p for p in parts if p[0].length_ms >= SHORTEST_MS] or parts


def _quietest(samples: Pcm, before: Span, until_ms: int) -> int:
    """The quietest instant around the end of `before`: where one person stopped and the other had not begun."""
    around = Span(max(before.start_ms + SHORTEST_MS, before.end_ms - 400), min(before.end_ms + 400, max(until_ms, before.end_ms + 1)))
    if around.length_ms < 10 * LEVEL_MS:
        return before.end_ms
    level = np.convolve(levels(cut(samples, around)), np.ones(5) / 5, mode="same")[2:-2]
    return around.start_ms + (2 + int(level.argmin())) * LEVEL_MS
