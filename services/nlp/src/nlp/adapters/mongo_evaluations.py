"""Evaluations in MongoDB: one document for each contact with, until published, its events inside; alerts beside them for their list.

The fields of a document are the machine's and never change; what people say is laid over them in `shown`, and read with them.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import product

from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import BulkWriteError, Collection, Database, Document, DuplicateKeyError, IndexModel, Outbox
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1.events_pb2 import AlertRaised, InteractionScored, PromiseMade

from nlp.adapters.mongo_additional import MongoAdditional
from nlp.adapters.mongo_pages import DIGITS, ListQuery, index_models, list_query, order_of, page
from nlp.adapters.mongo_promises import GRACE, promise_documents
from nlp.adapters.mongo_records import shown, to_document
from nlp.adapters.protobuf_evaluations import alert_to_wire, evaluation_to_wire, promise_to_wire
from nlp.app import AlertFilters, AlertPage, Contact, EvaluationFilters, EvaluationPage, StoredAlert
from nlp.domain.evaluations import Evaluation, RaisedAlert
from nlp.domain.reviews import ReviewPolicy, reasons_for

__all__ = ["ALERT_INDEXES", "DIGITS", "EVALUATION_INDEXES", "MongoEvaluations", "alerts_query", "evaluations_query", "order_of"]

EVALUATION_INDEXES: tuple[tuple[str, ...], ...] = (
    *(("tenant", *owner, *narrowed, "order") for owner in ((), ("agent_id",), ("team_id",)) for narrowed in ((), ("marks",))),
    ("tenant", "interaction_id", "order"),
)
ALERT_INDEXES: tuple[tuple[str, ...], ...] = tuple(
    ("tenant", *owner, *narrowed, "order") for owner in ((), ("agent_id",), ("interaction_id",)) for narrowed in ((), ("kind",))
)
_DUPLICATE_KEY = 11000
UNREAD = {"outbox": 0, "outbox_since": 0, "received": 0, "record": 0}
UNLISTED = UNREAD | {"items.evidence": 0, "emotion_course": 0, "provenance.asked": 0, "redactions": 0, "marks": 0}
MOST_PRESSING = "!"


class MongoEvaluations:
    """Satisfies app.Evaluations."""

    def __init__(self, db: Database, events: Events, policy: ReviewPolicy = ReviewPolicy(), grace: timedelta = GRACE) -> None:  # noqa: B008 - it is frozen
        self._evaluations, self._alerts, self._policy = db.evaluations, db.alerts, policy
        self._promises, self._grace = db.promises, grace
        self._additional = MongoAdditional(db)
        self.outbox = Outbox(self._evaluations, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        one = IndexModel([("tenant", 1), ("interaction_id", 1)], name="tenant_interaction_id", unique=True)
        await self._evaluations.create_indexes([one, *index_models(EVALUATION_INDEXES)])
        await self._alerts.create_indexes(index_models(ALERT_INDEXES))
        await self._additional.prepare()
        await self.outbox.prepare()

    async def settle(self, tenant: str, interaction_id: str) -> bool:
        found = await self._evaluations.find_one({"tenant": tenant, "interaction_id": interaction_id}, {"outbox": 1})
        if found is None:
            return False
        await self.outbox.flush_stored(found)
        return True

    async def add(self, contact: Contact, evaluation: Evaluation, beside: Sequence[Evaluation] = ()) -> None:
        # Alerts, promises and what is judged beside go first: a crash before the evaluation leaves what the next delivery writes again under the same ids.
        await self._additional.add(contact, beside)
        await insert_new(self._alerts, alert_documents(contact, evaluation.alerts, evaluation.scored_at))
        await insert_new(self._promises, promise_documents(contact, evaluation, self._grace))
        envelopes = events_of(contact, evaluation, await self._told_live(evaluation))
        document = _to_document(contact, evaluation, self._policy) | self.outbox.pending(envelopes)
        try:
            await self._evaluations.insert_one(document)
        except DuplicateKeyError:
            await self.settle(contact.tenant, contact.interaction_id)
            return
        await self.outbox.flush(document["_id"], envelopes)

    async def _told_live(self, evaluation: Evaluation) -> set[str]:
        """The alerts that were kept and told while the call ran."""
        ids = [alert.alert_id for alert in evaluation.alerts]
        return {found["_id"] async for found in self._alerts.find({"_id": {"$in": ids}}, {"live": 1}) if found.get("live")} if ids else set()

    async def find(self, tenant: str, interaction_id: str, scorecard_id: str = "") -> tuple[Evaluation, str] | None:
        found = await self._evaluations.find_one({"tenant": tenant, "interaction_id": interaction_id}, UNREAD)
        if found is None:
            return None
        if scorecard_id in ("", found["scorecard_id"]):
            return shown(found), found["agent_id"]
        return await self._additional.find(tenant, interaction_id, scorecard_id)

    async def page(self, tenant: str, filters: EvaluationFilters, *, size: int, token: str) -> EvaluationPage:
        documents, following = await page(self._evaluations, evaluations_query(tenant, filters), size, token, UNLISTED)
        counting = [shown(d) for d in documents]
        beside = await self._additional.of(tenant, filters) if counting and filters.interaction_id else []
        return EvaluationPage([*counting, *beside], following)

    async def alerts(self, tenant: str, filters: AlertFilters, *, size: int, token: str) -> AlertPage:
        documents, following = await page(self._alerts, alerts_query(tenant, filters), size, token)
        stored = [StoredAlert(RaisedAlert(**d["alert"]), d["interaction_id"], d["agent_id"], d["raised_at"]) for d in documents]
        return AlertPage(stored, following)


def alert_documents(contact: Contact, alerts: Iterable[RaisedAlert], at: datetime) -> list[Document]:
    """Alerts as they are kept for their list."""
    return [
        {
            "_id": alert.alert_id, "tenant": contact.tenant, "order": order_of(at, alert.alert_id), "kind": alert.kind,
            "interaction_id": contact.interaction_id, "agent_id": contact.agent_id, "raised_at": at, "alert": asdict(alert),
        }
        for alert in alerts
    ]


async def insert_new(collection: Collection, documents: list[Document]) -> None:
    """Insert those whose `_id` is not there."""
    if not documents:
        return
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as failure:
        if any(error["code"] != _DUPLICATE_KEY for error in (failure.details or {}).get("writeErrors", [])):
            raise


def events_of(contact: Contact, evaluation: Evaluation, told: AbstractSet[str] = frozenset()) -> list[Envelope]:
    """What an evaluation has to tell: InteractionScored, then each alert and each promise, less the alerts that were `told` while the call ran."""
    interaction = ingestion.Interaction.FromString(contact.received)
    about = contact.interaction_id
    scored = InteractionScored(interaction=interaction, evaluation=evaluation_to_wire(evaluation), duration_ms=contact.duration_ms)
    envelopes = [wrap(scored, tenant=contact.tenant, key=evaluation.evaluation_id, about=about)]
    for alert in evaluation.alerts:
        if alert.alert_id in told:
            continue
        raised = AlertRaised(interaction=interaction, alert=alert_to_wire(alert))
        envelopes.append(wrap(raised, tenant=contact.tenant, key=alert.alert_id, about=about))
    for promise in evaluation.promises:
        made = PromiseMade(interaction=interaction, promise=promise_to_wire(promise))
        envelopes.append(wrap(made, tenant=contact.tenant, key=promise.promise_id, about=about))
    return envelopes


def evaluations_query(tenant: str, filters: EvaluationFilters) -> ListQuery:
    """Which index a list of evaluations is read by; what it asks beyond that is looked for among few."""
    since = order_of(filters.since) if filters.since else ""
    until = {"until": order_of(filters.until)} if filters.until else {}
    asked: Document = {name: value for name in ("interaction_id", "agent_id", "team_id") if (value := getattr(filters, name))}
    by = list(asked)[:1]  # an agent belongs to one team: who asks for both gets the agent's
    marks = [m for m in (left_open(filters.abstained_item_id), mark_of(filters.fatal, filters.failed_item_id)) if m]
    if marks and by != ["interaction_id"]:
        asked["marks"] = marks.pop(0)  # few items are left open, so that mark leads and the other is looked for behind it
        by.append("marks")
    query = list_query(tenant, asked, by, since, **until)
    return query if not marks else ListQuery(query.equal, query.index, query.beyond | {"$and": [{"marks": m} for m in marks]}, query.since, query.until)


def mark_of(fatal: bool, failed_item_id: str) -> str:
    """What a list narrowed to fatal evaluations, to those that failed an item, or to both looks for in `marks`."""
    return " ".join(part for part in ("fatal" if fatal else "", failed_item_id) if part)


def left_open(item_id: str) -> str:
    """What a list narrowed to evaluations that left an item to a person looks for in `marks`."""
    return f"?{item_id}" if item_id else ""


def waiting(reason: str) -> str:
    """What the review queue narrowed to a reason looks for in `marks`; with "!" before it, those whose most pressing reason it is."""
    return f"queue:{reason}"


def marks_of(fatal: bool, failed_items: Sequence[str], abstained_items: Sequence[str] = (), reasons: Sequence[str] = ()) -> list[str]:
    """Every mark by which an evaluation is found; `reasons` to look at it come most pressing first."""
    found = [mark_of(*asked) for asked in product((False, True) if fatal else (False,), ("", *failed_items)) if any(asked)]
    pressing = [waiting(MOST_PRESSING + reason) for reason in reasons[:1]]
    return [*found, *map(left_open, abstained_items), *map(waiting, reasons), *pressing]


def alerts_query(tenant: str, filters: AlertFilters) -> ListQuery:
    """As evaluations_query, for alerts; of one contact there are few, so that its agent needs no index of its own."""
    asked: Document = {name: value for name in ("interaction_id", "agent_id", "kind") if (value := getattr(filters, name))}
    owner = [name for name in ("interaction_id", "agent_id") if name in asked][:1]
    return list_query(tenant, asked, [*owner, *(["kind"] if "kind" in asked else [])])


def _to_document(contact: Contact, evaluation: Evaluation, policy: ReviewPolicy) -> Document:
    return to_document(contact, evaluation) | {
        "marks": marks_of(evaluation.fatal, evaluation.failed_items, evaluation.abstained_items, reasons_for(evaluation, policy)),
        "order": order_of(evaluation.scored_at, evaluation.evaluation_id),
        "customer_id": contact.customer_id, "direction": contact.direction,
        "began": order_of(contact.started_at or evaluation.scored_at, evaluation.interaction_id),
    }
