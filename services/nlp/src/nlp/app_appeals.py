"""What happens first and what then when an agent does not agree, and when somebody else decides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from typing import Protocol

from chassis.errors import Denied, NotAllowedNow, NotFound, Stale

from nlp.app import Clock
from nlp.app_reviews import Judged, NewId, Person, Reviewing
from nlp.domain.appeals import Appeal, AppealState, check_decision, check_objection, check_words, decided, decides_the_same, due_at
from nlp.domain.evaluations import DeriveId, Evaluation
from nlp.domain.reviews import Answer, Review, answered, may_judge

_TRIES = 20


@dataclass(frozen=True, slots=True)
class AppealFilters:
    """Only those that match; empty matches all."""

    state: str = ""
    agent_id: str = ""
    team_id: str = ""
    interaction_id: str = ""


@dataclass(frozen=True, slots=True)
class AppealPage:
    """`next_token` is empty on the last page."""

    appeals: Sequence[Appeal]
    next_token: str = ""


class AppealStore(Protocol):
    """Appeals, with the evaluations they are about."""

    async def judged(self, tenant: str, interaction_id: str) -> Judged | None:
        """The evaluation of a contact that counts."""

    async def find(self, tenant: str, appeal_id: str) -> Appeal | None:
        """One appeal."""

    async def open_of(self, tenant: str, interaction_id: str) -> Appeal | None:
        """The open appeal about a contact."""

    async def settled_items(self, tenant: str, interaction_id: str) -> frozenset[str]:
        """Items of a contact that an appeal has decided."""

    async def add(self, tenant: str, appeal: Appeal) -> bool:
        """Keep it and tell AppealOpened; False where one is open already."""

    async def decide(self, judged: Judged, appeal: Appeal, review: Review, after: Evaluation) -> bool:
        """Keep the decision and its review, show `after`, tell AppealDecided and EvaluationReviewed: all, or nothing and False where overtaken."""

    async def page(self, tenant: str, filters: AppealFilters, *, size: int, token: str) -> AppealPage:
        """Newest first. Raises InvalidInput on "page_size" and "page_token"."""


class Appeals:
    """Agents' objections."""

    def __init__(
        self, store: AppealStore, reviewing: Reviewing, *, derive_id: DeriveId, new_id: NewId, now: Clock, utc_offset: timedelta, working_days: int
    ) -> None:
        self._store, self._reviewing, self._derive_id, self._new_id, self._now = store, reviewing, derive_id, new_id, now
        self._zone, self._working_days = timezone(utc_offset), working_days

    async def open(self, interaction_id: str, item_ids: Sequence[str], reason: str, person: Person) -> Appeal:
        """Object to items; sent twice it is one appeal. Raises NotFound, also for another agent's contact, InvalidInput, NotAllowedNow."""
        judged = await self._store.judged(person.tenant, interaction_id)
        if judged is None or person.agent_id not in ("", judged.subject.agent_id):
            raise NotFound("there is no evaluation of this interaction", field="interaction_id")
        check_objection(judged.shown, item_ids, reason)
        settled = await self._store.settled_items(person.tenant, interaction_id)
        if again := [item_id for item_id in item_ids if item_id in settled]:
            raise NotAllowedNow(f"an appeal has decided {again[0]}", field="item_ids")
        at = self._now()
        appeal = Appeal(
            self._new_id(), interaction_id, judged.machine.evaluation_id, judged.subject.agent_id, judged.subject.team_id, tuple(item_ids), reason,
            opened_by=person.principal, opened_at=at, due_at=due_at(at.astimezone(self._zone), self._working_days),
        )
        if await self._store.add(person.tenant, appeal):
            return appeal
        known = await self._store.open_of(person.tenant, interaction_id)
        if known and (known.opened_by, known.item_ids, known.reason) == (person.principal, tuple(item_ids), reason):
            return known
        raise NotAllowedNow("an appeal about this interaction is open", field="interaction_id")

    async def decide(self, appeal_id: str, answers: Sequence[Answer], note: str, person: Person) -> Appeal:
        """Answer each item of an appeal; the answer that is shown already rejects it there. Deciding twice the same is deciding once.

        Raises NotFound, Denied, InvalidInput, NotAllowedNow where it was decided otherwise, Stale where others review without end.
        """
        if person.agent_id:
            raise Denied("an agent does not decide appeals", field="appeal_id")
        for _ in range(_TRIES):
            appeal = await self._store.find(person.tenant, appeal_id)
            judged = await self._store.judged(person.tenant, appeal.interaction_id) if appeal else None
            if appeal is None or judged is None or person.team_id not in ("", appeal.team_id):
                raise NotFound("there is no such appeal", field="appeal_id")
            if person.principal == appeal.opened_by or not may_judge(person.principal, appeal.agent_id):
                raise Denied("an appeal is decided by another than who opened it", field="appeal_id")
            check_words("note", note)
            check_decision(appeal, answers)
            given = answered(judged.machine, answers)
            if appeal.state is not AppealState.OPEN and decides_the_same(appeal, person.principal, given, note):
                return appeal
            review = Review(
                self._derive_id("appeal review", person.tenant, appeal_id), appeal.interaction_id, appeal.evaluation_id, appeal.agent_id,
                person.principal, self._now(), given, note, appeal_id,
            )
            after = decided(appeal, judged.shown, review)
            if await self._store.decide(judged, after, review, await self._reviewing.after(judged, review)):
                return after
        raise Stale("others review the same evaluation without end", field="appeal_id")

    async def page(self, filters: AppealFilters, person: Person, *, size: int, token: str) -> AppealPage:
        """Newest first; a key for one agent sees that agent's alone. Raises InvalidInput, Denied."""
        if person.agent_id and filters.agent_id not in ("", person.agent_id):
            raise Denied("the key is for one agent's own contacts", field="agent_id")
        narrowed = replace(filters, agent_id=filters.agent_id or person.agent_id)
        return await self._store.page(person.tenant, narrowed, size=size, token=token)
