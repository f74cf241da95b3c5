"""Evaluations in MongoDB: one document for each contact with, until published, its events inside; alerts beside them for their list."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import product

from chassis.errors import InvalidInput
from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import (
    LAST,
    BulkWriteError,
    Collection,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    Outbox,
    decode_page_token,
    encode_page_token,
    newest_first,
    page_size,
)
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1.events_pb2 import AlertRaised, InteractionScored, PromiseMade

from nlp.adapters.protobuf_evaluations import alert_to_wire, evaluation_to_wire, promise_to_wire
from nlp.app import AlertFilters, AlertPage, Contact, EvaluationFilters, EvaluationPage, StoredAlert
from nlp.domain.evaluations import EmotionPoint, Evaluation, Evidence, KeptPromise, RaisedAlert, ScoredItem
from nlp.domain.judging import DimensionResult
from nlp.domain.pii.redactions import RedactedSpan

# Every list ends in `order`, time and id in one string: a page, and a span of time, is one range of an index. No list names its
# index with `hint`: the embedded server then reads all of it. Every index ascends: on a descending one that server loses documents
# of a range bound on both sides.
EVALUATION_INDEXES: tuple[tuple[str, ...], ...] = tuple(
    ("tenant", *owner, *narrowed, "order")
    for owner in ((), ("agent_id",), ("team_id",))
    for narrowed in ((), ("marks",))
)
ALERT_INDEXES: tuple[tuple[str, ...], ...] = tuple(
    ("tenant", *owner, *narrowed, "order") for owner in ((), ("agent_id",), ("interaction_id",)) for narrowed in ((), ("kind",))
)
_DUPLICATE_KEY = 11000
DIGITS = 14
_UNLISTED = {"items.evidence": 0, "emotion_course": 0, "redactions": 0, "outbox": 0, "outbox_since": 0, "marks": 0}


class MongoEvaluations:
    """Satisfies app.Evaluations."""

    def __init__(self, db: Database, events: Events) -> None:
        self._evaluations, self._alerts = db.evaluations, db.alerts
        self.outbox = Outbox(self._evaluations, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        one = IndexModel([("tenant", 1), ("interaction_id", 1)], name="tenant_interaction_id", unique=True)
        await self._evaluations.create_indexes([one, *_models(EVALUATION_INDEXES)])
        await self._alerts.create_indexes(_models(ALERT_INDEXES))
        await self.outbox.prepare()

    async def settle(self, tenant: str, interaction_id: str) -> bool:
        found = await self._evaluations.find_one({"tenant": tenant, "interaction_id": interaction_id}, {"outbox": 1})
        if found is None:
            return False
        await self.outbox.flush_stored(found)
        return True

    async def add(self, contact: Contact, evaluation: Evaluation) -> None:
        # The alerts go first: a crash before the evaluation leaves what the next delivery writes again under the same ids.
        await self._keep_alerts(contact, evaluation)
        envelopes = events_of(contact, evaluation)
        document = _to_document(contact, evaluation) | self.outbox.pending(envelopes)
        try:
            await self._evaluations.insert_one(document)
        except DuplicateKeyError:
            await self.settle(contact.tenant, contact.interaction_id)
            return
        await self.outbox.flush(document["_id"], envelopes)

    async def _keep_alerts(self, contact: Contact, evaluation: Evaluation) -> None:
        documents = [
            {
                "_id": alert.alert_id, "tenant": contact.tenant, "order": order_of(evaluation.scored_at, alert.alert_id), "kind": alert.kind,
                "interaction_id": contact.interaction_id, "agent_id": contact.agent_id, "raised_at": evaluation.scored_at, "alert": asdict(alert),
            }
            for alert in evaluation.alerts
        ]
        if not documents:
            return
        try:
            await self._alerts.insert_many(documents, ordered=False)
        except BulkWriteError as failure:
            if any(error["code"] != _DUPLICATE_KEY for error in (failure.details or {}).get("writeErrors", [])):
                raise

    async def find(self, tenant: str, interaction_id: str) -> tuple[Evaluation, str] | None:
        found = await self._evaluations.find_one({"tenant": tenant, "interaction_id": interaction_id}, {"outbox": 0})
        return (_from_document(found), found["agent_id"]) if found else None

    async def page(self, tenant: str, filters: EvaluationFilters, *, size: int, token: str) -> EvaluationPage:
        documents, following = await _page(self._evaluations, evaluations_query(tenant, filters), size, token, _UNLISTED)
        return EvaluationPage([_from_document(d) for d in documents], following)

    async def alerts(self, tenant: str, filters: AlertFilters, *, size: int, token: str) -> AlertPage:
        documents, following = await _page(self._alerts, alerts_query(tenant, filters), size, token, None)
        stored = [StoredAlert(RaisedAlert(**d["alert"]), d["interaction_id"], d["agent_id"], d["raised_at"]) for d in documents]
        return AlertPage(stored, following)


def events_of(contact: Contact, evaluation: Evaluation) -> list[Envelope]:
    """What an evaluation has to tell: InteractionScored, then each alert and each promise."""
    interaction = ingestion.Interaction.FromString(contact.received)
    about = contact.interaction_id
    scored = InteractionScored(interaction=interaction, evaluation=evaluation_to_wire(evaluation), duration_ms=contact.duration_ms)
    envelopes = [wrap(scored, tenant=contact.tenant, key=evaluation.evaluation_id, about=about)]
    for alert in evaluation.alerts:
        raised = AlertRaised(interaction=interaction, alert=alert_to_wire(alert))
        envelopes.append(wrap(raised, tenant=contact.tenant, key=alert.alert_id, about=about))
    for promise in evaluation.promises:
        made = PromiseMade(interaction=interaction, promise=promise_to_wire(promise))
        envelopes.append(wrap(made, tenant=contact.tenant, key=promise.promise_id, about=about))
    return envelopes


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list must equal by the fields of its index, what `beyond` them, and the span of `order` it may come from."""

    equal: Document
    index: str
    beyond: Document
    since: str = ""
    until: str = LAST


def evaluations_query(tenant: str, filters: EvaluationFilters) -> ListQuery:
    """Which index a list of evaluations is read by; what it asks beyond that is looked for among few."""
    asked: Document = {name: value for name in ("agent_id", "team_id") if (value := getattr(filters, name))}
    by = list(asked)[:1]  # an agent belongs to one team: who asks for both gets the agent's
    if mark := mark_of(filters.fatal, filters.failed_item_id):
        asked["marks"] = mark
        by.append("marks")
    since = order_of(filters.since) if filters.since else ""
    return _list_query(tenant, asked, by, since, order_of(filters.until) if filters.until else LAST)


def mark_of(fatal: bool, failed_item_id: str) -> str:
    """What a list narrowed to fatal evaluations, to those that failed an item, or to both looks for in `marks`."""
    return " ".join(part for part in ("fatal" if fatal else "", failed_item_id) if part)


def marks_of(fatal: bool, failed_items: Sequence[str]) -> list[str]:
    """Every mark by which an evaluation is found."""
    return [mark_of(*asked) for asked in product((False, True) if fatal else (False,), ("", *failed_items)) if any(asked)]


def alerts_query(tenant: str, filters: AlertFilters) -> ListQuery:
    """As evaluations_query, for alerts; of one contact there are few, so that its agent needs no index of its own."""
    asked: Document = {name: value for name in ("interaction_id", "agent_id", "kind") if (value := getattr(filters, name))}
    owner = [name for name in ("interaction_id", "agent_id") if name in asked][:1]
    return _list_query(tenant, asked, [*owner, *(["kind"] if "kind" in asked else [])])


def _list_query(tenant: str, asked: Document, by: Sequence[str], since: str = "", until: str = LAST) -> ListQuery:
    equal = {"tenant": tenant} | {name: asked[name] for name in by}
    beyond = {name: value for name, value in asked.items() if name not in by}
    return ListQuery(equal, _name(["tenant", *by, "order"]), beyond, since, until)


def order_of(at: datetime, identity: str = "") -> str:
    """Sorts as (time, id) does."""
    return f"{int(at.timestamp() * 1000):0{DIGITS}d}{identity}"


async def _page(collection: Collection, asked: ListQuery, size: int, token: str, projection: Document | None) -> tuple[list[Document], str]:
    size = page_size(size)
    seal = hashlib.sha256(repr(asked).encode()).hexdigest()[:16]
    top = asked.until
    if key := decode_page_token(token):
        if len(key) != 2 or not isinstance(key[0], str) or key[1] != seal:
            raise InvalidInput("page_token", "belongs to a list with other filters")
        top = min(top, key[0])
    found = await newest_first(
        collection, asked.equal, size + 1, digits=DIGITS, since=asked.since, until=top, beyond=asked.beyond, projection=projection,
    )
    return found[:size], encode_page_token(found[size - 1]["order"], seal) if len(found) > size else ""


def _name(fields: Sequence[str]) -> str:
    return "_".join(fields)


def _models(indexes: Sequence[Sequence[str]]) -> list[IndexModel]:
    return [IndexModel([(field, 1) for field in fields], name=_name(fields)) for fields in indexes]


def _to_document(contact: Contact, evaluation: Evaluation) -> Document:
    plain = asdict(evaluation)
    plain["_id"] = plain.pop("evaluation_id")
    return plain | {
        "tenant": contact.tenant, "agent_id": contact.agent_id, "team_id": contact.team_id,
        "marks": marks_of(evaluation.fatal, evaluation.failed_items),
        "order": order_of(evaluation.scored_at, evaluation.evaluation_id),
    }


def _from_document(document: Document) -> Evaluation:
    items = [
        ScoredItem(**item | {"evidence": tuple(Evidence(**e) for e in item.get("evidence", ()))}) for item in document["items"]
    ]
    kept = {name: document[name] for name in (
        "interaction_id", "scorecard_id", "scorecard_version", "engine", "score", "fatal", "customer_emotion", "ticket_type", "urgent", "summary", "scored_at",
    )}
    return Evaluation(
        evaluation_id=document["_id"], items=tuple(items), dimensions=tuple(DimensionResult(**d) for d in document["dimensions"]),
        emotion_course=tuple(EmotionPoint(**p) for p in document.get("emotion_course", ())),
        alerts=tuple(RaisedAlert(**a) for a in document["alerts"]), promises=tuple(KeptPromise(**p) for p in document["promises"]),
        risk_keywords=tuple(document["risk_keywords"]), highlights=tuple(document["highlights"]),
        redactions=tuple(RedactedSpan(**r) for r in document.get("redactions", ())), **kept,
    )
