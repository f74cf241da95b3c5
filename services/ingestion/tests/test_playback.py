import asyncio
import hashlib
import io
from contextlib import AsyncExitStack

import av
import grpc
import numpy as np
import pytest
from chassis.identity import Identity
from chassis.lifecycle import Life
from chassis.messaging import wrap
from google.protobuf.timestamp_pb2 import Timestamp
from ingestion.adapters.nats_consumer import follow
from ingestion.domain.interaction import Status
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import InteractionScored
from testkit.waiting import eventually

LISTENER = Identity("t1", "key:supervisor", frozenset({"interactions:read", "audio:read"}))
PRIVY = Identity("t1", "key:privy", frozenset({"interactions:read", "audio:read", "pii:read"}))
HIDDEN = nlp.Redaction(turn_id="t1", role=pb.ROLE_CUSTOMER, kind="mobile", char_from=4, char_to=15, start_ms=1000, end_ms=2000)


async def upload(stub, content):
    parts = (
        pb.UploadInteractionRequest(metadata=pb.InteractionMetadata(agent_id="a1")), pb.UploadInteractionRequest(chunk=content),
        pb.UploadInteractionRequest(size_bytes=len(content)),
    )
    return (await stub.UploadInteraction(iter(parts))).interaction


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name


def samples(content: bytes) -> np.ndarray:
    with av.open(io.BytesIO(content)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)])


async def heard(stub, made, *, redacted=False):
    parts = [part async for part in stub.DownloadAudio(pb.DownloadAudioRequest(interaction_id=made.interaction_id, redacted=redacted))]
    assert not any(part.HasField("file") for part in parts[1:])
    return parts[0].file, b"".join(part.chunk for part in parts)


async def score(platform, events, made, *redactions, at=1):
    """As nlp tells it."""
    evaluation = nlp.Evaluation(evaluation_id="e1", score=90, scored_at=Timestamp(seconds=1_790_000_000 + at), redactions=redactions)
    async with AsyncExitStack() as up:
        await follow(up, events, Life(), platform.interactions, concurrency=4)
        await events.publish(wrap(InteractionScored(interaction=made, evaluation=evaluation), tenant="t1", key=f"{made.interaction_id}{at}"))

        async def stands():
            found = await platform.interactions.find("t1", made.interaction_id)
            return found.status == Status.SCORED and found.outcome.scored_at.timestamp() == 1_790_000_000 + at

        await eventually(stands)


async def test_who_may_not_read_pii_hears_the_redacted_copy(platform, events, recorded, db):
    content = recorded(seconds=3)
    async with platform.stub() as stub:
        made = await upload(stub, content)
    await score(platform, events, made, HIDDEN)
    async with platform.stub(LISTENER) as stub:
        file, copy = await heard(stub, made)
        assert await heard(stub, made, redacted=True) == (file, copy)
    before, after = samples(content), samples(copy)
    assert not after[8000:16000, 1].any() and before[8000:16000, 1].any()
    assert (after[:8000] == before[:8000]).all() and (after[16000:] == before[16000:]).all() and (after[:, 0] == before[:, 0]).all()
    assert (file.size_bytes, file.container, file.redacted) == (len(copy), "wav", True)
    assert file.tag != hashlib.sha256(content).hexdigest()
    assert await db.uploads.count_documents({}) == 0


async def test_who_may_read_pii_hears_the_recording_or_asks_for_the_copy(platform, events, recorded):
    content = recorded(seconds=3)
    async with platform.stub() as stub:
        made = await upload(stub, content)
    await score(platform, events, made, HIDDEN)
    async with platform.stub(PRIVY) as stub:
        file, original = await heard(stub, made)
        assert (original, file.tag, file.redacted) == (content, hashlib.sha256(content).hexdigest(), False)
        assert (await heard(stub, made, redacted=True))[0].redacted


async def test_there_is_no_copy_before_the_interaction_is_scored(platform, recorded):
    async with platform.stub() as stub:
        made = await upload(stub, recorded())
    for identity, redacted in ((LISTENER, False), (LISTENER, True), (PRIVY, True)):
        async with platform.stub(identity) as stub:
            asked = pb.DownloadAudioRequest(interaction_id=made.interaction_id, redacted=redacted)
            assert await refused(anext(aiter(stub.DownloadAudio(asked)))) == "FAILED_PRECONDITION"
    assert len(platform.files()) == 1


async def test_a_copy_is_made_once_and_anew_when_other_spans_are_told(platform, events, recorded):
    async with platform.stub() as stub:
        made = await upload(stub, recorded(seconds=3))
    await score(platform, events, made, HIDDEN)
    async with platform.stub(LISTENER) as stub:
        first, again = await asyncio.gather(heard(stub, made), heard(stub, made))
        assert first == again
        assert len(platform.files()) == 2
        await score(platform, events, made, at=2)
        file, copy = await heard(stub, made)
    assert file.tag != first[0].tag
    assert samples(copy)[8000:16000, 1].any()


@pytest.mark.parametrize("identity", [Identity("t2", "key:1", LISTENER.permissions), Identity("t1", "key:2", LISTENER.permissions, agent_id="a9")])
async def test_a_copy_is_for_the_same_callers_as_its_recording(platform, events, recorded, identity):
    async with platform.stub() as stub:
        made = await upload(stub, recorded())
    await score(platform, events, made)
    async with platform.stub(identity) as stub:
        asked = pb.DownloadAudioRequest(interaction_id=made.interaction_id, redacted=True)
        assert await refused(anext(aiter(stub.DownloadAudio(asked)))) == "NOT_FOUND"
