"""What was masked in a contact, turn by turn: places without the words, when they sounded, and the words for those who may read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nlp.domain.dialogue import Dialogue, Turn
from nlp.domain.pii.masking import MASK, Redaction, TurnSpan

MARGIN_MS = 300
# People do not speak evenly: the longer the turn, the further a character may be from where an even pace puts it.
MARGIN_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class RedactedSpan:
    """Characters `[char_from, char_to)` of a turn's unmasked text, and the milliseconds in which they sounded; both 0 where the turn has no times."""

    turn_id: str
    role: str
    kind: str
    char_from: int
    char_to: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Original:
    """A masked place with what was said there."""

    span: RedactedSpan
    text: str = field(repr=False)


def redacted_spans(dialogue: Dialogue, redaction: Redaction) -> tuple[RedactedSpan, ...]:
    """In order of turns and places; overlapping places are one, of the kind of the longest."""
    found = []
    for turn in dialogue.turns:
        for span in _merged(redaction.spans.get(turn.turn_id, ())):
            start_ms, end_ms = sounding(turn, span.start, span.end)
            found.append(RedactedSpan(turn.turn_id, turn.role.value, span.kind.value, span.start, span.end, start_ms, end_ms))
    return tuple(found)


def originals(dialogue: Dialogue, redaction: Redaction) -> tuple[Original, ...]:
    """Every masked place with its words."""
    texts = {turn.turn_id: turn.text for turn in dialogue.turns}
    return tuple(Original(span, texts[span.turn_id][span.char_from : span.char_to]) for span in redacted_spans(dialogue, redaction))


def sounding(turn: Turn, start: int, end: int) -> tuple[int, int]:
    """Milliseconds in which characters `[start, end)` of a turn sounded: at an even pace, with a margin, within the turn."""
    if turn.start_ms is None or turn.end_ms is None or turn.end_ms <= turn.start_ms or not turn.text:
        return 0, 0
    length = turn.end_ms - turn.start_ms
    margin = MARGIN_MS + MARGIN_SHARE * length
    first = turn.start_ms + length * start / len(turn.text) - margin
    last = turn.start_ms + length * end / len(turn.text) + margin
    return max(turn.start_ms, int(first)), min(turn.end_ms, int(last) + 1)


def unmasked(text: str, masked: str, original: str, near: int = 0) -> str:
    """An excerpt of a turn's masked text in its own words; as it is where it is no excerpt of it. `near` is a character it holds or begins at."""
    if MASK not in text:
        return text
    place = masked.find(text, max(0, near - len(text)))
    if place < 0:
        place = masked.find(text)
    return original[place : place + len(text)] if place >= 0 else text


def _merged(spans: Sequence[TurnSpan]) -> list[TurnSpan]:
    merged: list[TurnSpan] = []
    longest = 0
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if merged and span.start < merged[-1].end:
            before = merged[-1]
            kind = span.kind if span.end - span.start > longest else before.kind
            merged[-1] = TurnSpan(before.start, max(before.end, span.end), kind)
        else:
            merged.append(span)
            longest = 0
        longest = max(longest, span.end - span.start)
    return merged
