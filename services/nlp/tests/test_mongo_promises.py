"""Promises on real stores: found by index, settled once, told once, whoever is killed."""

import random
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from chassis.errors import Denied, InvalidInput, NotFound
from chassis.messaging import Delivery
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1.events_pb2 import InteractionScored, PromiseSettled
from mingjian.routing.v1 import routing_service_pb2 as routing
from mingjian.routing.v1.events_pb2 import TicketResolved
from nlp.adapters.mongo_pages import order_of
from nlp.adapters.mongo_promises import PROMISE_INDEXES, promises_query
from nlp.adapters.nats_promises import OnInteractionScored, OnTicketDone
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app_promises import PromiseFilters, PromiseKeeping
from nlp.app_reviews import Person
from nlp.domain.promise_keeping import PromiseStatus, run_out
from nlp_platform import interaction, transcript

SUPERVISOR = Person("t1", "user:u1")
START = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)  # a Monday, ten in the morning in China
PROMISING = ("a: 您好。", "c: 宽带坏了。", "a: 非常抱歉，二十四小时之内会有工程师联系您。")
WAITED = ("a: 您好。", "c: 到现在都没人联系我，你们说话不算话。", "a: 抱歉。")
CALLED = ("a: 您好，给您回电说明一下处理结果。", "c: 好的，谢谢。")


async def judged(platform, interaction_id, lines, at, *, direction=ingestion.DIRECTION_INBOUND, customer_id="C1", agent_id="A1"):
    platform.asr.transcripts[interaction_id] = transcript(interaction_id, *lines)
    received = interaction(interaction_id, customer_id=customer_id, agent_id=agent_id)
    received.metadata.direction = direction
    received.metadata.started_at.FromDatetime(at)
    await platform.scoring.score(contact_from_wire(received, "t1", 30_000))


async def heard(platform, interaction_id):
    event = InteractionScored(interaction=ingestion.Interaction(interaction_id=interaction_id))
    await OnInteractionScored(platform.keeping)(Delivery(event, "t1", "e1", START, 1))


async def one(platform, interaction_id="i1"):
    found = await platform.promises.of_interaction("t1", interaction_id)
    assert len(found) == 1
    return found[0]


async def told(platform) -> list[PromiseSettled]:
    subscription = await platform.events.js.pull_subscribe("mingjian.nlp.v1.PromiseSettled.>", "reader", stream="nlp")
    try:
        messages = await subscription.fetch(50, timeout=0.5)
    except TimeoutError:
        return []
    return [PromiseSettled.FromString(message.data) for message in messages]


async def index_of(read) -> str:
    plan = (await read.explain())["queryPlanner"]["winningPlan"]
    while plan["stage"] != "IXSCAN":
        plan = plan["inputStage"]
    return plan["indexName"]


def keeping_at(platform, now):
    return PromiseKeeping(platform.promises, platform.keeping._contacts, now=lambda: now, is_transient=lambda failure: False)


async def test_a_promise_is_kept_open_with_the_evaluation_of_its_contact(platform):
    await judged(platform, "i1", PROMISING, START)
    stored = await one(platform)
    assert (stored.status, stored.customer_id, stored.agent_id, stored.team_id) == (PromiseStatus.OPEN, "C1", "A1", "T1")
    assert stored.promise.deadline is not None
    assert stored.promise.deadline - stored.made_at == timedelta(hours=24)
    assert stored.breaks_at >= stored.promise.deadline
    await judged(platform, "i1", PROMISING, START)
    assert await one(platform) == stored


async def test_a_solved_ticket_keeps_the_promises_of_its_contacts_once(platform):
    await judged(platform, "i1", PROMISING, START)
    ticket = routing.Ticket(ticket_id="k1", interaction_id="i0", interaction_ids=["i0", "i1"], kind=routing.TICKET_KIND_SERVICE)
    handler, resolved = OnTicketDone(platform.keeping), Timestamp()
    event = TicketResolved(ticket=ticket)
    await handler(Delivery(event, "t1", "e1", START, 1))
    assert (await one(platform)).status is PromiseStatus.OPEN  # over without a solution
    resolved.FromDatetime(START + timedelta(hours=3))
    event.ticket.resolved_at.CopyFrom(resolved)
    for number in (1, 2):
        await handler(Delivery(event, "t1", "e1", START, number))
    stored = await one(platform)
    assert (stored.status, stored.settled_by, stored.settled_at) == (PromiseStatus.KEPT, "ticket:k1", START + timedelta(hours=3))
    events = await told(platform)
    assert [(e.promise.settled_by, e.promise.interaction_id) for e in events] == [("ticket:k1", "i1")]


async def test_a_rectification_keeps_no_promise(platform):
    await judged(platform, "i1", PROMISING, START)
    ticket = routing.Ticket(ticket_id="k1", interaction_id="i1", kind=routing.TICKET_KIND_RECTIFICATION)
    ticket.resolved_at.FromDatetime(START + timedelta(hours=3))
    await OnTicketDone(platform.keeping)(Delivery(TicketResolved(ticket=ticket), "t1", "e1", START, 1))
    assert (await one(platform)).status is PromiseStatus.OPEN


@pytest.mark.parametrize("order", [("i1", "i2"), ("i2", "i1")])
@pytest.mark.parametrize(("hours", "status"), [(3, PromiseStatus.KEPT), (30, PromiseStatus.LATE)])
async def test_a_call_back_settles_the_promise_in_whatever_order_the_two_are_judged(platform, order, hours, status):
    made = {"i1": (PROMISING, START, ingestion.DIRECTION_INBOUND), "i2": (CALLED, START + timedelta(hours=hours), ingestion.DIRECTION_OUTBOUND)}
    for interaction_id in order:
        lines, at, direction = made[interaction_id]
        await judged(platform, interaction_id, lines, at, direction=direction)
        await heard(platform, interaction_id)
    stored = await one(platform)
    assert (stored.status, stored.settled_by) == (status, "interaction:i2")


async def test_a_customer_who_comes_back_saying_that_nobody_called_breaks_it_at_once(platform):
    await judged(platform, "i1", PROMISING, START)
    await judged(platform, "i2", WAITED, START + timedelta(hours=25), agent_id="A2")
    await heard(platform, "i2")
    await heard(platform, "i2")
    stored = await one(platform)
    assert (stored.status, stored.settled_by) == (PromiseStatus.BROKEN, "interaction:i2")
    assert len(await told(platform)) == 1


async def test_another_customers_complaint_breaks_nothing(platform):
    await judged(platform, "i1", PROMISING, START)
    await judged(platform, "i2", WAITED, START + timedelta(hours=25), customer_id="C2")
    await heard(platform, "i2")
    assert (await one(platform)).status is PromiseStatus.OPEN


async def test_the_clock_fires_once_among_several_replicas(platform):
    await judged(platform, "i1", PROMISING, START)
    due = (await one(platform)).breaks_at
    early, late = keeping_at(platform, due - timedelta(seconds=1)), keeping_at(platform, due)
    assert await early.sweep() == 0
    seen = await platform.promises.run_out(due, 10)
    assert await late.sweep() == 1
    assert not await platform.promises.settle(seen[0], run_out(seen[0], due))  # another replica, which saw it open
    assert await late.sweep() == 0
    events = await told(platform)
    assert [(e.promise.settled_by, e.promise.promise.status) for e in events] == [("deadline", 4)]


async def test_one_killed_after_the_write_leaves_its_event_to_the_sweeper(platform, monkeypatch):
    await judged(platform, "i1", PROMISING, START)
    stored = await one(platform)

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(platform.promises.outbox, "flush", killed)
    with pytest.raises(KeyboardInterrupt):
        await keeping_at(platform, stored.breaks_at).sweep()
    monkeypatch.undo()
    assert await told(platform) == []
    assert await platform.promises.outbox.sweep(older_than=timedelta(0)) == 1
    assert len(await told(platform)) == 1
    assert await keeping_at(platform, stored.breaks_at).sweep() == 0


async def test_a_person_overrules_the_clock_and_is_told(platform):
    await judged(platform, "i1", PROMISING, START)
    stored = await one(platform)
    await keeping_at(platform, stored.breaks_at).sweep()
    settled = await platform.keeping.settle(stored.promise.promise_id, PromiseStatus.KEPT, "当天已联系", SUPERVISOR)
    again = await platform.keeping.settle(stored.promise.promise_id, PromiseStatus.KEPT, "当天已联系", SUPERVISOR)
    assert (settled.status, settled.settled_by, settled.note) == (PromiseStatus.KEPT, "person:user:u1", "当天已联系")
    assert again == settled == await one(platform)
    assert [e.promise.note for e in await told(platform)] == ["", "当天已联系"]


async def test_who_may_not_settle_is_told_so(platform):
    await judged(platform, "i1", PROMISING, START)
    promise_id = (await one(platform)).promise.promise_id
    with pytest.raises(Denied):
        await platform.keeping.settle(promise_id, PromiseStatus.KEPT, "好", Person("t1", "key:k1", "A1"))
    with pytest.raises(NotFound):
        await platform.keeping.settle(promise_id, PromiseStatus.KEPT, "好", Person("t2", "user:u1"))
    with pytest.raises(InvalidInput) as refused:
        await platform.keeping.settle(promise_id, PromiseStatus.KEPT, "", SUPERVISOR)
    assert refused.value.field == "note"


async def test_lists_are_what_a_plain_filter_gives(platform):
    await judged(platform, "i1", PROMISING, START)
    pattern, dice = await platform.db.promises.find_one({}), random.Random(7)
    now = datetime.now(UTC).replace(microsecond=0)
    made = []
    for n in range(200):
        at = now - timedelta(seconds=10 ** dice.uniform(0, 7))
        made.append(pattern | {
            "_id": f"p{n:03d}", "tenant": dice.choice(["t1", "t2"]), "interaction_id": f"x{n % 30}", "agent_id": dice.choice(["A1", "A2"]),
            "customer_id": dice.choice(["C1", "C2", "C3"]), "status": dice.choice(["open", "kept", "broken"]), "order": order_of(at, f"p{n:03d}"),
            "promise": pattern["promise"] | {"promise_id": f"p{n:03d}"},
        })
    await platform.db.promises.delete_many({})
    await platform.db.promises.insert_many(made)
    for interaction_id, agent, customer, status in product(["", "x3"], ["", "A1"], ["", "C2"], ["", "open"]):
        filters = PromiseFilters(interaction_id, agent, customer, status)
        wanted = [
            m["order"][14:] for m in sorted(made, key=lambda m: m["order"], reverse=True)
            if m["tenant"] == "t1" and interaction_id in ("", m["interaction_id"]) and agent in ("", m["agent_id"])
            and customer in ("", m["customer_id"]) and status in ("", m["status"])
        ]
        found, token = [], ""
        while True:
            page = await platform.keeping.page(filters, SUPERVISOR, size=7, token=token)
            found += [promise.promise.promise_id for promise in page.promises]
            token = page.next_token
            if not token:
                break
        assert found == wanted


async def test_a_key_for_one_agent_lists_its_own(platform):
    await judged(platform, "i1", PROMISING, START, agent_id="A1")
    await judged(platform, "i2", PROMISING, START, agent_id="A2")
    page = await platform.keeping.page(PromiseFilters(), Person("t1", "key:k1", "A1"), size=10, token="")
    assert [p.agent_id for p in page.promises] == ["A1"]
    with pytest.raises(Denied):
        await platform.keeping.page(PromiseFilters(agent_id="A2"), Person("t1", "key:k1", "A1"), size=10, token="")


@pytest.mark.parametrize("filters", [PromiseFilters(*asked) for asked in product(["", "i1"], ["", "A1"], ["", "C1"], ["", "open"])])
async def test_every_list_is_one_range_of_an_index(platform, filters):
    query = promises_query("t1", filters)
    assert query.index in {"_".join(fields) for fields in PROMISE_INDEXES}
    read = platform.db.promises.find(query.equal | {"order": {"$gte": "", "$lt": "~"}}).sort("order", -1)
    assert await index_of(read) == query.index


async def test_what_runs_out_is_found_by_its_timer(platform):
    await judged(platform, "i1", PROMISING, START)
    read = platform.db.promises.find({"breaks_at": {"$lte": START + timedelta(days=9)}}).sort("breaks_at", 1)
    assert await index_of(read) == "breaks_at"
