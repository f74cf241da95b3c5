from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chassis.errors import InvalidInput
from chassis.mongo import windows
from nlp.adapters.mongo_evaluations import DIGITS, EVALUATION_INDEXES, alerts_query, evaluations_query, order_of
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app import AlertFilters, EvaluationFilters
from nlp_platform import interaction, transcript

EVALUATION_LISTS = [
    {}, {"agent_id": "A1"}, {"team_id": "T1"}, {"fatal": True}, {"failed_item_id": "apology"}, {"agent_id": "A1", "fatal": True},
    {"agent_id": "A1", "failed_item_id": "apology"}, {"team_id": "T1", "fatal": True}, {"team_id": "T1", "failed_item_id": "apology"},
    {"since": datetime(2026, 1, 1, tzinfo=UTC), "until": datetime(2027, 1, 1, tzinfo=UTC)},
    {"interaction_id": "i1"}, {"interaction_id": "i1", "agent_id": "A1", "fatal": True, "abstained_item_id": "apology"},
    {"abstained_item_id": "apology"}, {"team_id": "T1", "abstained_item_id": "apology", "fatal": True, "failed_item_id": "greeting"},
    {"agent_id": "A1", "team_id": "T1", "fatal": True, "failed_item_id": "apology", "since": datetime(2026, 1, 1, tzinfo=UTC)},
]
ALERT_LISTS = [{}, {"kind": "forbidden_phrase"}, {"interaction_id": "i1"}, {"agent_id": "A1"}, {"interaction_id": "i1", "kind": "forbidden_phrase"},
               {"agent_id": "A1", "kind": "forbidden_phrase"}, {"interaction_id": "i1", "agent_id": "A1"}]


async def scored(platform, interaction_id="i1", **metadata):
    platform.asr.transcripts[interaction_id] = transcript(interaction_id)
    await platform.scoring.score(contact_from_wire(interaction(interaction_id, **metadata), "t1", 30_000))


async def read_by(platform, collection, asked, *, limit=51):
    """The index a page is read by, and how many of its keys are looked at."""
    equal = asked.equal | {"order": {"$gte": asked.since, "$lt": asked.until}}
    command = {"find": collection, "filter": equal, "sort": {"order": -1}, "limit": limit}
    told = await platform.db.command("explain", command, verbosity="executionStats")
    plan, stages = told["queryPlanner"]["winningPlan"], {}
    while plan:
        stages[plan["stage"]] = plan.get("indexName")
        plan = plan.get("inputStage")
    assert "COLLSCAN" not in stages
    return stages["IXSCAN"], told["executionStats"]["totalKeysExamined"]


@pytest.mark.parametrize("asked", EVALUATION_LISTS)
async def test_every_list_of_evaluations_is_read_by_its_index(platform, asked):
    await scored(platform)
    query = evaluations_query("t1", EvaluationFilters(**asked))
    assert (await read_by(platform, "evaluations", query))[0] == query.index


@pytest.mark.parametrize("asked", ALERT_LISTS)
async def test_every_list_of_alerts_is_read_by_its_index(platform, asked):
    await scored(platform)
    query = alerts_query("t1", AlertFilters(**asked))
    assert (await read_by(platform, "alerts", query))[0] == query.index


@pytest.mark.parametrize("asked", [a for a in EVALUATION_LISTS if len(a) < 3])
async def test_the_lists_people_look_at_are_bound_to_the_end_of_their_index(asked):
    query = evaluations_query("t1", EvaluationFilters(**asked))
    assert not query.beyond
    fields = {"tenant", "order"} | set(query.equal)
    assert any("_".join(names) == query.index and set(names) == fields for names in EVALUATION_INDEXES)


async def test_a_page_of_one_agent_costs_the_same_however_much_is_stored(platform):
    await scored(platform)
    pattern = await platform.db.evaluations.find_one() | {"items": [], "emotion_course": [], "marks": []}
    now = datetime.now(UTC)
    others = [
        pattern | {"_id": f"e{n}", "interaction_id": f"x{n}", "agent_id": f"B{n % 50}", "order": order_of(now - timedelta(minutes=n), f"e{n}")}
        for n in range(1, 1500)
    ]
    for begin in range(0, len(others), 250):
        await platform.db.evaluations.insert_many(others[begin : begin + 250])
    page = await platform.evaluations.page("t1", EvaluationFilters(agent_id="B7"), size=5, token="")
    following = await platform.evaluations.page("t1", EvaluationFilters(agent_id="B7"), size=5, token=page.next_token)
    assert [e.interaction_id for e in (*page.evaluations, *following.evaluations)] == [f"x{n}" for n in range(7, 507, 50)]
    query = evaluations_query("t1", EvaluationFilters(agent_id="B7"))
    looked_at = 0
    for low, high in windows(query.since, query.until, digits=DIGITS, now_ms=int(now.timestamp() * 1000)):
        looked_at += (await read_by(platform, "evaluations", replace(query, since=low, until=high)))[1]
        if looked_at > 5:
            break
    assert looked_at < 60


async def test_finding_one_evaluation_reads_one_document(platform):
    await scored(platform)
    plan = (await platform.db.evaluations.find({"tenant": "t1", "interaction_id": "i1"}).explain())["queryPlanner"]["winningPlan"]
    while plan["stage"] != "IXSCAN":
        plan = plan["inputStage"]
    assert plan["indexName"] == "tenant_interaction_id"


async def test_what_is_kept_is_what_is_read(platform):
    await scored(platform)
    found = await platform.evaluations.find("t1", "i1")
    assert found is not None
    evaluation, agent_id = found
    assert agent_id == "A1"
    page = await platform.evaluations.page("t1", EvaluationFilters(), size=10, token="")
    assert page.evaluations[0].items[0].title == evaluation.items[0].title
    assert any(item.evidence for item in evaluation.items)
    assert evaluation.scored_at.tzinfo is not None


async def test_nothing_unmasked_is_kept(platform):
    await scored(platform)
    kept = str([d async for d in platform.db.evaluations.find({})]) + str([d async for d in platform.db.alerts.find({})])
    assert "13812345678" not in kept
    assert "张伟" not in kept


async def test_filters_find_what_they_name(platform):
    await scored(platform, "i1")
    await scored(platform, "i2", agent_id="A2", team_id="T2")
    async def ids(**asked):
        return {e.interaction_id for e in (await platform.evaluations.page("t1", EvaluationFilters(**asked), size=10, token="")).evaluations}

    assert await ids() == {"i1", "i2"}
    assert await ids(agent_id="A2") == {"i2"}
    assert await ids(team_id="T1", fatal=True) == {"i1"}
    assert await ids(failed_item_id="no_shirking") == {"i1", "i2"}
    assert await ids(failed_item_id="greeting") == set()
    assert await ids(since=datetime(2100, 1, 1, tzinfo=UTC)) == set()


async def test_a_token_of_another_list_is_refused(platform):
    for n in range(3):
        await scored(platform, f"i{n}")
    token = (await platform.evaluations.page("t1", EvaluationFilters(), size=1, token="")).next_token
    with pytest.raises(InvalidInput) as refused:
        await platform.evaluations.page("t1", EvaluationFilters(fatal=True), size=1, token=token)
    assert refused.value.field == "page_token"


async def test_two_workers_with_the_same_contact_keep_one_evaluation(platform):
    import asyncio

    await asyncio.gather(scored(platform), scored(platform), scored(platform))
    assert await platform.db.evaluations.count_documents({}) == 1
    assert await platform.db.alerts.count_documents({}) == 3
