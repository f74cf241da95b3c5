"""What routing hears of contacts for the screen-pop."""

from chassis.errors import InvalidInput
from chassis.messaging import Delivery, Handler
from mingjian.ingestion.v1.events_pb2 import CallStarted
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction
from mingjian.nlp.v1.events_pb2 import InteractionScored

from routing.adapters.protobuf_rectification import moment_of_call
from routing.adapters.protobuf_tickets import contact_of
from routing.app_screen import Contacts, SeenContact


class OnCallStarted:
    """A call has begun: the agent's screen asks who it is."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts

    async def __call__(self, delivery: Delivery[CallStarted]) -> None:
        await self._contacts.seen(_seen(delivery.event.interaction, delivery))


class OnContactScored:
    """An evaluation: what the contact was about, and then all that it calls for."""

    def __init__(self, contacts: Contacts, then: Handler[InteractionScored]) -> None:
        self._contacts, self._then = contacts, then

    async def __call__(self, delivery: Delivery[InteractionScored]) -> None:
        evaluation = delivery.event.evaluation
        await self._contacts.seen(_seen(
            delivery.event.interaction, delivery, type_=evaluation.ticket_type, summary=evaluation.summary[:500], emotion=evaluation.customer_emotion
        ))
        await self._then(delivery)


def _seen(
    interaction: Interaction, delivery: Delivery[CallStarted] | Delivery[InteractionScored], *, type_: str = "", summary: str = "", emotion: str = ""
) -> SeenContact:
    if not interaction.interaction_id:
        raise InvalidInput("interaction.interaction_id", "must not be empty")
    contact = contact_of(interaction, delivery.tenant)
    return SeenContact(
        contact.tenant, contact.interaction_id, contact.customer_id, contact.customer_tier, contact.agent_id, contact.product,
        moment_of_call(interaction, delivery.at), type_, summary, emotion,
    )
