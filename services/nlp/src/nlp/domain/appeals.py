"""Appeals: an agent's objection to items, decided item by item by somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.errors import InvalidInput, NotAllowedNow

from nlp.domain.deadlines import Deadline
from nlp.domain.evaluations import Evaluation, ScoredItem
from nlp.domain.judged import Outcome
from nlp.domain.reviews import LONGEST_NOTE, Answer, Review

MOST_ITEMS = 50


class AppealState(StrEnum):
    """Where an appeal stands; ACCEPTED where at least one item was changed."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Appeal:
    """An objection to items of one evaluation; `decided_at` is None while open."""

    appeal_id: str
    interaction_id: str
    evaluation_id: str
    agent_id: str
    team_id: str
    item_ids: tuple[str, ...]
    reason: str
    opened_by: str
    opened_at: datetime
    due_at: datetime
    state: AppealState = AppealState.OPEN
    decided_by: str = ""
    decided_at: datetime | None = None
    decisions: tuple[Answer, ...] = ()
    note: str = ""


def check_objection(shown: Evaluation, item_ids: Sequence[str], reason: str) -> None:
    """Raises InvalidInput for items there is nothing to object to, and for a missing or endless reason."""
    if not 1 <= len(item_ids) <= MOST_ITEMS:
        raise InvalidInput("item_ids", f"must be 1 to {MOST_ITEMS}")
    items = {item.item_id: item for item in shown.items}
    for number, item_id in enumerate(item_ids):
        if item_id not in items:
            raise InvalidInput(f"item_ids[{number}]", "is no item of this evaluation")
        if item_id in item_ids[:number]:
            raise InvalidInput(f"item_ids[{number}]", "is named twice")
        if not _took_points(items[item_id]):
            raise InvalidInput(f"item_ids[{number}]", f"came to {items[item_id].result} and took no points")
    check_words("reason", reason)


def check_words(field: str, words: str) -> None:
    """Raises InvalidInput where nothing, or too much, is said."""
    if not words.strip():
        raise InvalidInput(field, "is missing")
    if len(words) > LONGEST_NOTE:
        raise InvalidInput(field, f"must have at most {LONGEST_NOTE} characters")


def _took_points(item: ScoredItem) -> bool:
    return item.result == Outcome.FAIL or (item.result == Outcome.PASS and item.points < item.max_points)


def due_at(opened_at: datetime, working_days: int) -> datetime:
    """When an appeal opened at `opened_at` (in the company's time zone) must be decided."""
    return Deadline("", working_days=working_days).due(opened_at)


def check_decision(appeal: Appeal, answers: Sequence[Answer]) -> None:
    """Raises InvalidInput where not each item of the appeal has one answer."""
    for number, answer in enumerate(answers):
        if answer.item_id not in appeal.item_ids:
            raise InvalidInput(f"items[{number}].item_id", "is no item of this appeal")
    lacking = [item_id for item_id in appeal.item_ids if item_id not in {answer.item_id for answer in answers}]
    if lacking:
        raise InvalidInput("items", f"lack an answer to {lacking[0]}")


def decided(appeal: Appeal, shown: Evaluation, review: Review) -> Appeal:
    """The appeal as a review decides it, against the evaluation as it was shown. Raises NotAllowedNow where it is no longer open."""
    if appeal.state is not AppealState.OPEN:
        raise NotAllowedNow("the appeal was decided", field="appeal_id")
    results = {item.item_id: item.result for item in shown.items}
    changed = any(answer.result != results[answer.item_id] for answer in review.items)
    state = AppealState.ACCEPTED if changed else AppealState.REJECTED
    return replace(appeal, state=state, decided_by=review.reviewer, decided_at=review.at, decisions=review.items, note=review.note)


def decides_the_same(appeal: Appeal, by: str, answers: Sequence[Answer], note: str) -> bool:
    """Whether a decision asked for is the one taken: then it was sent twice."""
    taken = {(answer.item_id, answer.result, answer.note) for answer in appeal.decisions}
    return (appeal.decided_by, appeal.note, taken) == (by, note, {(answer.item_id, answer.result, answer.note) for answer in answers})
