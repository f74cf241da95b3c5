"""nlp killed while calls run, with the real servers beside it and an asr that knows the turns so far."""

import asyncio
from collections import Counter

from chassis.grpc_client import channel
from chassis.identity import service_identity
from chassis.messaging import ensure_stream
from grpc_health.v1 import health_pb2_grpc
from mingjian.nlp.v1.events_pb2 import AlertRaised, HintSuggested
from nlp_live import end_event, running, turn_events
from test_main import outside  # noqa: F401 - a fixture
from test_nats_consumer import published
from testkit.waiting import eventually

ALERTS = {"complaint_keyword", "negative_emotion", "forbidden_phrase"}
CALLS = 60


async def up(process):
    child = process.start()
    async with channel(f"127.0.0.1:{process.port}", identity=lambda: service_identity("test", "t1"), retry=False) as made:
        await process.answering(child, health_pb2_grpc.HealthStub(made))
    return child


async def kill(child):
    child.kill()
    await asyncio.to_thread(child.wait)


async def test_killed_in_the_middle_of_a_call_it_goes_on_with_the_next_turn_and_tells_everything_once(outside):  # noqa: F811
    process, asr_service, events, peeking = outside
    await ensure_stream(events, "ingestion")
    call = running("i1")
    turns = turn_events(call)
    child = await up(process)
    try:
        asr_service.transcripts["i1"] = running("i1", up_to=3)
        for event in turns[:3]:
            await events.publish(event)

        async def first_alerts():
            return {event.alert.kind for event in await published(events, AlertRaised)} == {"forbidden_phrase"}

        await eventually(first_alerts)
        async with peeking() as db:
            await eventually(lambda: db.alerts.count_documents({}))
            await kill(child)
            child = await up(process)
            asr_service.transcripts["i1"] = call
            for event in turns[3:]:
                await events.publish(event)
            await events.publish(end_event(call))
            outcome = await eventually(lambda: db.live_evaluations.find_one({}), within_s=30)
        assert (outcome["turns"], set(outcome["alerts"])) == (6, ALERTS)
        assert sorted(event.alert.kind for event in await published(events, AlertRaised)) == sorted(ALERTS)
        hints = Counter((event.hint.kind, event.hint.turn_id) for event in await published(events, HintSuggested))
        assert set(hints.values()) == {1}
        await process.stop(child)
    finally:
        await kill(child)


async def test_killed_among_many_calls_it_loses_no_alert_and_tells_none_twice(outside):  # noqa: F811
    process, asr_service, events, peeking = outside
    await ensure_stream(events, "ingestion")
    calls = [running(f"i{n}") for n in range(CALLS)]
    for call in calls:
        asr_service.transcripts[call.interaction_id] = call
    rows = [turn_events(call) for call in calls]
    for number in range(len(rows[0])):
        await events.publish(*(row[number] for row in rows))
    child = process.start()
    try:
        async with peeking() as db:

            async def some():
                return await db.alerts.count_documents({}) >= 5

            await eventually(some, within_s=60, every_s=0.001)
            await kill(child)
            assert await db.alerts.count_documents({}) < 3 * CALLS
            child = await up(process)
            await events.publish(*(end_event(call) for call in calls))

            async def all_ended():
                return await db.live_evaluations.count_documents({}) == CALLS

            await eventually(all_ended, within_s=60)
            assert await db.alerts.count_documents({}) == 3 * CALLS
        told = Counter(event.alert.alert_id for event in await published(events, AlertRaised))
        assert (len(told), set(told.values())) == (3 * CALLS, {1})
        await process.stop(child)
    finally:
        await kill(child)
