from itertools import pairwise

import numpy as np
import pytest
from asr.domain.speech import FRAME_MS, LONGEST_CLIP_MS, Span, clips, cut, meeting, speech_spans
from hypothesis import given
from hypothesis import strategies as st


def frames(*parts: tuple[int, float]) -> np.ndarray:
    """Probabilities from (milliseconds, probability) parts."""
    return np.concatenate([np.full(ms // FRAME_MS, p, np.float32) for ms, p in parts])


def test_silence_has_no_spans() -> None:
    assert speech_spans(frames((5000, 0.1)), 5000) == []


def test_no_audio_has_no_spans() -> None:
    assert speech_spans(np.zeros(0, np.float32), 0) == []


def test_a_pause_divides_and_a_stop_inside_a_word_does_not() -> None:
    p = frames((960, 0), (960, 0.9), (96, 0.1), (960, 0.9), (960, 0.1), (960, 0.9), (960, 0))
    assert len(speech_spans(p, 5856)) == 2


def test_spans_are_padded_but_never_beyond_the_audio_or_into_each_other() -> None:
    p = frames((960, 0.9), (224, 0.1), (960, 0.9))
    spans = speech_spans(p, 2144)
    assert spans[0].start_ms == 0
    assert spans[1].end_ms == 2144
    assert spans[0].end_ms <= spans[1].start_ms


def test_a_click_is_not_speech() -> None:
    assert speech_spans(frames((960, 0), (96, 0.99), (960, 0)), 2016) == []


def test_a_weak_word_end_still_belongs_to_the_word() -> None:
    p = frames((960, 0), (640, 0.9), (640, 0.4), (960, 0.0))
    (span,) = speech_spans(p, 3200)
    assert span.length_ms >= 1280


def test_speech_without_a_pause_is_divided_where_it_is_least_certain() -> None:
    p = frames((20_000, 0.95))
    p[270:273] = 0.6
    spans = speech_spans(p, 20_000)
    assert len(spans) == 2
    assert spans[0].end_ms == pytest.approx(271 * FRAME_MS, abs=2 * FRAME_MS)


@given(st.lists(st.floats(0, 1), max_size=1500))
def test_spans_are_ordered_apart_inside_the_audio_and_short_enough(values: list[float]) -> None:
    length = len(values) * FRAME_MS
    spans = speech_spans(np.array(values, np.float32), length)
    assert all(0 <= s.start_ms < s.end_ms <= length and s.length_ms <= LONGEST_CLIP_MS for s in spans)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(spans))


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(160, 11_000)), min_size=1, max_size=30))
def test_clips_cover_every_span_once_and_fit_the_window(shape: list[tuple[int, int]]) -> None:
    spans, at = [], 0
    for pause, length in shape:
        spans.append(Span(at + pause, at + pause + length))
        at = spans[-1].end_ms
    found = clips(spans, at + 100)
    assert all(c.length_ms <= LONGEST_CLIP_MS for c in found)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(found))
    assert all(sum(s.overlap_ms(c) for c in found) == s.length_ms for s in spans)


def test_a_long_turn_is_cut_at_its_longest_pause() -> None:
    spans = [Span(0, 4000), Span(4300, 7000), Span(7600, 9000), Span(9200, 14_000)]
    assert [(c.start_ms, c.end_ms) for c in clips(spans, 15_000)] == [(0, 7200), (7400, 14_200)]


def test_cutting_outside_the_audio_gives_what_there_is() -> None:
    assert len(cut(np.zeros(16_000, np.int16), Span(900, 2000))) == 1600
    assert len(cut(np.zeros(16_000, np.int16), Span(-100, 100))) == 1600


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=20), st.integers(0, 1000), st.integers(1, 300))
def test_the_spans_that_meet_another_are_those_that_overlap_it(shape: list[tuple[int, int]], start: int, length: int) -> None:
    spans, at = [], 0
    for gap, size in shape:
        spans.append(Span(at + gap, at + gap + size))
        at = spans[-1].end_ms
    other = Span(start, start + length)
    assert list(meeting(spans, other)) == [s for s in spans if s.overlap_ms(other)]
