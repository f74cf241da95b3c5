"""Appeals in MongoDB: one document each with, until published, its events inside; a unique key allows one open appeal for a contact."""

from dataclasses import asdict

from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel, Outbox, Session
from mingjian.nlp.v1.events_pb2 import AppealDecided, AppealOpened

from nlp.adapters.mongo_documents import read
from nlp.adapters.mongo_pages import ListQuery, index_models, list_query, order_of, page
from nlp.adapters.mongo_reviews import MongoReviews, Overtaken
from nlp.adapters.protobuf_reviews import appeal_to_wire
from nlp.app_appeals import AppealFilters, AppealPage
from nlp.app_reviews import Judged
from nlp.domain.appeals import Appeal, AppealState
from nlp.domain.evaluations import Evaluation
from nlp.domain.reviews import Review

APPEAL_INDEXES: tuple[tuple[str, ...], ...] = (
    *(("tenant", *owner, *state, "order") for owner in ((), ("agent_id",), ("team_id",)) for state in ((), ("state",))),
    ("tenant", "interaction_id", "order"),
)


class MongoAppeals:
    """Satisfies app_appeals.AppealStore."""

    def __init__(self, db: Database, events: Events, reviews: MongoReviews) -> None:
        self._appeals, self._reviews = db.appeals, reviews
        self.outbox = Outbox(self._appeals, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        one = IndexModel([("open", 1)], name="open", unique=True, sparse=True)
        await self._appeals.create_indexes([one, *index_models(APPEAL_INDEXES)])
        await self.outbox.prepare()

    async def judged(self, tenant: str, interaction_id: str) -> Judged | None:
        return await self._reviews.judged(tenant, interaction_id)

    async def find(self, tenant: str, appeal_id: str) -> Appeal | None:
        found = await self._appeals.find_one({"_id": appeal_id, "tenant": tenant}, {"outbox": 0})
        return _from_document(found) if found else None

    async def open_of(self, tenant: str, interaction_id: str) -> Appeal | None:
        found = await self._appeals.find_one({"open": _open(tenant, interaction_id)}, {"outbox": 0})
        return _from_document(found) if found else None

    async def settled_items(self, tenant: str, interaction_id: str) -> frozenset[str]:
        found = self._appeals.find({"tenant": tenant, "interaction_id": interaction_id}, {"item_ids": 1, "state": 1})
        return frozenset([item_id async for document in found if document["state"] != AppealState.OPEN for item_id in document["item_ids"]])

    async def add(self, tenant: str, appeal: Appeal) -> bool:
        envelope = wrap(AppealOpened(appeal=appeal_to_wire(appeal)), tenant=tenant, key=appeal.appeal_id, about=appeal.interaction_id)
        document = _to_document(appeal) | {
            "_id": appeal.appeal_id, "tenant": tenant, "open": _open(tenant, appeal.interaction_id), "order": order_of(appeal.opened_at, appeal.appeal_id),
        }
        try:
            await self._appeals.insert_one(document | Outbox.pending([envelope]))
        except DuplicateKeyError:
            return False
        await self.outbox.flush(appeal.appeal_id, [envelope])
        return True

    async def decide(self, judged: Judged, appeal: Appeal, review: Review, after: Evaluation) -> bool:
        envelope = _decided(judged.subject.tenant, appeal)

        async def settle(session: Session) -> None:
            change = Outbox.appended([envelope]) | {"$set": _to_document(appeal), "$unset": {"open": ""}}
            still_open = {"_id": appeal.appeal_id, "state": AppealState.OPEN.value}
            if not (await self._appeals.update_one(still_open, change, session=session)).matched_count:
                raise Overtaken

        if not await self._reviews.add_beside(judged, review, after, settle):
            return False
        await self.outbox.flush(appeal.appeal_id, [envelope])
        return True

    async def page(self, tenant: str, filters: AppealFilters, *, size: int, token: str) -> AppealPage:
        documents, following = await page(self._appeals, appeals_query(tenant, filters), size, token, {"outbox": 0})
        return AppealPage([_from_document(document) for document in documents], following)


def appeals_query(tenant: str, filters: AppealFilters) -> ListQuery:
    """Which index a list of appeals is read by; of one contact there are few, and an agent belongs to one team."""
    asked: Document = {name: value for name in ("interaction_id", "agent_id", "team_id") if (value := getattr(filters, name))}
    by = list(asked)[:1]
    if filters.state:
        asked["state"] = filters.state
        by += ["state"] if by != ["interaction_id"] else []
    return list_query(tenant, asked, by)


def _decided(tenant: str, appeal: Appeal) -> Envelope:
    event = AppealDecided(appeal=appeal_to_wire(appeal))
    return wrap(event, tenant=tenant, key=f"{appeal.appeal_id}/{appeal.state}", about=appeal.interaction_id)


def _open(tenant: str, interaction_id: str) -> str:
    return f"{tenant}/{interaction_id}"


def _to_document(appeal: Appeal) -> Document:
    fields = asdict(appeal)
    del fields["appeal_id"]
    return fields | {"state": appeal.state.value}


def _from_document(document: Document) -> Appeal:
    return read(Appeal, document | {"appeal_id": document["_id"], "state": AppealState(document["state"])})
