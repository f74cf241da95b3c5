"""What judging gives: items with their outcome and what it was judged on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nlp.domain.conditions import Hit
from nlp.domain.scorecards import NO_GUIDANCE, ExpectedAt, Guidance


class Outcome(StrEnum):
    """What an inspector would write beside an item; ABSTAIN leaves it to a person."""

    PASS = "pass"
    FAIL = "fail"
    NA = "na"
    ABSTAIN = "abstain"


class Cause(StrEnum):
    """Why an item came to its outcome, where the outcome alone does not say it."""

    NONE = ""
    NOT_CALLED_FOR = "not_called_for"
    """It does not apply to this contact."""
    NO_TIMES = "no_times"
    """The contact lacks what it is judged by: times, an attribute, several demands."""
    NOT_EARNED = "not_earned"
    """A bonus that was not earned."""
    DOUBTFUL_WORDS = "doubtful_words"
    """It hangs on words of which it is doubtful whether they were said: the evidence."""
    BADLY_HEARD = "badly_heard"
    """What was not found may well have been said where the contact was badly heard: the evidence."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One item judged; `points` of `max_points`, and what it was judged on.

    `missing` says that the evidence of a failure is where something should have been, not what was wrong. `option` is the title of
    the option it came to, where it has options.
    """

    item_id: str
    title: str
    dimension: str
    outcome: Outcome
    points: float
    max_points: float
    fatal: bool
    confidence: float
    evidence: tuple[Hit, ...]
    missing: bool = False
    highlight: str = ""
    guidance: Guidance = NO_GUIDANCE
    expected_at: ExpectedAt = ExpectedAt.APPLIES
    section: str = ""
    fatal_to_section: bool = False
    bonus: bool = False
    option: str = ""
    cause: Cause = Cause.NONE

    @property
    def result(self) -> str:
        """The outcome as it is written."""
        return self.outcome.value
