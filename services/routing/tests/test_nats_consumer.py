from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from chassis.lifecycle import Life
from chassis.messaging import consuming, ensure_stream, wrap
from chassis.messaging.deadletters import dead_letters
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction, InteractionMetadata
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import InteractionScored, PromiseMade
from mingjian.routing.v1.events_pb2 import TicketOpened
from routing.adapters.mongo_rectification import MongoRecords
from routing.adapters.nats_consumer import OnInteractionScored, OnPromiseMade
from routing.app import TicketFilter, Who
from routing.app_rectification import Rectifying
from testkit.waiting import eventually

CHIEF = Who("t1", "chief")


def interaction(interaction_id="i1"):
    metadata = InteractionMetadata(agent_id="A1", customer_id="C1", customer_tier="vip", product="宽带", industry="telecom")
    return Interaction(interaction_id=interaction_id, tenant="t1", metadata=metadata)


def scored(interaction_id="i1", **evaluation):
    judged = nlp.Evaluation(
        **{"evaluation_id": f"e-{interaction_id}", "interaction_id": interaction_id, "ticket_type": "投诉", "urgency": nlp.URGENCY_HIGH,
           "customer_emotion": "angry", "summary": "宽带坏了三天没人修",
           "items": [nlp.ItemResult(item_id="no_shirking", title="不推诿", fatal=True, result=nlp.ITEM_OUTCOME_FAIL, explanation="说是客户个人问题"),
                     nlp.ItemResult(item_id="safe", title="合规", fatal=True, result=nlp.ITEM_OUTCOME_PASS)]} | evaluation
    )
    return InteractionScored(interaction=interaction(interaction_id), evaluation=judged)


def promise_made(clock, promise_id="p1", hours=24):
    promise = nlp.Promise(promise_id=promise_id, what="工程师上门检修", text="二十四小时之内会联系您", deadline_text="二十四小时之内")
    promise.deadline.FromDatetime(clock.at + timedelta(hours=hours))
    return PromiseMade(interaction=interaction(), promise=promise)


@asynccontextmanager
async def listening(intake, events, db, **how):
    life = Life()
    await ensure_stream(events, "nlp")
    async with (
        consuming(events, life, "routing", InteractionScored, OnInteractionScored(intake, Rectifying(intake.routing, MongoRecords(db))), **how),
        consuming(events, life, "routing", PromiseMade, OnPromiseMade(intake), **how),
    ):
        yield


async def tickets_of(routing, interaction_id="i1"):
    return (await routing.page(CHIEF, TicketFilter(interaction_id=interaction_id), 50, "")).tickets


async def all_acked(events, durable):
    info = await events.js.consumer_info("nlp", durable)
    return info.num_pending == 0 and info.num_ack_pending == 0


async def opened_events(events):
    info = await events.js.stream_info("routing")
    messages = [await events.js.get_msg("routing", n) for n in range(1, info.state.messages + 1)]
    return [TicketOpened.FromString(m.data).ticket for m in messages if m.headers["ce-type"].endswith("TicketOpened")]


async def test_a_bad_call_becomes_a_service_ticket_a_callback_and_a_rectification(routing, events, db, intake):
    async with listening(intake, events, db):
        await events.publish(wrap(scored(), tenant="t1", key="e1"))
        tickets = await eventually(lambda: _when_three(routing))
    assert [(t.kind.value, t.causes, t.department) for t in tickets] == [
        ("service", ("complaint",), "网维部"),
        ("callback", ("dissatisfied",), "客户关怀组"),
        ("rectification", ("fatal_item:no_shirking",), "班组"),
    ]
    service = tickets[0]
    assert (service.customer_tier, service.agent_id, service.urgency.value) == ("vip", "A1", "high")
    assert {t.ticket_id for t in await opened_events(events)} == {t.ticket_id for t in tickets}


async def _when_three(routing):
    tickets = await tickets_of(routing)
    return tickets if len(tickets) == 3 else None


async def test_the_same_event_again_opens_nothing_more_and_tells_nothing_more(routing, events, db, intake):
    async with listening(intake, events, db):
        for key in ("e1", "e1", "e2", "e3"):  # the last two get past the broker's own deduplication
            await events.publish(wrap(scored(), tenant="t1", key=key))
        await eventually(lambda: _when_three(routing))
        await eventually(lambda: all_acked(events, "routing-mingjian-nlp-v1-InteractionScored"))
    assert len(await tickets_of(routing)) == 3 and len(await opened_events(events)) == 3
    assert all(t.version == 1 for t in await tickets_of(routing))


async def test_a_failure_in_the_middle_is_delivered_again_and_finds_its_own_work(routing, events, monkeypatch, db, intake):
    failures = [RuntimeError("died after the first ticket")]
    add = type(routing.tickets).add

    async def once_broken(self, ticket, timer_at):
        if ticket.kind.value == "service" and failures:
            raise failures.pop()
        return await add(self, ticket, timer_at)

    monkeypatch.setattr(type(routing.tickets), "add", once_broken)
    async with listening(intake, events, db):
        await events.publish(wrap(scored(), tenant="t1", key="e1"))
        await eventually(lambda: _when_three(routing))
    assert not failures and len(await opened_events(events)) == 3


async def test_a_plain_inquiry_opens_nothing(routing, events, db, intake):
    async with listening(intake, events, db):
        quiet = scored(ticket_type="咨询", customer_emotion="satisfied", urgency=nlp.URGENCY_NORMAL, items=[])
        await events.publish(wrap(quiet, tenant="t1", key="e1"))
        await eventually(lambda: all_acked(events, "routing-mingjian-nlp-v1-InteractionScored"))
    assert await tickets_of(routing) == ()


async def test_promise_and_evaluation_in_either_order_are_one_ticket(routing, events, clock, db, intake):
    fault = scored(ticket_type="故障", customer_emotion="neutral", items=[])
    async with listening(intake, events, db):
        for key in ("p", "p-again"):
            await events.publish(wrap(promise_made(clock), tenant="t1", key=key))
        await eventually(lambda: all_acked(events, "routing-mingjian-nlp-v1-PromiseMade"))
        clock.move(timedelta(seconds=6))
        await intake.settle()
        await events.publish(wrap(fault, tenant="t1", key="e1"))
        await eventually(lambda: all_acked(events, "routing-mingjian-nlp-v1-InteractionScored"))
    (ticket,) = await tickets_of(routing)
    assert ticket.causes == ("promise", "fault") and ticket.type == "故障"
    assert [p.what for p in ticket.promises] == ["工程师上门检修"]


async def test_the_tenant_is_the_subjects_and_not_what_the_payload_claims(routing, events, db, intake):
    async with listening(intake, events, db):
        forged = scored()
        forged.interaction.tenant = "t2"
        await events.publish(wrap(forged, tenant="t1", key="e1"))
        await eventually(lambda: _when_three(routing))
    assert (await routing.page(Who("t2", "chief"), TicketFilter(), 10, "")).tickets == ()


@pytest.mark.parametrize("event", [InteractionScored(), PromiseMade(interaction=Interaction(interaction_id="i1"))])
async def test_an_event_without_its_id_ends_with_the_dead_letters_and_its_field(routing, events, event, db, intake):
    async with listening(intake, events, db, max_deliver=1):
        await events.publish(wrap(event, tenant="t1", key="x"))

        async def letters():
            return [letter async for letter in dead_letters(events)]

        (letter,) = await eventually(letters)
    assert "InvalidInput" in letter.reason
