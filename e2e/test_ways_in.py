"""Every way in and out: other formats, the Python SDK, gRPC with a key, events as they happen, and the pages."""

import io
import threading
import time

import av
import grpc
import httpx
import numpy as np
import pytest
from client import Mingjian, MingjianProblem
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceStub
from rest import encoded


@pytest.mark.parametrize(
    ("container", "codec", "rate", "layout"),
    [("mp3", "libmp3lame", 16000, "stereo"), ("ogg", "libopus", 48000, "stereo"), ("mp3", "libmp3lame", 44100, "mono"), ("flac", "flac", 8000, "mono")],
)
def test_a_recording_in_another_format_is_scored(admin, calls, container, codec, rate, layout):
    call = calls[1]
    evaluation = admin.scored(admin.sent(encoded(call.audio, container, codec, rate, layout), call.metadata))
    results = {i["item_id"]: i["result"] for i in evaluation["items"]}
    assert results["greeting"] == "pass"
    assert evaluation["fatal"] is False


def test_a_mono_recording_gets_speakers_and_says_how(admin, calls):
    interaction_id = admin.sent(encoded(calls[1].audio, "wav", "pcm_s16le", 8000, "mono"), calls[1].metadata)
    admin.until(interaction_id, "scored")
    transcript = admin.get(f"/v1/interactions/{interaction_id}/transcript")
    assert {t["role"] for t in transcript["turns"]} == {"agent", "customer"}
    assert transcript["notices"]


def test_silence_ends_with_a_reason_or_an_evaluation(admin):
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as write:
        stream = write.add_stream("pcm_s16le", rate=8000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 8000 * 5), np.int16), format="s16", layout="stereo")
        frame.sample_rate = 8000
        write.mux(stream.encode(frame))
        write.mux(stream.encode(None))
    found = admin.until(admin.sent(out.getvalue(), {"industry": "telecom"}), "scored", "failed")
    assert found["status"] == "scored" or found["reason"]


def test_the_python_sdk_goes_all_the_way(target, calls, tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(calls[0].audio)
    steps, sent_bytes = [], []
    with Mingjian(*target) as mingjian:
        sent = mingjian.upload(path, {**calls[0].metadata, "external_id": "sdk"}, progress=lambda done, total: sent_bytes.append((done, total)))
        mingjian.wait_until_scored(sent["interaction_id"], timeout_s=120, on_status=lambda s: steps.append(s))
        assert mingjian.evaluation(sent["interaction_id"])["ticket_type"] == "投诉"
        assert mingjian.transcript(sent["interaction_id"])["turns"]
        deadline = time.monotonic() + 30  # tickets follow the evaluation by an event
        while not (found := [t for t in mingjian.tickets(interaction_id=sent["interaction_id"]) if t["kind"] == "service"]):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert found[0]["type"] == "投诉"
        assert mingjian.search_articles("宽带断网怎么报修")
        with pytest.raises(MingjianProblem) as caught:
            mingjian.send_chat([{"role": "customer", "text": "宽带断了"}], {"industry": "farming"})
    assert (caught.value.status, caught.value.field) == (400, "metadata.industry")
    assert sent_bytes[-1][0] == sent_bytes[-1][1] >= len(calls[0].audio)
    assert steps


async def test_grpc_with_a_key_at_the_edge(platform, calls):
    key = (("authorization", f"Bearer {platform.api_key}"),)
    audio = calls[1].audio

    async def parts():
        yield ingestion.UploadInteractionRequest(metadata=ingestion.InteractionMetadata(industry="telecom", external_id="grpc"))
        for begin in range(0, len(audio), 100_000):
            yield ingestion.UploadInteractionRequest(chunk=audio[begin : begin + 100_000])
        yield ingestion.UploadInteractionRequest(size_bytes=len(audio))

    async with grpc.aio.insecure_channel(f"127.0.0.1:{platform.ports['gateway']}") as channel:
        uploaded = await IngestionServiceStub(channel).UploadInteraction(parts(), metadata=key, timeout=30)
        assert uploaded.interaction.audio.duration_ms > 60_000
        listed = await NlpServiceStub(channel).ListScorecards(nlp.ListScorecardsRequest(), metadata=key, timeout=10)
        assert {"common", "telecom"} <= {s.ref.id for s in listed.scorecards}
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await NlpServiceStub(channel).ListScorecards(nlp.ListScorecardsRequest(), timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def now_in_events(url, secret):
    """The id from which a listener goes on that must miss nothing from here on."""
    with httpx.stream("GET", f"{url}/v1/events", headers={"Authorization": f"Bearer {secret}"}, timeout=30) as response:
        return next(line.removeprefix("id: ") for line in response.iter_lines() if line.startswith("id: "))


def test_events_arrive_as_they_happen(target, admin, calls):
    seen, scored, begin = [], threading.Event(), now_in_events(*target)

    def listen():
        with Mingjian(*target) as mingjian:
            for event in mingjian.events(["InteractionReceived", "InteractionScored", "AlertRaised"], last_event_id=begin):
                seen.append(event)
                if event.type.endswith("InteractionScored") and event.data["data"]["interaction"]["metadata"]["external_id"] == "heard":
                    scored.set()
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    interaction_id = admin.chat(calls[0].chat_turns(), {**calls[0].metadata, "external_id": "heard"})
    assert scored.wait(60)
    mine = [e for e in seen if e.data["data"]["interaction"]["interaction_id"] == interaction_id]
    assert {e.type.rpartition(".")[2] for e in mine} >= {"InteractionScored"}


def test_the_console_shows_its_pages(platform):
    with httpx.Client(base_url=platform.console_url, follow_redirects=True, timeout=30) as http:
        answer = http.get("/")
    assert answer.status_code == 200
    assert "明鉴" in answer.text


def test_the_api_page_describes_every_path(target):
    described = httpx.get(f"{target[0]}/openapi.json", timeout=30).json()
    assert {"/v1/interactions", "/v1/interactions/{interaction_id}/evaluation", "/v1/kpis", "/v1/articles:search"} <= set(described["paths"])
    assert httpx.get(f"{target[0]}/docs", timeout=30).status_code == 200
