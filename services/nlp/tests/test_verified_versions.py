"""Records made by scorecard versions that no longer judge are made again by them, and reviewed by them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.ids import derived_id
from mingjian.nlp.v1 import scorecard_service_pb2 as pb
from mingjian.nlp.v1.scorecard_service_pb2_grpc import ScorecardServiceStub
from nlp.adapters.mongo_chain import MongoChain
from nlp.adapters.mongo_reviews import MongoReviews
from nlp.adapters.nats_consumer import NatsAnnouncements
from nlp.adapters.yaml_packs import load_packs
from nlp.app import Bench, Scoring, utc_now
from nlp.app_reviews import Person, Reviewing, Reviews
from nlp.app_verification import Verification
from nlp.domain.reviews import Answer
from nlp_platform import scored
from nlp_scorecards import room_on, shop

EAST_8 = timedelta(hours=8)
PHRASES = ("谢谢光临", "很高兴为您服务")


@pytest.fixture
async def judged_by_two_versions(platform, db, events):
    """One contact judged by each of two versions of a company's own scorecard, and the room that published them."""
    async with room_on(load_packs(), db, events) as room:
        scoring = Scoring(
            room.scorecards, platform.transcripts, platform.evaluations, NatsAnnouncements(events), derive_id=derived_id, now=utc_now, utc_offset=EAST_8,
        )
        for number, phrase in enumerate(PHRASES, 1):
            async with room.stub() as channel:
                source = shop(str(number), phrases=phrase)
                await ScorecardServiceStub(channel).PublishScorecard(pb.PublishScorecardRequest(source=source, note="更新"))
            await scored(replace(platform, scoring=scoring), f"i{number}", industry="shop")
        yield room


async def test_each_record_is_made_again_by_the_version_that_judged(platform, judged_by_two_versions):
    results = {}
    for interaction_id in ("i1", "i2"):
        evaluation, _ = await platform.evaluations.find("t1", interaction_id)
        results[evaluation.scorecard_version] = next(item.result for item in evaluation.items if item.item_id == "thanks")
    assert results == {"1": "fail", "2": "pass"}
    chain = MongoChain(platform.db)
    await chain.prepare()
    await chain.append_waiting()
    verification = Verification(chain, platform.transcripts, judged_by_two_versions.scorecards, Bench(derive_id=derived_id, utc_offset=EAST_8))
    found = await verification.verify("t1", 0, 0, recompute=True)
    assert (found.checked, found.recomputed, found.not_recomputable, found.difference) == (2, 2, 0, None)


async def test_a_review_is_reckoned_by_the_version_that_judged(platform, judged_by_two_versions):
    store = MongoReviews(platform.db, platform.evaluations)
    await store.prepare()
    reviews = Reviews(store, Reviewing(judged_by_two_versions.scorecards), derive_id=derived_id, new_id=lambda: "r1", now=utc_now)
    _, after = await reviews.review("i1", [Answer("thanks", "pass")], "", "", Person("t1", "key:inspector"))
    thanks = next(item for item in after.items if item.item_id == "thanks")
    assert (after.scorecard_version, thanks.result, thanks.points, thanks.reviewed) == ("1", "pass", 5.0, True)
