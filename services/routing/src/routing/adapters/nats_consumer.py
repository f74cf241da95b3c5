"""InteractionScored and PromiseMade in, tickets out."""

from chassis.errors import InvalidInput
from chassis.messaging import Delivery
from mingjian.nlp.v1 import events_pb2 as nlp_events

from routing.adapters.protobuf_tickets import contact_of, promise_of, scored_of
from routing.app import Routing


class OnInteractionScored:
    """An evaluation that counts: opens what it calls for."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    async def __call__(self, delivery: Delivery[nlp_events.InteractionScored]) -> None:
        _check(delivery.event.interaction.interaction_id, "interaction.interaction_id")
        await self._routing.on_scored(scored_of(delivery.event, delivery.tenant))


class OnPromiseMade:
    """A promise: followed on the contact's ticket, or on one of its own."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    async def __call__(self, delivery: Delivery[nlp_events.PromiseMade]) -> None:
        _check(delivery.event.interaction.interaction_id, "interaction.interaction_id")
        _check(delivery.event.promise.promise_id, "promise.promise_id")
        await self._routing.on_promise(contact_of(delivery.event.interaction, delivery.tenant), promise_of(delivery.event.promise))


def _check(value: str, field: str) -> None:
    if not value:
        raise InvalidInput(field, "must not be empty")
