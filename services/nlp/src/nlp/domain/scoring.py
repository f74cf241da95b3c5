"""From judged items to numbers: the score, what it may still become, and the dimensions.

The score is 100 x points earned / points possible over the items that apply and were decided; with weighted sections, the mean of
their shares by weight. Bonus points come on top, up to what the card allows. Scores are rounded once, at the end, to one decimal, a
half upwards; points are never rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Protocol

from nlp.domain.judged import Outcome
from nlp.domain.scorecards import DIMENSIONS, FULL_SCORE, FatalPolicy, Scorecard

_A_HALF = 0.5 + 1e-9  # what is a half on paper may be a hair less in binary


class Marked(Protocol):
    """What a score is made of: an item as the machine or a person judged it."""

    @property
    def dimension(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def points(self) -> float: ...
    @property
    def max_points(self) -> float: ...
    @property
    def fatal(self) -> bool: ...
    @property
    def fatal_to_section(self) -> bool: ...
    @property
    def bonus(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class DimensionResult:
    """One of the five dimensions; `score` is None where nothing in it applied and was decided."""

    dimension: str
    score: float | None
    points: float
    max_points: float


@dataclass(frozen=True, slots=True)
class Tally:
    """The numbers of an evaluation: the score, and the ends it may still come to once what was left to a person is failed, passed or left out."""

    score: float
    low: float
    high: float
    fatal: bool
    dimensions: tuple[DimensionResult, ...]


@dataclass(frozen=True, slots=True)
class _Mark:
    dimension: str
    section: str
    result: str
    points: float
    max_points: float
    fatal: bool
    fatal_to_section: bool
    bonus: bool

    @property
    def failed(self) -> bool:
        return self.result == Outcome.FAIL

    @property
    def decided(self) -> bool:
        return self.result in (Outcome.PASS, Outcome.FAIL)


def tally(card: Scorecard, items: Iterable[Marked]) -> Tally:
    """Reckon the items of an evaluation by its scorecard."""
    marks = [_Mark(i.dimension, i.section, i.result, i.points, i.max_points, i.fatal, i.fatal_to_section, i.bonus) for i in items]
    # Also what it is without them: in a section that is lost anyhow, even an item passed adds nothing but its points possible.
    ends = [_score(card, marks), *(_score(card, [_settled(mark, passed) for mark in marks]) for passed in (False, True))]
    return Tally(ends[0], min(ends), max(ends), _is_fatal(marks), tuple(_dimension(name, marks) for name in DIMENSIONS))


def rounded(score: float) -> float:
    """To one decimal, a half upwards: 84.25 becomes 84.3."""
    return floor(score * 10 + _A_HALF) / 10


def _is_fatal(marks: Sequence[_Mark]) -> bool:
    return any(mark.fatal and mark.failed for mark in marks)


def _score(card: Scorecard, marks: Sequence[_Mark]) -> float:
    """0 to what the card allows; the full score where nothing applied and was decided."""
    if _is_fatal(marks) and card.fatal_policy is FatalPolicy.ZERO_SCORE:
        return 0.0
    shares: dict[str, tuple[float, float]] = {}
    for name in dict.fromkeys(mark.section for mark in marks):
        inside = [mark for mark in marks if mark.section == name and mark.decided and not mark.bonus]
        if inside:
            lost = any(mark.fatal_to_section and mark.failed for mark in inside)
            shares[name] = 0.0 if lost else sum(mark.points for mark in inside), sum(mark.max_points for mark in inside)
    if card.weights:
        weight = sum(card.weights.get(name, 0.0) for name in shares)
        share = sum(card.weights.get(name, 0.0) * earned / possible for name, (earned, possible) in shares.items()) / weight if weight else 1.0
    else:
        possible = sum(most for _, most in shares.values())
        share = sum(earned for earned, _ in shares.values()) / possible if possible else 1.0
    bonus = sum(mark.points for mark in marks if mark.bonus and mark.result == Outcome.PASS)
    return rounded(min(card.most, share * FULL_SCORE + bonus))


def _settled(mark: _Mark, passed: bool) -> _Mark:
    if mark.result != Outcome.ABSTAIN:
        return mark
    if passed:
        return replace(mark, result=Outcome.PASS, points=mark.max_points)
    return replace(mark, result=Outcome.NA if mark.bonus else Outcome.FAIL, points=0.0)


def _dimension(name: str, marks: Iterable[_Mark]) -> DimensionResult:
    """Over ordinary items; bonus items, section weights and fatal items count in the score alone."""
    inside = [mark for mark in marks if mark.dimension == name and mark.decided and not mark.bonus]
    points, most = sum(mark.points for mark in inside), sum(mark.max_points for mark in inside)
    return DimensionResult(name, rounded(points / most * FULL_SCORE) if most else None, points, most)
