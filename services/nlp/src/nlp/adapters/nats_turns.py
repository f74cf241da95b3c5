"""Turns of running calls as asr announces them, and the end of calls as ingestion does."""

from chassis.errors import InvalidInput
from chassis.messaging import Delivery
from mingjian.asr.v1.events_pb2 import TurnTranscribed
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.ingestion.v1.events_pb2 import CallEnded

from nlp.adapters.protobuf_evaluations import contact_from_wire, turn_from_wire
from nlp.app import Contact
from nlp.app_live import LiveCalls

MAX_TURN_CHARS = 20_000


class OnTurnTranscribed:
    """Judges the call as far as it has come."""

    def __init__(self, calls: LiveCalls) -> None:
        self._calls = calls

    async def __call__(self, delivery: Delivery[TurnTranscribed]) -> None:
        event = delivery.event
        contact = _contact(event.interaction, delivery.tenant)
        if not event.turn.turn_id:
            raise InvalidInput("turn.turn_id", "is missing")
        if len(event.turn.text) > MAX_TURN_CHARS:
            raise InvalidInput("turn.text", f"is longer than {MAX_TURN_CHARS} characters")
        if event.sequence < 1:
            raise InvalidInput("sequence", "must be 1 or more")
        await self._calls.turn(contact, turn_from_wire(event.turn), event.sequence, delivery.at, again=delivery.number > 1)


class OnCallEnded:
    """Keeps what judging the call live came to."""

    def __init__(self, calls: LiveCalls) -> None:
        self._calls = calls

    async def __call__(self, delivery: Delivery[CallEnded]) -> None:
        await self._calls.ended(_contact(delivery.event.interaction, delivery.tenant), delivery.event.turns)


def _contact(interaction: ingestion.Interaction, tenant: str) -> Contact:
    if not interaction.interaction_id:
        raise InvalidInput("interaction.interaction_id", "is missing")
    return contact_from_wire(interaction, tenant)
