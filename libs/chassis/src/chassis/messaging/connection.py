"""One connection to NATS and pipelined publishing over it."""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import nats.errors
import nats.js.errors
import orjson
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from opentelemetry.trace import SpanKind

from chassis.errors import Unavailable
from chassis.messaging.client import FastClient, header_block
from chassis.messaging.envelope import Envelope
from chassis.telemetry import PUBLISHED, tracer

log = logging.getLogger(__name__)

DEDUPLICATION_S = 3600.0
KEPT_S = 7 * 86400.0
# Reserved by JetStream when the stream is made; an operator may enlarge it there, and that stands.
STREAM_BYTES = 1024**3
DEAD_LETTERS = "deadletter"
# Acks awaited at once: enough to fill the pipe, few enough to bound memory.
_IN_FLIGHT = 4096
_ACK_TIMEOUT_S = 10.0


class Events:
    """Publishes envelopes; a publish returns when JetStream has stored every one of them."""

    def __init__(self, nc: FastClient) -> None:
        self.nc = nc
        self.js = nc.jetstream()
        self._inbox = nc.new_inbox()
        self._tokens = itertools.count()
        self._waiting: dict[str, _Unconfirmed] = {}
        self._free = asyncio.Semaphore(_IN_FLIGHT)

    async def start(self) -> None:
        self._subscription = await self.nc.subscribe(f"{self._inbox}.*", cb=self._acked)

    async def stop(self) -> None:
        """Leave NATS; a subscription left to `drain` can hold it up for its whole timeout, so it goes first."""
        if not self.nc.is_connected:
            await self.nc.close()
            return
        await self._subscription.unsubscribe()
        await self.nc.drain()

    async def publish(self, *envelopes: Envelope) -> None:
        """Store the events, in order. Raises Unavailable where JetStream did not confirm every one in time, or at once while it is away."""
        if not envelopes:
            return
        if not self.nc.is_connected:
            raise Unavailable("NATS is away")
        with tracer.start_as_current_span(f"publish {envelopes[0].headers['ce-type']}", kind=SpanKind.PRODUCER) as span:
            span.set_attribute("messaging.system", "nats")
            span.set_attribute("messaging.batch.message_count", len(envelopes))
            await self._publish(envelopes)
        for event_type, count in Counter([e.headers["ce-type"] for e in envelopes]).items():
            PUBLISHED.labels(event_type).inc(count)

    async def _publish(self, envelopes: Sequence[Envelope]) -> None:
        # One reply subject for all: JetStream answers each message once, so counting its answers is enough.
        token = str(next(self._tokens))
        reply = f"{self._inbox}.{token}"
        waiting = self._waiting[token] = _Unconfirmed(asyncio.get_running_loop().create_future(), len(envelopes))
        held = 0
        try:
            for envelope in envelopes:
                await self._free.acquire()
                held += 1
                await self.nc.send(envelope.subject, envelope.data, reply=reply, block=header_block(envelope.headers))
            async with asyncio.timeout(_ACK_TIMEOUT_S):
                await waiting.all_stored
        except (TimeoutError, nats.errors.Error) as e:
            raise Unavailable(f"events were not confirmed: {e or 'timed out'}") from e
        finally:
            del self._waiting[token]
            for _ in range(held - waiting.answers):
                self._free.release()
            if waiting.all_stored.done() and not waiting.all_stored.cancelled():
                waiting.all_stored.exception()  # seen, also where sending failed first

    async def _acked(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject.rpartition(".")[2])
        if waiting is None:
            return  # its publisher has given up waiting
        self._free.release()
        waiting.answers += 1
        if waiting.all_stored.done():
            return
        if message.headers and message.headers.get("Status") == "503":
            waiting.all_stored.set_exception(Unavailable("no stream takes this subject, or JetStream is away"))
        elif b'"error"' in message.data:
            error = orjson.loads(message.data)["error"]
            waiting.all_stored.set_exception(Unavailable(f"JetStream refused an event: {error.get('description', error)}"))
        elif waiting.answers == waiting.sent:
            waiting.all_stored.set_result(None)


@dataclass(slots=True)
class _Unconfirmed:
    """A publish under way: `answers` of `sent` have come."""

    all_stored: asyncio.Future[None]
    sent: int
    answers: int = 0


async def ensure_stream(events: Events, service: str) -> None:
    """Make a service's stream where it is missing; publisher and consumers may each come first."""
    await _ensure(events, StreamConfig(
        name=service, subjects=[f"mingjian.{service}.v1.>"], storage=StorageType.FILE, max_age=KEPT_S, max_bytes=STREAM_BYTES,
        discard=DiscardPolicy.OLD, duplicate_window=DEDUPLICATION_S,
    ))


async def ensure_dead_letters(events: Events) -> None:
    await _ensure(events, StreamConfig(
        name=DEAD_LETTERS, subjects=[f"mingjian.{DEAD_LETTERS}.>"], storage=StorageType.FILE, max_age=30 * 86400.0, max_bytes=STREAM_BYTES,
    ))


async def _ensure(events: Events, config: StreamConfig) -> None:
    try:
        await events.js.add_stream(config)
    except nats.js.errors.BadRequestError as e:
        if e.err_code != 10058:  # the name is in use with other settings: an operator's choice, which stands
            raise
        log.info("stream exists with its own settings", extra={"stream": config.name})


async def connect(url: str, name: str) -> FastClient:
    """A client that never gives up reconnecting."""
    async def troubled(error: Exception) -> None:
        log.warning("nats: %s", error)

    client = FastClient()
    await client.connect(
        url.split(","), name=name, error_cb=troubled, max_reconnect_attempts=-1, connect_timeout=5, allow_reconnect=True,
        reconnect_time_wait=0.5,  # type: ignore[arg-type]  # seconds to sleep, whatever its annotation says
        pending_size=16 * 1024 * 1024,
    )
    return client


@asynccontextmanager
async def connected(url: str, service: str, *, publishes: bool = True) -> AsyncIterator[Events]:
    """A service's connection, with its own stream (where it publishes) and the dead letters' in place."""
    events = Events(await connect(url, service))
    await events.start()
    try:
        if publishes:
            await ensure_stream(events, service)
        await ensure_dead_letters(events)
        yield events
    finally:
        await events.stop()
