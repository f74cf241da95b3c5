from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from mingjian.nlp.v1.events_pb2 import AlertRaised
from nlp.adapters.mongo_evaluations import MongoEvaluations
from nlp.adapters.mongo_live import MongoLiveNews, MongoLiveOutcomes
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app_live import SuggestedHint, Told
from nlp.domain.evaluations import RaisedAlert
from nlp.domain.live import Hint
from nlp.domain.live_outcomes import LiveOutcome, compared
from nlp_platform import interaction
from test_nats_consumer import published

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ALERT = RaisedAlert("a1", "complaint_keyword", 1000, "t2", "我要投诉", "客户提到风险词", True)
HINT = Hint("calm_down", "t2", 1000, "请放慢语速", "empathy")


@pytest.fixture
async def news(db, events):
    from chassis.messaging import ensure_stream

    await ensure_stream(events, "nlp")
    await MongoEvaluations(db, events).prepare()
    made = MongoLiveNews(db, events, kept=timedelta(days=7))
    await made.prepare()
    return made


def contact(interaction_id="i1", tenant="t1"):
    return contact_from_wire(interaction(interaction_id), tenant)


async def test_what_is_told_twice_is_published_and_kept_once(news, events, db):
    for _ in range(2):
        await news.tell(contact(), [ALERT], [SuggestedHint("h1", HINT)], AT)
    assert len(await published(events, AlertRaised)) == 1
    assert (await db.alerts.count_documents({}), await db.hints.count_documents({})) == (1, 1)
    assert await news.told("t1", "i1") == Told(("complaint_keyword",), (HINT,))


async def test_what_was_told_of_other_calls_and_tenants_is_not_of_this_one(news):
    await news.tell(contact("i2"), [ALERT], [], AT)
    await news.tell(contact("i1", "t2"), [replace(ALERT, alert_id="a2")], [], AT)
    assert await news.told("t1", "i1") == Told()


@pytest.mark.parametrize("collection", ["alerts", "hints"])
async def test_what_was_told_of_a_call_is_found_by_an_index(news, db, collection):
    await news.tell(contact(), [ALERT], [SuggestedHint("h1", HINT)], AT)
    plan = await db[collection].find({"tenant": "t1", "interaction_id": "i1"}).explain()
    used = repr(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in used
    assert "tenant_interaction_id" in used


async def test_an_outcome_comes_back_as_it_was_kept_and_the_last_one_counts(db):
    outcomes = MongoLiveOutcomes(db, kept=timedelta(days=7))
    await outcomes.prepare()
    first = LiveOutcome("telecom", "1.0.0", 60.0, {"a.b": "pass", "$c": "fail"}, ("long_silence",), 7)
    await outcomes.keep(contact(), first, AT)
    await outcomes.keep(contact(), replace(first, turns=8), AT)
    assert await outcomes.find("t1", "i1") == replace(first, turns=8)
    assert await outcomes.find("t2", "i1") is None


async def test_what_is_kept_of_running_calls_expires(news, db):
    outcomes = MongoLiveOutcomes(db, kept=timedelta(days=7))
    await outcomes.prepare()
    for collection in (db.hints, db.live_evaluations):
        assert (await collection.index_information())["expiry"]["expireAfterSeconds"] == 7 * 86_400


def test_a_comparison_names_items_that_came_out_otherwise_or_are_in_one_only():
    live = LiveOutcome("telecom", "1", 60.0, {"a": "pass", "b": "fail", "c": "na"}, ("x", "y"), 3)
    found = compared(live, {"a": "pass", "b": "pass", "d": "na"}, ["y", "z"])
    assert (found.items_differing, found.alerts_live_only, found.alerts_final_only) == (("b", "c", "d"), ("x",), ("z",))
