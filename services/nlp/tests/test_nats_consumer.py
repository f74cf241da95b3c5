from contextlib import asynccontextmanager

import pytest
from chassis.lifecycle import Life
from chassis.messaging import consuming, wrap
from chassis.messaging.deadletters import dead_letters
from mingjian.asr.v1 import asr_service_pb2 as asr
from mingjian.asr.v1.events_pb2 import TranscriptCompleted
from mingjian.nlp.v1.events_pb2 import AlertRaised, InteractionScored, PromiseMade, ScoringFailed
from nlp.adapters.nats_consumer import OnGivenUp, OnTranscriptCompleted
from nlp_platform import interaction, transcript
from testkit.waiting import eventually


@asynccontextmanager
async def listening(platform, **options):
    handler, dead = OnTranscriptCompleted(platform.scoring), OnGivenUp(platform.scoring)
    async with consuming(platform.events, Life(), "nlp", TranscriptCompleted, handler, on_dead=dead, concurrency=4, **options):
        yield


async def announce(platform, interaction_id="i1", key=""):
    event = TranscriptCompleted(interaction=interaction(interaction_id), duration_ms=30_000)
    await platform.events.publish(wrap(event, tenant="t1", key=key or interaction_id))


async def published(events, kind):
    name = kind.DESCRIPTOR.full_name
    info = await events.js.stream_info("nlp", subjects_filter=f"{name}.*")
    found = []
    for subject in info.state.subjects or {}:
        for sequence in range(1, (info.state.last_seq or 0) + 1):
            message = await events.js.get_msg("nlp", sequence)
            if message.subject == subject:
                found.append(kind.FromString(message.data))
    return found


def one_of(platform, kind):
    async def reached():
        return await published(platform.events, kind)

    return eventually(reached)


async def test_a_transcript_becomes_one_evaluation_with_its_events(platform):
    platform.asr.transcripts["i1"] = transcript("i1")
    async with listening(platform):
        await announce(platform)
        scored = (await one_of(platform, InteractionScored))[0]
        raised = await one_of(platform, AlertRaised)
        promised = await one_of(platform, PromiseMade)
    evaluation = scored.evaluation
    assert (scored.interaction.interaction_id, scored.duration_ms) == ("i1", 30_000)
    assert (evaluation.ticket_type, evaluation.fatal, evaluation.score) == ("投诉", True, 0)
    assert (evaluation.scorecard.id, evaluation.scorecard.version, evaluation.engine.split("/")[0]) == ("telecom", "2.0.0", "mingjian-rules")
    assert all(item.explanation for item in evaluation.items)
    assert {alert.alert.kind for alert in raised} == {"negative_emotion", "forbidden_phrase", "complaint_keyword"}
    assert [p.promise.deadline_text for p in promised] == [""]
    told = scored.SerializeToString() + b"".join(a.SerializeToString() for a in raised)
    assert b"13812345678" not in told
    assert "张伟".encode() not in told


async def test_the_same_transcript_announced_twice_is_scored_once(platform):
    platform.asr.transcripts["i1"] = transcript("i1")
    async with listening(platform):
        await announce(platform, key="first")
        await one_of(platform, InteractionScored)
        await announce(platform, key="second")

        async def both_done():
            info = await platform.events.js.consumer_info("asr", "nlp-mingjian-asr-v1-TranscriptCompleted")
            return info.ack_floor.consumer_seq == 2

        await eventually(both_done)
    assert await platform.db.evaluations.count_documents({}) == 1
    assert len(await published(platform.events, InteractionScored)) == 1
    assert platform.asr.asked == 1


async def test_an_evaluation_whose_events_a_crash_kept_back_is_told_when_met_again(platform):
    platform.asr.transcripts["i1"] = transcript("i1")
    flush, platform.evaluations.outbox.flush = platform.evaluations.outbox.flush, _nothing
    await OnTranscriptCompleted(platform.scoring)(_delivery())
    assert await published(platform.events, InteractionScored) == []
    platform.evaluations.outbox.flush = flush
    await OnTranscriptCompleted(platform.scoring)(_delivery())
    assert len(await published(platform.events, InteractionScored)) == 1
    assert await platform.db.evaluations.count_documents({"outbox": {"$exists": True}}) == 0


async def test_asr_being_away_only_delays(platform):
    platform.asr.transcripts["i1"] = transcript("i1")
    platform.asr.down = 3
    async with listening(platform):
        await announce(platform)
        assert len(await one_of(platform, InteractionScored)) == 1
    assert await published(platform.events, ScoringFailed) == []


@pytest.mark.parametrize("lines", [[], ["c: ", "a: 　"]])
async def test_a_transcript_without_words_fails_with_a_reason(platform, lines):
    platform.asr.transcripts["i1"] = transcript("i1", *lines) if lines else asr.Transcript(interaction_id="i1")
    async with listening(platform):
        await announce(platform)
        failed = (await one_of(platform, ScoringFailed))[0]
    assert failed.interaction.interaction_id == "i1"
    assert "为空" in failed.reason
    assert await platform.db.evaluations.count_documents({}) == 0


async def test_a_transcript_that_is_never_there_fails_and_lies_with_the_dead_letters(platform):
    async with listening(platform, max_deliver=2):
        await announce(platform)
        assert (await one_of(platform, ScoringFailed))[0].interaction.interaction_id == "i1"

        async def laid():
            return [letter async for letter in dead_letters(platform.events)]

        assert len(await eventually(laid)) == 1


async def _nothing(*_):
    return None


def _delivery():
    from datetime import UTC, datetime

    from chassis.messaging import Delivery

    return Delivery(TranscriptCompleted(interaction=interaction("i1")), "t1", "e1", datetime.now(UTC), 1)
