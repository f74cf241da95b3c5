from collections.abc import AsyncIterator
from typing import cast

import grpc
import pytest
from asr.adapters.grpc_server import SERVICE, AsrServicer
from asr.app import Asr
from asr.domain.transcript import Model, Role, Transcript, Turn
from chassis.errors import NotFound
from chassis.identity import Identity
from chassis.ids import new_id
from mingjian.asr.v1 import asr_service_pb2 as pb
from mingjian.asr.v1.asr_service_pb2_grpc import AsrServiceStub, add_AsrServiceServicer_to_server
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from testkit.grpc_server import served

KNOWN = new_id()


class OneTranscript:
    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        if (tenant, interaction_id) != ("t1", KNOWN):
            raise NotFound(f"no transcript of interaction {interaction_id}")
        return Transcript(KNOWN, (Turn("t1", Role.CUSTOMER, "坏了", 10, 900, 0.5, "zh"),), Model("whisper-base", "v1"), "zh", 1000, 890, ("注意",))


def register(server: grpc.aio.Server) -> None:
    add_AsrServiceServicer_to_server(AsrServicer(cast("Asr", OneTranscript())), server)


@pytest.fixture
async def stub() -> AsyncIterator[AsrServiceStub]:
    async with served(register, SERVICE) as made:
        yield AsrServiceStub(made)


async def refused(stub: AsrServiceStub, interaction_id: str) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.GetTranscript(pb.GetTranscriptRequest(interaction_id=interaction_id))
    return failure.value


async def test_a_transcript_is_told_as_it_is(stub: AsrServiceStub) -> None:
    answer = (await stub.GetTranscript(pb.GetTranscriptRequest(interaction_id=KNOWN))).transcript
    (turn,) = answer.turns
    assert (turn.role, turn.text, turn.start_ms, turn.end_ms, turn.confidence) == (ingestion.ROLE_CUSTOMER, "坏了", 10, 900, 0.5)
    assert not turn.HasField("acoustics")
    assert (answer.asr.model, answer.language, answer.duration_ms, list(answer.notices)) == ("whisper-base", "zh", 1000, ["注意"])


async def test_a_missing_transcript_is_not_found(stub: AsrServiceStub) -> None:
    assert (await refused(stub, new_id())).code() is grpc.StatusCode.NOT_FOUND


async def test_what_is_no_id_is_refused(stub: AsrServiceStub) -> None:
    assert (await refused(stub, "42")).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_people_cannot_ask_for_unmasked_words() -> None:
    person = Identity("t1", "key:someone", frozenset({"transcripts:read", "pii:read"}))
    async with served(register, SERVICE, identity=person) as made:
        assert (await refused(AsrServiceStub(made), KNOWN)).code() is grpc.StatusCode.PERMISSION_DENIED


async def test_another_tenant_finds_nothing() -> None:
    other = Identity("t2", "service:nlp", frozenset({"*"}))
    async with served(register, SERVICE, identity=other) as made:
        assert (await refused(AsrServiceStub(made), KNOWN)).code() is grpc.StatusCode.NOT_FOUND
