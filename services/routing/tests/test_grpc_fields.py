import asyncio

import grpc
import pytest
from chassis.errors import NotFound, Unavailable
from chassis.grpc_client import channel
from chassis.identity import Identity, caller, service_identity
from chassis.ids import new_id
from chassis.lifecycle import cancelled
from chassis.rpc_status import violated_field
from mingjian.asr.v1.asr_service_pb2 import Transcript, Turn
from mingjian.ingestion.v1.ingestion_service_pb2 import ROLE_AGENT, ROLE_CUSTOMER
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceServicer, add_NlpServiceServicer_to_server
from mingjian.routing.v1 import field_service_pb2 as pb
from mingjian.routing.v1.field_service_pb2_grpc import FieldServiceStub, add_FieldServiceServicer_to_server
from routing.adapters.asyncio_fields import run_filling
from routing.adapters.grpc_fields import NAME, FieldServicer
from routing.adapters.grpc_nlp import GrpcNlp
from routing.adapters.mongo_fields import MongoToLookAt
from routing.app import Who
from routing.app_fields import Filling
from routing.domain.fields import field_table_in
from routing.domain.opening import Contact, Wanted
from routing.domain.tickets import Kind, Urgency
from routing.settings import RULES
from testkit.grpc_server import served
from testkit.processes import free_port
from testkit.waiting import eventually

ADMIN = Identity("t1", "admin", frozenset({"tickets:read", "tickets:write"}))
CHIEF = Who("t1", "chief")
CONTACT = new_id()


class Nlp(NlpServiceServicer):
    """Answers as nlp does; keeps who asked."""

    def __init__(self):
        self.asked, self.live, self.judged = [], False, True

    async def GetTranscript(self, request, context):
        self.asked.append(caller())
        if request.interaction_id != CONTACT:
            raise NotFound("no transcript")
        turns = [
            Turn(turn_id="t1", role=ROLE_CUSTOMER, text="上个月多扣了我二十块钱，退给我"),
            Turn(turn_id="t2", role=ROLE_AGENT, text="好的，电话是***********吗"),
        ]
        return nlp.GetTranscriptResponse(transcript=Transcript(interaction_id=CONTACT, turns=turns, live=self.live))

    async def GetEvaluation(self, request, context):
        if not self.judged:
            raise NotFound("no evaluation")
        return nlp.GetEvaluationResponse(evaluation=nlp.Evaluation(ticket_type="投诉", urgency=nlp.URGENCY_HIGH))


@pytest.fixture
async def peer():
    servicer = Nlp()
    async with served(
        lambda server: add_NlpServiceServicer_to_server(servicer, server), "mingjian.nlp.v1.NlpService", identity=caller
    ) as made:
        yield servicer, GrpcNlp(made)


@pytest.fixture
async def filling(routing, db, peer):
    to_look_at = MongoToLookAt(db)
    await to_look_at.prepare()
    return Filling(routing, peer[1], to_look_at, field_table_in((RULES / "fields.yaml").read_text("utf-8")))


@pytest.fixture
async def stub(filling):
    async with served(lambda server: add_FieldServiceServicer_to_server(FieldServicer(filling), server), NAME, identity=ADMIN) as made:
        yield FieldServiceStub(made)


async def opened(routing, interaction_id=CONTACT, type_="咨询"):
    return await routing.open_by_hand(CHIEF, Wanted(Contact("t1", interaction_id), Kind.SERVICE, type_, Urgency.NORMAL, (), "话费", ""), "")


async def test_a_contact_comes_masked_judged_and_asked_for_without_the_right_to_more(peer):
    servicer, contacts = peer
    found = await contacts.get("t1", CONTACT)
    assert [(t.turn_id, t.is_customer) for t in found.turns] == [("t1", True), ("t2", False)]
    assert (found.type, found.urgency) == ("投诉", Urgency.HIGH)
    assert servicer.asked[0].tenant == "t1" and not servicer.asked[0].may("pii:read")


async def test_one_not_judged_yet_is_read_all_the_same_and_one_that_runs_is_not(peer):
    servicer, contacts = peer
    servicer.judged = False
    assert (await contacts.get("t1", CONTACT)).type == ""
    servicer.live = True
    with pytest.raises(NotFound):
        await contacts.get("t1", CONTACT)
    with pytest.raises(NotFound):
        await contacts.get("t1", new_id())


async def test_a_peer_that_is_away_is_said_to_be():
    async with channel(f"127.0.0.1:{free_port()}", identity=lambda: service_identity("routing", "t1"), retry=False) as made:
        with pytest.raises(Unavailable):
            await GrpcNlp(made).get("t1", CONTACT)


async def test_the_fields_of_each_type_are_listed_for_forms(stub):
    listed = await stub.ListTicketFields(pb.ListTicketFieldsRequest())
    of = {t.type: [f.field_id for f in t.fields] for t in listed.types}
    assert of["故障"] == ["place", "symptom", "scope"] and listed.version


async def test_a_ticket_is_checked_and_changed_over_the_wire(stub, routing):
    ticket = await opened(routing)
    checked = (await stub.CheckTicket(pb.CheckTicketRequest(ticket_id=ticket.ticket_id, version=1))).ticket
    assert {"type_lowered", "urgency_lowered"} <= {f.kind for f in checked.findings} and checked.HasField("checked_at")
    request = pb.UpdateTicketRequest(ticket_id=ticket.ticket_id, version=2, type="投诉", urgency=nlp.URGENCY_HIGH, fields={"amount": "二十元"})
    changed = (await stub.UpdateTicket(request)).ticket
    assert (changed.type, changed.urgency, changed.policy_id, changed.version) == ("投诉", nlp.URGENCY_HIGH, "high", 3)
    assert {f.field_id: (f.value, f.by) for f in changed.fields} == {"amount": ("20.00", "admin")}
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.UpdateTicket(request)
    assert raised.value.code() is grpc.StatusCode.ABORTED


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.UpdateTicketRequest(type="x"), "type"), (pb.UpdateTicketRequest(fields={"colour": "x"}), "fields.colour"),
        (pb.UpdateTicketRequest(), "fields"), (pb.UpdateTicketRequest(version=-1, product="x"), "version"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_the_fields_name(stub, routing, request_, field):
    request_.ticket_id = (await opened(routing)).ticket_id
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.UpdateTicket(request_)
    assert violated_field(raised.value) == field


async def test_the_loop_fills_what_was_opened(filling, routing):
    ticket = await opened(routing, type_="投诉")
    loop = asyncio.create_task(run_filling(filling))
    try:
        async def filled():
            return bool((await routing.get(CHIEF, ticket.ticket_id)).particulars.fields)

        await eventually(filled, within_s=5)
    finally:
        await cancelled(loop)
