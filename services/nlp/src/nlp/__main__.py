"""nlp as a process: the only file that knows everyone."""

import time
from datetime import timedelta

from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.ids import derived_id
from chassis.messaging import consuming
from chassis.service import running, start
from chassis.transient import is_transient
from mingjian.asr.v1.events_pb2 import TranscriptCompleted, TurnTranscribed
from mingjian.ingestion.v1.events_pb2 import CallEnded

from nlp.adapters.grpc_asr import GrpcAsr
from nlp.adapters.grpc_server import NAME, registered
from nlp.adapters.mongo_evaluations import MongoEvaluations
from nlp.adapters.mongo_live import MongoLiveNews, MongoLiveOutcomes
from nlp.adapters.nats_consumer import NatsAnnouncements, OnGivenUp, OnTranscriptCompleted
from nlp.adapters.nats_turns import OnCallEnded, OnTurnTranscribed
from nlp.adapters.usem_sentences import UsemSentences
from nlp.adapters.yaml_packs import load_engine
from nlp.app import Findings, Scoring, utc_now
from nlp.app_live import LiveAgreement, LiveCalls, LiveLimits, SameEngine
from nlp.app_vault import Vault
from nlp.settings import Settings

LIVE_KEPT = timedelta(days=7)  # longer than any recording waits to be judged


async def serve(settings: Settings) -> None:
    """Everything up, until SIGTERM."""
    engine = load_engine(settings.packs_folder, UsemSentences() if settings.sentence_meaning else None)
    async with running("nlp", settings) as r:
        asr = await r.up.enter_async_context(channel(settings.asr_address, identity_key=settings.identity_key))
        transcripts = GrpcAsr(asr, timeout_s=settings.asr_timeout_s)
        evaluations = MongoEvaluations(r.db, r.events)
        await evaluations.prepare()
        outcomes = MongoLiveOutcomes(r.db, kept=LIVE_KEPT)
        scoring = Scoring(
            engine, transcripts, evaluations, NatsAnnouncements(r.events),
            derive_id=derived_id, now=utc_now, utc_offset=timedelta(hours=settings.utc_offset_hours),
            live=LiveAgreement(outcomes),
        )
        news = MongoLiveNews(r.db, r.events, kept=LIVE_KEPT)
        await outcomes.prepare()
        await news.prepare()
        calls = LiveCalls(
            SameEngine(engine), GrpcAsr(asr, timeout_s=settings.live_asr_timeout_s), news, outcomes, derive_id=derived_id, now=utc_now,
            clock=time.monotonic, is_transient=is_transient,
            limits=LiveLimits(settings.live_calls, settings.live_idle_s, longest_turn_s=settings.longest_turn_s),
        )
        r.life.spawn(evaluations.outbox.sweep_forever(), "outbox")
        r.life.spawn(calls.listen_forever(), "silences")
        await r.up.enter_async_context(
            consuming(
                r.events, r.life, "nlp", TranscriptCompleted, OnTranscriptCompleted(scoring),
                concurrency=settings.interactions_at_once, on_dead=OnGivenUp(scoring),
            )
        )
        at_once = settings.live_turns_at_once
        await r.up.enter_async_context(consuming(r.events, r.life, "nlp", TurnTranscribed, OnTurnTranscribed(calls), concurrency=at_once))
        await r.up.enter_async_context(consuming(r.events, r.life, "nlp", CallEnded, OnCallEnded(calls)))
        findings = Findings(engine, transcripts, evaluations)
        register = registered(scoring, findings, Vault(findings, transcripts))
        await r.up.enter_async_context(
            serving(settings.grpc_address, [NAME], register, identity_key=settings.identity_key, grace_s=settings.stop_grace_s)
        )
        await r.life.until_stopped()


if __name__ == "__main__":
    start(Settings, serve)
