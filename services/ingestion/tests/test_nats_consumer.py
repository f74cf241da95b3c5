from contextlib import AsyncExitStack

import pytest
from chassis.lifecycle import Life
from chassis.messaging import ensure_stream, wrap
from google.protobuf.timestamp_pb2 import Timestamp
from ingestion.adapters.mongo_interactions import MongoInteractions
from ingestion.adapters.nats_consumer import follow
from ingestion.adapters.protobuf_interactions import to_wire
from ingestion.domain.interaction import Status
from mingjian.asr.v1.events_pb2 import TranscriptCompleted, TranscriptionFailed, TranscriptionStarted
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import InteractionScored, ScoringFailed
from testkit.waiting import eventually

EVALUATION = nlp.Evaluation(
    evaluation_id="e1", score=72.5, fatal=True, ticket_type="投诉", urgency=nlp.URGENCY_HIGH, customer_emotion="angry",
    alerts=[nlp.Alert(alert_id="x")], scored_at=Timestamp(seconds=1_790_000_000, nanos=123_456_789),
)


@pytest.fixture
async def following(db, events, made):
    store = MongoInteractions(db, events)
    await store.prepare()
    await ensure_stream(events, "ingestion")
    await store.add(made)
    async with AsyncExitStack() as up:
        await follow(up, events, Life(), store, concurrency=4)
        yield store


async def becomes(store, made, status):
    async def reached():
        found = await store.find("t1", made.interaction_id)
        return found if found.status == status else None

    return await eventually(reached)


async def send(events, event, key="1"):
    await events.publish(wrap(event, tenant="t1", key=key))


async def test_an_interaction_goes_from_received_to_scored_as_events_tell(following, events, made):
    wire = to_wire(made)
    await send(events, TranscriptionStarted(interaction_id=made.interaction_id))
    await becomes(following, made, Status.TRANSCRIBING)
    await send(events, TranscriptCompleted(interaction=wire, turns=3))
    await becomes(following, made, Status.SCORING)
    for key in ("1", "2"):  # the same twice
        await send(events, InteractionScored(interaction=wire, evaluation=EVALUATION), key)
    found = await becomes(following, made, Status.SCORED)
    told = found.outcome
    assert (told.score, told.fatal, told.ticket_type, told.urgency, told.customer_emotion, told.alerts) == (72.5, True, "投诉", "high", "angry", 1)
    assert to_wire(found).outcome.score == 72.5


@pytest.mark.parametrize("event", [TranscriptionFailed, ScoringFailed])
async def test_a_failure_keeps_its_reason(following, events, made, event):
    await send(events, event(interaction=to_wire(made), reason="录音中没有可识别的语音"))
    assert (await becomes(following, made, Status.FAILED)).reason == "录音中没有可识别的语音"


async def test_events_that_overtake_each_other_end_scored(following, events, made):
    wire = to_wire(made)
    await send(events, InteractionScored(interaction=wire, evaluation=EVALUATION))
    await becomes(following, made, Status.SCORED)
    await send(events, ScoringFailed(interaction=wire, reason="late"))
    await send(events, TranscriptCompleted(interaction=wire))
    await send(events, TranscriptionStarted(interaction_id=made.interaction_id))

    async def handled():
        infos = [await events.js.consumer_info(stream, f"ingestion-{kind.DESCRIPTOR.full_name.replace('.', '-')}") for stream, kind in (
            ("nlp", ScoringFailed), ("asr", TranscriptCompleted), ("asr", TranscriptionStarted))]
        return all(not i.num_pending and not i.num_ack_pending for i in infos)

    await eventually(handled)
    assert (await following.find("t1", made.interaction_id)).status == Status.SCORED


@pytest.fixture
def made():
    from datetime import UTC, datetime

    from ingestion.domain.interaction import Interaction, Medium
    from ingestion.domain.metadata import Direction, Metadata, Role

    at = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    metadata = Metadata("t1", "hotline", Direction.INBOUND, started_at=at, left=Role.AGENT, right=Role.CUSTOMER)
    return Interaction("i1", metadata, Medium.CHAT, at, at, "content")
