import hashlib

import pytest
from chassis.ids import new_id
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion

AUDIO = bytes(range(256)) * 40  # 10,240 bytes, in chunks of 1,000
ORIGINAL = AUDIO[::-1] * 2


@pytest.fixture
def recording(world):
    made = ingestion.Interaction(interaction_id=new_id(), tenant="t1", metadata=ingestion.InteractionMetadata(agent_id="a1"))
    found = world.ingestion.put(made, ORIGINAL).interaction_id
    world.ingestion.copies[found] = AUDIO  # what the key of these tests hears, which may not read personal information
    return found


async def test_the_whole_recording(world, recording):
    answer = await world.http.get(f"/v1/interactions/{recording}/audio")
    assert answer.status_code == 200
    assert answer.content == AUDIO
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == "10240"
    assert answer.headers["etag"] == f'"{hashlib.sha256(AUDIO).hexdigest()}"'


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=999-2001", 999, 2001), ("bytes=10000-", 10000, 10239), ("bytes=-5", 10235, 10239)],
)
async def test_a_range_as_browsers_ask_for_it(world, recording, asked, first, last):
    answer = await world.http.get(f"/v1/interactions/{recording}/audio", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == AUDIO[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/10240"


async def test_a_range_of_another_file_gets_the_whole_one(world, recording):
    answer = await world.http.get(f"/v1/interactions/{recording}/audio", headers={"Range": "bytes=5-9", "If-Range": '"older"'})
    assert (answer.status_code, answer.content) == (200, AUDIO)


async def test_a_range_behind_the_end_is_416(world, recording):
    answer = await world.http.get(f"/v1/interactions/{recording}/audio", headers={"Range": "bytes=20000-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10240")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_may_read_pii_hears_the_recording_and_the_copy_on_request(world, recording):
    privy = await world.key("inspector", extra=["pii:read"])
    for query, content, media_type, redacted in (({}, ORIGINAL, "audio/mpeg", "false"), ({"redacted": "true"}, AUDIO, "audio/wav", "true")):
        answer = await world.http.get(f"/v1/interactions/{recording}/audio", headers=privy, params=query)
        assert (answer.content, answer.headers["content-type"], answer.headers["x-redacted"]) == (content, media_type, redacted)
        assert answer.headers["content-length"] == str(len(content))
        assert answer.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    part = await world.http.get(f"/v1/interactions/{recording}/audio", headers=privy | {"Range": "bytes=20000-"})
    assert (part.status_code, part.content) == (206, ORIGINAL[20000:])


async def test_there_is_no_copy_before_the_interaction_is_scored(world, recording):
    del world.ingestion.copies[recording]
    answer = await world.http.get(f"/v1/interactions/{recording}/audio")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["grpc_status"] == "FAILED_PRECONDITION"


async def test_redacted_is_true_or_false(world, recording):
    answer = await world.http.get(f"/v1/interactions/{recording}/audio", params={"redacted": "yes"})
    assert answer.status_code == 400 and "redacted" in answer.text


async def test_head_tells_the_size(world, recording):
    answer = await world.http.head(f"/v1/interactions/{recording}/audio")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "10240", b"")


async def test_a_chat_has_no_recording(world):
    chat = world.ingestion.put(ingestion.Interaction(interaction_id=new_id(), tenant="t1"))
    assert (await world.http.get(f"/v1/interactions/{chat.interaction_id}/audio")).status_code == 404


async def test_recordings_need_their_own_right(world, recording):
    for role, extra, status in (("viewer", [], 403), ("integrator", [], 403), ("inspector", [], 200), ("viewer", ["audio:read"], 200)):
        key = await world.key(role, extra=extra)
        assert (await world.http.get(f"/v1/interactions/{recording}/audio", headers=key)).status_code == status, role


async def test_an_agent_hears_its_own_calls_alone(world, recording):
    own, other = await world.key("agent", ["audio:read"], "a1"), await world.key("agent", ["audio:read"], "a2")
    assert (await world.http.get(f"/v1/interactions/{recording}/audio", headers=own)).status_code == 200
    assert (await world.http.get(f"/v1/interactions/{recording}/audio", headers=other)).status_code == 404


async def test_every_read_is_in_the_audit_log_before_its_first_byte(world, recording):
    await world.http.get(f"/v1/interactions/{recording}/audio")
    await world.http.get(f"/v1/interactions/{recording}/audio", headers={"Range": "bytes=0-9"})
    log = (await world.http.get("/v1/audit", params={"object_id": recording})).json()["entries"]
    assert [(e["action"], e["status"]) for e in log] == [("mingjian.ingestion.v1.IngestionService/DownloadAudio", "OK")] * 2

    async def broken(entry):
        raise ConnectionError("the database is away")

    world.edge.audit.store.add = broken
    answer = await world.http.get(f"/v1/interactions/{recording}/audio")
    assert answer.status_code == 503 and AUDIO[:100] not in answer.content
