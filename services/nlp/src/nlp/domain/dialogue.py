"""The words of a contact: who spoke, what was said and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType


class Role(StrEnum):
    """Who speaks."""

    AGENT = "agent"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Acoustics:
    """How a turn sounded.

    `energy_db` is the mean level in dB relative to full scale, `pitch_hz` the median fundamental
    frequency, `rate` Chinese characters per second; each is None where it was not measured.
    """

    energy_db: float | None = None
    pitch_hz: float | None = None
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance; `start_ms` and `end_ms` count from the start of the contact, None for untimed chats."""

    turn_id: str
    role: Role
    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float = 1.0
    acoustics: Acoustics | None = None

    @property
    def timed(self) -> bool:
        """Whether the turn has a start and an end of its own."""
        return self.start_ms is not None and self.end_ms is not None and self.end_ms > self.start_ms


@dataclass(frozen=True, slots=True)
class Interaction:
    """What is known about the contact besides its words; `attributes` are open (product, customer_tier...).

    `spoken` says that the words were recognised from speech, so that homophones are to be expected.
    """

    interaction_id: str
    industry: str = ""
    channel: str = "hotline"
    direction: str = "inbound"
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    spoken: bool = True


@dataclass(frozen=True, slots=True)
class Passage:
    """What one person says until the other answers.

    A recogniser cuts one utterance at every breath; rules are about what was said, so neighbouring
    turns of one role are read as one text. `offsets[i]` is where turn `first + i` starts in `text`.
    """

    role: Role
    text: str
    first: int
    offsets: tuple[int, ...]

    def turn_at(self, position: int) -> int:
        """The index of the turn that holds the character at `position`."""
        found = 0
        for index, offset in enumerate(self.offsets):
            if offset > position:
                break
            found = index
        return self.first + found


MAX_PASSAGE_CHARS = 4000
MAX_JOINED_GAP_MS = 3000
_SENTENCE_END = "。？！?!；;…"


@dataclass(frozen=True)
class Dialogue:
    """A contact with its turns in the order in which they began."""

    interaction: Interaction
    turns: tuple[Turn, ...]

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The turns joined per speaker, in order."""
        return tuple(_join(self.turns))

    @cached_property
    def passage_of_turn(self) -> tuple[int, ...]:
        """For each turn the index of its passage."""
        found: list[int] = []
        for index, passage in enumerate(self.passages):
            found.extend([index] * len(passage.offsets))
        return tuple(found)

    @cached_property
    def timed(self) -> bool:
        """Whether the contact has times that silence and overlap can be judged on."""
        return bool(self.turns) and all(turn.timed for turn in self.turns)


def in_order(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Sort turns by their start; untimed turns keep the order in which they came."""
    listed = list(turns)
    if all(turn.start_ms is not None for turn in listed):
        listed.sort(key=lambda turn: turn.start_ms or 0)
    return tuple(listed)


def _join(turns: tuple[Turn, ...]) -> Iterable[Passage]:
    start = 0
    for index in range(1, len(turns) + 1):
        if index < len(turns) and _continues(turns, start, index):
            continue
        text = ""
        offsets = []
        for turn in turns[start:index]:
            if text and text[-1] not in _SENTENCE_END + "，,、":
                text += "，"
            offsets.append(len(text))
            text += turn.text
        if index > start:
            yield Passage(turns[start].role, text, start, tuple(offsets))
        start = index


def _continues(turns: tuple[Turn, ...], start: int, index: int) -> bool:
    before, turn = turns[index - 1], turns[index]
    if turn.role is not before.role:
        return False
    if before.end_ms is not None and turn.start_ms is not None and turn.start_ms - before.end_ms > MAX_JOINED_GAP_MS:
        return False
    return sum(len(t.text) + 1 for t in turns[start : index + 1]) <= MAX_PASSAGE_CHARS
