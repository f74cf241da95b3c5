"""python -m asr: the one place where asr meets the outside."""

import grpc
from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.messaging import consuming
from chassis.service import running, start
from mingjian.asr.v1.asr_service_pb2_grpc import add_AsrServiceServicer_to_server
from mingjian.ingestion.v1.events_pb2 import InteractionReceived

from asr.adapters.grpc_ingestion import GrpcIngestion
from asr.adapters.grpc_server import SERVICE, AsrServicer
from asr.adapters.mongo_transcripts import MongoTranscripts
from asr.adapters.nats_announcements import NatsAnnouncements
from asr.adapters.nats_consumer import OnGivenUp, OnInteractionReceived
from asr.adapters.opencc_script import OpenccScript
from asr.adapters.pyav_audio import PyavAudio
from asr.adapters.silero_detector import SileroDetector
from asr.adapters.triton_recognizer import TritonRecognizer, triton_client
from asr.app import Asr
from asr.settings import Settings


async def serve(settings: Settings) -> None:
    """Everything up, until SIGTERM."""
    async with running("asr", settings) as r:
        ingestion = await r.up.enter_async_context(channel(settings.ingestion_address, identity_key=settings.identity_key))
        triton = await r.up.enter_async_context(triton_client(settings.triton_address))
        transcripts = MongoTranscripts(r.db, r.events)
        await transcripts.prepare()
        announcements = NatsAnnouncements(r.events)
        asr = Asr(
            source=GrpcIngestion(ingestion, max_bytes=settings.max_audio_bytes, timeout_s=settings.download_timeout_s),
            decoder=PyavAudio(max_seconds=settings.max_audio_s),
            detector=SileroDetector(),
            recognizer=TritonRecognizer(
                triton, concurrency=settings.clips_in_flight, timeout_s=settings.triton_timeout_s, patience_s=settings.triton_patience_s
            ),
            transcripts=transcripts,
            announcements=announcements,
            simplify=OpenccScript(),
            clips_at_once=settings.clips_at_once,
        )
        r.life.spawn(transcripts.outbox.sweep_forever(), "outbox")

        def register(server: grpc.aio.Server) -> None:
            add_AsrServiceServicer_to_server(AsrServicer(asr), server)

        await r.up.enter_async_context(serving(settings.grpc_address, [SERVICE], register, identity_key=settings.identity_key))
        await r.up.enter_async_context(
            consuming(
                r.events, r.life, "asr", InteractionReceived, OnInteractionReceived(asr),
                concurrency=settings.interactions_at_once, ack_wait_s=settings.ack_wait_s, on_dead=OnGivenUp(announcements),
            )
        )
        await r.life.until_stopped()


if __name__ == "__main__":
    start(Settings, serve)
