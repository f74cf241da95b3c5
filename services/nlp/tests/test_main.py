"""nlp as a process, with the real servers beside it and an asr that answers."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import grpc
import pytest
from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.identity import service_identity
from chassis.messaging import connected, ensure_stream, wrap
from chassis.mongo import database
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mingjian.asr.v1 import asr_service_pb2_grpc as asr_grpc
from mingjian.asr.v1.events_pb2 import TranscriptCompleted
from mingjian.nlp.v1 import nlp_service_pb2 as pb
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceStub
from nlp.adapters.grpc_server import NAME
from nlp_platform import ASR, Asr, interaction, transcript
from testkit.processes import free_port, mongo_server, nats_server
from testkit.waiting import eventually

CONTACTS = 40


class Process:
    def __init__(self, tmp_path, nats_url, mongo_uri, asr_port):
        self.port, self.log = free_port(), tmp_path / "log"
        self.env = {
            "PATH": os.environ["PATH"], "NATS_URL": nats_url, "MONGO_URI": mongo_uri, "GRPC_ADDRESS": f"127.0.0.1:{self.port}", "METRICS_ADDRESS": "",
            "ASR_ADDRESS": f"127.0.0.1:{asr_port}", "LOG_LEVEL": "DEBUG",
        }

    def start(self):
        with self.log.open("ab") as out:
            return subprocess.Popen([sys.executable, "-m", "nlp"], env=self.env, stdout=out, stderr=out)

    async def answering(self, child, stub):
        async def up():
            assert child.poll() is None, self.log.read_text()
            return (await stub.Check(health_pb2.HealthCheckRequest(service=NAME))).status == health_pb2.HealthCheckResponse.SERVING

        await eventually(up, within_s=60)

    async def stop(self, child):
        child.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(child.wait, 20) == 0, self.log.read_text()


@pytest.fixture
async def outside(tmp_path):
    """Servers, an asr, and a connection that announces transcripts."""
    with nats_server(tmp_path / "nats") as nats_url, mongo_server(tmp_path / "mongo") as mongo_uri:
        asr_service = Asr()

        def register(server: grpc.aio.Server) -> None:
            asr_grpc.add_AsrServiceServicer_to_server(asr_service, server)

        async with serving("127.0.0.1:0", [ASR], register, grace_s=0) as port, connected(nats_url, "test") as events:
            await ensure_stream(events, "asr")
            process = Process(tmp_path, nats_url, mongo_uri, port)

            @asynccontextmanager
            async def peeking():
                async with database(mongo_uri, "nlp") as db:
                    yield db

            yield process, asr_service, events, peeking


async def announce(events, asr_service, count):
    for n in range(count):
        asr_service.transcripts[f"i{n}"] = transcript(f"i{n}")
        await events.publish(wrap(TranscriptCompleted(interaction=interaction(f"i{n}")), tenant="t1", key=f"i{n}"))


async def scored_events(events):
    info = await events.js.stream_info("nlp", subjects_filter="mingjian.nlp.v1.InteractionScored.*")
    return sum((info.state.subjects or {}).values())


async def test_it_scores_answers_keeps_what_was_said_out_of_its_logs_and_stops_in_good_order(outside):
    process, asr_service, events, _ = outside
    child = process.start()
    try:
        async with channel(f"127.0.0.1:{process.port}", identity=lambda: service_identity("test", "t1"), retry=False) as made:
            await process.answering(child, health_pb2_grpc.HealthStub(made))
            await announce(events, asr_service, 1)
            nlp = NlpServiceStub(made)

            async def there():
                return (await nlp.GetEvaluation(pb.GetEvaluationRequest(interaction_id="i0"))).evaluation

            assert (await eventually(there, within_s=30)).ticket_type == "投诉"
        await process.stop(child)
    finally:
        child.kill()
        child.wait()
    said = process.log.read_text()
    for words in ("13812345678", "张伟", "个人问题", "宽带坏了"):
        assert words not in said
        assert words.encode("unicode_escape").decode() not in said


async def test_killed_in_the_middle_it_scores_every_contact_exactly_once(outside):
    process, asr_service, events, peeking = outside
    await announce(events, asr_service, CONTACTS)
    child = process.start()
    try:
        async with peeking() as db:

            async def some():
                assert child.poll() is None, process.log.read_text()
                return await db.evaluations.count_documents({}) >= 5

            await eventually(some, within_s=60)
            child.kill()
            await asyncio.to_thread(child.wait)
            assert await db.evaluations.count_documents({}) < CONTACTS
            child = process.start()

            async def every():
                return await db.evaluations.count_documents({"outbox": {"$exists": False}}) == CONTACTS

            await eventually(every, within_s=90)
            assert await db.alerts.count_documents({}) == CONTACTS * 3

            async def chained():
                return await db.evaluations.count_documents({"unchained_since": {"$exists": False}}) == CONTACTS

            await eventually(chained, within_s=60)
            places = await db.chain_links.find({}).sort("place", 1).to_list(None)
            assert [link["sequence"] for link in places] == list(range(1, CONTACTS + 1))
            assert [link["previous_sha256"] for link in places] == ["0" * 64, *(link["sha256"] for link in places[:-1])]
        assert await scored_events(events) == CONTACTS
        await process.stop(child)
    finally:
        child.kill()
        child.wait()


def test_a_wrong_setting_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "nlp"], env={"PATH": os.environ["PATH"], "INTERACTIONS_AT_ONCE": "0"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "INTERACTIONS_AT_ONCE" in done.stderr
