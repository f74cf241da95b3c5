"""The whole service as a process, with real servers around it and real audio through it."""

import os
import signal
import subprocess
import sys
import wave
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from asr.settings import Settings
from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.identity import service_identity
from chassis.ids import new_id
from chassis.messaging import Events, connected, ensure_stream, wrap
from devstack.triton import Triton
from google.protobuf.message import Message
from mingjian.asr.v1 import asr_service_pb2 as pb
from mingjian.asr.v1 import events_pb2
from mingjian.asr.v1.asr_service_pb2_grpc import AsrServiceStub
from mingjian.ingestion.v1 import events_pb2 as received
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from testkit.processes import free_port
from testkit.waiting import eventually

from .ingestion_stand_in import SERVICE, IngestionStandIn

TENANT = "t1"
EVENTS = {m.DESCRIPTOR.full_name: m for m in (events_pb2.TranscriptionStarted, events_pb2.TranscriptCompleted, events_pb2.TranscriptionFailed)}


@pytest.fixture
async def events(own_nats_url: str) -> AsyncIterator[Events]:
    async with connected(own_nats_url, "ingestion") as made:
        await ensure_stream(made, "asr")
        yield made


@pytest.fixture
async def peer() -> AsyncIterator[tuple[IngestionStandIn, int]]:
    stand_in = IngestionStandIn()
    async with serving("127.0.0.1:0", [SERVICE], stand_in.register, grace_s=0) as port:
        yield stand_in, port


@pytest.fixture
def environ(own_nats_url: str, mongo_uri: str, triton: Triton, peer: tuple[IngestionStandIn, int]) -> dict[str, str]:
    return {
        **os.environ,
        "NATS_URL": own_nats_url,
        "MONGO_URI": mongo_uri,
        "TRITON_ADDRESS": triton.grpc_address,
        "INGESTION_ADDRESS": f"127.0.0.1:{peer[1]}",
        "GRPC_ADDRESS": f"127.0.0.1:{free_port()}",
        "METRICS_ADDRESS": "",
        "ACK_WAIT_S": "2",
    }


@contextmanager
def worker(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out, subprocess.Popen([sys.executable, "-m", "asr"], env=environ, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.kill()


async def published(events: Events) -> list[Message]:
    """Everything in asr's stream, in order."""
    info = await events.js.stream_info("asr")
    found = []
    for sequence in range(1, info.state.last_seq + 1):
        message = await events.js.get_msg("asr", sequence)
        assert message.subject is not None and message.data is not None
        found.append(EVENTS[message.subject.removesuffix(f".{TENANT}")].FromString(message.data))
    return found


async def send(events: Events, medium: ingestion.Medium.ValueType = ingestion.MEDIUM_CALL) -> str:
    interaction = ingestion.Interaction(interaction_id=new_id(), tenant=TENANT, medium=medium)
    await events.publish(wrap(received.InteractionReceived(interaction=interaction), tenant=TENANT, key=interaction.interaction_id))
    return interaction.interaction_id


async def test_calls_in_hand_when_the_worker_is_killed_are_each_finished_once(
    environ: dict[str, str], events: Events, peer: tuple[IngestionStandIn, int], call: bytes, tmp_path: Path
) -> None:
    calls = [await send(events) for _ in range(4)]
    peer[0].audio.update(dict.fromkeys(calls, call))
    log = tmp_path / "asr.log"

    async def begun() -> bool:
        return any(isinstance(e, events_pb2.TranscriptionStarted) for e in await published(events))

    async def finished() -> bool:
        return sum(isinstance(e, events_pb2.TranscriptCompleted) for e in await published(events)) >= len(calls)

    with worker(environ, log) as first:
        await eventually(begun, within_s=30)
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert not await finished()
    with worker(environ, log) as second:
        await eventually(finished, within_s=90, every_s=0.2)
        counts = Counter(e.interaction.interaction_id for e in await published(events) if isinstance(e, events_pb2.TranscriptCompleted))
        assert counts == dict.fromkeys(calls, 1)
        async with channel(environ["GRPC_ADDRESS"], identity=lambda: service_identity("nlp", TENANT)) as line:
            answer = await AsrServiceStub(line).GetTranscript(pb.GetTranscriptRequest(interaction_id=calls[0]))
        assert [t.role for t in answer.transcript.turns] == [ingestion.ROLE_AGENT, ingestion.ROLE_CUSTOMER] * 4
        assert "投诉" in "".join(t.text for t in answer.transcript.turns)
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
    assert "投诉" not in log.read_text()


def mono_alaw(call: bytes) -> bytes:
    """Both channels of a call on one telephone line, as 8 kHz G.711 A-law without a header."""
    with wave.open(BytesIO(call)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    mixed = (samples[:, 0] // 2 + samples[:, 1] // 2).reshape(1, -1)
    encoder = av.CodecContext.create("pcm_alaw", "w")
    encoder.sample_rate, encoder.format, encoder.layout = 8000, "s16", "mono"
    frame = av.AudioFrame.from_ndarray(mixed, format="s16", layout="mono")
    frame.sample_rate = 8000
    return b"".join(bytes(packet) for piece in (frame, None) for packet in encoder.encode(piece))


async def test_one_line_without_a_header_gets_speakers_roles_and_a_notice(
    environ: dict[str, str], events: Events, peer: tuple[IngestionStandIn, int], call: bytes, tmp_path: Path
) -> None:
    interaction = ingestion.Interaction(interaction_id=new_id(), tenant=TENANT, medium=ingestion.MEDIUM_CALL)
    interaction.metadata.audio_format = "alaw"
    peer[0].audio[interaction.interaction_id] = mono_alaw(call)
    await events.publish(wrap(received.InteractionReceived(interaction=interaction), tenant=TENANT, key="mono"))
    with worker(environ, tmp_path / "asr.log"):
        async with channel(environ["GRPC_ADDRESS"], identity=lambda: service_identity("nlp", TENANT)) as line:

            async def read() -> pb.Transcript:
                return (await AsrServiceStub(line).GetTranscript(pb.GetTranscriptRequest(interaction_id=interaction.interaction_id))).transcript

            transcript = await eventually(read, within_s=60, every_s=0.2)
    assert [t.role for t in transcript.turns] == [ingestion.ROLE_AGENT, ingestion.ROLE_CUSTOMER] * 4
    assert any("单声道" in notice for notice in transcript.notices)
    assert all(0 < t.confidence <= 1 and t.acoustics.pitch_median_hz > 0 for t in transcript.turns)


async def test_chats_and_what_cannot_be_read_go_their_ways(
    environ: dict[str, str], events: Events, peer: tuple[IngestionStandIn, int], tmp_path: Path
) -> None:
    chat, broken, gone = await send(events, ingestion.MEDIUM_CHAT), await send(events), await send(events)
    peer[0].chats[chat] = [ingestion.ChatTurn(role=ingestion.ROLE_CUSTOMER, text="我的宽带坏了")]
    peer[0].audio[broken] = b"this is no audio" * 100
    with worker(environ, tmp_path / "asr.log"):

        async def ended() -> dict[str, str]:
            ends = {e.interaction.interaction_id: e for e in await published(events) if not isinstance(e, events_pb2.TranscriptionStarted)}  # type: ignore[attr-defined]
            return {k: getattr(e, "reason", "completed") for k, e in ends.items()} if len(ends) == 3 else {}

        outcome = await eventually(ended, within_s=30, every_s=0.1)
    assert outcome[chat] == "completed"
    assert "无法解码" in outcome[broken]
    assert "不存在" in outcome[gone]


def test_every_setting_says_what_it_is() -> None:
    assert all(f.description for f in Settings.model_fields.values())


def test_a_wrong_setting_ends_the_start_with_its_name() -> None:
    result = subprocess.run([sys.executable, "-m", "asr"], env={**os.environ, "CLIPS_AT_ONCE": "0"}, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "CLIPS_AT_ONCE" in result.stderr
