"""Judges a contact by a scorecard: items and score, each item with its evidence or with the doubt that leaves it to a person."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nlp.domain.certainty import DECIDED, EXPECTED, FORBIDDEN, TRIGGER, absence
from nlp.domain.conditions import Finding, Hit
from nlp.domain.dialogue import Dialogue, Role
from nlp.domain.doubt import Doubt
from nlp.domain.evaluation import Evaluator
from nlp.domain.judged import Cause, ItemResult, Outcome
from nlp.domain.scorecards import ExpectedAt, Item, Option, Scorecard
from nlp.domain.scoring import DimensionResult, tally

MAX_EVIDENCE = 5
_ALWAYS = Finding(True)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A contact judged: score over the items that apply and were decided, what it may still become, and the same per dimension."""

    score: float
    fatal: bool
    items: tuple[ItemResult, ...]
    dimensions: tuple[DimensionResult, ...]
    score_low: float
    score_high: float


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an item comes to in one reading of the contact."""

    outcome: Outcome
    points: float
    confidence: float
    evidence: tuple[Hit, ...] = ()
    missing: bool = False
    option: str = ""
    cause: Cause = Cause.NONE


def judge(scorecard: Scorecard, evaluator: Evaluator) -> Judgement:
    """Judge every item of the scorecard."""
    doubt = Doubt(evaluator)
    items = tuple(_judge_item(item, doubt) for item in scorecard.items)
    made = tally(scorecard, items)
    return Judgement(made.score, made.fatal, items, made.dimensions, made.low, made.high)


def _judge_item(item: Item, doubt: Doubt) -> ItemResult:
    answer = _answer(item, doubt.likely, doubt.likely)
    if hits := doubt.hits(item.conditions()):
        answer = _hanging_on(item, hits, doubt, answer)
    if answer.missing and answer.confidence < DECIDED:
        worst = _worst_heard(item, doubt.likely.scanned.dialogue)
        answer = replace(answer, outcome=Outcome.ABSTAIN, points=0.0, evidence=worst, missing=False, option="", cause=Cause.BADLY_HEARD)
    if item.bonus and answer.outcome is Outcome.FAIL:
        answer = _Answer(Outcome.NA, 0.0, answer.confidence, cause=Cause.NOT_EARNED)
    return ItemResult(
        item_id=item.item_id,
        title=item.title,
        dimension=item.dimension,
        outcome=answer.outcome,
        points=answer.points,
        max_points=item.points,
        fatal=item.fatal,
        confidence=round(answer.confidence, 3),
        evidence=_one_per_turn(answer.evidence),
        missing=answer.missing,
        highlight=item.highlight,
        guidance=item.guidance,
        expected_at=item.expected_at,
        section=item.section,
        fatal_to_section=item.fatal_to_section,
        bonus=item.bonus,
        option=answer.option,
        cause=answer.cause,
    )


def _answer(item: Item, applying: Evaluator, judging: Evaluator) -> _Answer:
    """The item as two readings of the contact have it: one of whether it applies, one of its rule."""
    applies = applying.finding(item.applies_when, item.item_id) if item.applies_when is not None else _ALWAYS
    if applies.holds is False:
        return _Answer(Outcome.NA, 0.0, applies.confidence if applies.against else absence(applies.confidence, TRIGGER), cause=Cause.NOT_CALLED_FOR)
    finding, option = _chosen(item, judging)
    if applies.holds is None or finding.holds is None:  # no times, for example: nothing can be said about silence or overlap
        return _Answer(Outcome.NA, 0.0, 1.0, cause=Cause.NO_TIMES)
    points = option.points if option else item.points if finding.holds and not item.options else 0.0
    evidence = finding.hits if finding.holds else finding.against
    sure = finding.confidence if evidence else absence(finding.confidence, FORBIDDEN if finding.holds else EXPECTED)
    missing = not finding.holds and not evidence
    if missing:
        evidence = _where_expected(item, applies, judging.scanned.dialogue)
    outcome = Outcome.PASS if points > 0 else Outcome.FAIL
    return _Answer(outcome, points, min(sure, applies.confidence), evidence, missing, option.title if option else "")


def _chosen(item: Item, evaluator: Evaluator) -> tuple[Finding, Option | None]:
    """What was found for the item and, of its options, the first that holds, or else the one for what is left."""
    if not item.options:
        return evaluator.finding(item.rule, item.item_id), None
    findings = []
    for option in item.options:
        if option.rule is None:
            break
        finding = evaluator.finding(option.rule, item.item_id)
        if finding.holds:
            return finding, option
        findings.append(finding)
    left = item.options[-1] if item.options[-1].rule is None else None
    if any(finding.holds is None for finding in findings):
        return Finding(None), None
    against = tuple(hit for finding in findings for hit in finding.against)
    return Finding(False, against=against, confidence=min(finding.confidence for finding in findings)), left


def _hanging_on(item: Item, hits: tuple[Hit, ...], doubt: Doubt, likely: _Answer) -> _Answer:
    """The likely answer if no choice among the doubtful hits costs the agent or gives it a point; else it is left to a person.

    An item that is passed or else does not apply is not worth a person's time.
    """
    generous, strict = doubt.ends
    answers = [likely, _answer(item, generous, generous), _answer(item, generous, strict), _answer(item, strict, strict)]
    lost = {item.points - answer.points for answer in answers if answer.outcome is not Outcome.NA}
    if lost <= {0.0} or (len(lost) == 1 and all(answer.outcome is not Outcome.NA for answer in answers)):
        return replace(likely, confidence=max(answer.confidence for answer in answers if answer.outcome is likely.outcome))
    return _Answer(Outcome.ABSTAIN, 0.0, hits[0].confidence, hits, cause=Cause.DOUBTFUL_WORDS)


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
    agent = _agent_turns(dialogue)
    return _whole_turn(item, dialogue, agent[0] if item.expected_at is ExpectedAt.START else agent[-1]) if agent else ()


def _worst_heard(item: Item, dialogue: Dialogue) -> tuple[Hit, ...]:
    agent = _agent_turns(dialogue)
    return _whole_turn(item, dialogue, min(agent, key=lambda index: dialogue.turns[index].confidence)) if agent else ()


def _agent_turns(dialogue: Dialogue) -> list[int]:
    return [index for index, turn in enumerate(dialogue.turns) if turn.role is Role.AGENT]


def _whole_turn(item: Item, dialogue: Dialogue, index: int) -> tuple[Hit, ...]:
    turn = dialogue.turns[index]
    passage = dialogue.passage_of_turn[index]
    start = dialogue.passages[passage].offsets[index - dialogue.passages[passage].first]
    sure = round(turn.confidence, 4)
    return (Hit(item.item_id, turn.turn_id, turn.start_ms, turn.end_ms, turn.text, sure, passage, start, start + len(turn.text)),)
