"""What routing hears: evaluations, promises, reviews and suggested solutions in, tickets out."""

from chassis.errors import InvalidInput
from chassis.messaging import Delivery
from mingjian.ingestion.v1 import events_pb2 as ingestion_events
from mingjian.knowledge.v1 import events_pb2 as knowledge_events
from mingjian.nlp.v1 import events_pb2 as nlp_events
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import events_pb2 as routing_events

from routing.adapters.protobuf_rectification import judged_items, moment_of_call
from routing.adapters.protobuf_tickets import contact_of, feedback_of, promise_of, scored_of
from routing.app import Routing
from routing.app_intake import Intake
from routing.app_rectification import JudgedCall, Rectifying
from routing.domain.opening import Contact

_OPENING_ALERTS = ("complaint_keyword", "negative_emotion")
_OUTCOMES = {nlp.PROMISE_STATUS_KEPT: "kept", nlp.PROMISE_STATUS_LATE: "late", nlp.PROMISE_STATUS_BROKEN: "broken"}


class OnInteractionScored:
    """An evaluation that counts: opens what it calls for, and counts in what has to be put right."""

    def __init__(self, intake: Intake, rectifying: Rectifying) -> None:
        self._intake, self._rectifying = intake, rectifying

    async def __call__(self, delivery: Delivery[nlp_events.InteractionScored]) -> None:
        interaction = delivery.event.interaction
        _check(interaction.interaction_id, "interaction.interaction_id")
        scored = scored_of(delivery.event, delivery.tenant)
        items, at = judged_items(delivery.event.evaluation), moment_of_call(interaction, delivery.at)
        await self._rectifying.on_judged(JudgedCall(scored.contact, scored.contact.team_id, at, items, scored.type))
        await self._intake.on_scored(scored)


class OnPromiseMade:
    """A promise: followed on the contact's ticket, or on one of its own."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, delivery: Delivery[nlp_events.PromiseMade]) -> None:
        _check(delivery.event.interaction.interaction_id, "interaction.interaction_id")
        _check(delivery.event.promise.promise_id, "promise.promise_id")
        await self._intake.on_promise(contact_of(delivery.event.interaction, delivery.tenant), promise_of(delivery.event.promise))


class OnPromiseSettled:
    """A promise was kept, late or broken."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, delivery: Delivery[nlp_events.PromiseSettled]) -> None:
        stored = delivery.event.promise
        _check(stored.promise.promise_id, "promise.promise.promise_id")
        outcome = _OUTCOMES.get(stored.promise.status)
        if outcome and stored.interaction_id:
            await self._intake.on_promise_settled(Contact(delivery.tenant, stored.interaction_id), stored.promise.promise_id, outcome)


class OnAlertRaised:
    """An urgent alert: its contact may still be running, with no evaluation for minutes."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, delivery: Delivery[nlp_events.AlertRaised]) -> None:
        interaction, alert = delivery.event.interaction, delivery.event.alert
        _check(interaction.interaction_id, "interaction.interaction_id")
        if alert.severity == nlp.URGENCY_HIGH and alert.kind in _OPENING_ALERTS:
            await self._intake.on_alert(contact_of(interaction, delivery.tenant), alert.kind, alert.text)


class OnFeedbackReceived:
    """A customer's marks: who is dissatisfied is called back."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, delivery: Delivery[ingestion_events.FeedbackReceived]) -> None:
        _check(delivery.event.feedback.feedback_id, "feedback.feedback_id")
        await self._intake.on_feedback(feedback_of(delivery.event, delivery.tenant))


class OnTicketResolved:
    """A complaint that was handled is followed up; heard from the stream, so that a crash in between forgets none."""

    def __init__(self, routing: Routing, intake: Intake) -> None:
        self._routing, self._intake = routing, intake

    async def __call__(self, delivery: Delivery[routing_events.TicketResolved]) -> None:
        ticket = await self._routing.tickets.get(delivery.tenant, delivery.event.ticket.ticket_id)
        if ticket.resolved_at is not None:
            await self._intake.on_resolved(ticket)


class OnEvaluationReviewed:
    """A person says otherwise: what rests on a failure that was none is withdrawn."""

    def __init__(self, rectifying: Rectifying) -> None:
        self._rectifying = rectifying

    async def __call__(self, delivery: Delivery[nlp_events.EvaluationReviewed]) -> None:
        _check(delivery.event.interaction.interaction_id, "interaction.interaction_id")
        cleared = tuple(
            item.item_id for item in delivery.event.review.items if item.before == nlp.ITEM_OUTCOME_FAIL and item.result != nlp.ITEM_OUTCOME_FAIL
        )
        if cleared:
            await self._rectifying.withdraw(contact_of(delivery.event.interaction, delivery.tenant), cleared)


class OnSolutionSuggested:
    """What a contact about a product was about, as the solution graph names it."""

    def __init__(self, rectifying: Rectifying) -> None:
        self._rectifying = rectifying

    async def __call__(self, delivery: Delivery[knowledge_events.SolutionSuggested]) -> None:
        interaction = delivery.event.interaction
        _check(interaction.interaction_id, "interaction.interaction_id")
        issue = delivery.event.suggestions[0].article.issue if delivery.event.suggestions else ""
        await self._rectifying.on_issue(contact_of(interaction, delivery.tenant), issue, moment_of_call(interaction, delivery.at))


def _check(value: str, field: str) -> None:
    if not value:
        raise InvalidInput(field, "must not be empty")
