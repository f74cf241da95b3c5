import asyncio

import pytest
from client import AsyncMingjian, InteractionFailed, MingjianProblem


@pytest.fixture
async def mingjian(platform):
    async with AsyncMingjian(platform.url, platform.key) as made:
        yield made


async def test_a_recording_goes_up_is_waited_for_and_read(platform, mingjian, tmp_path):
    (tmp_path / "call.wav").write_bytes(bytes(600_000))
    told, statuses = [], []
    sent = await mingjian.upload(tmp_path / "call.wav", {"external_id": "e1"}, progress=lambda done, total: told.append(done))
    assert told[-1] == 600_000 and len(platform.uploaded["audio"]) == 600_000
    await mingjian.wait_until_scored(sent["interaction_id"], on_status=statuses.append)
    assert statuses == ["received", "transcribing", "scoring", "scored"]
    assert (await mingjian.evaluation("i1"))["score"] == 87.5
    assert await mingjian.save_audio("i1", tmp_path / "a.wav") == 256 * 4096
    assert await mingjian.save_audio("i1", tmp_path / "b.wav", redacted=True) == 256 * 2048


async def test_pages_are_gone_through(mingjian):
    assert [i["interaction_id"] async for i in mingjian.interactions(page_size=2)] == [f"i{n}" for n in range(7)]


async def test_refusals_and_failures_are_raised(platform, mingjian):
    with pytest.raises(MingjianProblem) as caught:
        await mingjian.interaction("missing")
    assert caught.value.field == "interaction_id"
    platform.statuses = ["failed"]
    with pytest.raises(InteractionFailed):
        await mingjian.wait_until_scored("i1")


async def test_an_upload_is_sent_again_whole(platform, mingjian):
    platform.fail["/v1/interactions"] = [platform.problem(503, "UNAVAILABLE", "away")]
    await mingjian.upload(b"sound", {"external_id": "e1"})
    assert platform.uploaded["audio"] == b"sound"


async def test_many_uploads_run_at_once(platform, mingjian):
    sent = await asyncio.gather(*(mingjian.upload(bytes(50_000), {}) for _ in range(8)))
    assert len(sent) == platform.asked["POST", "/v1/interactions"] == 8


async def test_events_go_on_after_a_break(platform, mingjian):
    platform.event_script = [[b'id: 1\nevent: A\ndata: {"n": 1}\n\nid: 2\nevent: A\nda'], [b'retry: 1\nid: 2\nevent: A\ndata: {"n": 2}\n\n']]
    seen = []
    async for event in mingjian.events(["A"]):
        seen.append((event.id, event.type, event.data))
        if len(seen) == 2:
            break
    assert seen == [("1", "A", {"n": 1}), ("2", "A", {"n": 2})]
    assert platform.event_connections == [("", "A"), ("1", "A")]
