"""Evaluations by additional scorecards in MongoDB, beside the one that counts: read with it, and never listed without naming the contact."""

from collections.abc import Sequence
from contextlib import suppress

from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from nlp.adapters.mongo_records import as_judged, to_document
from nlp.app import Contact, EvaluationFilters
from nlp.domain.evaluations import Evaluation
from nlp.domain.judged import Outcome

MOST_OF_A_CONTACT = 50
_UNLISTED = {"record": 0, "received": 0, "items.evidence": 0, "emotion_course": 0, "redactions": 0}


class MongoAdditional:
    """One document for each contact and additional scorecard."""

    def __init__(self, db: Database) -> None:
        self._kept = db.additional_evaluations

    async def prepare(self) -> None:
        """Make the index."""
        fields = ("tenant", "interaction_id", "scorecard_id")
        await self._kept.create_indexes([IndexModel([(field, 1) for field in fields], name="_".join(fields), unique=True)])

    async def add(self, contact: Contact, evaluations: Sequence[Evaluation]) -> None:
        """Keep them; what an earlier try left stays, for its record may be chained already."""
        for evaluation in evaluations:
            with suppress(DuplicateKeyError):
                await self._kept.insert_one(to_document(contact, evaluation))

    async def find(self, tenant: str, interaction_id: str, scorecard_id: str) -> tuple[Evaluation, str] | None:
        """The evaluation by one scorecard, and the agent it is about."""
        found = await self._kept.find_one({"tenant": tenant, "interaction_id": interaction_id, "scorecard_id": scorecard_id})
        return (as_judged(found), found["agent_id"]) if found else None

    async def of(self, tenant: str, filters: EvaluationFilters) -> list[Evaluation]:
        """All of one contact that match, in order of scorecard."""
        asked: Document = {"tenant": tenant, "interaction_id": filters.interaction_id}
        found = self._kept.find(asked, _UNLISTED).sort("scorecard_id", 1).limit(MOST_OF_A_CONTACT)
        return [evaluation async for document in found if _matches(evaluation := as_judged(document), document, filters)]


def _matches(evaluation: Evaluation, document: Document, filters: EvaluationFilters) -> bool:
    outcomes = {item.item_id: item.result for item in evaluation.items}
    return (
        filters.agent_id in ("", document["agent_id"])
        and (filters.since is None or evaluation.scored_at >= filters.since)
        and (filters.until is None or evaluation.scored_at < filters.until)
        and filters.team_id in ("", document["team_id"])
        and (not filters.fatal or evaluation.fatal)
        and filters.failed_item_id in ("", *(name for name, result in outcomes.items() if result == Outcome.FAIL))
        and filters.abstained_item_id in ("", *(name for name, result in outcomes.items() if result == Outcome.ABSTAIN))
    )
