"""Reviews in MongoDB: a review and what it changes are written in one transaction; the queue is a mark on the evaluation."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict

from chassis.errors import InvalidInput
from chassis.messaging import Envelope, wrap
from chassis.mongo import (
    Database,
    Document,
    DuplicateKeyError,
    Outbox,
    Session,
    decode_page_token,
    encode_page_token,
    is_conflict,
    page_size,
    transaction,
)
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1.events_pb2 import EvaluationReviewed

from nlp.adapters.mongo_documents import read
from nlp.adapters.mongo_evaluations import MOST_PRESSING, UNLISTED, MongoEvaluations, marks_of, waiting
from nlp.adapters.mongo_pages import ListQuery, index_models, list_query, order_of, page, seal_of
from nlp.adapters.mongo_records import as_judged, laid_over, shown
from nlp.adapters.protobuf_evaluations import evaluation_to_wire
from nlp.adapters.protobuf_reviews import review_to_wire
from nlp.app_reviews import Candidate, Judged, QueuePage, ReviewFilters, ReviewPage, at_latest
from nlp.domain.evaluations import Evaluation
from nlp.domain.records import Subject
from nlp.domain.reviews import REASONS, Review

REVIEW_INDEXES: tuple[tuple[str, ...], ...] = tuple(
    ("tenant", *owner, "order") for owner in ((), ("interaction_id",), ("reviewer",), ("agent_id",))
)
_MOST_CONTACTS = 500

Beside = Callable[[Session], Awaitable[None]]


class Overtaken(Exception):
    """Another write came first; nothing was done."""


class MongoReviews:
    """Satisfies app_reviews.ReviewStore and ReviewedAnswers."""

    def __init__(self, db: Database, evaluations: MongoEvaluations) -> None:
        self._db, self._reviews, self._evaluations, self._outbox = db, db.reviews, db.evaluations, evaluations.outbox

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._reviews.create_indexes(index_models(REVIEW_INDEXES))

    async def judged(self, tenant: str, interaction_id: str) -> Judged | None:
        found = await self._evaluations.find_one({"tenant": tenant, "interaction_id": interaction_id}, {"outbox": 0, "record": 0})
        if found is None:
            return None
        return Judged(as_judged(found), shown(found), read(Subject, found), found.get("changes", 0))

    async def find(self, tenant: str, review_id: str) -> Review | None:
        found = await self._reviews.find_one({"_id": review_id, "tenant": tenant})
        return _from_document(found) if found else None

    async def add(self, judged: Judged, review: Review, after: Evaluation) -> bool:
        return await self.add_beside(judged, review, after)

    async def add_beside(self, judged: Judged, review: Review, after: Evaluation, beside: Beside | None = None) -> bool:
        """As `add`, with what `beside` writes in the same transaction; it raises Overtaken where it cannot."""
        envelope = _told(judged, review, after)
        evaluation_id = judged.machine.evaluation_id
        change = Outbox.appended([envelope]) | {"$set": {
            "shown": laid_over(judged.machine, after), "marks": marks_of(after.fatal, after.failed_items, after.abstained_items),
            "changes": judged.changes + 1,
        }}
        try:
            async with transaction(self._db) as session:
                unchanged = {"_id": evaluation_id, "changes": judged.changes or {"$exists": False}}
                if not (await self._evaluations.update_one(unchanged, change, session=session)).matched_count:
                    raise Overtaken
                await self._reviews.insert_one(_to_document(judged.subject.tenant, review), session=session)
                if beside:
                    await beside(session)
        except (Overtaken, DuplicateKeyError):
            return False
        except Exception as failure:
            if not is_conflict(failure):
                raise
            return False
        await self._outbox.flush(evaluation_id, [envelope])
        return True

    async def page(self, tenant: str, filters: ReviewFilters, *, size: int, token: str) -> ReviewPage:
        documents, following = await page(self._reviews, reviews_query(tenant, filters), size, token)
        return ReviewPage([_from_document(document) for document in documents], following)

    async def answers(self, tenant: str, interaction_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Raises InvalidInput on more than 500 interactions."""
        if len(interaction_ids) > _MOST_CONTACTS:
            raise InvalidInput("interaction_ids", f"must be at most {_MOST_CONTACTS}")
        found = self._reviews.find({"tenant": tenant, "interaction_id": {"$in": list(interaction_ids)}})
        return at_latest([_from_document(document) async for document in found])

    async def queue(self, tenant: str, team_id: str, reason: str, *, size: int, token: str) -> QueuePage:
        if reason:
            documents, following = await page(self._evaluations, queue_query(tenant, team_id, reason), size, token, UNLISTED_BUT_MARKS)
            return QueuePage([_candidate(document) for document in documents], following)
        return await self._most_pressing(tenant, team_id, page_size(size), token)

    async def _most_pressing(self, tenant: str, team_id: str, size: int, token: str) -> QueuePage:
        """One list behind the other, each of those whose most pressing reason it is."""
        seal = seal_of((tenant, team_id))
        rank, inner = _place_in(token, seal)
        found: list[Document] = []
        for number in range(rank, len(REASONS)):
            asked = queue_query(tenant, team_id, MOST_PRESSING + REASONS[number])
            if len(found) == size:  # full: is there more in this one?
                if (await page(self._evaluations, asked, 1, "", {"_id": 1, "order": 1}))[0]:
                    return QueuePage([_candidate(document) for document in found], encode_page_token(number, "", seal))
                continue
            documents, following = await page(self._evaluations, asked, size - len(found), inner, UNLISTED_BUT_MARKS)
            found, inner = found + documents, ""
            if following:
                return QueuePage([_candidate(document) for document in found], encode_page_token(number, following, seal))
        return QueuePage([_candidate(document) for document in found])


UNLISTED_BUT_MARKS = {name: value for name, value in UNLISTED.items() if name != "marks"}


def reviews_query(tenant: str, filters: ReviewFilters) -> ListQuery:
    """Which index a list of reviews is read by; of one contact or one reviewer of an agent there are few."""
    asked: Document = {name: value for name in ("interaction_id", "reviewer", "agent_id") if (value := getattr(filters, name))}
    return list_query(tenant, asked, list(asked)[:1])


def queue_query(tenant: str, team_id: str, reason: str) -> ListQuery:
    """The queue narrowed to a reason ("!" before it: to the most pressing) is a list of evaluations with that mark."""
    asked: Document = ({"team_id": team_id} if team_id else {}) | {"marks": waiting(reason)}
    return list_query(tenant, asked, list(asked))


def _place_in(token: str, seal: str) -> tuple[int, str]:
    key = decode_page_token(token)
    if not key:
        return 0, ""
    if len(key) != 3 or key[2] != seal or not isinstance(key[0], int) or not 0 <= key[0] < len(REASONS) or not isinstance(key[1], str):
        raise InvalidInput("page_token", "belongs to a list with other filters")
    return key[0], key[1]


def _candidate(document: Document) -> Candidate:
    reasons = tuple(reason for reason in REASONS if waiting(reason) in document["marks"])
    return Candidate(shown(document), document["agent_id"], document["team_id"], reasons)


def _told(judged: Judged, review: Review, after: Evaluation) -> Envelope:
    event = EvaluationReviewed(
        interaction=ingestion.Interaction.FromString(judged.subject.received), evaluation=evaluation_to_wire(after), review=review_to_wire(review),
        score_before=judged.shown.score,
    )
    return wrap(event, tenant=judged.subject.tenant, key=f"{review.evaluation_id}/{review.review_id}", about=review.interaction_id)


def _to_document(tenant: str, review: Review) -> Document:
    fields = asdict(review)
    fields["_id"] = fields.pop("review_id")
    return fields | {"tenant": tenant, "order": order_of(review.at, review.review_id)}


def _from_document(document: Document) -> Review:
    return read(Review, document | {"review_id": document["_id"]})
