"""Appeals on the real store: who may object to what, who decides, and what comes of it."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import grpc
import pytest
from chassis.identity import Identity
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1 import review_service_pb2 as pb
from mingjian.nlp.v1.events_pb2 import AppealDecided, AppealOpened
from mingjian.nlp.v1.review_service_pb2_grpc import ReviewServiceStub
from nlp.adapters.mongo_appeals import appeals_query
from nlp.app_appeals import AppealFilters
from nlp.domain.appeals import due_at
from nlp_platform import scored
from review_platform import AGENT, INSPECTOR, OTHER, room_on

PASS, FAIL, NA = nlp.ITEM_OUTCOME_PASS, nlp.ITEM_OUTCOME_FAIL, nlp.ITEM_OUTCOME_NA
CHINA = timezone(timedelta(hours=8))


@pytest.fixture
async def room(platform):
    made = await room_on(platform)
    await scored(platform)
    return made


async def opened(room, *item_ids, identity=AGENT, interaction_id="i1", reason="我当时道歉了"):
    async with room.stub(identity) as channel:
        request = pb.OpenAppealRequest(interaction_id=interaction_id, item_ids=item_ids or ["no_shirking"], reason=reason)
        return (await ReviewServiceStub(channel).OpenAppeal(request)).appeal


async def decide(room, appeal, *results, identity=INSPECTOR, note="听录音后决定", items=None):
    items = items or [pb.ReviewedItem(item_id=item_id, result=result) for item_id, result in zip(appeal.item_ids, results, strict=True)]
    async with room.stub(identity) as channel:
        return (await ReviewServiceStub(channel).DecideAppeal(pb.DecideAppealRequest(appeal_id=appeal.appeal_id, items=items, note=note))).appeal


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    return failure.value.code(), str(failure.value.trailing_metadata())


async def items_with(platform, result):
    return [item.item_id for item in (await platform.evaluations.find("t1", "i1"))[0].items if item.result == result]


async def messages(platform, event):
    told = await platform.events.js.pull_subscribe(f"mingjian.nlp.v1.{event}.t1", stream="nlp")
    try:
        return await told.fetch(20, timeout=2)
    finally:
        await told.unsubscribe()


async def test_an_agent_objects_and_another_accepts_item_by_item(platform, room):
    failed = await items_with(platform, "fail")
    appeal = await opened(room, *failed[:2])
    assert (appeal.state, appeal.agent_id, appeal.team_id, appeal.opened_by) == (pb.APPEAL_STATE_OPEN, "A1", "T1", "key:k1")
    before, _ = await platform.evaluations.find("t1", "i1")
    after = await decide(room, appeal, PASS, FAIL)
    assert (after.state, after.decided_by) == (pb.APPEAL_STATE_ACCEPTED, "key:inspector")
    assert [(d.item_id, d.result, d.before) for d in after.decisions] == [(failed[0], PASS, FAIL), (failed[1], FAIL, FAIL)]
    shown, _ = await platform.evaluations.find("t1", "i1")
    assert {i.item_id: i.result for i in shown.items if i.reviewed} == {failed[0]: "pass", failed[1]: "fail"}
    assert shown.score >= before.score
    async with room.stub() as channel:
        review = (await ReviewServiceStub(channel).ListReviews(pb.ListReviewsRequest(interaction_id="i1"))).reviews[0]
    assert (review.appeal_id, review.reviewer) == (appeal.appeal_id, "key:inspector")


async def test_the_answer_that_stands_rejects(platform, room):
    appeal = await opened(room)
    assert (await decide(room, appeal, FAIL)).state == pb.APPEAL_STATE_REJECTED


async def test_both_steps_are_told_once(platform, room):
    appeal = await opened(room)
    await opened(room)
    await decide(room, appeal, PASS)
    await decide(room, appeal, PASS)
    (first,), (second,) = await messages(platform, "AppealOpened"), await messages(platform, "AppealDecided")
    assert AppealOpened.FromString(first.data).appeal == appeal
    assert AppealDecided.FromString(second.data).appeal.state == pb.APPEAL_STATE_ACCEPTED
    assert len(await messages(platform, "EvaluationReviewed")) == 1
    assert "outbox" not in await platform.db.appeals.find_one({})


async def test_sent_twice_it_is_one_appeal_and_another_one_is_refused_while_it_is_open(platform, room):
    appeal = await opened(room)
    assert (await opened(room)).appeal_id == appeal.appeal_id
    assert (await refused(opened(room, reason="另一个理由")))[0] is grpc.StatusCode.FAILED_PRECONDITION
    assert (await refused(opened(room, identity=OTHER)))[0] is grpc.StatusCode.FAILED_PRECONDITION


async def test_many_at_the_same_time_open_one(platform, room):
    made = await asyncio.gather(*(opened(room) for _ in range(8)))
    assert len({appeal.appeal_id for appeal in made}) == 1
    assert await platform.db.appeals.count_documents({}) == 1


async def test_who_is_held_to_another_team_finds_no_such_appeal(platform, room):
    appeal = await opened(room)
    elsewhere = Identity("t1", "key:elsewhere", INSPECTOR.permissions, team_id="elsewhere")
    code, _ = await refused(decide(room, appeal, PASS, identity=elsewhere))
    assert code is grpc.StatusCode.NOT_FOUND


async def test_what_an_appeal_decided_is_not_appealed_again_but_other_items_are(platform, room):
    failed = await items_with(platform, "fail")
    await decide(room, await opened(room, failed[0]), FAIL)
    code, told = await refused(opened(room, failed[0]))
    assert (code, "item_ids" in told) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    assert (await opened(room, failed[1])).state == pb.APPEAL_STATE_OPEN


@pytest.mark.parametrize(("asked", "field"), [
    ({"items": ["no_such_item"]}, "item_ids[0]"), ({"items": ["no_shirking", "no_shirking"]}, "item_ids[1]"),
    ({"items": [f"x{n}" for n in range(51)]}, "item_ids"), ({"reason": " "}, "reason"), ({"reason": "长" * 2001}, "reason"),
    ({"items": "na"}, "item_ids[0]"), ({"items": "pass"}, "item_ids[0]"), ({"interaction_id": ""}, "interaction_id"),
])
async def test_what_cannot_be_objected_to_is_refused_naming_the_field(platform, room, asked, field):
    items = asked.pop("items", ["no_shirking"])
    if isinstance(items, str):
        items = (await items_with(platform, items))[:1]
    code, told = await refused(opened(room, *items, **asked))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in told
    assert not await platform.db.appeals.count_documents({})


async def test_another_agents_contact_and_an_unknown_one_are_not_found(room):
    assert (await refused(opened(room, identity=Identity("t1", "key:k2", AGENT.permissions, "A2"))))[0] is grpc.StatusCode.NOT_FOUND
    assert (await refused(opened(room, interaction_id="nowhere")))[0] is grpc.StatusCode.NOT_FOUND
    assert (await refused(opened(room, identity=Identity("t2", "key:k1", AGENT.permissions))))[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(("identity", "code"), [
    (Identity("t1", "key:k1", INSPECTOR.permissions), grpc.StatusCode.PERMISSION_DENIED),  # who opened it
    (Identity("t1", "user:A1", INSPECTOR.permissions), grpc.StatusCode.PERMISSION_DENIED),  # whom it is about
    (Identity("t1", "key:k3", INSPECTOR.permissions, "A3"), grpc.StatusCode.PERMISSION_DENIED),  # another agent
    (Identity("t2", "key:inspector", INSPECTOR.permissions), grpc.StatusCode.NOT_FOUND),
])
async def test_an_appeal_is_decided_by_somebody_else(room, identity, code):
    appeal = await opened(room)
    assert (await refused(decide(room, appeal, PASS, identity=identity)))[0] is code


@pytest.mark.parametrize(("items", "note", "field"), [
    ([("greeting", PASS)], "听过", "items[0].item_id"), ([("no_shirking", PASS), ("no_shirking", FAIL)], "听过", "items[1].item_id"),
    ([("no_shirking", nlp.ITEM_OUTCOME_ABSTAIN)], "听过", "items[0].result"), ([("no_shirking", PASS)], "", "note"),
])
async def test_a_decision_that_cannot_be_taken_is_refused_naming_the_field(room, items, note, field):
    appeal = await opened(room)
    code, told = await refused(decide(room, appeal, note=note, items=[pb.ReviewedItem(item_id=i, result=r) for i, r in items]))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in told


async def test_each_item_needs_an_answer(platform, room):
    failed = await items_with(platform, "fail")
    appeal = await opened(room, *failed[:2])
    code, told = await refused(decide(room, appeal, items=[pb.ReviewedItem(item_id=failed[0], result=PASS)]))
    assert (code, "items" in told) == (grpc.StatusCode.INVALID_ARGUMENT, True)


async def test_decided_twice_the_same_is_decided_once_and_otherwise_it_is_refused(platform, room):
    appeal = await opened(room)
    first = await decide(room, appeal, PASS)
    assert await decide(room, appeal, PASS) == first
    assert (await refused(decide(room, appeal, FAIL)))[0] is grpc.StatusCode.FAILED_PRECONDITION
    assert (await refused(decide(room, appeal, PASS, identity=OTHER)))[0] is grpc.StatusCode.FAILED_PRECONDITION
    assert (await platform.db.evaluations.find_one({}))["changes"] == 1


async def test_of_two_who_decide_at_the_same_time_one_does(platform, room):
    appeal = await opened(room)
    done = await asyncio.gather(
        decide(room, appeal, PASS), decide(room, appeal, FAIL, identity=OTHER), return_exceptions=True,
    )
    failures = [one for one in done if isinstance(one, grpc.aio.AioRpcError)]
    assert [failure.code() for failure in failures] == [grpc.StatusCode.FAILED_PRECONDITION]
    assert await platform.db.reviews.count_documents({}) == 1
    assert "open" not in await platform.db.appeals.find_one({})


async def test_lists_are_narrowed_and_an_agent_sees_its_own(platform, room):
    await scored(platform, "i2", agent_id="A2", team_id="T2")
    mine = await opened(room)
    other = await opened(room, interaction_id="i2", identity=OTHER)
    await decide(room, other, PASS)

    async def listed(identity=INSPECTOR, **asked):
        async with room.stub(identity) as channel:
            return [a.appeal_id for a in (await ReviewServiceStub(channel).ListAppeals(pb.ListAppealsRequest(**asked))).appeals]

    assert await listed() == [other.appeal_id, mine.appeal_id]
    assert await listed(state=pb.APPEAL_STATE_OPEN) == await listed(AGENT) == await listed(team_id="T1") == [mine.appeal_id]
    assert await listed(interaction_id="i2", state=pb.APPEAL_STATE_ACCEPTED) == await listed(agent_id="A2") == [other.appeal_id]
    assert await listed(interaction_id="i2", state=pb.APPEAL_STATE_OPEN) == []
    assert (await refused(listed(AGENT, agent_id="A2")))[0] is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("asked", [
    {}, {"state": "open"}, {"agent_id": "A1"}, {"agent_id": "A1", "state": "open"}, {"team_id": "T1"}, {"team_id": "T1", "state": "open"},
    {"interaction_id": "i1"}, {"interaction_id": "i1", "state": "open"}, {"agent_id": "A1", "team_id": "T1", "state": "open"},
])
async def test_every_list_of_appeals_is_read_by_an_index(platform, room, asked):
    await opened(room)
    query = appeals_query("t1", AppealFilters(**asked))
    command = {"find": "appeals", "filter": query.equal | {"order": {"$gte": "", "$lt": "~"}}, "sort": {"order": -1}, "limit": 51}
    plan = (await platform.db.command("explain", command, verbosity="executionStats"))["queryPlanner"]["winningPlan"]
    while plan["stage"] != "IXSCAN":
        plan = plan["inputStage"]
    assert plan["indexName"] == query.index


@pytest.mark.parametrize(("opened_at", "days", "due"), [
    (datetime(2026, 11, 16, 10, tzinfo=CHINA), 3, datetime(2026, 11, 19, 10, tzinfo=CHINA)),  # Monday
    (datetime(2026, 11, 20, 18, tzinfo=CHINA), 3, datetime(2026, 11, 25, 18, tzinfo=CHINA)),  # Friday
    (datetime(2026, 11, 21, 9, tzinfo=CHINA), 1, datetime(2026, 11, 23, 9, tzinfo=CHINA)),  # Saturday
])
def test_it_is_due_after_working_days_of_the_companys_calendar(opened_at, days, due):
    assert due_at(opened_at, days) == due
    assert due_at(opened_at, days).astimezone(UTC) == due.astimezone(UTC)
