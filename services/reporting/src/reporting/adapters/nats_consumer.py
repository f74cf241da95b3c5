"""Events in: each is unpacked into a fact and folded."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.errors import InvalidInput
from chassis.lifecycle import Life
from chassis.messaging import Delivery, Events, consuming
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.ingestion.v1.events_pb2 import FeedbackReceived
from mingjian.knowledge.v1.events_pb2 import SolutionSuggested
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import AlertRaised, InteractionScored, PromiseMade
from mingjian.routing.v1.events_pb2 import TicketOpened, TicketOverdue, TicketReopened, TicketResolved

from reporting.domain import figures
from reporting.domain.contacts import Cell, Counted, Fact, Interaction, Scored, SolutionFound, TicketChanged
from reporting.domain.days import day_of
from reporting.domain.figures import Compliance, ItemJudged, Judged

_RESULTS = {
    nlp.ITEM_OUTCOME_PASS: figures.PASSED, nlp.ITEM_OUTCOME_FAIL: figures.FAILED, nlp.ITEM_OUTCOME_NA: figures.NOT_APPLICABLE,
    nlp.ITEM_OUTCOME_ABSTAIN: figures.ABSTAINED,
}
_CHANGES: dict[type[Message], str] = {TicketOpened: "opened", TicketResolved: "resolved", TicketReopened: "reopened", TicketOverdue: "overdue"}
Unpack = Callable[[Delivery[Any]], Fact]


@dataclass(frozen=True, slots=True)
class Unpacking:
    """Facts out of events. Every method raises InvalidInput where the event lacks what it is counted by."""

    compliance: Compliance

    def scored(self, delivery: Delivery[InteractionScored]) -> Scored:
        event = delivery.event
        evaluation = event.evaluation
        if not evaluation.evaluation_id:
            raise InvalidInput("evaluation.evaluation_id", "is needed")
        items = tuple(ItemJudged(i.item_id, i.title, i.dimension, _RESULTS[i.result]) for i in evaluation.items if i.result in _RESULTS)
        judged = Judged(
            score=evaluation.score, fatal=evaluation.fatal, ticket_type=evaluation.ticket_type, customer_emotion=evaluation.customer_emotion,
            course=tuple(e.emotion for e in evaluation.emotion_course), items=items,
            dimensions={d.dimension: d.score for d in evaluation.dimensions if d.HasField("score")},
            chat=event.interaction.medium == ingestion.MEDIUM_CHAT, duration_ms=event.duration_ms,
        )
        return Scored(
            delivery.id, _interaction(delivery, event.interaction), evaluation.evaluation_id, _moment(evaluation, "scored_at") or _whole(delivery.at),
            evaluation.ticket_type, figures.of_evaluation(judged, self.compliance), items,
        )

    def alert(self, delivery: Delivery[AlertRaised]) -> Counted:
        return Counted(delivery.id, _interaction(delivery, delivery.event.interaction).cell, figures.of_alert(delivery.event.alert.kind))

    def promise(self, delivery: Delivery[PromiseMade]) -> Counted:
        promise = delivery.event.promise
        dated = promise.HasField("deadline") or bool(promise.deadline_text)
        return Counted(delivery.id, _interaction(delivery, delivery.event.interaction).cell, figures.of_promise(dated))

    def feedback(self, delivery: Delivery[FeedbackReceived]) -> Counted:
        """An answer counts on the day it was given, for the agent of its contact where that is known."""
        event = delivery.event
        given = event.feedback
        day = day_of(_moment(given, "given_at") or delivery.at)
        known = event.interaction.metadata if event.HasField("interaction") else ingestion.InteractionMetadata()
        return Counted(delivery.id, Cell(delivery.tenant, day, known.agent_id, known.team_id), figures.of_feedback(
            given.csat if given.HasField("csat") else None, given.nps if given.HasField("nps") else None, given.solved if given.HasField("solved") else None,
        ))

    def solution(self, delivery: Delivery[SolutionSuggested]) -> SolutionFound:
        return SolutionFound(delivery.id, _interaction(delivery, delivery.event.interaction))

    def ticket(self, delivery: Delivery[Any]) -> TicketChanged:
        ticket = delivery.event.ticket
        if not ticket.ticket_id:
            raise InvalidInput("ticket.ticket_id", "is needed")
        return TicketChanged(
            delivery.id, delivery.tenant, ticket.ticket_id, ticket.interaction_id, ticket.agent_id, _moment(ticket, "opened_at") or _whole(delivery.at),
            ticket.version, _CHANGES[type(delivery.event)],
        )

    def table(self) -> dict[type[Message], Unpack]:
        """Every event listened to."""
        return {
            InteractionScored: self.scored, AlertRaised: self.alert, PromiseMade: self.promise, FeedbackReceived: self.feedback,
            SolutionSuggested: self.solution, TicketOpened: self.ticket, TicketResolved: self.ticket, TicketReopened: self.ticket, TicketOverdue: self.ticket,
        }


async def listen(
    up: AsyncExitStack, events: Events, life: Life, fold: Callable[[Fact], Awaitable[None]], unpacking: Unpacking, *, concurrency: int
) -> None:
    """Fold every event listened to, until `up` closes."""
    for event, unpack in unpacking.table().items():
        await up.enter_async_context(consuming(events, life, "reporting", event, _handler(fold, unpack), concurrency=concurrency))


def _handler(fold: Callable[[Fact], Awaitable[None]], unpack: Unpack) -> Callable[[Delivery[Any]], Any]:
    async def handle(delivery: Delivery[Any]) -> None:
        await fold(unpack(delivery))

    return handle


def _interaction(delivery: Delivery[Any], interaction: ingestion.Interaction) -> Interaction:
    if not interaction.interaction_id:
        raise InvalidInput("interaction.interaction_id", "is needed")
    metadata = interaction.metadata
    began = _moment(metadata, "started_at") or _moment(interaction, "received_at") or _whole(delivery.at)
    return Interaction(
        delivery.tenant, interaction.interaction_id, metadata.agent_id, metadata.team_id, metadata.customer_id, metadata.product,
        metadata.direction != ingestion.DIRECTION_OUTBOUND, began,
    )


def _moment(message: Message, field: str) -> datetime | None:
    """None where unset; milliseconds are what the store keeps."""
    if not message.HasField(field):
        return None
    value: Timestamp = getattr(message, field)
    try:
        return _whole(value.ToDatetime(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise InvalidInput(field, "is no time") from None


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
