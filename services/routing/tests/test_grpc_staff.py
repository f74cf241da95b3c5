import asyncio

import grpc
import pytest
from chassis.identity import Identity
from chassis.ids import derived_id, new_id
from chassis.lifecycle import cancelled
from chassis.rpc_status import violated_field
from mingjian.routing.v1 import routing_service_pb2 as routing_pb
from mingjian.routing.v1 import staff_service_pb2 as pb
from mingjian.routing.v1.staff_service_pb2_grpc import StaffServiceStub, add_StaffServiceServicer_to_server
from routing.adapters.asyncio_staff import run_staffing
from routing.adapters.grpc_staff import NAME, StaffServicer
from routing.adapters.mongo_staff import MongoQueue, MongoStaff
from routing.app import Routing, Who
from routing.app_staff import Staffing, Workload
from routing.domain.opening import Contact, Wanted
from routing.domain.tickets import Kind, State, Urgency
from testkit.grpc_server import served
from testkit.waiting import eventually

CHIEF = Who("t1", "chief")


class Caller:
    def __init__(self):
        self.identity = Identity("t1", "admin", frozenset({"tickets:read", "tickets:write", "staff:write", "presence:write"}))

    def __call__(self):
        return self.identity


@pytest.fixture
def me():
    return Caller()


@pytest.fixture
async def staffing(routing, db, clock):
    store, queue = MongoStaff(db), MongoQueue(db)
    await store.prepare()
    await queue.prepare()
    workload = Workload(store, clock)
    return Staffing(Routing(routing.tickets, routing.rules, routing.levels, clock, new_id, derived_id, workload), store, queue, workload)


@pytest.fixture
async def stub(staffing, me):
    async with served(lambda server: add_StaffServiceServicer_to_server(StaffServicer(staffing), server), NAME, identity=me) as channel:
        yield StaffServiceStub(channel)


def li(**changes):
    return pb.StaffMember(**{"agent_id": "li", "name": "李工", "departments": ["网维部"], "capacity": 3, "level": 1} | changes)


async def opened(staffing):
    wanted = Wanted(Contact("t1", "", industry="telecom"), Kind.SERVICE, "故障", Urgency.NORMAL, (), "断网", "")
    return await staffing.routing.open_by_hand(CHIEF, wanted, "")


async def test_a_person_is_stored_changed_and_listed_with_presence_and_load(stub, staffing):
    await stub.PutStaff(pb.PutStaffRequest(staff=li()))
    present = (await stub.SetPresence(pb.SetPresenceRequest(agent_id="li", presence=pb.PRESENCE_ONLINE, for_s=60))).staff
    assert present.presence == pb.PRESENCE_ONLINE and present.HasField("presence_until")
    changed = (await stub.PutStaff(pb.PutStaffRequest(staff=li(skills=["光纤"], senior=True)))).staff
    assert (changed.presence, list(changed.skills), changed.senior, changed.load) == (pb.PRESENCE_ONLINE, ["光纤"], True, 0)
    await stub.PutStaff(pb.PutStaffRequest(staff=li(agent_id="wang")))
    page = await stub.ListStaff(pb.ListStaffRequest(page_size=1))
    rest = await stub.ListStaff(pb.ListStaffRequest(page_size=1, page_token=page.next_page_token))
    assert [m.agent_id for m in (*page.staff, *rest.staff)] == ["li", "wang"]
    assert [m.agent_id for m in (await stub.ListStaff(pb.ListStaffRequest(presence=pb.PRESENCE_ONLINE))).staff] == ["li"]
    assert [m.agent_id for m in (await stub.ListStaff(pb.ListStaffRequest(agent_id="wang"))).staff] == ["wang"]


async def test_a_ticket_is_assigned_when_asked_and_the_reasons_are_told(stub, staffing):
    ticket = await opened(staffing)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.AutoAssignTicket(pb.AutoAssignTicketRequest(ticket_id=ticket.ticket_id))
    assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION and "nobody is online" in (raised.value.details() or "")
    await stub.PutStaff(pb.PutStaffRequest(staff=li()))
    await stub.SetPresence(pb.SetPresenceRequest(agent_id="li", presence=pb.PRESENCE_ONLINE))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.AutoAssignTicket(pb.AutoAssignTicketRequest(ticket_id=ticket.ticket_id, version=7))
    assert raised.value.code() is grpc.StatusCode.ABORTED
    given = await stub.AutoAssignTicket(pb.AutoAssignTicketRequest(ticket_id=ticket.ticket_id, version=1))
    assert (given.ticket.assignee, given.ticket.state, given.because[0]) == ("li", routing_pb.TICKET_STATE_ASSIGNED, "部门：网维部")


async def test_the_loop_hands_out_by_itself_as_soon_as_somebody_comes(stub, staffing):
    loop = asyncio.create_task(run_staffing(staffing, look_every_s=30.0))
    try:
        ticket = await opened(staffing)
        await stub.PutStaff(pb.PutStaffRequest(staff=li()))
        await stub.SetPresence(pb.SetPresenceRequest(agent_id="li", presence=pb.PRESENCE_ONLINE))

        async def given():
            return (await staffing.routing.get(CHIEF, ticket.ticket_id)).state is State.ASSIGNED

        await eventually(given, within_s=5)
    finally:
        await cancelled(loop)


@pytest.mark.parametrize(
    ("call", "request_", "code", "field"),
    [
        ("PutStaff", pb.PutStaffRequest(staff=li(capacity=0)), grpc.StatusCode.INVALID_ARGUMENT, "staff.capacity"),
        ("PutStaff", pb.PutStaffRequest(staff=li(departments=[])), grpc.StatusCode.INVALID_ARGUMENT, "staff.departments"),
        ("SetPresence", pb.SetPresenceRequest(agent_id="li"), grpc.StatusCode.INVALID_ARGUMENT, "presence"),
        ("SetPresence", pb.SetPresenceRequest(agent_id="li", presence=pb.PRESENCE_ONLINE, for_s=5), grpc.StatusCode.INVALID_ARGUMENT, "for_s"),
        ("SetPresence", pb.SetPresenceRequest(agent_id="nobody", presence=pb.PRESENCE_ONLINE), grpc.StatusCode.NOT_FOUND, ""),
        ("ListStaff", pb.ListStaffRequest(page_token="x"), grpc.StatusCode.INVALID_ARGUMENT, "page_token"),
        ("ListStaff", pb.ListStaffRequest(page_size=201), grpc.StatusCode.INVALID_ARGUMENT, "page_size"),
        ("AutoAssignTicket", pb.AutoAssignTicketRequest(ticket_id="x"), grpc.StatusCode.INVALID_ARGUMENT, "ticket_id"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_the_fields_name(stub, call, request_, code, field):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await getattr(stub, call)(request_)
    assert (raised.value.code(), violated_field(raised.value)) == (code, field)


async def test_an_agents_own_key_speaks_for_that_agent_alone(stub, me):
    await stub.PutStaff(pb.PutStaffRequest(staff=li()))
    me.identity = Identity("t1", "key", frozenset({"presence:write"}), agent_id="wang")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.SetPresence(pb.SetPresenceRequest(agent_id="li", presence=pb.PRESENCE_ONLINE))
    assert violated_field(raised.value) == "agent_id"
