"""nlp as a process: the only file that knows everyone."""

import asyncio
import gc
import time
from datetime import timedelta, timezone

import grpc
import httpx
from chassis.grpc_client import channel
from chassis.grpc_server import Register, serving
from chassis.ids import derived_id, new_id
from chassis.messaging import consuming
from chassis.service import Running, running, start
from chassis.transient import is_transient
from mingjian.asr.v1.events_pb2 import TranscriptCompleted, TurnTranscribed
from mingjian.ingestion.v1.events_pb2 import CallEnded
from mingjian.nlp.v1.events_pb2 import InteractionScored
from mingjian.routing.v1.events_pb2 import TicketClosed, TicketResolved

from nlp.adapters.grpc_asr import GrpcAsr
from nlp.adapters.grpc_reviews import NAME as REVIEWS
from nlp.adapters.grpc_reviews import Judgement
from nlp.adapters.grpc_reviews import registered as registered_reviews
from nlp.adapters.grpc_scorecards import NAME as SCORECARDS
from nlp.adapters.grpc_scorecards import registered_scorecards
from nlp.adapters.grpc_server import NAME, registered
from nlp.adapters.mongo_appeals import MongoAppeals
from nlp.adapters.mongo_calibrations import MongoCalibrations
from nlp.adapters.mongo_chain import MongoChain
from nlp.adapters.mongo_contacts import MongoContacts
from nlp.adapters.mongo_evaluations import MongoEvaluations
from nlp.adapters.mongo_live import MongoLiveNews, MongoLiveOutcomes
from nlp.adapters.mongo_promises import MongoPromises
from nlp.adapters.mongo_replies import MongoReplies
from nlp.adapters.mongo_reviews import MongoReviews
from nlp.adapters.mongo_scorecards import MongoScorecards
from nlp.adapters.mongo_simulations import MongoJudged, MongoSimulations
from nlp.adapters.nats_consumer import NatsAnnouncements, OnGivenUp, OnTranscriptCompleted
from nlp.adapters.nats_promises import OnInteractionScored, OnTicketDone
from nlp.adapters.nats_turns import OnCallEnded, OnTurnTranscribed
from nlp.adapters.openai_judge import OpenAiJudge
from nlp.adapters.usem_sentences import UsemSentences
from nlp.adapters.yaml_packs import YamlFiles, load_packs
from nlp.app import Bench, Findings, Scoring, utc_now
from nlp.app_appeals import Appeals
from nlp.app_calibrations import Calibrations
from nlp.app_judge import LanguageModel
from nlp.app_live import LiveAgreement, LiveCalls, LiveLimits, warm_up
from nlp.app_promises import PromiseKeeping
from nlp.app_publishing import Publishing
from nlp.app_reviews import Reviewing, Reviews
from nlp.app_scorecards import Scorecards
from nlp.app_simulations import Simulations, Simulator
from nlp.app_vault import Vault
from nlp.app_verification import Engines, Verification
from nlp.domain.reviews import ReviewPolicy
from nlp.settings import Settings

LIVE_KEPT = timedelta(days=7)  # longer than any recording waits to be judged


async def serve(settings: Settings) -> None:
    """Everything up, until SIGTERM."""
    shipped, encoder = load_packs(settings.packs_folder), UsemSentences() if settings.sentence_meaning else None
    async with running("nlp", settings) as r:
        asr = await r.up.enter_async_context(channel(settings.asr_address, identity_key=settings.identity_key))
        transcripts = GrpcAsr(asr, timeout_s=settings.asr_timeout_s)
        evaluations = MongoEvaluations(
            r.db, r.events, ReviewPolicy(settings.review_low_score, settings.review_sample_share), grace=timedelta(hours=settings.promise_grace_h),
        )
        await evaluations.prepare()
        contacts = MongoContacts(r.db)
        await contacts.prepare()
        versions = MongoScorecards(r.db, r.events)
        await versions.prepare()
        scorecards = Scorecards(shipped, YamlFiles(), versions, encoder=encoder, now=utc_now, fresh_s=settings.scorecards_fresh_s)
        await scorecards.keep_shipped()
        await asyncio.to_thread(warm_up, await scorecards.engine(""))
        gc.collect()
        gc.freeze()  # compiled rules live as long as the process: walking them all costs 150 ms in the middle of some call
        outcomes = MongoLiveOutcomes(r.db, kept=LIVE_KEPT)
        scoring = Scoring(
            scorecards, transcripts, evaluations, NatsAnnouncements(r.events),
            derive_id=derived_id, now=utc_now, utc_offset=timedelta(hours=settings.utc_offset_hours),
            live=LiveAgreement(outcomes), histories=contacts, asking=await _asking(r, settings),
        )
        news = MongoLiveNews(r.db, r.events, kept=LIVE_KEPT)
        await outcomes.prepare()
        await news.prepare()
        calls = LiveCalls(
            scorecards, GrpcAsr(asr, timeout_s=settings.live_asr_timeout_s), news, outcomes, derive_id=derived_id, now=utc_now,
            clock=time.monotonic, is_transient=is_transient,
            limits=LiveLimits(settings.live_calls, settings.live_idle_s, longest_turn_s=settings.longest_turn_s),
            histories=contacts, zone=_zone(settings),
        )
        r.life.spawn(evaluations.outbox.sweep_forever(), "outbox")
        r.life.spawn(versions.outbox.sweep_forever(), "outbox of scorecards")
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
        findings = Findings(scorecards, transcripts, evaluations)
        services = [
            registered(scoring, findings, Vault(findings, transcripts), await _promises(r, contacts)),
            await _reviews(r, settings, evaluations, transcripts, scorecards),
            await _scorecards(r, settings, scorecards, versions, transcripts, scoring),
        ]

        def register(server: grpc.aio.Server) -> None:
            for add in services:
                add(server)

        await r.up.enter_async_context(
            serving(settings.grpc_address, [NAME, REVIEWS, SCORECARDS], register, identity_key=settings.identity_key, grace_s=settings.stop_grace_s)
        )
        await r.life.until_stopped()


async def _reviews(r: Running, settings: Settings, evaluations: MongoEvaluations, transcripts: GrpcAsr, engines: Engines) -> Register:
    """What people say about evaluations, and the chain that proves them."""
    reviews, chain = MongoReviews(r.db, evaluations), MongoChain(r.db)
    appeals, calibrations = MongoAppeals(r.db, r.events, reviews), MongoCalibrations(r.db)
    for store in (reviews, appeals, calibrations, chain):
        await store.prepare()
    r.life.spawn(appeals.outbox.sweep_forever(), "outbox of appeals")
    r.life.spawn(chain.append_forever(), "chain")
    reviewing, offset = Reviewing(engines), timedelta(hours=settings.utc_offset_hours)
    return registered_reviews(Judgement(
        Reviews(reviews, reviewing, derive_id=derived_id, new_id=new_id, now=utc_now),
        Appeals(
            appeals, reviewing, derive_id=derived_id, new_id=new_id, now=utc_now, utc_offset=offset, working_days=settings.appeal_working_days,
        ),
        Calibrations(calibrations, derive_id=derived_id, new_id=new_id, now=utc_now),
        Verification(chain, transcripts, engines, Bench(derive_id=derived_id, utc_offset=offset)),
    ))


async def _asking(r: Running, settings: Settings) -> LanguageModel | None:
    """The language model that answers rules with `judge`; None where there is none."""
    if not settings.judge_url:
        return None
    replies, secret = MongoReplies(r.db), settings.judge_key.get_secret_value()
    await replies.prepare()
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    http = await r.up.enter_async_context(httpx.AsyncClient(headers=headers, timeout=settings.judge_timeout_s, trust_env=False))
    judge = OpenAiJudge(http, replies, url=settings.judge_url, model=settings.judge_model, timeout_s=settings.judge_timeout_s)
    return LanguageModel(judge, most=settings.judge_questions)


async def _promises(r: Running, contacts: MongoContacts) -> PromiseKeeping:
    """What becomes of promises: tickets, later contacts and the clock are heard."""
    promises = MongoPromises(r.db, r.events)
    await promises.prepare()
    keeping = PromiseKeeping(promises, contacts, now=utc_now, is_transient=is_transient)
    on_ticket = OnTicketDone(keeping)
    await r.up.enter_async_context(consuming(r.events, r.life, "nlp", InteractionScored, OnInteractionScored(keeping)))
    await r.up.enter_async_context(consuming(r.events, r.life, "nlp", TicketResolved, on_ticket))
    await r.up.enter_async_context(consuming(r.events, r.life, "nlp", TicketClosed, on_ticket))
    r.life.spawn(promises.outbox.sweep_forever(), "outbox of promises")
    r.life.spawn(keeping.sweep_forever(), "promises")
    return keeping


async def _scorecards(
    r: Running, settings: Settings, scorecards: Scorecards, versions: MongoScorecards, transcripts: GrpcAsr, scoring: Scoring,
) -> Register:
    """How people change what judges, and simulations of it, which give way to scoring."""
    store, judged = MongoSimulations(r.db), MongoJudged(r.db)
    await store.prepare()
    await judged.prepare()
    simulations = Simulations(scorecards, store, judged, new_id=new_id, derive_id=derived_id, now=utc_now)
    simulator = Simulator(
        scorecards, store, judged, transcripts, holder=new_id(), now=utc_now, is_transient=is_transient,
        busy=lambda: scoring.under_way > 0, at_once=settings.simulated_at_once, zone=_zone(settings),
    )
    r.life.spawn(simulator.run_forever(), "simulator")
    publishing = Publishing(
        scorecards, versions, YamlFiles(), simulations, now=utc_now, gate_required=settings.publish_needs_simulation,
    )
    return registered_scorecards(publishing, simulations)


def _zone(settings: Settings) -> timezone:
    return timezone(timedelta(hours=settings.utc_offset_hours))


if __name__ == "__main__":
    start(Settings, serve)
