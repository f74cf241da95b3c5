import grpc
import pytest
from chassis.identity import METADATA_KEY, encode, service_identity
from chassis.ids import new_id
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mingjian.gateway.v1 import gateway_service_pb2, gateway_service_pb2_grpc
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceStub
from mingjian.routing.v1 import routing_service_pb2 as routing
from mingjian.routing.v1.routing_service_pb2_grpc import RoutingServiceStub


@pytest.fixture
async def channel(world):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.edge.grpc_port}") as made:
        yield made


def as_key(headers):
    return (("authorization", headers["Authorization"]),)


@pytest.fixture
def admin(world):
    return as_key({"Authorization": world.http.headers["authorization"]})


async def test_a_unary_call_passes_through(world, channel, admin):
    made = world.ingestion.put(ingestion.Interaction(interaction_id=new_id(), tenant="t1"))
    answer = await IngestionServiceStub(channel).GetInteraction(ingestion.GetInteractionRequest(interaction_id=made.interaction_id), metadata=admin)
    assert answer.interaction == made


async def test_a_recording_goes_in_and_out_as_streams(world, channel, admin):
    stub = IngestionServiceStub(channel)
    audio = bytes(range(256)) * 3000

    async def parts():
        yield ingestion.UploadInteractionRequest(metadata=ingestion.InteractionMetadata(agent_id="a1"))
        for n in range(0, len(audio), 100_000):
            yield ingestion.UploadInteractionRequest(chunk=audio[n : n + 100_000])
        yield ingestion.UploadInteractionRequest(size_bytes=len(audio))

    uploaded = await stub.UploadInteraction(parts(), metadata=admin)
    asked = ingestion.DownloadAudioRequest(interaction_id=uploaded.interaction.interaction_id)
    privy = [(name.lower(), value) for name, value in (await world.key("admin", extra=["pii:read"])).items()]
    assert b"".join([part.chunk async for part in stub.DownloadAudio(asked, metadata=privy)]) == audio
    log = (await world.http.get("/v1/audit", params={"object_id": uploaded.interaction.interaction_id})).json()["entries"]
    assert len(log) == 1


async def test_the_gateways_own_calls_and_the_audit_log_are_there_too(world, channel, admin):
    stub = gateway_service_pb2_grpc.GatewayServiceStub(channel)
    made = await stub.CreateApiKey(gateway_service_pb2.CreateApiKeyRequest(name="x", role="viewer"), metadata=admin)
    said = await stub.GetCaller(gateway_service_pb2.GetCallerRequest(), metadata=(("authorization", f"Bearer {made.secret}"),))
    assert said.role == "viewer"
    entries = await stub.ListAuditEntries(gateway_service_pb2.ListAuditEntriesRequest(), metadata=admin)
    assert [e.object_id for e in entries.entries] == [made.key.key_id]


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer wrong"),), ((METADATA_KEY, encode(service_identity("nlp", "t1"), "signs-identities")),)])
async def test_who_has_no_key_is_turned_away(world, channel, metadata):
    stub = RoutingServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ListTickets(routing.ListTicketsRequest(), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in IngestionServiceStub(channel).DownloadAudio(ingestion.DownloadAudioRequest(), metadata=metadata):
            pass
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_what_is_for_the_platform_alone_is_not_there(channel, admin):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await IngestionServiceStub(channel).GetChatTurns(ingestion.GetChatTurnsRequest(interaction_id="i"), metadata=admin)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_permission_narrowing_and_problems_are_the_same_as_over_rest(world, channel, admin):
    other = world.ingestion.put(ingestion.Interaction(interaction_id=new_id(), tenant="t1", metadata=ingestion.InteractionMetadata(agent_id="a2")))
    agent = as_key(await world.key("agent", agent_id="a1"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await NlpServiceStub(channel).GetEvaluation(nlp.GetEvaluationRequest(interaction_id=other.interaction_id), metadata=agent)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RoutingServiceStub(channel).OpenTicket(routing.OpenTicketRequest(title="x"), metadata=agent)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    await NlpServiceStub(channel).ListEvaluations(nlp.ListEvaluationsRequest(), metadata=agent)
    assert world.nlp.asked[-1].agent_id == "a1"
    from chassis.rpc_status import violated_field

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await IngestionServiceStub(channel).CreateInteraction(ingestion.CreateInteractionRequest(), metadata=admin)
    assert (caught.value.code(), violated_field(caught.value)) == (grpc.StatusCode.INVALID_ARGUMENT, "turns")


async def test_an_upload_over_the_limit_ends(make_world):
    async with make_world(audio_max_bytes=50_000) as world, grpc.aio.insecure_channel(f"127.0.0.1:{world.edge.grpc_port}") as channel:
        async def parts():
            yield ingestion.UploadInteractionRequest(metadata=ingestion.InteractionMetadata())
            for _ in range(10):
                yield ingestion.UploadInteractionRequest(chunk=b"x" * 10_000)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await IngestionServiceStub(channel).UploadInteraction(parts(), metadata=as_key({"Authorization": world.http.headers["authorization"]}))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert world.ingestion.uploads == 0


async def test_a_rate_holds_here_too(make_world):
    async with make_world(rate_per_s=0.1, rate_burst=2) as world, grpc.aio.insecure_channel(f"127.0.0.1:{world.edge.grpc_port}") as channel:
        stub, metadata = RoutingServiceStub(channel), as_key({"Authorization": world.http.headers["authorization"]})
        for _ in range(2):
            await stub.ListTickets(routing.ListTicketsRequest(), metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListTickets(routing.ListTicketsRequest(), metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_health_is_open(channel):
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
