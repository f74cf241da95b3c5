import numpy as np
from asr.domain.acoustics import LEVEL_MS
from asr.domain.speech import Span
from asr.domain.turns import covered_ms, one_voice, utterances, without_leakage


def shape(turns: list) -> list[tuple[int, int, int]]:
    return [(u.speaker, u.start_ms, u.end_ms) for u in turns]


def test_a_speaker_who_only_breathes_goes_on_with_the_turn() -> None:
    assert shape(utterances([[Span(0, 1000), Span(1500, 2000)], []])) == [(0, 0, 2000)]


def test_a_long_silence_ends_the_turn() -> None:
    assert shape(utterances([[Span(0, 1000), Span(5000, 6000)], []])) == [(0, 0, 1000), (0, 5000, 6000)]


def test_a_turn_ends_when_the_other_takes_the_pause() -> None:
    found = utterances([[Span(0, 1000), Span(1700, 2500)], [Span(1100, 1600)]])
    assert shape(found) == [(0, 0, 1000), (1, 1100, 1600), (0, 1700, 2500)]


def test_a_backchannel_during_speech_divides_nothing() -> None:
    found = utterances([[Span(0, 3000), Span(3400, 5000)], [Span(1000, 1400)]])
    assert shape(found) == [(0, 0, 5000), (1, 1000, 1400)]


def test_an_interruption_keeps_its_overlap() -> None:
    found = utterances([[Span(0, 4000)], [Span(3000, 6000)]])
    assert found[1].start_ms < found[0].end_ms


def test_speech_time_leaves_the_pauses_out() -> None:
    (turn,) = utterances([[Span(0, 1000), Span(1500, 2000)]])
    assert turn.speech_ms == 1500


def test_overlapping_speech_counts_once() -> None:
    assert covered_ms([Span(0, 1000), Span(500, 1500), Span(3000, 4000), Span(200, 300)]) == 2500


def loudness(ms: int, span: Span, level: float, seed: int) -> np.ndarray:
    """Levels of a voice that rises and falls within a span, in silence of -70 dBFS."""
    found = np.full(ms // LEVEL_MS, -70, np.float32)
    n = span.length_ms // LEVEL_MS
    wave = np.repeat(np.random.default_rng(seed).normal(0, 6, n // 10 + 1), 10)[:n]
    found[span.start_ms // LEVEL_MS : span.end_ms // LEVEL_MS] = level + wave
    return found


def test_a_weak_copy_of_the_other_channel_is_no_speech() -> None:
    speaking = Span(1000, 4000)
    agent = loudness(5000, speaking, -20, seed=1)
    echo = np.maximum(np.roll(agent, 12) - 25, -70)
    assert without_leakage([[speaking], [Span(1120, 4100)]], [agent, echo]) == [[speaking], []]


def test_a_quiet_person_who_speaks_at_the_same_time_is_kept() -> None:
    agent, customer = Span(1000, 4000), Span(1500, 3500)
    levels = [loudness(5000, agent, -20, seed=1), loudness(5000, customer, -45, seed=2)]
    assert without_leakage([[agent], [customer]], levels) == [[agent], [customer]]


def test_a_quiet_person_who_speaks_alone_is_kept() -> None:
    agent, customer = Span(1000, 2000), Span(3000, 4000)
    levels = [loudness(5000, agent, -20, seed=1), loudness(5000, customer, -50, seed=1)]
    assert without_leakage([[agent], [customer]], levels) == [[agent], [customer]]


def test_a_channel_copied_to_both_sides_is_one_voice_and_two_people_are_two() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(0, 3000, 16_000).astype(np.int16) for _ in range(2))
    level = np.full(100, -20, np.float32)
    assert one_voice(level, level, a, a // 2) == 1
    assert one_voice(level, level, a, b) == 0


def test_an_empty_channel_leaves_the_other_one() -> None:
    loud, empty, a = np.full(100, -20, np.float32), np.full(100, -90, np.float32), np.zeros(16_000, np.int16)
    assert one_voice(loud, empty, a, a) == 1
    assert one_voice(empty, loud, a, a) == 2
    assert one_voice(empty, empty, a, a) == 0
