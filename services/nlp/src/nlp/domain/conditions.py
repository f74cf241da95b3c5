"""The rule language: conditions over the turns of a contact, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nlp.domain.dialogue import Role
from nlp.domain.phrases import Phrase


@dataclass(frozen=True, slots=True)
class Range:
    """Where in the contact a condition looks; None means no limit.

    Turns count passages (what one person says until the other answers). `after` and `before` are
    conditions whose first (`before`: last) hit bounds the range; `within_turns` and `within_s` limit the distance from it.
    """

    first_turns: int | None = None
    last_turns: int | None = None
    first_s: float | None = None
    last_s: float | None = None
    after: Condition | None = None
    before: Condition | None = None
    within_turns: int | None = None
    within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What every condition has: who must have spoken and where."""

    role: Role | None = None
    range: Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words(Condition):
    """At least `at_least` of `phrases` said in one passage; hits overlapped by an `unless` phrase do not count.

    With `then`, the words right after a phrase must match it: a sum after 工时费, however 工时费 was heard.
    """

    phrases: tuple[Phrase, ...]
    unless: tuple[Phrase, ...] = ()
    at_least: int = 1
    not_negated: bool = False
    then: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Condition):
    """A regular expression over the written text, without hits that `excluding` overlaps."""

    expression: re.Pattern[str]
    excluding: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning(Condition):
    """A sentence at least `threshold` (cosine) like one of `examples` and more like it than any of `counter_examples`."""

    examples: tuple[str, ...]
    counter_examples: tuple[str, ...] = ()
    threshold: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Condition):
    """Nobody speaks for longer than `longer_than_s`; up to `announced_s` is permitted right after an `unless` hit."""

    longer_than_s: float
    unless: Condition | None = None
    announced_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap(Condition):
    """`role` begins while the other still speaks for more than `longer_than_s`; mere listening sounds do not count."""

    longer_than_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRate(Condition):
    """A passage spoken at more than `above` or less than `below` characters per second over at least `min_chars`."""

    above: float | None = None
    below: float | None = None
    min_chars: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised(Condition):
    """The agent promised something; with `dated`, only promises with (or without) a deadline count."""

    dated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute(Condition):
    """The contact's attribute `name` is one of `values`."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Condition):
    """Another rule of the book, by name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Condition):
    """Every part holds; with `within_turns`, near each other; with `same_turn`, in one passage."""

    parts: tuple[Condition, ...]
    within_turns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(Condition):
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Condition):
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Condition):
    """The parts hold one after the other; its hits are those of the last part."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Condition):
    """The part has at least `at_least` and at most `at_most` hits in different passages."""

    part: Condition
    at_least: int = 1
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Each(Condition):
    """Every hit of `of` is followed by a hit of `answered_by` within `within_turns` passages."""

    of: Condition
    answered_by: Condition
    within_turns: int = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """What made a rule true: the turn, its milliseconds, the words and how sure it is.

    `passage` numbers the passage, `start` and `end` are places in its text; `phrase` is the rule's phrase
    where one was found, which may be written otherwise than what the recogniser wrote.
    """

    rule_id: str
    turn_id: str
    start_ms: int | None
    end_ms: int | None
    text: str
    confidence: float
    passage: int
    start: int = 0
    end: int = 0
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What evaluating a condition gave.

    `holds` is None where the contact lacks what the condition needs (times for silence). `hits` made
    it true; `against` are the hits that made it false (of a `not`), empty where something is merely absent.
    """

    holds: bool | None
    hits: tuple[Hit, ...] = ()
    against: tuple[Hit, ...] = ()
    confidence: float = 1.0
