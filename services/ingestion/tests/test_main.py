"""ingestion as a process, with the real servers beside it."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from chassis.grpc_client import channel
from chassis.identity import service_identity
from chassis.ids import new_id
from chassis.messaging import connected, ensure_stream
from chassis.mongo import database
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from mingjian.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from testkit.processes import free_port, mongo_server, nats_server
from testkit.waiting import eventually

NAME = "mingjian.ingestion.v1.IngestionService"
PRODUCT, CUSTOMER, WORDS = "星河无线路由器", "c-13800138000", "我的身份证是110101199003071234"


class Process:
    def __init__(self, tmp_path, nats_url, mongo_uri):
        self.port, self.log = free_port(), tmp_path / "log"
        self.env = {
            "PATH": os.environ["PATH"], "NATS_URL": nats_url, "MONGO_URI": mongo_uri, "GRPC_ADDRESS": f"127.0.0.1:{self.port}", "METRICS_ADDRESS": "",
            "BLOB_URL": (tmp_path / "blobs").as_uri(), "UPLOAD_TIMEOUT_S": "20",
        }
        self.folder = tmp_path / "blobs"

    def files(self):
        return [p for p in self.folder.rglob("*") if p.is_file()]

    def started(self, env):
        with self.log.open("ab") as out:
            return subprocess.Popen([sys.executable, "-m", "ingestion"], env=self.env | env, stdout=out, stderr=out)

    @asynccontextmanager
    async def running(self, **env):
        """The process answering; ended by SIGTERM, and in good order, unless it was killed."""
        child = self.started(env)
        try:
            async with channel(f"127.0.0.1:{self.port}", identity=lambda: service_identity("test", "t1"), retry=False) as made:
                checks = health_pb2_grpc.HealthStub(made)

                async def serving():
                    assert child.poll() is None, self.log.read_text()
                    return (await checks.Check(health_pb2.HealthCheckRequest(service=NAME))).status == health_pb2.HealthCheckResponse.SERVING

                await eventually(serving, within_s=30)
                yield child, IngestionServiceStub(made)
        finally:
            killed = child.poll() is not None
            child.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(child.wait, 20) == (-signal.SIGKILL if killed else 0), self.log.read_text()


def parts(content, **said):
    yield pb.UploadInteractionRequest(metadata=pb.InteractionMetadata(product=PRODUCT, customer_id=CUSTOMER, **said))
    for begin in range(0, len(content), 100_000):
        yield pb.UploadInteractionRequest(chunk=content[begin:begin + 100_000])
    yield pb.UploadInteractionRequest(size_bytes=len(content))


@pytest.fixture
def servers(tmp_path):
    with nats_server(tmp_path / "nats") as nats_url, mongo_server(tmp_path / "mongo") as mongo_uri:
        yield nats_url, mongo_uri


async def test_it_serves_keeps_customers_words_out_of_its_logs_and_stops_in_good_order(tmp_path, servers, recorded):
    process = Process(tmp_path, *servers)
    async with process.running(LOG_LEVEL="DEBUG") as (_, stub):
        made = (await stub.UploadInteraction(parts(recorded()))).interaction
        turns = [pb.ChatTurn(role=pb.ROLE_CUSTOMER, text=WORDS)]
        await stub.CreateInteraction(pb.CreateInteractionRequest(metadata=pb.InteractionMetadata(customer_id=CUSTOMER), turns=turns))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.UploadInteraction(parts(b"no audio", external_id="e1"))
        assert (await stub.GetInteraction(pb.GetInteractionRequest(interaction_id=made.interaction_id))).interaction == made
    said = process.log.read_text()
    for words in (PRODUCT, CUSTOMER, WORDS, WORDS[:4], "13800138000"):
        assert words not in said
        assert words.encode("unicode_escape").decode() not in said


async def test_killed_in_the_middle_of_an_upload_it_leaves_nothing_for_long(tmp_path, servers, recorded):
    process = Process(tmp_path, *servers)
    async with database(servers[1], "ingestion") as db, process.running() as (child, stub):
        async def endless():
            for part in parts(recorded(rate=48000, seconds=60), external_id="e1"):  # beyond the part of 5 MiB that is kept in memory
                yield part
            await asyncio.Event().wait()

        call = stub.UploadInteraction(endless())

        async def half_way():
            return process.files()

        await eventually(half_way)
        child.kill()
        with pytest.raises(grpc.aio.AioRpcError):
            await call
        assert process.files() and await db.uploads.count_documents({}) == 1
        await db.uploads.update_many({}, {"$set": {"begun_at": datetime.now(UTC) - timedelta(hours=1)}})
        async with process.running() as (_, stub):
            async def tidied():
                return not process.files() and not await db.uploads.count_documents({})

            await eventually(tidied)
            assert (await stub.UploadInteraction(parts(recorded(), external_id="e1"))).interaction.audio.duration_ms == 1000


async def test_an_interaction_received_while_the_broker_is_away_is_announced_when_it_is_back(tmp_path, recorded):
    port = free_port()
    with mongo_server(tmp_path / "mongo") as mongo_uri:
        with nats_server(tmp_path / "nats", port=port) as nats_url:
            process = Process(tmp_path, nats_url, mongo_uri)
            running = process.running()
            _, stub = await running.__aenter__()
        made = (await stub.UploadInteraction(parts(recorded()), timeout=60)).interaction
        with nats_server(tmp_path / "nats", port=port) as nats_url:
            async with connected(nats_url, new_id()) as events:
                await ensure_stream(events, "ingestion")

                async def announced():
                    return (await events.js.stream_info("ingestion")).state.messages == 1

                await eventually(announced, within_s=60)
            assert made.status == pb.INTERACTION_STATUS_RECEIVED
            await running.__aexit__(None, None, None)


def test_a_wrong_setting_is_named():
    env = {"PATH": os.environ["PATH"], "MAX_UPLOADS": "none"}
    done = subprocess.run([sys.executable, "-m", "ingestion"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "MAX_UPLOADS" in done.stderr
