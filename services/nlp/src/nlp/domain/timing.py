"""What the clock says about a contact: silence, overlap and speech rate, from turns that have times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nlp.domain.dialogue import Dialogue, Role, Turn
from nlp.domain.text import letters_of

# Sounds of listening; they take the word from nobody.
LISTENING = frozenset("嗯啊哦噢喔对是好行的诶欸唉呃额哎呀了明白知道没错可以收到你说请讲")
LISTENING_MAX_LETTERS = 5
RESUMING_MS = 1000


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody speaks from the end of turn `before` until turn `after` begins."""

    before: int
    after: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Interruption:
    """Turn `turn` began `overlap_ms` before the other's turn `interrupted` ended."""

    turn: int
    interrupted: int
    overlap_ms: int


def gaps(dialogue: Dialogue, longer_than_ms: float) -> Iterator[Gap]:
    """Silences between turns, longest overlap of speech considered; needs a timed dialogue."""
    last = -1
    heard_until = 0
    for index, turn in enumerate(dialogue.turns):
        start, end = _times(turn)
        if last >= 0 and start - heard_until > longer_than_ms:
            yield Gap(last, index, heard_until, start)
        if last < 0 or end >= heard_until:
            heard_until, last = end, index


def interruptions(dialogue: Dialogue, by: Role, longer_than_ms: float) -> Iterator[Interruption]:
    """Turns of `by` begun while the other was still speaking; listening sounds and resumed sentences do not count."""
    for index, turn in enumerate(dialogue.turns):
        if turn.role is not by or _is_listening(turn.text):
            continue
        start, _ = _times(turn)
        for other in range(index - 1, max(-1, index - 8), -1):
            candidate = dialogue.turns[other]
            if candidate.role is by:
                continue
            other_start, other_end = _times(candidate)
            overlap = other_end - start
            if overlap > longer_than_ms and other_start < start and not _was_speaking(dialogue, index, other_start):
                yield Interruption(index, other, overlap)
                break


def _was_speaking(dialogue: Dialogue, index: int, other_start: int) -> bool:
    turn = dialogue.turns[index]
    start, _ = _times(turn)
    for before in range(index - 1, max(-1, index - 8), -1):
        candidate = dialogue.turns[before]
        if candidate.role is turn.role:
            own_start, own_end = _times(candidate)
            return own_start < other_start and start - own_end < RESUMING_MS and own_end > other_start
    return False


def _is_listening(text: str) -> bool:
    letters = letters_of(text)
    return len(letters) <= LISTENING_MAX_LETTERS and all(c in LISTENING for c in letters)


def rate(dialogue: Dialogue, first: int, count: int) -> float | None:
    """Characters per second over `count` turns from `first`; None where nothing was spoken."""
    turns = dialogue.turns[first : first + count]
    spoken_ms = sum(end - start for start, end in map(_times, turns))
    letters = sum(len(letters_of(turn.text)) for turn in turns)
    return letters * 1000 / spoken_ms if spoken_ms > 0 else None


def _times(turn: Turn) -> tuple[int, int]:
    if turn.start_ms is None or turn.end_ms is None:
        raise ValueError(f"turn {turn.turn_id} has no times")
    return turn.start_ms, turn.end_ms
