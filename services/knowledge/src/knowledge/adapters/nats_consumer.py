"""InteractionScored in, suggestions out."""

from chassis.errors import InvalidInput
from chassis.messaging import Delivery
from mingjian.nlp.v1.events_pb2 import InteractionScored

from knowledge.adapters.protobuf_articles import contact_of
from knowledge.app import Knowledge


class OnInteractionScored:
    """A scored contact: looks for the articles that answer what the customer said."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    async def __call__(self, delivery: Delivery[InteractionScored]) -> None:
        event = delivery.event
        if not event.interaction.interaction_id:
            raise InvalidInput("interaction.interaction_id", "must not be empty")
        await self._knowledge.on_scored(contact_of(event.interaction, delivery.tenant), event.evaluation.summary)
