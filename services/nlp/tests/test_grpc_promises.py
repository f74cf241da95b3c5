"""ListPromises and SettlePromise over gRPC, and what settles promises as it is announced."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from chassis.identity import Identity
from chassis.lifecycle import Life
from chassis.messaging import consuming, ensure_stream, wrap
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import nlp_service_pb2 as pb
from mingjian.nlp.v1 import nlp_service_pb2_grpc as pb_grpc
from mingjian.nlp.v1.events_pb2 import InteractionScored, PromiseSettled
from mingjian.routing.v1 import routing_service_pb2 as routing
from mingjian.routing.v1.events_pb2 import TicketClosed, TicketResolved
from nlp.adapters.nats_promises import OnInteractionScored, OnTicketDone
from nlp.domain.promise_keeping import PromiseStatus
from nlp_platform import stub
from test_mongo_promises import CALLED, PROMISING, START, judged, one
from test_nats_consumer import published
from testkit.waiting import eventually

SUPERVISOR = Identity("t1", "user:u1", frozenset({"evaluations:read", "reviews:write"}))
AGENT = Identity("t1", "key:k1", frozenset({"evaluations:read", "reviews:write"}), "A1")


async def refused(call) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    return failure.value.code()


async def test_a_promise_is_listed_settled_and_shown_as_settled(platform):
    await judged(platform, "i1", PROMISING, START)
    async with stub(platform, SUPERVISOR) as channel:
        service = pb_grpc.NlpServiceStub(channel)
        listed = (await service.ListPromises(pb.ListPromisesRequest(customer_id="C1", status=pb.PROMISE_STATUS_OPEN))).promises
        assert [(p.interaction_id, p.agent_id, p.customer_id, p.promise.status) for p in listed] == [("i1", "A1", "C1", pb.PROMISE_STATUS_OPEN)]
        assert listed[0].promise.deadline.ToDatetime(UTC) == listed[0].made_at.ToDatetime(UTC) + timedelta(hours=24)
        promise_id = listed[0].promise.promise_id
        request = pb.SettlePromiseRequest(promise_id=promise_id, status=pb.PROMISE_STATUS_LATE, note="晚了一天才联系")
        settled = (await service.SettlePromise(request)).promise
        assert (settled.promise.status, settled.settled_by, settled.note) == (pb.PROMISE_STATUS_LATE, "person:user:u1", "晚了一天才联系")
        assert not (await service.ListPromises(pb.ListPromisesRequest(status=pb.PROMISE_STATUS_OPEN))).promises
        shown = (await service.ListPromises(pb.ListPromisesRequest(interaction_id="i1"))).promises
        assert list(shown) == [settled]


@pytest.mark.parametrize(("request_", "code"), [
    (pb.SettlePromiseRequest(status=pb.PROMISE_STATUS_KEPT, note="好"), grpc.StatusCode.INVALID_ARGUMENT),
    (pb.SettlePromiseRequest(promise_id="none", status=pb.PROMISE_STATUS_KEPT, note="好"), grpc.StatusCode.NOT_FOUND),
    (pb.SettlePromiseRequest(promise_id="p1", status=9, note="好"), grpc.StatusCode.INVALID_ARGUMENT),
])
async def test_what_cannot_be_settled_is_refused(platform, request_, code):
    async with stub(platform, SUPERVISOR) as channel:
        assert await refused(pb_grpc.NlpServiceStub(channel).SettlePromise(request_)) == code


async def test_an_agents_key_sees_its_own_and_settles_none(platform):
    await judged(platform, "i1", PROMISING, START, agent_id="A1")
    await judged(platform, "i2", PROMISING, START, agent_id="A2")
    async with stub(platform, AGENT) as channel:
        service = pb_grpc.NlpServiceStub(channel)
        own = (await service.ListPromises(pb.ListPromisesRequest())).promises
        assert [p.agent_id for p in own] == ["A1"]
        assert await refused(service.ListPromises(pb.ListPromisesRequest(agent_id="A2"))) == grpc.StatusCode.PERMISSION_DENIED
        settle = pb.SettlePromiseRequest(promise_id=own[0].promise.promise_id, status=pb.PROMISE_STATUS_KEPT, note="好")
        assert await refused(service.SettlePromise(settle)) == grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("kind", [TicketResolved, TicketClosed])
async def test_a_ticket_solved_by_routing_is_heard(platform, kind):
    await ensure_stream(platform.events, "routing")
    await judged(platform, "i1", PROMISING, START)
    event = kind(ticket=routing.Ticket(ticket_id="k1", interaction_ids=["i1"], kind=routing.TICKET_KIND_CALLBACK))
    event.ticket.resolved_at.FromDatetime(START + timedelta(hours=2))
    async with consuming(platform.events, Life(), "nlp", kind, OnTicketDone(platform.keeping)):
        await platform.events.publish(wrap(event, tenant="t1", key="k1/1"))
        told = await eventually(lambda: published(platform.events, PromiseSettled))
    assert [(e.promise.promise.status, e.promise.settled_by) for e in told] == [(pb.PROMISE_STATUS_KEPT, "ticket:k1")]


async def test_a_judged_contact_is_heard_from_its_own_event(platform):
    await judged(platform, "i1", PROMISING, START)
    async with consuming(platform.events, Life(), "nlp", InteractionScored, OnInteractionScored(platform.keeping)):
        await judged(platform, "i2", CALLED, START + timedelta(hours=1), direction=ingestion.DIRECTION_OUTBOUND)

        async def settled():
            return (await one(platform)).status is PromiseStatus.KEPT

        await eventually(settled)


async def test_what_was_promised_in_a_far_past_contact_waits_for_its_grace(platform):
    await judged(platform, "i1", PROMISING, datetime(2020, 1, 6, 2, 0, tzinfo=UTC))
    stored = await one(platform)
    assert stored.breaks_at > datetime.now(UTC)
    assert await platform.keeping.sweep() == 0
