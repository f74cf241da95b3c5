"""The words of a contact: who spoke, what was said and when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType


class Role(StrEnum):
    """Who speaks."""

    AGENT = "agent"
    CUSTOMER = "customer"

    __hash__ = str.__hash__  # windows are looked up by it all the time, and that of enumerations is written in Python


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
        return self.first + max(0, bisect_right(self.offsets, position) - 1)


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
    def passages_of(self) -> Mapping[Role | None, list[int]]:
        """The passages of each role, and of anybody (None), in order."""
        return {role: [i for i, passage in enumerate(self.passages) if role is None or passage.role is role] for role in (None, *Role)}

    def sureness(self, passage: Passage) -> float:
        """The recogniser's confidence (0-1) in a passage: the mean of its turns by length."""
        turns = self.turns[passage.first : passage.first + len(passage.offsets)]
        return sum(turn.confidence * len(turn.text) for turn in turns) / (sum(len(turn.text) for turn in turns) or 1)

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

    def with_turn(self, place: int, turn: Turn) -> tuple[Dialogue, int]:
        """The contact with one more turn at `place` of its turns, and the first passage that is not as it was.

        Only the passages from that turn's on are joined anew, so that a live call costs what is said now and not what was said before.
        """
        made = Dialogue(self.interaction, (*self.turns[:place], turn, *self.turns[place:]))
        first = self.passage_of_turn[place - 1] if place else 0
        start = self.passages[first].first if self.passages else 0
        joined = tuple(_join(made.turns, start))
        numbers = [first + number for number, passage in enumerate(joined) for _ in passage.offsets]
        known: dict[str, object] = {
            "passages": (*self.passages[:first], *joined), "passage_of_turn": (*self.passage_of_turn[:start], *numbers),
            "timed": turn.timed and (self.timed or not self.turns),
        }
        vars(made).update(known)  # where cached_property keeps what it has found out
        return made, first + (first < len(self.passages) and joined[0] == self.passages[first])


def in_order(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Sort turns by their start; untimed turns keep the order in which they came."""
    listed = list(turns)
    if all(turn.start_ms is not None for turn in listed):
        listed.sort(key=lambda turn: turn.start_ms or 0)
    return tuple(listed)


def _join(turns: tuple[Turn, ...], start: int = 0) -> Iterator[Passage]:
    """The passages from turn `start` on, which begins one."""
    length = 0
    for index in range(start, len(turns)):
        if index > start and not _continues(turns[index - 1], turns[index], length):
            yield _passage(turns, start, index)
            start, length = index, 0
        length += len(turns[index].text) + 1
    if start < len(turns):
        yield _passage(turns, start, len(turns))


def _passage(turns: tuple[Turn, ...], start: int, end: int) -> Passage:
    text = ""
    offsets = []
    for turn in turns[start:end]:
        if text and text[-1] not in _SENTENCE_END + "，,、":
            text += "，"
        offsets.append(len(text))
        text += turn.text
    return Passage(turns[start].role, text, start, tuple(offsets))


def _continues(before: Turn, turn: Turn, length: int) -> bool:
    if turn.role is not before.role:
        return False
    if before.end_ms is not None and turn.start_ms is not None and turn.start_ms - before.end_ms > MAX_JOINED_GAP_MS:
        return False
    return length + len(turn.text) + 1 <= MAX_PASSAGE_CHARS
