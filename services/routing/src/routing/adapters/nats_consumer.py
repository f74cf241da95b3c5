"""What routing hears: evaluations, promises, reviews and suggested solutions in, tickets out."""

from chassis.errors import InvalidInput
from chassis.messaging import Delivery
from mingjian.knowledge.v1 import events_pb2 as knowledge_events
from mingjian.nlp.v1 import events_pb2 as nlp_events
from mingjian.nlp.v1 import nlp_service_pb2 as nlp

from routing.adapters.protobuf_rectification import judged_items, moment_of_call
from routing.adapters.protobuf_tickets import contact_of, promise_of, scored_of
from routing.app import Routing
from routing.app_rectification import JudgedCall, Rectifying


class OnInteractionScored:
    """An evaluation that counts: opens what it calls for, and counts in what has to be put right."""

    def __init__(self, routing: Routing, rectifying: Rectifying) -> None:
        self._routing, self._rectifying = routing, rectifying

    async def __call__(self, delivery: Delivery[nlp_events.InteractionScored]) -> None:
        interaction = delivery.event.interaction
        _check(interaction.interaction_id, "interaction.interaction_id")
        scored = scored_of(delivery.event, delivery.tenant)
        items, at = judged_items(delivery.event.evaluation), moment_of_call(interaction, delivery.at)
        await self._rectifying.on_judged(JudgedCall(scored.contact, scored.contact.team_id, at, items, scored.type))
        await self._routing.on_scored(scored)


class OnPromiseMade:
    """A promise: followed on the contact's ticket, or on one of its own."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    async def __call__(self, delivery: Delivery[nlp_events.PromiseMade]) -> None:
        _check(delivery.event.interaction.interaction_id, "interaction.interaction_id")
        _check(delivery.event.promise.promise_id, "promise.promise_id")
        await self._routing.on_promise(contact_of(delivery.event.interaction, delivery.tenant), promise_of(delivery.event.promise))


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
