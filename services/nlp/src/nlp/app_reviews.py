"""What happens first and what then when people look at evaluations and say what they think of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.errors import AlreadyExists, Denied, InvalidInput, NotAllowedNow, NotFound, Stale

from nlp.app import Clock
from nlp.domain.engine import QualityEngine
from nlp.domain.evaluations import DeriveId, Evaluation
from nlp.domain.records import Subject
from nlp.domain.reviews import LONGEST_NOTE, REASONS, Answer, Review, answered, may_judge, reviewed

LONGEST_KEY = 200
_TRIES = 20
NewId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: a tenant, a principal, and the one agent or team whose contacts the key is for (nobody's where empty)."""

    tenant: str
    principal: str
    agent_id: str = ""
    team_id: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation as the machine made it and as it is shown; `changes` counts the reviews it has had."""

    machine: Evaluation
    shown: Evaluation
    subject: Subject
    changes: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluation that a person should look at, without its evidence, and why."""

    evaluation: Evaluation
    agent_id: str
    team_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewFilters:
    """Only those that match; empty matches all."""

    interaction_id: str = ""
    reviewer: str = ""
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """`next_token` is empty on the last page."""

    reviews: Sequence[Review]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class QueuePage:
    """`next_token` is empty on the last page."""

    candidates: Sequence[Candidate]
    next_token: str = ""


class ReviewStore(Protocol):
    """Reviews, and the evaluations they change."""

    async def judged(self, tenant: str, interaction_id: str) -> Judged | None:
        """The evaluation of a contact that counts."""

    async def find(self, tenant: str, review_id: str) -> Review | None:
        """One review."""

    async def add(self, judged: Judged, review: Review, after: Evaluation) -> bool:
        """Keep the review, show `after` and tell EvaluationReviewed: all of it, or nothing and False where another review came first."""

    async def page(self, tenant: str, filters: ReviewFilters, *, size: int, token: str) -> ReviewPage:
        """Newest first. Raises InvalidInput on "page_size" and "page_token"."""

    async def queue(self, tenant: str, team_id: str, reason: str, *, size: int, token: str) -> QueuePage:
        """Most pressing first, of one kind newest first. Raises InvalidInput on "page_size" and "page_token"."""


class Engines(Protocol):
    """Engines with every scorecard version that ever judged."""

    async def engine_for(self, tenant: str, scorecard_id: str, version: str, rules_sha256: str = "") -> QualityEngine:
        """One that has this version. Raises NotFound."""


class Reviewing:
    """What a review makes of an evaluation, for reviews and for appeals."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def after(self, judged: Judged, review: Review) -> Evaluation:
        """The evaluation as it is shown after the review. Raises NotAllowedNow where the scorecard that judged is no longer to be had."""
        machine = judged.machine
        try:
            engine = await self._engines.engine_for(judged.subject.tenant, machine.scorecard_id, machine.scorecard_version)
        except NotFound:
            raise NotAllowedNow("the scorecard version that judged is no longer to be had", field="interaction_id") from None
        return reviewed(engine.scorecards[machine.scorecard_id], machine, judged.shown, review)


class Reviews:
    """People's answers to items."""

    def __init__(self, store: ReviewStore, reviewing: Reviewing, *, derive_id: DeriveId, new_id: NewId, now: Clock) -> None:
        self._store, self._reviewing = store, reviewing
        self._derive_id, self._new_id, self._now = derive_id, new_id, now

    async def review(self, interaction_id: str, answers: Sequence[Answer], note: str, key: str, person: Person) -> tuple[Review, Evaluation]:
        """Record answers; of two reviewers at the same time both are kept, and for each item the later answer is shown.

        Raises Denied, NotFound, InvalidInput, AlreadyExists where the key was used for something else, Stale where others never stop.
        """
        if person.agent_id:
            raise Denied("an agent does not review", field="interaction_id")
        if len(note) > LONGEST_NOTE:
            raise InvalidInput("note", f"must have at most {LONGEST_NOTE} characters")
        if len(key) > LONGEST_KEY:
            raise InvalidInput("idempotency_key", f"must have at most {LONGEST_KEY} characters")
        review_id = self._derive_id("review", person.tenant, interaction_id, person.principal, key) if key else self._new_id()
        for _ in range(_TRIES):
            judged = await self._store.judged(person.tenant, interaction_id)
            if judged is None:
                raise NotFound("there is no evaluation of this interaction", field="interaction_id")
            if not may_judge(person.principal, judged.subject.agent_id):
                raise Denied("nobody reviews his own contacts", field="interaction_id")
            given = answered(judged.machine, answers)
            if key and (known := await self._store.find(person.tenant, review_id)):
                if (known.items, known.note) != (given, note):
                    raise AlreadyExists("this key was used for other answers", field="idempotency_key")
                return known, judged.shown
            machine = judged.machine
            review = Review(
                review_id, interaction_id, machine.evaluation_id, judged.subject.agent_id, person.principal, self._now(), given, note
            )
            after = await self._reviewing.after(judged, review)
            if await self._store.add(judged, review, after):
                return review, after
        raise Stale("others review the same evaluation without end", field="interaction_id")

    async def page(self, filters: ReviewFilters, person: Person, *, size: int, token: str) -> ReviewPage:
        """Newest first; a key for one agent sees that agent's alone. Raises InvalidInput, Denied."""
        if person.agent_id and filters.agent_id not in ("", person.agent_id):
            raise Denied("the key is for one agent's own contacts", field="agent_id")
        narrowed = ReviewFilters(filters.interaction_id, filters.reviewer, filters.agent_id or person.agent_id)
        return await self._store.page(person.tenant, narrowed, size=size, token=token)

    async def queue(self, team_id: str, reason: str, person: Person, *, size: int, token: str) -> QueuePage:
        """What a person should look at, most pressing first. Raises InvalidInput, Denied."""
        if person.agent_id:
            raise Denied("an agent does not review", field="agent_id")
        if reason and reason not in REASONS:
            raise InvalidInput("reason", f"must be one of {', '.join(REASONS)}")
        return await self._store.queue(person.tenant, team_id, reason, size=size, token=token)


class ReviewedAnswers(Protocol):
    """What people said, for whoever compares the machine with them."""

    async def answers(self, tenant: str, interaction_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """interaction_id -> item_id -> pass, fail or na, the latest word of each item; contacts nobody reviewed are left out."""


def at_latest(reviews: Sequence[Review]) -> dict[str, dict[str, str]]:
    """What people said last, by interaction and item."""
    said: dict[str, dict[str, str]] = {}
    for review in sorted(reviews, key=lambda review: (review.at, review.review_id)):
        said.setdefault(review.interaction_id, {}).update({answer.item_id: answer.result for answer in review.items})
    return said

