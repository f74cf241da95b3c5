import grpc
import pytest
from chassis.errors import InvalidInput, Unavailable
from chassis.identity import Identity, caller, decode, encode, service_identity
from chassis.rpc_status import violated_field
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.ingestion.v1 import ingestion_service_pb2_grpc as ingestion_grpc
from mingjian.routing.v1 import routing_service_pb2 as pb
from mingjian.routing.v1 import routing_service_pb2_grpc as pb_grpc
from testkit.grpc_server import served

NAME = "mingjian.routing.v1.RoutingService"


class Tickets(pb_grpc.RoutingServiceServicer):
    async def GetTicket(self, request, context):
        if request.ticket_id == "bad":
            raise InvalidInput("ticket_id", "must be a UUID")
        if request.ticket_id == "away":
            raise Unavailable("away")
        if request.ticket_id == "bug":
            raise KeyError("secret")
        return pb.GetTicketResponse(ticket=pb.Ticket(ticket_id=request.ticket_id, tenant=caller().tenant))


def register(server):
    pb_grpc.add_RoutingServiceServicer_to_server(Tickets(), server)


def somebody(*permissions):
    return Identity("t1", "key:1", frozenset(permissions))


async def get(ticket_id, identity=None):
    async with served(register, NAME, identity=identity) as channel:
        return await pb_grpc.RoutingServiceStub(channel).GetTicket(pb.GetTicketRequest(ticket_id=ticket_id))


async def test_the_caller_goes_along():
    assert (await get("1", somebody("tickets:read"))).ticket.tenant == "t1"


@pytest.mark.parametrize(
    ("ticket_id", "identity", "code", "field"),
    [
        ("1", somebody("kpis:read"), grpc.StatusCode.PERMISSION_DENIED, ""),
        ("bad", None, grpc.StatusCode.INVALID_ARGUMENT, "ticket_id"),
        ("away", None, grpc.StatusCode.UNAVAILABLE, ""),
        ("bug", None, grpc.StatusCode.INTERNAL, ""),
    ],
)
async def test_a_problem_becomes_its_status(ticket_id, identity, code, field):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(ticket_id, identity)
    assert caught.value.code() is code
    assert violated_field(caught.value) == field
    assert "secret" not in (caught.value.details() or "")


async def test_a_call_without_identity_is_refused():
    from chassis.grpc_server import serving

    async with serving("127.0.0.1:0", [NAME], register) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await pb_grpc.RoutingServiceStub(channel).GetTicket(pb.GetTicketRequest(ticket_id="1"))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=NAME))
        assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_calls_are_spread_over_every_replica_of_a_peer():
    from chassis.grpc_client import channel
    from chassis.grpc_server import serving

    class Counted(pb_grpc.RoutingServiceServicer):
        def __init__(self):
            self.calls = 0

        async def GetTicket(self, request, context):
            self.calls += 1
            return pb.GetTicketResponse()

    first, second = Counted(), Counted()
    async with (
        serving("127.0.0.1:0", [NAME], lambda s: pb_grpc.add_RoutingServiceServicer_to_server(first, s)) as one,
        serving("127.0.0.1:0", [NAME], lambda s: pb_grpc.add_RoutingServiceServicer_to_server(second, s)) as two,
        channel(f"ipv4:127.0.0.1:{one},127.0.0.1:{two}", identity=lambda: service_identity("test", "t1")) as peer,
    ):
        stub = pb_grpc.RoutingServiceStub(peer)
        for _ in range(20):
            await stub.GetTicket(pb.GetTicketRequest(ticket_id="1"), wait_for_ready=True)
    assert first.calls + second.calls == 20
    assert min(first.calls, second.calls) >= 5


def test_an_identity_signed_with_another_key_is_refused():
    value = encode(service_identity("nlp", "t1"), "right")
    assert decode(value, "right").is_service
    with pytest.raises(Exception, match="not signed"):
        decode(value, "wrong")


async def test_one_trace_spans_client_and_server(spans):
    await get("1")
    finished = {s.kind.name: s for s in spans.get_finished_spans()}
    assert finished["SERVER"].context.trace_id == finished["CLIENT"].context.trace_id
    assert finished["SERVER"].parent.span_id == finished["CLIENT"].context.span_id


class Ingestion(ingestion_grpc.IngestionServiceServicer):
    async def UploadInteraction(self, request_iterator, context):
        raise InvalidInput("metadata.industry", "is not an industry")


async def test_a_stream_refused_at_once_is_told_why_however_much_was_still_to_come():
    """Many times, since what is at stake is a race between the client's writing and the server's refusal."""
    def parts():
        return iter([ingestion.UploadInteractionRequest(chunk=b"x" * 50_000)] * 20)

    def register_ingestion(server):
        ingestion_grpc.add_IngestionServiceServicer_to_server(Ingestion(), server)

    async with served(register_ingestion, "mingjian.ingestion.v1.IngestionService") as channel:
        stub = ingestion_grpc.IngestionServiceStub(channel)
        for _ in range(200):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.UploadInteraction(parts())
            assert (caught.value.code(), violated_field(caught.value)) == (grpc.StatusCode.INVALID_ARGUMENT, "metadata.industry")
