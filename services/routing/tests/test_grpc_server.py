from datetime import timedelta

import grpc
import pytest
from chassis.identity import Identity
from chassis.ids import new_id
from chassis.rpc_status import violated_field
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import routing_service_pb2 as pb
from mingjian.routing.v1.routing_service_pb2_grpc import RoutingServiceStub, add_RoutingServiceServicer_to_server
from routing.adapters.grpc_server import NAME, RoutingServicer
from routing.domain.opening import Contact, Scored
from routing.domain.tickets import Urgency
from testkit.grpc_server import served

CHIEF = Identity("t1", "chief", frozenset({"tickets:read", "tickets:write"}))


@pytest.fixture
def who():
    """Who calls; a test may put another in."""
    return [CHIEF]


@pytest.fixture
async def stub(routing, who):
    register = lambda server: add_RoutingServiceServicer_to_server(RoutingServicer(routing), server)  # noqa: E731
    async with served(register, NAME, identity=lambda: who[0]) as channel:
        yield RoutingServiceStub(channel)


def asked(**changes):
    return pb.OpenTicketRequest(**{"type": "投诉", "title": "重复扣费", "description": "本月扣了两次", "customer_id": "C1"} | changes)


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), violated_field(raised.value)


async def test_a_ticket_is_opened_by_hand_and_found_again(stub):
    opened = (await stub.OpenTicket(asked(urgency=nlp.URGENCY_HIGH))).ticket
    assert (opened.state, opened.kind, opened.version) == (pb.TICKET_STATE_OPEN, pb.TICKET_KIND_SERVICE, 1)
    assert list(opened.causes) == ["manual"] and opened.department == "市场部" and opened.tenant == "t1"
    assert opened.first_response_due_at.ToDatetime() - opened.opened_at.ToDatetime() == timedelta(minutes=15)
    assert opened.resolution_due_at.ToDatetime() - opened.opened_at.ToDatetime() == timedelta(hours=24)
    assert (await stub.GetTicket(pb.GetTicketRequest(ticket_id=opened.ticket_id))).ticket == opened


async def test_the_same_idempotency_key_returns_the_first_ticket(stub):
    first = (await stub.OpenTicket(asked(idempotency_key="k1"))).ticket
    assert (await stub.OpenTicket(asked(idempotency_key="k1", title="别的"))).ticket == first
    assert (await stub.OpenTicket(asked(idempotency_key="k2"))).ticket.ticket_id != first.ticket_id


async def test_a_ticket_is_worked_through_to_its_end_and_back(stub):
    i = (await stub.OpenTicket(asked())).ticket.ticket_id
    await stub.AssignTicket(pb.AssignTicketRequest(ticket_id=i, version=1, assignee="wang"))
    await stub.EscalateTicket(pb.EscalateTicketRequest(ticket_id=i, version=2, note="需要二线"))
    await stub.AssignTicket(pb.AssignTicketRequest(ticket_id=i, version=3, assignee="zhao"))
    await stub.StartTicket(pb.StartTicketRequest(ticket_id=i, version=4))
    await stub.CommentTicket(pb.CommentTicketRequest(ticket_id=i, version=5, note="已联系客户"))
    await stub.ResolveTicket(pb.ResolveTicketRequest(ticket_id=i, version=6, resolution="退回多扣的话费"))
    await stub.CloseTicket(pb.CloseTicketRequest(ticket_id=i, version=7))
    ticket = (await stub.ReopenTicket(pb.ReopenTicketRequest(ticket_id=i, version=8, note="又扣了"))).ticket
    assert ticket.state == pb.TICKET_STATE_OPEN and ticket.line == 2 and ticket.version == 9
    assert [e.action for e in ticket.history] == [
        "opened", "assigned", "escalated", "assigned", "started", "commented", "resolved", "closed", "reopened",
    ]
    assert all(e.by == "chief" for e in ticket.history)


async def test_a_stale_update_is_aborted_with_the_current_version(stub):
    i = (await stub.OpenTicket(asked())).ticket.ticket_id
    await stub.AssignTicket(pb.AssignTicketRequest(ticket_id=i, version=1, assignee="wang"))
    with pytest.raises(grpc.aio.AioRpcError, match="current version is 2, not 1") as raised:
        await stub.AssignTicket(pb.AssignTicketRequest(ticket_id=i, version=1, assignee="zhao"))
    assert raised.value.code() is grpc.StatusCode.ABORTED
    assert (await stub.GetTicket(pb.GetTicketRequest(ticket_id=i))).ticket.assignee == "wang"


async def test_a_step_that_is_not_possible_now_is_a_failed_precondition(stub):
    i = (await stub.OpenTicket(asked())).ticket.ticket_id
    assert await refused(stub.CloseTicket(pb.CloseTicketRequest(ticket_id=i))) == (grpc.StatusCode.FAILED_PRECONDITION, "")


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda s: s.OpenTicket(asked(type="闲聊")), "type"),
        (lambda s: s.OpenTicket(asked(title="")), "title"),
        (lambda s: s.OpenTicket(asked(idempotency_key="k" * 201)), "idempotency_key"),
        (lambda s: s.GetTicket(pb.GetTicketRequest(ticket_id="../etc")), "ticket_id"),
        (lambda s: s.StartTicket(pb.StartTicketRequest(ticket_id=new_id(), version=-1)), "version"),
        (lambda s: s.ListTickets(pb.ListTicketsRequest(page_size=201)), "page_size"),
        (lambda s: s.ListTickets(pb.ListTicketsRequest(page_token="not a token")), "page_token"),
    ],
)
async def test_bad_input_is_refused_with_the_name_of_the_field(stub, call, field):
    assert await refused(call(stub)) == (grpc.StatusCode.INVALID_ARGUMENT, field)


async def test_an_unknown_ticket_and_another_tenants_are_not_found(stub, who):
    i = (await stub.OpenTicket(asked())).ticket.ticket_id
    assert (await refused(stub.GetTicket(pb.GetTicketRequest(ticket_id=new_id()))))[0] is grpc.StatusCode.NOT_FOUND
    who[0] = Identity("t2", "stranger", CHIEF.permissions)
    assert (await refused(stub.GetTicket(pb.GetTicketRequest(ticket_id=i))))[0] is grpc.StatusCode.NOT_FOUND
    assert not (await stub.ListTickets(pb.ListTicketsRequest())).tickets


async def test_who_may_only_read_cannot_write(stub, who):
    who[0] = Identity("t1", "reader", frozenset({"tickets:read"}))
    assert (await refused(stub.OpenTicket(asked())))[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_an_agent_lists_only_what_is_his_own(stub, who):
    await stub.OpenTicket(asked(agent_id="A1"))
    await stub.OpenTicket(asked(agent_id="A2"))
    who[0] = Identity("t1", "a1", CHIEF.permissions, "A1")
    assert [t.agent_id for t in (await stub.ListTickets(pb.ListTicketsRequest())).tickets] == ["A1"]


async def test_a_list_of_an_interaction_is_paged_and_carries_no_history(stub, intake):
    finding = Scored(Contact("t1", "i1", agent_id="A1"), "投诉", Urgency.HIGH, "angry", "断网三天")
    await intake.on_scored(finding)
    first = await stub.ListTickets(pb.ListTicketsRequest(interaction_id="i1", page_size=1))
    second = await stub.ListTickets(pb.ListTicketsRequest(interaction_id="i1", page_size=1, page_token=first.next_page_token))
    assert [t.kind for t in (*first.tickets, *second.tickets)] == [pb.TICKET_KIND_SERVICE, pb.TICKET_KIND_CALLBACK]
    assert second.next_page_token == "" and not first.tickets[0].history


