"""Transcripts announced by asr, and what is told when one cannot be judged."""

from chassis.errors import InvalidInput
from chassis.messaging import Delivery, Events, wrap
from mingjian.asr.v1.events_pb2 import TranscriptCompleted
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1.events_pb2 import ScoringFailed

from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app import Contact, Scoring


class NatsAnnouncements:
    """Satisfies app.Announcements."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def scoring_failed(self, contact: Contact, reason: str) -> None:
        event = ScoringFailed(interaction=ingestion.Interaction.FromString(contact.received), reason=reason)
        await self._events.publish(wrap(event, tenant=contact.tenant, key=contact.interaction_id))


class OnTranscriptCompleted:
    """Scores the contact; the transcript itself is fetched from asr, for no event carries what was said."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring

    async def __call__(self, delivery: Delivery[TranscriptCompleted]) -> None:
        await self._scoring.score(_contact(delivery))


class OnGivenUp:
    """Says that no evaluation will come, before the message is laid with the dead letters."""

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring

    async def __call__(self, delivery: Delivery[TranscriptCompleted]) -> None:
        await self._scoring.give_up(_contact(delivery))


def _contact(delivery: Delivery[TranscriptCompleted]) -> Contact:
    event = delivery.event
    if not event.interaction.interaction_id:
        raise InvalidInput("interaction.interaction_id", "is missing")
    return contact_from_wire(event.interaction, delivery.tenant, event.duration_ms)
