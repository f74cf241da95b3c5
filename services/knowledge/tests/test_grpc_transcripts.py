import grpc
import pytest
from chassis.errors import NotFound
from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.identity import Identity, acting_as, caller, service_identity
from knowledge.adapters.grpc_transcripts import GrpcTranscripts, without_unmasking
from mingjian.asr.v1.asr_service_pb2 import Transcript, Turn
from mingjian.ingestion.v1.ingestion_service_pb2 import ROLE_AGENT, ROLE_CUSTOMER
from mingjian.nlp.v1.nlp_service_pb2 import GetTranscriptResponse
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceServicer, add_NlpServiceServicer_to_server


class Nlp(NlpServiceServicer):
    """Answers one transcript and remembers who asked."""

    def __init__(self):
        self.asked_by = []

    async def GetTranscript(self, request, context):
        self.asked_by.append(caller())
        if request.interaction_id == "refused":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not yours")
        if request.interaction_id != "i1":
            await context.abort(grpc.StatusCode.NOT_FOUND, "none")
        turns = [Turn(role=ROLE_AGENT, text="您好"), Turn(role=ROLE_CUSTOMER, text="我的宽带坏了"), Turn(role=ROLE_CUSTOMER, text="电话是*")]
        return GetTranscriptResponse(transcript=Transcript(interaction_id="i1", turns=turns))


@pytest.fixture
async def nlp():
    servicer = Nlp()
    register = lambda server: add_NlpServiceServicer_to_server(servicer, server)  # noqa: E731
    async with (
        serving("127.0.0.1:0", ["mingjian.nlp.v1.NlpService"], register, grace_s=0) as port,
        channel(f"127.0.0.1:{port}", identity=without_unmasking) as made,
    ):
        yield servicer, GrpcTranscripts(made)


async def test_only_what_the_customer_said_comes_back(nlp):
    _, transcripts = nlp
    with acting_as(service_identity("knowledge", "t1")):
        assert await transcripts.customer_turns("i1") == ["我的宽带坏了", "电话是*"]


@pytest.mark.parametrize(
    "who",
    [service_identity("knowledge", "t1"), Identity("t1", "boss", frozenset({"interactions:read", "pii:read"}), "A1")],
)
async def test_nobody_asks_with_the_right_to_unmasked_text(nlp, who):
    servicer, transcripts = nlp
    with acting_as(who):
        await transcripts.customer_turns("i1")
    (asked,) = servicer.asked_by
    assert not asked.may("pii:read") and asked.may("interactions:read")
    assert (asked.tenant, asked.agent_id) == (who.tenant, who.agent_id)


async def test_a_transcript_that_is_not_there_is_not_found_and_other_refusals_pass_through(nlp):
    _, transcripts = nlp
    with acting_as(service_identity("knowledge", "t1")):
        with pytest.raises(NotFound):
            await transcripts.customer_turns("other")
        with pytest.raises(grpc.aio.AioRpcError, match="not yours"):
            await transcripts.customer_turns("refused")
