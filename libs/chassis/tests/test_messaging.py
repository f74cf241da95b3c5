import asyncio
import os
import signal

import pytest
from chassis.errors import Unavailable
from chassis.lifecycle import Life
from chassis.messaging import connected, consuming, wrap
from chassis.messaging.deadletters import dead_letters, replay
from mingjian.asr.v1.events_pb2 import TranscriptionStarted
from testkit.processes import free_port, nats_server
from testkit.waiting import eventually


def started(n):
    return wrap(TranscriptionStarted(interaction_id=f"i{n}"), tenant="t1", key=f"i{n}")


async def count(events, stream):
    return (await events.js.stream_info(stream)).state.messages


async def test_an_event_is_handled_once_however_often_it_is_published(events):
    seen = []

    async def handle(delivery):
        seen.append((delivery.tenant, delivery.event.interaction_id))

    async with consuming(events, Life(), "test", TranscriptionStarted, handle):
        await events.publish(started(1), started(1))
        await events.publish(started(1))
        await events.publish(started(2))
        await eventually(lambda: asyncio.sleep(0, len(seen) >= 2))
        assert await count(events, "asr") == 2
    assert seen == [("t1", "i1"), ("t1", "i2")]


async def test_a_failed_event_is_delivered_again(events):
    numbers = []

    async def handle(delivery):
        numbers.append(delivery.number)
        if delivery.number < 3:
            raise ValueError("not yet")

    async with consuming(events, Life(), "test", TranscriptionStarted, handle):
        await events.publish(started(1))
        await eventually(lambda: asyncio.sleep(0, numbers == [1, 2, 3]))


async def test_a_dependency_that_is_away_is_waited_for_without_using_up_deliveries(events):
    tries = []

    async def handle(delivery):
        tries.append(delivery.number)
        if len(tries) < 4:
            raise Unavailable("away")

    async with consuming(events, Life(), "test", TranscriptionStarted, handle, max_deliver=2, ack_wait_s=1):
        await events.publish(started(1))
        await eventually(lambda: asyncio.sleep(0, len(tries) == 4))
    assert tries == [1, 1, 1, 1]


async def test_what_cannot_be_handled_is_laid_with_the_dead_letters_and_can_be_replayed(events):
    mended, seen, told = [], [], []

    async def handle(delivery):
        if not mended:
            raise ValueError("no")
        seen.append(delivery.event.interaction_id)

    async def on_dead(delivery):
        told.append(delivery.event.interaction_id)

    async with consuming(events, Life(), "test", TranscriptionStarted, handle, max_deliver=2, on_dead=on_dead):
        await events.publish(started(1))
        await eventually(lambda: asyncio.sleep(0, bool(told)))
        await eventually(lambda: count(events, "deadletter"))
        [letter] = [d async for d in dead_letters(events)]
        assert (letter.reason, letter.consumer) == ("ValueError: no", "test-mingjian-asr-v1-TranscriptionStarted")
        mended.append(True)
        await replay(events, letter)
        await eventually(lambda: asyncio.sleep(0, seen == ["i1"]))
        assert await count(events, "deadletter") == 0


async def test_a_message_that_is_no_event_is_laid_with_the_dead_letters(events):
    async def handle(delivery):
        raise AssertionError("never called")

    async with consuming(events, Life(), "test", TranscriptionStarted, handle):
        await events.js.publish("mingjian.asr.v1.TranscriptionStarted.t1", b"\xff\xff")
        await eventually(lambda: count(events, "deadletter"))


async def test_slow_work_is_not_delivered_a_second_time_while_it_runs(events):
    numbers = []

    async def handle(delivery):
        numbers.append(delivery.number)
        await asyncio.sleep(2.5)

    async with consuming(events, Life(), "test", TranscriptionStarted, handle, concurrency=2, ack_wait_s=1):
        await events.publish(started(1))
        await eventually(lambda: asyncio.sleep(0, numbers))
        await asyncio.sleep(2.5)
    assert numbers == [1]


async def test_many_events_arrive_all(events):
    seen = set()

    async def handle(delivery):
        seen.add(delivery.event.interaction_id)

    async with consuming(events, Life(), "test", TranscriptionStarted, handle):
        await events.publish(*(started(n) for n in range(5000)))
        await eventually(lambda: asyncio.sleep(0, len(seen) == 5000), within_s=30)


async def test_publishing_without_a_broker_says_so(tmp_path):
    with nats_server(tmp_path) as url:
        async with connected(url, "test") as events:
            await events.nc.close()
            with pytest.raises(Unavailable):
                await events.publish(started(1))


async def test_work_goes_on_at_once_after_the_broker_was_killed_and_came_back(tmp_path):
    seen = []

    async def handle(delivery):
        seen.append(delivery.event.interaction_id)

    port = free_port()
    server = nats_server(tmp_path, port=port)
    url = server.__enter__()
    async with connected(url, "asr") as events, consuming(events, Life(), "test", TranscriptionStarted, handle):
        await events.publish(started(1))
        await eventually(lambda: asyncio.sleep(0, seen == ["i1"]))
        [ports] = (tmp_path / "ports").glob("*.ports")
        os.kill(int(ports.stem.rpartition("_")[2]), signal.SIGKILL)  # it cannot end the open requests for messages any more
        server.__exit__(None, None, None)
        await eventually(lambda: asyncio.sleep(0, not events.nc.is_connected))
        with nats_server(tmp_path, port=port):
            await eventually(lambda: asyncio.sleep(0, events.nc.is_connected))
            await eventually(lambda: published(events, started(2)))
            await eventually(lambda: asyncio.sleep(0, seen == ["i1", "i2"]), within_s=5)


async def published(events, envelope):
    await events.publish(envelope)
    return True


async def test_the_trace_goes_along(events, spans):
    async def handle(delivery):
        pass

    async with consuming(events, Life(), "test", TranscriptionStarted, handle):
        from chassis.telemetry import tracer

        with tracer.start_as_current_span("upload") as upload:
            await events.publish(started(1))
        await eventually(lambda: asyncio.sleep(0, any(s.name.startswith("consume") for s in spans.get_finished_spans())))
    [consumed] = [s for s in spans.get_finished_spans() if s.name == "consume mingjian.asr.v1.TranscriptionStarted"]
    assert consumed.context.trace_id == upload.get_span_context().trace_id
