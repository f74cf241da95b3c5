"""Promises in MongoDB: one document each with, until published, its events inside; `breaks_at` is the durable timer of those that are open."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import Database, Document, IndexModel, Outbox, newest_first
from mingjian.nlp.v1.events_pb2 import PromiseSettled

from nlp.adapters.mongo_documents import read, write
from nlp.adapters.mongo_pages import DIGITS, ListQuery, index_models, list_query, order_of, page
from nlp.adapters.protobuf_promises import stored_promise_to_wire
from nlp.app import Contact
from nlp.app_promises import PromiseFilters, PromisePage
from nlp.domain.evaluations import Evaluation
from nlp.domain.promise_keeping import PromiseStatus, StoredPromise, breaks_at

PROMISE_INDEXES: tuple[tuple[str, ...], ...] = (
    *(("tenant", *owner, *status, "order") for owner in ((), ("agent_id",), ("customer_id",)) for status in ((), ("status",))),
    ("tenant", "interaction_id", "order"),
)
MOST_OF_A_CONTACT = 50
GRACE = timedelta(hours=2)


class MongoPromises:
    """Satisfies app_promises.PromiseStore."""

    def __init__(self, db: Database, events: Events) -> None:
        self._promises = db.promises
        self.outbox = Outbox(self._promises, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        timer = IndexModel([("breaks_at", 1)], name="breaks_at", sparse=True)
        await self._promises.create_indexes([timer, *index_models(PROMISE_INDEXES)])
        await self.outbox.prepare()

    async def find(self, tenant: str, promise_id: str) -> StoredPromise | None:
        found = await self._promises.find_one({"_id": promise_id, "tenant": tenant}, {"outbox": 0})
        return _from_document(found) if found else None

    async def of_interaction(self, tenant: str, interaction_id: str) -> Sequence[StoredPromise]:
        found = self._promises.find({"tenant": tenant, "interaction_id": interaction_id}, {"outbox": 0}).limit(MOST_OF_A_CONTACT)
        return [_from_document(document) async for document in found]

    async def to_customer(self, tenant: str, customer_id: str, before: datetime, most: int) -> Sequence[StoredPromise]:
        asked = {"tenant": tenant, "customer_id": customer_id}
        found = await newest_first(self._promises, asked, most, digits=DIGITS, until=order_of(before), projection={"outbox": 0})
        return [_from_document(document) for document in found]

    async def run_out(self, now: datetime, most: int) -> Sequence[StoredPromise]:
        found = self._promises.find({"breaks_at": {"$lte": now}}, {"outbox": 0}).sort("breaks_at", 1).limit(most)
        return [_from_document(document) async for document in found]

    async def settle(self, seen: StoredPromise, after: StoredPromise) -> bool:
        envelope = _told(after)
        fields = {"status": after.status.value, "settled_at": after.settled_at, "settled_by": after.settled_by, "note": after.note}
        change = Outbox.appended([envelope]) | {"$set": fields | {"revision": after.revision}, "$unset": {"breaks_at": ""}}
        as_seen = {"_id": seen.promise.promise_id, "tenant": seen.tenant, "revision": seen.revision}
        if not (await self._promises.update_one(as_seen, change)).matched_count:
            return False
        await self.outbox.flush(seen.promise.promise_id, [envelope])
        return True

    async def page(self, tenant: str, filters: PromiseFilters, *, size: int, token: str) -> PromisePage:
        documents, following = await page(self._promises, promises_query(tenant, filters), size, token, {"outbox": 0})
        return PromisePage([_from_document(document) for document in documents], following)


def promises_query(tenant: str, filters: PromiseFilters) -> ListQuery:
    """Which index a list of promises is read by: of one contact there are few, and of one customer fewer than of an agent."""
    asked: Document = {name: value for name in ("interaction_id", "customer_id", "agent_id") if (value := getattr(filters, name))}
    by = list(asked)[:1]
    if filters.status:
        asked["status"] = filters.status
        by += ["status"] if by != ["interaction_id"] else []
    return list_query(tenant, asked, by)


def promise_documents(contact: Contact, evaluation: Evaluation, grace: timedelta) -> list[Document]:
    """The promises of an evaluation as they are kept while open."""
    began = contact.started_at or evaluation.scored_at
    made = [
        StoredPromise(
            promise, contact.tenant, contact.interaction_id, contact.agent_id, contact.team_id, contact.customer_id,
            began + timedelta(milliseconds=promise.at_ms), breaks_at(promise.deadline, evaluation.scored_at, grace),
        )
        for promise in evaluation.promises
    ]
    return [_to_document(one) for one in made]


def _told(after: StoredPromise) -> Envelope:
    promise_id = after.promise.promise_id
    event = PromiseSettled(promise=stored_promise_to_wire(after))
    return wrap(event, tenant=after.tenant, key=f"{promise_id}/{after.status.value}", about=after.interaction_id)


def _to_document(promise: StoredPromise) -> Document:
    fields: Document = write(promise)
    if promise.breaks_at is None:
        del fields["breaks_at"]
    promise_id = promise.promise.promise_id
    return fields | {"_id": promise_id, "status": promise.status.value, "order": order_of(promise.made_at, promise_id)}


def _from_document(document: Document) -> StoredPromise:
    return read(StoredPromise, {"breaks_at": None} | document | {"status": PromiseStatus(document["status"])})
