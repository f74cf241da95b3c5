"""What people do with evaluations, on the platform of the tests, and ReviewService before it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

import grpc
from chassis.errors import NotFound
from chassis.identity import Identity
from chassis.ids import derived_id, new_id
from nlp.adapters.grpc_reviews import NAME, Judgement, registered
from nlp.adapters.mongo_appeals import MongoAppeals
from nlp.adapters.mongo_calibrations import MongoCalibrations
from nlp.adapters.mongo_chain import MongoChain
from nlp.adapters.mongo_reviews import MongoReviews
from nlp.app import Bench, utc_now
from nlp.app_appeals import Appeals
from nlp.app_calibrations import Calibrations
from nlp.app_reviews import Reviewing, Reviews
from nlp.app_verification import Verification
from nlp.domain.engine import QualityEngine
from nlp_platform import Platform
from testkit.grpc_server import served


class InMemory:
    """Satisfies app_verification.Engines with the scorecards in force alone."""

    def __init__(self, engine: QualityEngine) -> None:
        self._engine = engine

    async def engine_for(self, tenant: str, scorecard_id: str, version: str, rules_sha256: str = "") -> QualityEngine:
        card = self._engine.scorecards.get(scorecard_id)
        if card is None or card.version != version:
            raise NotFound("this version is not in force", field="version")
        return self._engine


EAST_8 = timedelta(hours=8)
INSPECTOR = Identity("t1", "key:inspector", frozenset({"reviews:read", "reviews:write", "evaluations:read", "appeals:write", "audit:read"}))
OTHER = Identity("t1", "key:other", INSPECTOR.permissions)
AGENT = Identity("t1", "key:k1", frozenset({"evaluations:read", "appeals:write"}), "A1")


@dataclass
class Room:
    """The stores and what stands on them."""

    reviews: MongoReviews
    appeals: MongoAppeals
    calibrations: MongoCalibrations
    chain: MongoChain
    judgement: Judgement

    def stub(self, identity: Identity = INSPECTOR) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        """A channel to ReviewService for a caller of choice."""
        return served(registered(self.judgement), NAME, identity=identity)


async def room_on(platform: Platform, *, new: Callable[[], str] = new_id, working_days: int = 3) -> Room:
    reviews = MongoReviews(platform.db, platform.evaluations)
    appeals = MongoAppeals(platform.db, platform.events, reviews)
    calibrations, chain = MongoCalibrations(platform.db), MongoChain(platform.db)
    for store in (reviews, appeals, calibrations, chain):
        await store.prepare()
    engines = InMemory(platform.engine)
    reviewing = Reviewing(engines)
    told = {"derive_id": derived_id, "new_id": new, "now": utc_now}
    judgement = Judgement(
        Reviews(reviews, reviewing, **told), Appeals(appeals, reviewing, utc_offset=EAST_8, working_days=working_days, **told),
        Calibrations(calibrations, **told), Verification(chain, platform.transcripts, engines, Bench(derive_id=derived_id, utc_offset=EAST_8)),
    )
    return Room(reviews, appeals, calibrations, chain, judgement)
