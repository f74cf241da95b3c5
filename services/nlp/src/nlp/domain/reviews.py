"""What people say about evaluations: who has to look at what, what an answer changes, and how right the machine was."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import InvalidInput

from nlp.domain.evaluations import Evaluation, ScoredItem
from nlp.domain.judged import Outcome
from nlp.domain.scorecards import Scorecard
from nlp.domain.scoring import tally

FATAL, ABSTAINED, LOW_SCORE, SAMPLE = "fatal", "abstained", "low_score", "sample"
ANSWERS = (Outcome.PASS.value, Outcome.FAIL.value, Outcome.NA.value)
MOST_ANSWERS = 200
LONGEST_NOTE = 2_000
_WORDS: dict[str, str] = {Outcome.PASS: "通过", Outcome.FAIL: "不通过", Outcome.NA: "不适用"}
REASONS = (FATAL, ABSTAINED, LOW_SCORE, SAMPLE)
_OF = 2.0**32


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Which evaluations a person should look at: below `low_score` (0-100), and a `sample_share` (0-1) of all the others."""

    low_score: float = 60.0
    sample_share: float = 0.05


def reasons_for(evaluation: Evaluation, policy: ReviewPolicy) -> tuple[str, ...]:
    """Why a person should look at it, most pressing first; empty where nobody need."""
    holds = {
        FATAL: evaluation.fatal, ABSTAINED: bool(evaluation.abstained_items), LOW_SCORE: evaluation.score < policy.low_score,
        SAMPLE: in_sample(evaluation.evaluation_id, policy.sample_share),
    }
    return tuple(reason for reason in REASONS if holds[reason])


def in_sample(evaluation_id: str, share: float) -> bool:
    """Whether an evaluation is in the sample: by its id alone, so that nobody chooses and everybody can check."""
    drawn = int.from_bytes(hashlib.sha256(b"review sample\n" + evaluation_id.encode()).digest()[:4])
    return drawn < share * _OF


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to one item: pass, fail or na; `before` is what the machine had said."""

    item_id: str
    result: str
    note: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said about an evaluation; `appeal_id` is the appeal it decided, empty where none."""

    review_id: str
    interaction_id: str
    evaluation_id: str
    agent_id: str
    reviewer: str
    at: datetime
    items: tuple[Answer, ...]
    note: str = ""
    appeal_id: str = ""


def answered(machine: Evaluation, answers: Sequence[Answer], *, field: str = "items") -> tuple[Answer, ...]:
    """Answers with what the machine had said. Raises InvalidInput naming the answer that cannot be given."""
    said = {item.item_id: item.result for item in machine.items}
    if not 1 <= len(answers) <= MOST_ANSWERS:
        raise InvalidInput(field, f"must be 1 to {MOST_ANSWERS}")
    seen: set[str] = set()
    for number, answer in enumerate(answers):
        if answer.item_id not in said:
            raise InvalidInput(f"{field}[{number}].item_id", "is no item of this evaluation")
        if answer.item_id in seen:
            raise InvalidInput(f"{field}[{number}].item_id", "is answered twice")
        if answer.result not in ANSWERS:
            raise InvalidInput(f"{field}[{number}].result", f"must be one of {', '.join(ANSWERS)}")
        if len(answer.note) > LONGEST_NOTE:
            raise InvalidInput(f"{field}[{number}].note", f"must have at most {LONGEST_NOTE} characters")
        seen.add(answer.item_id)
    return tuple(replace(answer, before=said[answer.item_id]) for answer in answers)


def may_judge(principal: str, agent_id: str) -> bool:
    """Whether a principal ("key:…", "user:…") is another than the agent whose contact it is: nobody judges himself."""
    return not agent_id or agent_id not in (principal, principal.partition(":")[2])


def reviewed(card: Scorecard, machine: Evaluation, shown: Evaluation, review: Review) -> Evaluation:
    """The evaluation after a review: the items answered are the person's, all others as `shown` before; scores follow from the items.

    `card` is the scorecard version that judged.
    """
    answers = {answer.item_id: answer for answer in review.items}
    items = tuple(
        _answered(said, answers[before.item_id]) if before.item_id in answers else before
        for said, before in zip(machine.items, shown.items, strict=True)
    )
    sum_of = tally(card, items)
    return replace(
        shown, items=items, fatal=sum_of.fatal, score=sum_of.score, score_low=sum_of.low, score_high=sum_of.high, dimensions=sum_of.dimensions,
        reviewed_at=review.at,
    )


def _answered(said: ScoredItem, answer: Answer) -> ScoredItem:
    if answer.result == said.result:
        return replace(said, reviewed=True)
    points = said.max_points if answer.result == Outcome.PASS else 0.0
    explanation = f"人工复核：{_WORDS[answer.result]}。{answer.note}"
    return replace(said, result=answer.result, points=points, option="", explanation=explanation, reviewed=True)


@dataclass(frozen=True, slots=True)
class Quality:
    """How right the machine's failures of an item are, against people's answers.

    `precision` is the share of failures it found that people agree with, `recall` the share of people's failures that it found; each None
    where there are none. An item it left to a person was not found. Evaluations picked for review are no fair sample: where figures for
    all contacts are wanted, give only those in the sample (`in_sample`).
    """

    reviewed: int
    precision: float | None
    recall: float | None


def quality(answers: Iterable[tuple[str, str, str]]) -> dict[str, Quality]:
    """Quality by item, from (item_id, what the machine said, what a person said)."""
    counts: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for item_id, machine, person in answers:
        counts[item_id][machine == Outcome.FAIL, person == Outcome.FAIL] += 1
    return {
        item_id: Quality(count.total(), _ratio(count[True, True], count[True, False]), _ratio(count[True, True], count[False, True]))
        for item_id, count in counts.items()
    }


def _ratio(right: int, wrong: int) -> float | None:
    return right / (right + wrong) if right + wrong else None
