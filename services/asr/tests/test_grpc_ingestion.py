from collections.abc import AsyncIterator

import grpc
import pytest
from asr.adapters.grpc_ingestion import GrpcIngestion
from asr.app import UndecodableAudio, WrittenTurn
from asr.domain.transcript import Role
from chassis.errors import NotFound
from chassis.grpc_client import channel
from chassis.identity import service_identity
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from testkit.grpc_server import served

from .ingestion_stand_in import SERVICE, IngestionStandIn

AUDIO = bytes(range(256)) * 2000


@pytest.fixture
async def line() -> AsyncIterator[tuple[IngestionStandIn, grpc.aio.Channel]]:
    chat = [pb.ChatTurn(role=pb.ROLE_AGENT, text="您好", start_ms=0), pb.ChatTurn(role=pb.ROLE_CUSTOMER, text="你好")]
    peer = IngestionStandIn(audio={"i1": AUDIO}, chats={"c1": chat})
    async with served(peer.register, SERVICE) as made:
        yield peer, made


def source(made: grpc.aio.Channel, *, max_bytes: int = 1 << 20) -> GrpcIngestion:
    return GrpcIngestion(made, max_bytes=max_bytes, timeout_s=5)


async def test_the_recording_arrives_whole(line: tuple[IngestionStandIn, grpc.aio.Channel]) -> None:
    with await source(line[1]).audio("i1") as file:
        assert file.read() == AUDIO


async def test_a_recording_larger_than_allowed_is_not_read_to_its_end(line: tuple[IngestionStandIn, grpc.aio.Channel]) -> None:
    with pytest.raises(UndecodableAudio, match="MB"):
        await source(line[1], max_bytes=100_000).audio("i1")


async def test_what_is_not_there_is_not_found(line: tuple[IngestionStandIn, grpc.aio.Channel]) -> None:
    with pytest.raises(NotFound):
        await source(line[1]).audio("gone")
    with pytest.raises(NotFound):
        await source(line[1]).written_turns("gone")


async def test_times_nobody_kept_stay_unknown(line: tuple[IngestionStandIn, grpc.aio.Channel]) -> None:
    assert await source(line[1]).written_turns("c1") == [
        WrittenTurn(Role.AGENT, "您好", 0, None),
        WrittenTurn(Role.CUSTOMER, "你好", None, None),
    ]


async def test_a_peer_that_is_away_is_a_failure_of_the_line() -> None:
    async with channel("127.0.0.1:9", retry=False, identity=lambda: service_identity("asr", "t1")) as made:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await source(made).written_turns("c1")
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
