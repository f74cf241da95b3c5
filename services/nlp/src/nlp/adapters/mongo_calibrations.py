"""Calibrations in MongoDB: one document each, and one for each inspector's answers to a contact, so that nobody waits for another."""

from collections.abc import Sequence
from dataclasses import asdict

from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from nlp.adapters.mongo_documents import read
from nlp.adapters.mongo_evaluations import UNLISTED
from nlp.adapters.mongo_pages import index_models, list_query, order_of, page
from nlp.adapters.mongo_records import as_judged
from nlp.app_calibrations import CalibrationPage, Shown
from nlp.domain.calibration import Calibration, Judged
from nlp.domain.evaluations import Evaluation

CALIBRATION_INDEXES: tuple[tuple[str, ...], ...] = (("tenant", "order"),)


class MongoCalibrations:
    """Satisfies app_calibrations.CalibrationStore."""

    def __init__(self, db: Database) -> None:
        self._calibrations, self._answers, self._evaluations = db.calibrations, db.calibration_answers, db.evaluations

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._calibrations.create_indexes(index_models(CALIBRATION_INDEXES))
        await self._answers.create_indexes([IndexModel([("calibration_id", 1)], name="calibration_id")])

    async def machine(self, tenant: str, interaction_ids: Sequence[str]) -> dict[str, Evaluation]:
        found = self._evaluations.find({"tenant": tenant, "interaction_id": {"$in": list(interaction_ids)}}, UNLISTED)
        return {document["interaction_id"]: as_judged(document) async for document in found}

    async def add(self, tenant: str, calibration: Calibration) -> Calibration:
        fields = asdict(calibration)
        fields["_id"] = fields.pop("calibration_id")
        try:
            await self._calibrations.insert_one(fields | {"tenant": tenant, "order": order_of(calibration.created_at, calibration.calibration_id)})
        except DuplicateKeyError:
            return _from_document(await self._calibrations.find_one({"_id": calibration.calibration_id}) or fields)
        return calibration

    async def find(self, tenant: str, calibration_id: str) -> Calibration | None:
        found = await self._calibrations.find_one({"_id": calibration_id, "tenant": tenant})
        return _from_document(found) if found else None

    async def answer(self, calibration_id: str, judged: Judged) -> None:
        key = f"{calibration_id}/{judged.interaction_id}/{judged.inspector}"
        await self._answers.replace_one({"_id": key}, {"_id": key, "calibration_id": calibration_id} | asdict(judged), upsert=True)

    async def answers(self, calibration_id: str) -> list[Judged]:
        found = await self._answers.find({"calibration_id": calibration_id}).to_list(None)
        return [read(Judged, document) for document in sorted(found, key=lambda document: str(document["_id"]))]

    async def page(self, tenant: str, *, size: int, token: str) -> CalibrationPage:
        documents, following = await page(self._calibrations, list_query(tenant, {}, []), size, token)
        counted = await self._counted([document["_id"] for document in documents])
        shown = [Shown(_from_document(document), counted.get(document["_id"], 0)) for document in documents]
        return CalibrationPage(shown, following)

    async def _counted(self, calibration_ids: Sequence[str]) -> dict[str, int]:
        stages: list[Document] = [{"$match": {"calibration_id": {"$in": list(calibration_ids)}}}, {"$group": {"_id": "$calibration_id", "done": {"$sum": 1}}}]
        return {document["_id"]: document["done"] async for document in self._answers.aggregate(stages)}


def _from_document(document: Document) -> Calibration:
    return read(Calibration, document | {"calibration_id": document["_id"]})
