"""Masks personal information place by place, so that every character keeps its position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nlp.domain.dialogue import Dialogue, Passage
from nlp.domain.pii.addresses import address_spans
from nlp.domain.pii.digits import number_spans
from nlp.domain.pii.entities import entity_spans
from nlp.domain.pii.lettered import lettered_spans
from nlp.domain.pii.names import name_spans
from nlp.domain.pii.spans import PiiKind, PiiSpan

MASK = "*"


@dataclass(frozen=True, slots=True)
class TurnSpan:
    """Characters `[start, end)` of one turn's text."""

    start: int
    end: int
    kind: PiiKind


@dataclass(frozen=True)
class Redaction:
    """A contact's personal information by turn, and its texts without it."""

    spans: Mapping[str, tuple[TurnSpan, ...]]
    masked: Mapping[str, str]


def find_pii(passages: Sequence[Passage]) -> list[PiiSpan]:
    """Every place of personal information in the passages, in order; places may overlap."""
    addresses = list(address_spans(passages))
    entities = list(entity_spans(passages, {span.passage for span in addresses}))
    names = name_spans(passages, [span for span in entities if span.kind is PiiKind.NAME])
    return sorted([*number_spans(passages), *lettered_spans(passages), *addresses, *entities, *names])


def redact(dialogue: Dialogue) -> Redaction:
    """Find and mask; a masked text has the length of the text."""
    by_turn: dict[str, list[TurnSpan]] = {}
    for span in find_pii(dialogue.passages):
        for turn_index, start, end in _within_turns(dialogue, span):
            by_turn.setdefault(dialogue.turns[turn_index].turn_id, []).append(TurnSpan(start, end, span.kind))
    masked = {turn.turn_id: mask(turn.text, by_turn.get(turn.turn_id, ())) for turn in dialogue.turns}
    return Redaction({turn_id: tuple(spans) for turn_id, spans in by_turn.items()}, masked)


def mask(text: str, spans: Sequence[TurnSpan]) -> str:
    """The text with every span replaced by as many mask characters."""
    characters = list(text)
    for span in spans:
        for place in range(max(0, span.start), min(len(characters), span.end)):
            characters[place] = MASK
    return "".join(characters)


def _within_turns(dialogue: Dialogue, span: PiiSpan) -> Iterator[tuple[int, int, int]]:
    passage = dialogue.passages[span.passage]
    for number, offset in enumerate(passage.offsets):
        turn_index = passage.first + number
        length = len(dialogue.turns[turn_index].text)
        start, end = max(0, span.start - offset), min(length, span.end - offset)
        if start < end:
            yield turn_index, start, end
