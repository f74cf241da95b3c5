"""What routing hears of its own tickets so that their words are found: no change of a ticket pays for it."""

from datetime import UTC
from typing import Any

from chassis.messaging import Delivery
from mingjian.routing.v1.events_pb2 import TicketChanged, TicketOpened, TicketReopened, TicketResolved

from routing.adapters.mongo_search import MongoSearch
from routing.domain.search import TicketWords, text_of

HEARD = (TicketOpened, TicketResolved, TicketReopened, TicketChanged)


class OnTicketWords:
    """Writes down what the ticket says; in any order and any number of times."""

    def __init__(self, search: MongoSearch) -> None:
        self._search = search

    async def __call__(self, delivery: Delivery[Any]) -> None:
        ticket = delivery.event.ticket
        text = text_of(ticket.title, ticket.description, ticket.resolution, ticket.customer_id, ticket.external_id)
        await self._search.write_down(TicketWords(delivery.tenant, ticket.ticket_id, ticket.opened_at.ToDatetime(tzinfo=UTC), ticket.version, text))
