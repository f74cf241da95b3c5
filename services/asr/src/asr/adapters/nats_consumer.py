"""InteractionReceived in, transcripts out."""

from chassis.messaging import Delivery
from mingjian.ingestion.v1 import events_pb2

from asr.adapters.wire import work_of
from asr.app import Announcements, Asr
from asr.domain.notices import REPEATEDLY_FAILED


class OnInteractionReceived:
    """Handles one event; the same one again finds the transcript already there."""

    def __init__(self, asr: Asr) -> None:
        self._asr = asr

    async def __call__(self, delivery: Delivery[events_pb2.InteractionReceived]) -> None:
        """Transcribe it."""
        await self._asr.transcribe(work_of(delivery.event.interaction, delivery.tenant))


class OnGivenUp:
    """Tells that there will be no transcript of what goes to the dead letters."""

    def __init__(self, announcements: Announcements) -> None:
        self._announcements = announcements

    async def __call__(self, delivery: Delivery[events_pb2.InteractionReceived]) -> None:
        """Announce the failure."""
        await self._announcements.failed(work_of(delivery.event.interaction, delivery.tenant), REPEATEDLY_FAILED)
