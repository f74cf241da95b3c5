"""The rule language: conditions over the turns of a contact, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from nlp.domain.dialogue import Role
from nlp.domain.phrases import Phrase
from nlp.domain.safe_regex import Expression

LAST = -1


@dataclass(frozen=True, slots=True)
class Range:
    """Where in the contact a condition looks; None means no limit.

    Turns count passages (what one person says until the other answers). Percents are of the call's time, or of its passages
    where it has none. `after` and `before` are conditions whose first (`before`: last) hit bounds the range; `within_turns`
    and `within_s` limit the distance from it, and then every hit counts. `around` looks both ways and into the hit's own
    passage. With `hit` only the k-th passage with a hit bounds it (LAST: the last one).
    """

    first_turns: int | None = None
    last_turns: int | None = None
    first_s: float | None = None
    last_s: float | None = None
    first_percent: float | None = None
    last_percent: float | None = None
    after: Condition | None = None
    before: Condition | None = None
    around: Condition | None = None
    hit: int | None = None
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

    With `then`, the words right after a phrase must match it: a sum after 工时费, however 工时费 was heard. With `whole_turn`
    nothing else was said in the turn. Places found with a confidence below `least_sure` (by sound) do not count.
    """

    phrases: tuple[Phrase, ...]
    unless: tuple[Phrase, ...] = ()
    at_least: int = 1
    not_negated: bool = False
    then: Expression | None = None
    whole_turn: bool = False
    least_sure: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Condition):
    """A regular expression over the written text, without hits that `excluding` overlaps."""

    expression: Expression
    excluding: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Near(Condition):
    """A phrase of `first` and one of `second` in one passage with at most `within_chars` letters between; `ordered`: in this order."""

    first: Words
    second: Words
    within_chars: int = 10
    ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Between what a value must lie; None means no limit."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    def hold(self, value: float) -> bool:
        """Whether `value` lies between."""
        return not (
            (self.at_least is not None and value < self.at_least)
            or (self.at_most is not None and value > self.at_most)
            or (self.above is not None and value <= self.above)
            or (self.below is not None and value >= self.below)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure(Condition):
    """A number said, in Chinese or Arabic figures, within `limits`; followed by one of `units` and at most `within_chars` after `after`."""

    limits: Limits = Limits()
    units: tuple[str, ...] = ()
    after: Words | None = None
    within_chars: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Condition):
    """A point in time said (明天, 三个工作日, 下周三), that many days from the contact as `days` permit, at most `within_chars` after `after`."""

    days: Limits = Limits()
    after: Words | None = None
    within_chars: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor(Condition):
    """`what` is asked for (`asking`) in one sentence that holds no `unless`: a password that must not be asked for."""

    what: Words
    asking: Words
    unless: Words


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the trade and how it is said plainly."""

    said: Words
    plainly: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Jargon(Condition):
    """A term said that the other did not say first, and not put plainly by the same speaker in that passage or the next `within_turns`."""

    terms: tuple[Term, ...]
    within_turns: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning(Condition):
    """A sentence at least `threshold` (cosine) like one of `examples` and more like it than any of `counter_examples`."""

    examples: tuple[str, ...]
    counter_examples: tuple[str, ...] = ()
    threshold: float = 0.7


class Between(StrEnum):
    """Who speaks before and after a silence: anybody, the same person, or one and then the other."""

    ANY = "any"
    SAME = "same"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Condition):
    """Nobody speaks for longer than `longer_than_s`, until `role` does; up to `announced_s` is permitted right after an `unless` hit."""

    longer_than_s: float
    between: Between = Between.ANY
    unless: Condition | None = None
    announced_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Condition):
    """A silence longer than `longer_than_s` that was `announced` just before; with `resumed`, one after which that was not said."""

    longer_than_s: float
    announced: Condition
    resumed: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap(Condition):
    """`role` begins while the other still speaks for more than `longer_than_s`; mere listening sounds do not count."""

    longer_than_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTime(Condition):
    """`role` begins to answer that many seconds after the other ended as `seconds` permit; not right after an `unless` hit of its own."""

    seconds: Limits
    unless: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRate(Condition):
    """A passage of at least `min_chars` spoken at more than `above` or less than `below` characters per second, or `rises_percent` over the speaker's own."""

    above: float | None = None
    below: float | None = None
    rises_percent: float | None = None
    min_chars: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness(Condition):
    """A turn whose level is above `above_dbfs`, or `rises_db` over the speaker's own median."""

    rises_db: float | None = None
    above_dbfs: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pitch(Condition):
    """A turn whose pitch is `rises_percent` over the speaker's own median."""

    rises_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkShare(Condition):
    """The share (0-1) of all speech, by time or by letters where there is none, that is `role`'s."""

    share: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLength(Condition):
    """The seconds from the start of the contact to its last word."""

    seconds: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Emotion(Condition):
    """The customer shows one of `labels` and is at least `at_least` (0-1) dissatisfied.

    With `rises_after`, dissatisfaction rises by `by` at some turn after its first hit over what it was before; with
    `not_back`, it then never comes back more than half of the way. Without labels and `at_least` the rise alone counts.
    """

    labels: tuple[str, ...] = ()
    at_least: float | None = None
    rises_after: Condition | None = None
    by: float = 0.3
    not_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated(Condition):
    """`role` says the same in `at_least` passages: hits of `of`, or sentences of `min_chars` with a `likeness` (Dice of character pairs)."""

    of: Condition | None = None
    at_least: int = 2
    likeness: float = 0.6
    min_chars: int = 6


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing a customer may want, and what answers it."""

    name: str
    of: Condition
    answered_by: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands(Condition):
    """Of the demands made at most `unanswered_at_most` stay without their own answer; None where fewer than `at_least` were made."""

    listed: tuple[Demand, ...]
    at_least: int = 1
    unanswered_at_most: int = 0
    within_turns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Condition):
    """A question to a language model, answered beforehand; without an answer it neither holds nor not."""

    question: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised(Condition):
    """The agent promised something; with `dated`, only promises with (or without) a deadline count."""

    dated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute(Condition):
    """The contact's attribute `name` is one of `values`, none of `excluded`, and as a number within `limits`; None where the contact lacks it."""

    name: str
    values: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    limits: Limits | None = None


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
    """The parts hold one after the other, each at most `within_turns` passages after the one before; its hits are those of the last part."""

    parts: tuple[Condition, ...]
    within_turns: int | None = None


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


class Hit(NamedTuple):  # made by the thousand: a third of a frozen dataclass's cost
    """What made a rule true: the turn, its milliseconds, the words and how sure it is.

    `passage` numbers the passage, `start` and `end` are places in its text; `phrase` is the rule's phrase
    where one was found, which may be written otherwise than what the recogniser wrote; `doubt` says, in Chinese, why it is doubtful
    where that is not how it was heard.
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
    doubt: str = ""


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
