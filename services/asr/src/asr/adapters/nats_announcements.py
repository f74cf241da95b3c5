"""What others learn of a transcription before there is a transcript, as events."""

from chassis.messaging import Events, wrap
from mingjian.asr.v1 import events_pb2

from asr.adapters.wire import interaction_of
from asr.app import Work


class NatsAnnouncements:
    """Published at once: said again after a crash, JetStream drops the second."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def started(self, work: Work) -> None:
        """TranscriptionStarted."""
        event = events_pb2.TranscriptionStarted(interaction_id=work.interaction_id)
        await self._events.publish(wrap(event, tenant=work.tenant, key=work.interaction_id))

    async def failed(self, work: Work, reason: str) -> None:
        """TranscriptionFailed."""
        event = events_pb2.TranscriptionFailed(interaction=interaction_of(work), reason=reason)
        await self._events.publish(wrap(event, tenant=work.tenant, key=work.interaction_id))
