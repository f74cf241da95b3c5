"""Lists of versions and simulations, and the contacts that are replayed, are read by their indexes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chassis.messaging import ensure_stream
from nlp.adapters.mongo_pages import order_of
from nlp.adapters.mongo_scorecards import MongoScorecards
from nlp.adapters.mongo_simulations import MongoJudged, MongoSimulations
from nlp.app_scorecards import ScorecardVersion, VersionKey

AT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
VERSION = ScorecardVersion(VersionKey("t1", "shop", "1"), "小店", "p", AT, "", "0" * 64, "1" * 64, 3, VersionKey("", "common", "1.0.0"), source="id: shop")


@pytest.fixture
async def versions(db, events):
    await ensure_stream(events, "nlp")
    made = MongoScorecards(db, events)
    await made.prepare()
    return made


async def read_by(db, collection, query, order):
    command = {"find": collection, "filter": query, "sort": dict([order]), "limit": 51}
    plan = (await db.command("explain", command, verbosity="executionStats"))["queryPlanner"]["winningPlan"]
    stages = {}
    while plan:
        stages[plan["stage"]] = plan.get("indexName")
        plan = plan.get("inputStage")
    assert "COLLSCAN" not in stages
    return stages["IXSCAN"]


async def test_a_version_comes_back_as_it_was_and_is_never_written_over(versions):
    assert await versions.add(VERSION) == VERSION
    assert await versions.add(replace(VERSION, source="other", sha256="2" * 64)) == VERSION
    assert await versions.find(VERSION.key) == VERSION
    assert await versions.find(replace(VERSION.key, tenant="t2")) is None


async def test_versions_are_paged_newest_first_by_their_index(versions, db):
    for number in range(5):
        await versions.add(replace(VERSION, key=VersionKey("t1", "shop", str(number)), published_at=AT + timedelta(days=number)))
    await versions.add(replace(VERSION, key=VersionKey("t2", "shop", "9")))
    seen, token = [], ""
    while True:
        page = await versions.page("t1", "shop", size=2, token=token)
        seen += [version.key.version for version in page.versions]
        assert not any(version.source for version in page.versions)
        if not (token := page.next_token):
            break
    assert seen == ["4", "3", "2", "1", "0"]
    query = {"tenant": "t1", "scorecard_id": "shop", "order": {"$gte": "", "$lt": "~"}}
    assert await read_by(db, "scorecard_versions", query, ("order", -1)) == "tenant_scorecard_id_order"


async def test_simulations_and_what_they_replay_are_read_by_their_indexes(versions, db):
    await MongoSimulations(db).prepare()
    await MongoJudged(db).prepare()
    span = {"$gte": order_of(AT), "$lt": "~"}
    assert await read_by(db, "simulations", {"tenant": "t1", "order": span}, ("order", -1)) == "tenant_order"
    assert await read_by(db, "simulations", {"state": "running"}, ("lease_until", 1)) == "state_lease_until"
    judged = {"tenant": "t1", "scorecard_id": "telecom", "order": span}
    assert await read_by(db, "evaluations", judged, ("order", -1)) == "tenant_scorecard_id_order"
