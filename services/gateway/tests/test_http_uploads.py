import asyncio
import json
import tracemalloc

import pytest
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion

META = json.dumps({"agent_id": "a1", "industry": "telecom", "direction": "inbound", "started_at": "2026-11-21T08:00:00Z", "channels": {"left": "agent"}})


def part(name, content, *, filename=""):
    head = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return b"--xyz\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def multipart(*parts, end=b"--xyz--\r\n"):
    return {"content": b"".join(parts) + end, "headers": {"Content-Type": "multipart/form-data; boundary=xyz"}}


async def test_a_recording_goes_to_ingestion_as_it_is(world):
    audio = bytes(range(256)) * 5000
    answer = await world.http.post("/v1/interactions", files={"metadata": (None, META, "application/json"), "audio": ("call.wav", audio, "audio/wav")})
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert said["status"] == "received" and said["interaction_id"]
    assert answer.headers["location"] == f"/v1/interactions/{said['interaction_id']}"
    assert world.ingestion.audio[said["interaction_id"]] == audio
    metadata = world.ingestion.interactions["t1", said["interaction_id"]].metadata
    assert (metadata.agent_id, metadata.direction, metadata.channels.left) == ("a1", ingestion.DIRECTION_INBOUND, ingestion.ROLE_AGENT)


async def test_audio_before_its_metadata_is_kept_until_then(world):
    audio = b"\x01\x02\xff\r\n--not-the-end" * 100_000
    answer = await world.http.post("/v1/interactions", **multipart(part("audio", audio, filename="a.wav"), part("metadata", META.encode())))
    assert answer.status_code == 202, answer.text
    assert world.ingestion.audio[answer.json()["interaction_id"]] == audio


async def test_too_much_audio_before_its_metadata_is_refused(make_world):
    async with make_world(audio_held_max_bytes=4096) as world:
        answer = await world.http.post("/v1/interactions", **multipart(part("audio", b"x" * 5000, filename="a.wav"), part("metadata", META.encode())))
        assert (answer.status_code, answer.json()["field"]) == (413, "metadata")


async def test_a_long_file_is_never_in_memory(world):
    """50 MB are passed on while this process, the receiving service included, grows by less than 8 MB."""
    world.ingestion.keeping = False

    async def body():
        yield part("metadata", META.encode()) + b'--xyz\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
        for _ in range(200):
            yield b"\x00" * 256 * 1024
        yield b"\r\n--xyz--\r\n"

    tracemalloc.start()
    try:
        answer = await world.http.post("/v1/interactions", content=body(), headers={"Content-Type": "multipart/form-data; boundary=xyz"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 202, answer.text
    assert world.ingestion.received == 50 * 1024 * 1024
    assert world.ingestion.largest_chunk <= 1024 * 1024
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (multipart(part("metadata", META.encode())), 400, "audio"),
        (multipart(part("audio", b"x", filename="a.wav")), 400, "metadata"),
        (multipart(), 400, "metadata"),
        (multipart(part("metadata", b'{"industry": 5}'), part("audio", b"x", filename="a")), 400, "metadata.industry"),
        (multipart(part("metadata", b'{"industry": '), part("audio", b"x", filename="a")), 400, "metadata"),
        (multipart(part("metadata", b'{"colour": "red"}'), part("audio", b"x", filename="a")), 400, "metadata.colour"),
        (multipart(part("metadata", META.encode()), part("metadata", META.encode())), 400, "metadata"),
        (multipart(part("metadata", META.encode()), part("audio", b"x"), part("audio", b"y")), 400, "audio"),
        (multipart(part("metadata", META.encode()), part("audio", b"x"), part("extra", b"y")), 400, "extra"),
        (multipart(part("metadata", META.encode()), part("audio", b"x" * 9000), end=b""), 400, "audio"),
        (multipart(part("metadata", b" " * 70_000), part("audio", b"x")), 413, "metadata"),
        (multipart(part("metadata", b'{"industry": "unheard-of"}'), part("audio", b"x" * 900_000)), 400, "metadata.industry"),
        ({"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=xyz"}}, 400, "body"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "body"),
    ],
)
async def test_a_wrong_form_names_its_part_and_stores_nothing(world, body, status, field):
    answer = await world.http.post("/v1/interactions", **body)
    assert answer.status_code == status, answer.text
    assert answer.json()["field"] == field, answer.text
    assert world.ingestion.uploads == 0 and not world.ingestion.interactions


async def test_a_file_over_the_limit_is_413_whether_it_says_so_or_not(make_world):
    async with make_world(audio_max_bytes=100_000) as world:
        whole = multipart(part("metadata", META.encode()), part("audio", b"x" * 1_300_000))
        answer = await world.http.post("/v1/interactions", **whole)
        assert (answer.status_code, answer.json()["field"]) == (413, "audio")
        answer = await world.http.post("/v1/interactions", **multipart(part("metadata", META.encode()), part("audio", b"x" * 200_000)))
        assert (answer.status_code, answer.json()["field"]) == (413, "audio")
        assert world.ingestion.uploads == 0


async def test_a_client_that_hangs_up_stores_nothing(world):
    _, writer = await asyncio.open_connection("127.0.0.1", world.edge.http_port)
    head = "POST /v1/interactions HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\nContent-Type: multipart/form-data; boundary=xyz\r\n"
    authorization = world.http.headers["authorization"]
    writer.write(f"{head}Authorization: {authorization}\r\n\r\n".encode() + part("metadata", META.encode()) + part("audio", b"x" * 300_000)[:-2])
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    await writer.wait_closed()
    assert (await world.http.get("/v1/caller")).status_code == 200
    await asyncio.sleep(0.2)
    assert world.ingestion.uploads == 0


async def test_a_chat_is_sent_as_json(world):
    chat = {"metadata": {"agent_id": "a1"}, "turns": [{"role": "customer", "text": "流量怎么没了"}, {"role": "agent", "text": "您好", "start_ms": 0}]}
    answer = await world.http.post("/v1/interactions", json=chat)
    assert answer.status_code == 202, answer.text
    assert answer.json()["medium"] == "chat"
