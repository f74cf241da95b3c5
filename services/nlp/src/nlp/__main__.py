"""nlp as a process: the only file that knows everyone."""

from datetime import timedelta

from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.ids import derived_id
from chassis.messaging import consuming
from chassis.service import running, start
from mingjian.asr.v1.events_pb2 import TranscriptCompleted

from nlp.adapters.grpc_asr import GrpcAsr
from nlp.adapters.grpc_server import NAME, registered
from nlp.adapters.mongo_evaluations import MongoEvaluations
from nlp.adapters.nats_consumer import NatsAnnouncements, OnGivenUp, OnTranscriptCompleted
from nlp.adapters.usem_sentences import UsemSentences
from nlp.adapters.yaml_packs import load_engine
from nlp.app import Findings, Scoring, utc_now
from nlp.app_vault import Vault
from nlp.settings import Settings


async def serve(settings: Settings) -> None:
    """Everything up, until SIGTERM."""
    engine = load_engine(settings.packs_folder, UsemSentences() if settings.sentence_meaning else None)
    async with running("nlp", settings) as r:
        asr = await r.up.enter_async_context(channel(settings.asr_address, identity_key=settings.identity_key))
        transcripts = GrpcAsr(asr, timeout_s=settings.asr_timeout_s)
        evaluations = MongoEvaluations(r.db, r.events)
        await evaluations.prepare()
        scoring = Scoring(
            engine, transcripts, evaluations, NatsAnnouncements(r.events),
            derive_id=derived_id, now=utc_now, utc_offset=timedelta(hours=settings.utc_offset_hours),
        )
        r.life.spawn(evaluations.outbox.sweep_forever(), "outbox")
        await r.up.enter_async_context(
            consuming(
                r.events, r.life, "nlp", TranscriptCompleted, OnTranscriptCompleted(scoring),
                concurrency=settings.interactions_at_once, on_dead=OnGivenUp(scoring),
            )
        )
        findings = Findings(engine, transcripts, evaluations)
        register = registered(scoring, findings, Vault(findings, transcripts))
        await r.up.enter_async_context(
            serving(settings.grpc_address, [NAME], register, identity_key=settings.identity_key, grace_s=settings.stop_grace_s)
        )
        await r.life.until_stopped()


if __name__ == "__main__":
    start(Settings, serve)
