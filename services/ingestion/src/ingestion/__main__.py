"""ingestion as a process: the only file that knows everyone."""

import asyncio
import logging

from chassis import blobs
from chassis.grpc_server import serving
from chassis.ids import derived_id, new_id
from chassis.service import running, start
from chassis.transient import is_transient

from ingestion.adapters.grpc_server import NAME, registered
from ingestion.adapters.mongo_answers import MongoAnswers
from ingestion.adapters.mongo_interactions import MongoInteractions, utc_now
from ingestion.adapters.mongo_uploads import MongoUploads
from ingestion.adapters.nats_consumer import follow
from ingestion.adapters.obstore_recordings import ObstoreRecordings
from ingestion.app import Archive, Intake, Limits, Survey
from ingestion.app_playback import Playback
from ingestion.settings import Settings

log = logging.getLogger(__name__)

_TIDY_EVERY_S = 600.0


class _Ids:
    def new(self) -> str:
        return new_id()

    def derived(self, *parts: str) -> str:
        return derived_id(*parts)


async def _tidy_forever(intake: Intake) -> None:
    while True:
        try:
            if dropped := await intake.tidy():
                log.warning("removed what unfinished uploads left", extra={"files": dropped})
        except Exception as e:
            if not is_transient(e):
                raise
            log.warning("tidying waits: %s", type(e).__name__)
        await asyncio.sleep(_TIDY_EVERY_S)


async def serve(settings: Settings) -> None:
    async with running("ingestion", settings) as r:
        interactions, uploads, answers = MongoInteractions(r.db, r.events), MongoUploads(r.db), MongoAnswers(r.db, r.events)
        for store in (interactions, uploads, answers):
            await store.prepare()
        recordings = ObstoreRecordings(blobs.open_store(settings.blob_url), settings.blob_url)
        limits = Limits(settings.max_audio_bytes, int(settings.max_audio_s * 1000), settings.max_uploads, settings.upload_timeout_s)
        intake = Intake(interactions, recordings, uploads, ids=_Ids(), now=utc_now, limits=limits)
        playback = Playback(interactions, recordings, uploads, now=utc_now)
        register = registered(intake, Archive(interactions), playback, Survey(answers, interactions, now=utc_now))
        r.life.spawn(interactions.outbox.sweep_forever(), "interactions outbox")
        r.life.spawn(answers.outbox.sweep_forever(), "answers outbox")
        r.life.spawn(_tidy_forever(intake), "tidying")
        await follow(r.up, r.events, r.life, interactions, concurrency=settings.event_concurrency)
        await r.up.enter_async_context(
            serving(settings.grpc_address, [NAME], register, identity_key=settings.identity_key, grace_s=settings.stop_grace_s)
        )
        await r.life.until_stopped()


if __name__ == "__main__":
    start(Settings, serve)
