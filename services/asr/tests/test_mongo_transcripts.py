from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from asr.adapters.mongo_transcripts import MongoTranscripts
from asr.adapters.wire import work_of
from asr.app import Work
from asr.domain.acoustics import Acoustics
from asr.domain.transcript import Model, Role, Transcript, Turn
from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.messaging import Events, ensure_stream, wrap
from chassis.mongo import Database, Outbox
from mingjian.asr.v1 import events_pb2
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion

TENANT = "t1"


@pytest.fixture
async def transcripts(db: Database, events: Events) -> MongoTranscripts:
    made = MongoTranscripts(db, events)
    await made.prepare()
    await ensure_stream(events, "asr")
    return made


@pytest.fixture
def work() -> Work:
    interaction = ingestion.Interaction(interaction_id=new_id(), tenant=TENANT, medium=ingestion.MEDIUM_CALL)
    interaction.metadata.agent_id = "A1001"
    return work_of(interaction, TENANT)


def transcript(work: Work) -> Transcript:
    spoken = Turn("t1", Role.AGENT, "您好", 480, 1500, 0.75, "zh", Acoustics(-20.0, -3.0, 220.0, 4.5))
    typed = Turn("t2", Role.CUSTOMER, "坏了", 1600, 2000, 1.0, "zh")
    return Transcript(work.interaction_id, (spoken, typed), Model("whisper-base", "v1"), "zh", 44_000, 1400, ("单声道",))


@pytest.fixture
async def announced(events: Events) -> AsyncIterator[list[events_pb2.TranscriptCompleted]]:
    """Every TranscriptCompleted of the tenant published during the test."""
    found: list[events_pb2.TranscriptCompleted] = []

    async def take(message: object) -> None:
        found.append(events_pb2.TranscriptCompleted.FromString(message.data))  # type: ignore[attr-defined]

    subscription = await events.nc.subscribe(f"mingjian.asr.v1.TranscriptCompleted.{TENANT}", cb=take)
    await events.nc.flush()
    yield found
    await subscription.unsubscribe()


async def stored_events(events: Events) -> int:
    info = await events.js.stream_info("asr")
    return int(info.state.messages)


async def test_what_is_stored_comes_back_as_it_was(transcripts: MongoTranscripts, work: Work) -> None:
    await transcripts.add(work, transcript(work))
    found = await transcripts.get(TENANT, work.interaction_id)
    assert found == transcript(work)


async def test_the_announcement_carries_the_interaction_and_no_word_of_it(
    transcripts: MongoTranscripts, events: Events, work: Work, announced: list[events_pb2.TranscriptCompleted]
) -> None:
    await transcripts.add(work, transcript(work))
    await events.nc.flush()
    (event,) = announced
    assert event.interaction.metadata.agent_id == "A1001"
    assert (event.turns, event.language, event.duration_ms, event.speech_ms) == (2, "zh", 44_000, 1400)
    assert event.asr.model == "whisper-base"
    assert "您好".encode() not in event.SerializeToString()


async def test_storing_twice_keeps_the_first_and_announces_once(transcripts: MongoTranscripts, events: Events, work: Work) -> None:
    await transcripts.add(work, transcript(work))
    await transcripts.add(work, replace(transcript(work), turns=()))
    assert len((await transcripts.get(TENANT, work.interaction_id)).turns) == 2
    assert await stored_events(events) == 1


async def test_an_announcement_a_crash_left_behind_is_made_when_the_work_comes_again(
    transcripts: MongoTranscripts, db: Database, events: Events, work: Work
) -> None:
    assert not await transcripts.announced(work)
    await transcripts.add(work, transcript(work))
    left = wrap(events_pb2.TranscriptCompleted(), tenant=TENANT, key="left")
    await db["transcripts"].update_one({"_id": work.interaction_id}, {"$set": Outbox.pending([left])})
    assert await transcripts.announced(work)
    assert await stored_events(events) == 2
    document = await db["transcripts"].find_one({"_id": work.interaction_id})
    assert document is not None and "outbox" not in document


async def test_another_tenants_transcript_is_not_found(transcripts: MongoTranscripts, work: Work) -> None:
    await transcripts.add(work, transcript(work))
    with pytest.raises(NotFound):
        await transcripts.get("t2", work.interaction_id)
    with pytest.raises(NotFound):
        await transcripts.get(TENANT, new_id())
