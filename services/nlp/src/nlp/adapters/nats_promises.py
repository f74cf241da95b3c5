"""What settles promises, as it is announced: tickets solved by routing, and contacts judged here."""

from datetime import UTC

from chassis.errors import InvalidInput
from chassis.messaging import Delivery
from mingjian.nlp.v1.events_pb2 import InteractionScored
from mingjian.routing.v1 import routing_service_pb2 as routing
from mingjian.routing.v1.events_pb2 import TicketClosed, TicketResolved

from nlp.app_promises import PromiseKeeping


class OnInteractionScored:
    """Lets a contact settle what was promised to its customer."""

    def __init__(self, keeping: PromiseKeeping) -> None:
        self._keeping = keeping

    async def __call__(self, delivery: Delivery[InteractionScored]) -> None:
        interaction_id = delivery.event.interaction.interaction_id
        if not interaction_id:
            raise InvalidInput("interaction.interaction_id", "is missing")
        await self._keeping.contact_judged(delivery.tenant, interaction_id)


class OnTicketDone:
    """Lets a solved ticket settle what was promised in its contacts; one that is over without a solution (merged, withdrawn) says nothing."""

    def __init__(self, keeping: PromiseKeeping) -> None:
        self._keeping = keeping

    async def __call__(self, delivery: Delivery[TicketResolved] | Delivery[TicketClosed]) -> None:
        ticket = delivery.event.ticket
        if not ticket.ticket_id:
            raise InvalidInput("ticket.ticket_id", "is missing")
        if not ticket.HasField("resolved_at") or ticket.kind == routing.TICKET_KIND_RECTIFICATION:
            return  # a rectification is about the agent, not about what the customer was promised
        about = [one for one in (ticket.interaction_id, *ticket.interaction_ids) if one]
        await self._keeping.ticket_done(delivery.tenant, ticket.ticket_id, about, ticket.resolved_at.ToDatetime(UTC))
