"""Judges a contact by a scorecard: items, dimensions and score, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nlp.domain.conditions import Finding, Hit
from nlp.domain.dialogue import Dialogue, Role
from nlp.domain.evaluation import Evaluator
from nlp.domain.scorecards import DIMENSIONS, NO_GUIDANCE, ExpectedAt, FatalPolicy, Guidance, Item, Scorecard

MAX_EVIDENCE = 5
DECIDED = 0.5
FULL_SCORE = 100.0


class Outcome(StrEnum):
    """What an inspector would write beside an item; ABSTAIN leaves it to a person."""

    PASS = "pass"
    FAIL = "fail"
    NA = "na"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One item judged; `points` of `max_points`, and what it was judged on.

    `missing` says that the evidence of a failure is where something should have been, not what was wrong.
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


@dataclass(frozen=True, slots=True)
class DimensionResult:
    """One of the five dimensions; `score` is None where nothing in it applied and was decided."""

    dimension: str
    score: float | None
    points: float
    max_points: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """A contact judged: score 0-100 over the items that apply and were decided, and the same per dimension."""

    score: float
    fatal: bool
    items: tuple[ItemResult, ...]
    dimensions: tuple[DimensionResult, ...]


def judge(scorecard: Scorecard, evaluator: Evaluator) -> Judgement:
    """Judge every item of the scorecard."""
    items = tuple(_judge_item(item, evaluator) for item in scorecard.items)
    fatal = any(item.fatal and item.outcome is Outcome.FAIL for item in items)
    score = _score(items)
    if fatal and scorecard.fatal_policy is FatalPolicy.ZERO_SCORE:
        score = 0.0
    dimensions = tuple(_dimension(name, [item for item in items if item.dimension == name]) for name in DIMENSIONS)
    return Judgement(score, fatal, items, dimensions)


def _dimension(name: str, inside: list[ItemResult]) -> DimensionResult:
    decided = [item for item in inside if item.outcome in (Outcome.PASS, Outcome.FAIL)]
    points, most = sum(item.points for item in decided), sum(item.max_points for item in decided)
    return DimensionResult(name, round(points / most * FULL_SCORE, 1) if most else None, points, most)


def _score(items: tuple[ItemResult, ...]) -> float:
    decided = [item for item in items if item.outcome in (Outcome.PASS, Outcome.FAIL)]
    possible = sum(item.max_points for item in decided)
    return round(sum(item.points for item in decided) / possible * FULL_SCORE, 1) if possible else FULL_SCORE


def _judge_item(item: Item, evaluator: Evaluator) -> ItemResult:
    applies = Finding(True)
    if item.applies_when is not None:
        applies = evaluator.finding(item.applies_when, item.item_id)
    if not applies.holds:
        return _result(item, Outcome.NA, applies.confidence, ())
    finding = evaluator.finding(item.rule, item.item_id)
    if finding.holds is None:  # the contact has no times: nothing can be said about silence or overlap
        return _result(item, Outcome.NA, 1.0, ())
    confidence = min(finding.confidence, applies.confidence)
    evidence = finding.hits if finding.holds else finding.against
    missing = not finding.holds and not evidence
    if missing:
        evidence = _where_expected(item, applies, evaluator.scanned.dialogue)
    outcome = Outcome.PASS if finding.holds else Outcome.FAIL
    return _result(item, outcome if confidence >= DECIDED else Outcome.ABSTAIN, confidence, evidence, missing)


def _result(item: Item, outcome: Outcome, confidence: float, evidence: tuple[Hit, ...], missing: bool = False) -> ItemResult:
    return ItemResult(
        item_id=item.item_id,
        title=item.title,
        dimension=item.dimension,
        outcome=outcome,
        points=item.points if outcome is Outcome.PASS else 0.0,
        max_points=item.points,
        fatal=item.fatal,
        confidence=round(confidence, 3),
        evidence=_one_per_turn(evidence),
        missing=missing,
        highlight=item.highlight,
        guidance=item.guidance,
        expected_at=item.expected_at,
    )


def _one_per_turn(evidence: tuple[Hit, ...]) -> tuple[Hit, ...]:
    best: dict[str, Hit] = {}
    for hit in evidence:
        known = best.get(hit.turn_id)
        if known is None or hit.confidence > known.confidence:
            best[hit.turn_id] = hit
    return tuple(sorted(best.values(), key=lambda hit: (hit.passage, hit.start))[:MAX_EVIDENCE])


def _where_expected(item: Item, applies: Finding, dialogue: Dialogue) -> tuple[Hit, ...]:
    if item.expected_at is ExpectedAt.APPLIES and applies.hits:
        return applies.hits
    agent = [index for index, turn in enumerate(dialogue.turns) if turn.role is Role.AGENT]
    if not agent:
        return ()
    index = agent[0] if item.expected_at is ExpectedAt.START else agent[-1]
    turn = dialogue.turns[index]
    passage = dialogue.passage_of_turn[index]
    return (Hit(item.item_id, turn.turn_id, turn.start_ms, turn.end_ms, turn.text, 0.5, passage, 0, len(turn.text)),)
