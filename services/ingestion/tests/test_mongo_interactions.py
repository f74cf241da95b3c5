import itertools
from datetime import UTC, datetime, timedelta

import pytest
from chassis.errors import NotFound
from chassis.messaging import ensure_stream
from chassis.mongo import LAST, windows
from ingestion.adapters.mongo_interactions import DIGITS, MongoInteractions, list_query
from ingestion.domain.audio import Audio
from ingestion.domain.chat import ChatTurn
from ingestion.domain.interaction import Filters, Interaction, Medium, Outcome, Report, Status
from ingestion.domain.metadata import Direction, Metadata, Role

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
AUDIO = Audio("wav", "pcm_s16le", 8000, 2, 3000, 96_044, "ab" * 32, "t1/x")


def interaction(n=0, tenant="t1", status=Status.RECEIVED, **said):
    metadata = Metadata(tenant, "hotline", Direction.INBOUND, started_at=AT, left=Role.AGENT, right=Role.CUSTOMER, **said)
    at = AT + timedelta(milliseconds=n)
    return Interaction(f"{tenant}-{n:05}", metadata, Medium.CALL, at, at, f"content {n}", status, audio=AUDIO, notices=("注意",))


def outcome(score, minutes=0):
    return Outcome(score, False, "故障", "high", "angry", 2, AT + timedelta(minutes=minutes))


@pytest.fixture
async def store(db, events):
    await ensure_stream(events, "ingestion")
    made = MongoInteractions(db, events)
    await made.prepare()
    return made


async def test_what_was_stored_is_what_is_found(store):
    made = interaction(agent_id="a1", customer_id="c1", external_id="e1", product="宽带")
    assert await store.add(made, [ChatTurn(Role.AGENT, "您好", 0, None)]) == made
    assert await store.find("t1", made.interaction_id) == made
    assert await store.find("t2", made.interaction_id) is None
    assert await store.turns("t1", made.interaction_id) == [ChatTurn(Role.AGENT, "您好", 0, None)]
    assert await store.find_many("t1", [made.interaction_id, "unknown"]) == {made.interaction_id: made}


async def test_a_taken_id_gives_the_first(store):
    first = await store.add(interaction(product="宽带"))
    assert await store.add(interaction(product="手机")) == first


STARTED, SCORING = Report(Status.TRANSCRIBING, AT), Report(Status.SCORING, AT)
FAILED, SCORED = Report(Status.FAILED, AT, "录音无法识别"), Report(Status.SCORED, AT, outcome=outcome(80))


async def test_whatever_the_order_of_events_an_evaluation_stands(store):
    for n, reports in enumerate(itertools.permutations([STARTED, SCORING, SCORED, FAILED])):
        made = await store.add(interaction(n))
        for report in [*reports, *reports]:
            await store.advance("t1", made.interaction_id, report)
        found = await store.find("t1", made.interaction_id)
        assert (found.status, found.reason, found.outcome) == (Status.SCORED, "", outcome(80)), reports


async def test_status_never_goes_back(store):
    await store.add(interaction())
    await store.advance("t1", "t1-00000", SCORING)
    await store.advance("t1", "t1-00000", STARTED)
    assert (await store.find("t1", "t1-00000")).status == Status.SCORING
    await store.advance("t1", "t1-00000", FAILED)
    await store.advance("t1", "t1-00000", SCORING)
    found = await store.find("t1", "t1-00000")
    assert (found.status, found.reason, found.updated_at) == (Status.FAILED, "录音无法识别", AT)


async def test_a_later_evaluation_replaces_an_earlier_and_never_the_other_way(store):
    await store.add(interaction())
    for report in (outcome(70, minutes=5), outcome(90, minutes=1), outcome(60, minutes=9), outcome(70, minutes=5)):
        await store.advance("t1", "t1-00000", Report(Status.SCORED, AT, outcome=report))
    assert (await store.find("t1", "t1-00000")).outcome.score == 60


async def test_a_report_on_an_unknown_interaction_is_an_error(store):
    await store.add(interaction())
    for tenant, interaction_id in (("t1", "unknown"), ("t2", "t1-00000")):
        with pytest.raises(NotFound):
            await store.advance(tenant, interaction_id, STARTED)


VALUES = {"status": Status.SCORED, "agent_id": "a1", "team_id": "m1", "customer_id": "c1", "industry": "bank"}
COMBINATIONS = [c for size in range(len(VALUES) + 1) for c in itertools.combinations(VALUES, size)]


async def plan_of(db, query, limit=51):
    """The index a page is read by, and how many of its keys are looked at."""
    command = {"find": "interactions", "filter": query, "sort": {"order": -1}, "limit": limit}
    told = await db.command("explain", command, verbosity="executionStats")
    plan, stages = told["queryPlanner"]["winningPlan"], {}
    while plan:
        stages[plan["stage"]] = plan.get("indexName")
        plan = plan.get("inputStage")
    assert "COLLSCAN" not in stages
    return stages["IXSCAN"], told["executionStats"]["totalKeysExamined"]


async def test_every_list_is_read_by_an_index_whose_fields_it_binds(store, db):
    await store.add(interaction(agent_id="a1", team_id="m1", customer_id="c1", industry="bank"))
    for asked in COMBINATIONS:
        bound, beyond = list_query("t1", Filters(**{name: VALUES[name] for name in asked}))
        assert {f.removeprefix("metadata.") for f in [*bound, *beyond]} == {"tenant", *asked}
        index, _ = await plan_of(db, bound | {"order": {"$gte": "", "$lt": LAST}})
        assert index == "_".join([*(f.removeprefix("metadata.") for f in bound), "order"]), asked
        assert not beyond or "customer_id" in asked or len(asked) > 1 + ("status" in asked)


@pytest.mark.parametrize("asked", COMBINATIONS, ids="-".join)
async def test_a_list_holds_what_it_asks_for_and_nothing_else(store, asked):
    wanted = {"agent_id": "a1", "team_id": "m1", "customer_id": "c1", "industry": "bank"}
    other = {"agent_id": "a2", "team_id": "m2", "customer_id": "c2", "industry": "telecom"}
    await store.add(interaction(0, status=Status.SCORED, **wanted))
    await store.add(interaction(1, tenant="t2", status=Status.SCORED, **wanted))
    for n, name in enumerate(asked, start=2):
        said = wanted | {name: other[name]} if name != "status" else wanted
        await store.add(interaction(n, status=Status.SCORED if name != "status" else Status.FAILED, **said))
    page = await store.page("t1", Filters(**{name: VALUES[name] for name in asked}), size=50, token="")
    assert [i.interaction_id for i in page.interactions] == ["t1-00000"]


async def test_a_page_costs_the_same_however_much_is_stored(store, db):
    await store.add(interaction(agent_id="a0"))
    pattern = await db.interactions.find_one()
    for begin in range(1, 6000, 1000):  # one a second, fifty agents
        await db.interactions.insert_many([
            pattern | {
                "_id": f"t1-{n:05}", "order": f"{int(AT.timestamp() + n) * 1000:014d}t1-{n:05}", "metadata": pattern["metadata"] | {"agent_id": f"a{n % 50}"},
            }
            for n in range(begin, begin + 1000)
        ])
    seen, token = [], ""
    for _ in range(3):
        page = await store.page("t1", Filters(agent_id="a7"), size=10, token=token)
        seen += [i.interaction_id for i in page.interactions]
        token = page.next_token
    assert seen == [f"t1-{n:05}" for n in range(5957, 5957 - 30 * 50, -50)]
    query, _ = list_query("t1", Filters(agent_id="a7"))
    looked_at = 0
    for low, high in windows("", LAST, digits=DIGITS, now_ms=int(AT.timestamp() + 6000) * 1000):
        index, keys = await plan_of(db, query | {"order": {"$gte": low, "$lt": high}}, limit=11)
        assert index == "tenant_agent_id_order"
        looked_at += keys
        if looked_at > 11:
            break
    assert looked_at < 25
