"""Transcripts in MongoDB, each stored together with the event that announces it."""

from chassis.errors import NotFound
from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import Database, DuplicateKeyError, Outbox
from mingjian.asr.v1 import asr_service_pb2 as pb
from mingjian.asr.v1 import events_pb2

from asr.adapters.wire import interaction_of, transcript_from_wire, transcript_to_wire
from asr.app import Work
from asr.domain.transcript import Transcript


class MongoTranscripts:
    """One document per interaction: `_id` its id, `tenant`, the transcript as protobuf, and figures worth a look.

    A transcript is written once and read whole, so it is kept in the form in which it is sent.
    """

    def __init__(self, db: Database, events: Events) -> None:
        self._collection = db["transcripts"]
        self.outbox = Outbox(self._collection, events)

    async def prepare(self) -> None:
        """Make the indexes."""
        await self.outbox.prepare()

    async def announced(self, work: Work) -> bool:
        """Whether it is stored; then what its announcement lacks is done."""
        stored = await self._collection.find_one({"_id": work.interaction_id, "tenant": work.tenant}, {"transcript": 0})
        if stored is None:
            return False
        await self.outbox.flush_stored(stored)
        return True

    async def add(self, work: Work, transcript: Transcript) -> None:
        """Store and announce; a second one changes nothing and announces nothing new."""
        envelopes = [_completed(work, transcript)]
        document = {
            "_id": work.interaction_id,
            "tenant": work.tenant,
            "transcript": transcript_to_wire(transcript).SerializeToString(),
            "speech_ms": transcript.speech_ms,
            "turns": len(transcript.turns),
            "model": transcript.model.name,
            **Outbox.pending(envelopes),
        }
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError:
            await self.announced(work)
            return
        await self.outbox.flush(work.interaction_id, envelopes)

    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        """Raises NotFound."""
        stored = await self._collection.find_one({"_id": interaction_id, "tenant": tenant}, {"transcript": 1, "speech_ms": 1})
        if stored is None:
            raise NotFound(f"no transcript of interaction {interaction_id}")
        return transcript_from_wire(pb.Transcript.FromString(stored["transcript"]), stored["speech_ms"])


def _completed(work: Work, transcript: Transcript) -> Envelope:
    event = events_pb2.TranscriptCompleted(
        interaction=interaction_of(work),
        asr=pb.AsrModel(model=transcript.model.name, version=transcript.model.version),
        turns=len(transcript.turns),
        language=transcript.language,
        duration_ms=transcript.duration_ms,
        speech_ms=transcript.speech_ms,
    )
    return wrap(event, tenant=work.tenant, key=work.interaction_id)
