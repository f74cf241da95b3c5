"""From judged items to numbers: the score, what it may still become, and the dimensions.

The score is 100 x points earned / points possible over the items that apply and were decided; with weighted sections, the mean of
their shares by weight. Bonus points come on top, up to what the card allows. Scores are rounded once, at the end, to one decimal, a
half upwards; points are never rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor

from nlp.domain.judged import ItemResult, Outcome
from nlp.domain.scorecards import DIMENSIONS, FULL_SCORE, FatalPolicy, Scorecard

_DECIDED = (Outcome.PASS, Outcome.FAIL)
_A_HALF = 0.5 + 1e-9  # what is a half on paper may be a hair less in binary


@dataclass(frozen=True, slots=True)
class DimensionResult:
    """One of the five dimensions; `score` is None where nothing in it applied and was decided."""

    dimension: str
    score: float | None
    points: float
    max_points: float


def rounded(score: float) -> float:
    """To one decimal, a half upwards: 84.25 becomes 84.3."""
    return floor(score * 10 + _A_HALF) / 10


def is_fatal(items: Sequence[ItemResult]) -> bool:
    """Whether an item that is fatal to the whole card failed."""
    return any(item.fatal and item.outcome is Outcome.FAIL for item in items)


def score(card: Scorecard, items: Sequence[ItemResult]) -> float:
    """0 to what the card allows; the full score where nothing applied and was decided."""
    if is_fatal(items) and card.fatal_policy is FatalPolicy.ZERO_SCORE:
        return 0.0
    shares: dict[str, tuple[float, float]] = {}
    for name in dict.fromkeys(item.section for item in items):
        inside = [item for item in items if item.section == name and item.outcome in _DECIDED and not item.bonus]
        if inside:
            lost = any(item.fatal_to_section and item.outcome is Outcome.FAIL for item in inside)
            shares[name] = 0.0 if lost else sum(item.points for item in inside), sum(item.max_points for item in inside)
    if card.weights:
        weight = sum(card.weights[name] for name in shares)
        share = sum(card.weights[name] * earned / possible for name, (earned, possible) in shares.items()) / weight if weight else 1.0
    else:
        possible = sum(most for _, most in shares.values())
        share = sum(earned for earned, _ in shares.values()) / possible if possible else 1.0
    bonus = sum(item.points for item in items if item.bonus and item.outcome is Outcome.PASS)
    return rounded(min(card.most, share * FULL_SCORE + bonus))


def interval(card: Scorecard, items: Sequence[ItemResult]) -> tuple[float, float]:
    """The score if every item that was left to a person had failed, and if every one had passed."""
    low, high = (score(card, [_settled(item, outcome) for item in items]) for outcome in _DECIDED[::-1])
    return low, high


def _settled(item: ItemResult, outcome: Outcome) -> ItemResult:
    if item.outcome is not Outcome.ABSTAIN:
        return item
    if item.bonus and outcome is Outcome.FAIL:
        return replace(item, outcome=Outcome.NA)
    return replace(item, outcome=outcome, points=item.max_points if outcome is Outcome.PASS else 0.0)


def dimensions(items: Sequence[ItemResult]) -> tuple[DimensionResult, ...]:
    """The five, in their order, over ordinary items; bonus items, section weights and fatal items count in the score alone."""
    return tuple(_dimension(name, [item for item in items if item.dimension == name and not item.bonus]) for name in DIMENSIONS)


def _dimension(name: str, inside: list[ItemResult]) -> DimensionResult:
    decided = [item for item in inside if item.outcome in _DECIDED]
    points, most = sum(item.points for item in decided), sum(item.max_points for item in decided)
    return DimensionResult(name, rounded(points / most * FULL_SCORE) if most else None, points, most)
