"""Customers' answers in MongoDB, each with its FeedbackReceived inside until that is published."""

import asyncio
from collections.abc import Sequence

from chassis.ids import derived_id
from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import BulkWriteError, Database, Outbox
from mingjian.ingestion.v1.events_pb2 import FeedbackReceived

from ingestion.adapters.protobuf_interactions import feedback_to_wire, to_wire
from ingestion.domain.feedback import Feedback
from ingestion.domain.interaction import Interaction

_DUPLICATE_KEY = 11000
_FLUSHED_AT_ONCE = 50


class MongoAnswers:
    """Satisfies app.Answers."""

    def __init__(self, db: Database, events: Events) -> None:
        self._answers = db.feedback
        self.outbox = Outbox(self._answers, events)

    async def prepare(self) -> None:
        """Make the index that the sweeper reads by; answers themselves are found by their id."""
        await self.outbox.prepare()

    async def add(self, tenant: str, answers: Sequence[tuple[Feedback, Interaction | None]]) -> int:
        envelopes = {derived_id("feedback", tenant, a.feedback_id): _received(tenant, a, about) for a, about in answers}
        documents = [
            {"_id": key, "tenant": tenant} | {name: getattr(answer, name) for name in Feedback.__slots__} | self.outbox.pending([envelope])
            for (key, envelope), (answer, _) in zip(envelopes.items(), answers, strict=True)
        ]
        known: set[str] = set()
        try:
            await self._answers.insert_many(documents, ordered=False)
        except BulkWriteError as e:
            failures = (e.details or {}).get("writeErrors", [])
            if not failures or any(f["code"] != _DUPLICATE_KEY for f in failures):
                raise
            known = {documents[f["index"]]["_id"] for f in failures}
        new = [key for key in envelopes if key not in known]
        for begin in range(0, len(new), _FLUSHED_AT_ONCE):
            await asyncio.gather(*(self.outbox.flush(key, [envelopes[key]]) for key in new[begin:begin + _FLUSHED_AT_ONCE]))
        return len(new)


def _received(tenant: str, answer: Feedback, about: Interaction | None) -> Envelope:
    event = FeedbackReceived(feedback=feedback_to_wire(answer), interaction=to_wire(about) if about else None)
    return wrap(event, tenant=tenant, key=answer.feedback_id, about=about.interaction_id if about else "")
