"""Customers' answers to surveys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import InvalidInput

from ingestion.domain.metadata import check_moment, check_name

MAX_ANSWERS = 1_000
MAX_COMMENT_CHARS = 5_000


@dataclass(frozen=True, slots=True)
class Feedback:
    """`csat` 1-5, `nps` 0-10; None where not asked. About an interaction, or about a customer alone."""

    feedback_id: str
    interaction_id: str = ""
    customer_id: str = ""
    csat: int | None = None
    nps: int | None = None
    solved: bool | None = None
    comment: str = ""
    given_at: datetime | None = None


def check_feedback(answers: Sequence[Feedback], now: datetime) -> None:
    """Raises InvalidInput naming the answer and field, for example "feedback[3].csat"."""
    if not answers:
        raise InvalidInput("feedback", "at least one answer")
    if len(answers) > MAX_ANSWERS:
        raise InvalidInput("feedback", f"at most {MAX_ANSWERS} answers")
    for n, answer in enumerate(answers):
        _check_one(f"feedback[{n}]", answer, now)


def _check_one(field: str, answer: Feedback, now: datetime) -> None:
    if not answer.feedback_id:
        raise InvalidInput(f"{field}.feedback_id", "is needed: it keeps an answer from being counted twice")
    for name in ("feedback_id", "interaction_id", "customer_id"):
        check_name(f"{field}.{name}", getattr(answer, name))
    if not answer.interaction_id and not answer.customer_id:
        raise InvalidInput(f"{field}.interaction_id", "is needed where no customer_id is given")
    if answer.csat is not None and not 1 <= answer.csat <= 5:
        raise InvalidInput(f"{field}.csat", "must be between 1 and 5")
    if answer.nps is not None and not 0 <= answer.nps <= 10:
        raise InvalidInput(f"{field}.nps", "must be between 0 and 10")
    if len(answer.comment) > MAX_COMMENT_CHARS:
        raise InvalidInput(f"{field}.comment", f"is longer than {MAX_COMMENT_CHARS} characters")
    if answer.csat is None and answer.nps is None and answer.solved is None and not answer.comment.strip():
        raise InvalidInput(f"{field}.csat", "an answer needs csat, nps, solved or a comment")
    if answer.given_at:
        check_moment(f"{field}.given_at", answer.given_at, now)
