"""Events through chassis.messaging, with everything on, against nats-py used directly: same server, same events, same run.

Ours wraps each event (derived id, CloudEvents headers, trace), and consumes with a span, two histograms, an identity, parsing and
dead letters per event. Theirs serializes and sends with a Nats-Msg-Id, and fetches and acknowledges without reading what it got;
both consume the same messages.
"""

import asyncio
import gc
import sysconfig
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import nats
from chassis.lifecycle import Life
from chassis.messaging import Delivery, connected, consuming, subject_of, wrap
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction, InteractionMetadata
from mingjian.nlp.v1.events_pb2 import AlertRaised
from mingjian.nlp.v1.nlp_service_pb2 import Alert
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from rich.console import Console
from rich.table import Table

from devstack.processes import Died, Process, free_port, port_is_free

EVENTS = 20_000
PAYLOAD_BYTES = 512
ROUNDS = 5
TOGETHER = 256

Row = tuple[str, float, float, float]
Measure = Callable[[str, int], Awaitable[float]]


class _Nowhere(SpanExporter):
    """Takes spans as an exporter does and drops them: what the network costs is not measured, what making them costs is."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def run(console: Console) -> list[Row]:
    """Rounds of ours and theirs, one after the other; prints and returns (what, ours, theirs, ratio), in events per second."""
    with TemporaryDirectory(prefix="mingjian-bench-") as folder, _server(Path(folder)) as url:
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(_Nowhere()))
        trace.set_tracer_provider(provider)
        try:
            rows = asyncio.run(_measured(url, console))
        finally:
            provider.shutdown()
    table = Table(f"{EVENTS:,} events of {PAYLOAD_BYTES} B, medians of {ROUNDS}", "chassis.messaging, per second", "nats-py, per second", "ratio (aim 0.9)")
    for what, ours, theirs, ratio in rows:
        table.add_row(what, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ratio:.2f}")
    console.print(table)
    return rows


async def _measured(url: str, console: Console) -> list[Row]:
    async with connected(url, "nlp"):
        pass  # makes the stream
    pairs: list[tuple[str, Measure, Measure]] = [
        ("published: publish against publish_async", lambda _, n: _publish_ours(url, n), lambda _, n: _publish_theirs(url, n)),
        ("consumed: consuming against fetch(100) + ack", lambda name, _: _consume_ours(url, name), lambda name, _: _consume_theirs(url, name)),
    ]
    rows = []
    number = 0
    for what, ours, theirs in pairs:
        seen: tuple[list[float], list[float]] = ([], [])
        for n in range(ROUNDS + 1):
            with console.status(f"{what}: round {n} of {ROUNDS}"):
                for side, measure in zip(seen, (ours, theirs), strict=True):
                    number += 1
                    rate = await measure(f"bench{number}", number)
                    if n:  # the first round warms up
                        side.append(rate)
        rows.append((what, median(seen[0]), median(seen[1]), median(seen[0]) / median(seen[1])))
    return rows


def _event(n: int) -> AlertRaised:
    interaction = Interaction(interaction_id=f"{n:036d}", tenant="bench", metadata=InteractionMetadata(agent_id="A1001", team_id="T1", product="宽带"))
    event = AlertRaised(interaction=interaction, alert=Alert(alert_id=f"{n:036d}", kind="long_silence", at_ms=n, turn_id="t1"))
    event.alert.text = "x" * (PAYLOAD_BYTES - event.ByteSize() - 3)
    return event


async def _publish_ours(url: str, round_: int) -> float:
    events = [_event(n) for n in range(EVENTS)]
    async with connected(url, "bench") as connection:

        async def send(part: Sequence[AlertRaised]) -> None:
            await connection.publish(*(wrap(e, tenant="bench", key=f"{round_}-{e.alert.alert_id}") for e in part))

        with _collected():
            began = time.perf_counter()
            await asyncio.gather(*(send(events[n : n + TOGETHER]) for n in range(0, EVENTS, TOGETHER)))
            return EVENTS / (time.perf_counter() - began)


async def _publish_theirs(url: str, round_: int) -> float:
    events = [_event(n) for n in range(EVENTS)]
    subject = subject_of(AlertRaised, "bench")
    nc = await nats.connect(url)
    js = nc.jetstream()
    with _collected():
        began = time.perf_counter()
        acks = [await js.publish_async(subject, e.SerializeToString(), headers={"Nats-Msg-Id": f"{round_}-{e.alert.alert_id}"}) for e in events]
        await asyncio.gather(*acks)
        rate = EVENTS / (time.perf_counter() - began)
    await nc.close()
    return rate


async def _consume_ours(url: str, name: str) -> float:
    seen = 0
    done = asyncio.Event()

    async def handle(delivery: Delivery[AlertRaised]) -> None:
        nonlocal seen
        seen += 1
        if seen == EVENTS:
            done.set()

    async with connected(url, name) as connection:
        with _collected():
            began = time.perf_counter()
            async with consuming(connection, Life(), name, AlertRaised, handle):
                await done.wait()
                rate = EVENTS / (time.perf_counter() - began)
        return rate


async def _consume_theirs(url: str, name: str) -> float:
    nc = await nats.connect(url)
    js = nc.jetstream()
    seen = 0
    with _collected():
        began = time.perf_counter()
        subscription = await js.pull_subscribe(
            subject_of(AlertRaised), durable=name, stream="nlp", config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.ALL),
        )
        while seen < EVENTS:
            for message in await subscription.fetch(100, timeout=5):
                await message.ack()
                seen += 1
        rate = EVENTS / (time.perf_counter() - began)
    await nc.close()
    return rate


@contextmanager
def _collected() -> Iterator[None]:
    """What earlier rounds left is collected before, not during, the measurement."""
    gc.collect()
    yield


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """A nats-server of its own, on a free port."""
    port = free_port()
    server = Process(
        "nats-server", [Path(sysconfig.get_path("scripts")) / "nats-server", "-js", "-sd", folder / "js", "-a", "127.0.0.1", "-p", str(port)],
        {}, folder / "nats.log",
    )
    server.start()
    while port_is_free(port):
        if not server.alive:
            raise Died(server.log.read_text())
        time.sleep(0.01)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.kill()
