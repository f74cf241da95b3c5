"""One durable consumer per service and event: handled, acknowledged, retried, or laid with the dead letters."""

import asyncio
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import nats.errors
import orjson
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry import context as tracing
from opentelemetry.trace import Span, StatusCode, set_span_in_context

from chassis.identity import Identity, acting_as, service_identity
from chassis.lifecycle import Life, cancelled
from chassis.messaging.connection import DEAD_LETTERS, Events, ensure_stream
from chassis.messaging.envelope import stream_of, subject_of, type_of
from chassis.messaging.spans import EventSpans
from chassis.telemetry import EVENT_AGE, EVENT_SECONDS
from chassis.transient import is_transient

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Message)
_PULL_EXPIRES_S = 30.0
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Delivery(Generic[E]):
    """An event as it arrived. `number` counts deliveries of this message from 1."""

    event: E
    tenant: str
    id: str
    at: datetime
    number: int


Handler = Callable[[Delivery[E]], Coroutine[Any, Any, None]]


@asynccontextmanager
async def consuming(
    events: Events, life: Life, service: str, event: type[E], handler: Handler[E], *,
    concurrency: int = 16, max_deliver: int = 5, ack_wait_s: float = 10.0, on_dead: Handler[E] | None = None,
) -> AsyncIterator[None]:
    """Hand every event of the type to `handler`, at least once each, while the block runs.

    Returning acknowledges. A failure that passes by itself (`is_transient`) is retried in place for as long as it lasts; any
    other is delivered again with growing pauses and after `max_deliver` deliveries goes to the dead letters, after `on_dead`
    (which may publish that the work has failed). A message a worker died with counts as delivered. `concurrency` bounds the
    messages held at once; each is kept alive at the server while it waits or is worked on.
    """
    await ensure_stream(events, stream_of(type_of(event)))
    consumer = _Consumer(events, service, event, handler, concurrency, max_deliver, ack_wait_s, on_dead)
    await consumer.bind()
    tasks = [life.spawn(consumer.work(), f"{consumer.durable}-{n}") for n in range(concurrency)]
    tasks.append(life.spawn(consumer.keep_alive(), f"{consumer.durable}-alive"))
    tasks.append(life.spawn(consumer.pull_forever(), f"{consumer.durable}-pull"))
    try:
        yield
    finally:
        await consumer.leave()
        for task in tasks:
            await cancelled(task)


class _Consumer(Generic[E]):
    """Pulls in batches by callback and asks for more at half, so that the workers never wait for a round trip."""

    def __init__(
        self, events: Events, service: str, event: type[E], handler: Handler[E], concurrency: int, max_deliver: int, ack_wait_s: float,
        on_dead: Handler[E] | None,
    ) -> None:
        self._events, self._event, self._handler, self._on_dead = events, event, handler, on_dead
        self._service, self._type = service, type_of(event)
        self._stream = stream_of(self._type)
        self.durable = f"{service}-{self._type.replace('.', '-')}"
        self._max_deliver, self._ack_wait_s = max_deliver, ack_wait_s
        # A fast handler is served from a buffer; a slow one holds only what its workers can take at once.
        self._batch = concurrency if concurrency < 8 else concurrency * 8
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._held: dict[str, Msg] = {}
        self._wanted = 0
        self._pulled_at = 0.0
        self._pulled_over = 0  # which of this client's connections carried the open request
        self._refill = asyncio.Event()
        self._inbox = events.nc.new_inbox()
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self.durable}"
        self._seconds = {o: EVENT_SECONDS.labels(self.durable, o) for o in ("done", "failed", "dead")}
        self._age = EVENT_AGE.labels(self.durable)
        self._spans = EventSpans(f"consume {self._type}", {"messaging.system": "nats", "messaging.consumer.name": self.durable})

    async def bind(self) -> None:
        await self._events.js.add_consumer(self._stream, ConsumerConfig(
            durable_name=self.durable, filter_subject=subject_of(self._event), ack_policy=AckPolicy.EXPLICIT, ack_wait=self._ack_wait_s,
            max_deliver=-1, deliver_policy=DeliverPolicy.ALL, max_ack_pending=self._batch * 64,
        ))
        self._subscription = await self._events.nc.subscribe(self._inbox, cb=self._arrived)

    async def leave(self) -> None:
        """Stop taking; what is held and not yet begun goes back at once, what is being done gets to its end or is redelivered."""
        await self._subscription.unsubscribe()
        while not self._queue.empty():
            message = self._queue.get_nowait()
            self._held.pop(message.reply, None)
            if self._events.nc.is_connected:
                await message.nak()
        async with asyncio.timeout(self._ack_wait_s):
            while self._held and self._events.nc.is_connected:
                await asyncio.sleep(0.01)

    async def pull_forever(self) -> None:
        nc = self._events.nc
        while True:
            gone = nc.stats["reconnects"] != self._pulled_over or time.monotonic() - self._pulled_at > _PULL_EXPIRES_S + 1
            if gone:
                self._wanted = 0  # the request has ended with its connection or by its own expiry
            held = len(self._held)
            if nc.is_connected and self._wanted + held <= self._batch // 2 and (more := self._batch - self._wanted - held) > 0:
                self._wanted += more
                self._pulled_at = time.monotonic()
                self._pulled_over = nc.stats["reconnects"]
                request = orjson.dumps({"batch": more, "expires": int(_PULL_EXPIRES_S * 1e9)})
                await nc.publish(self._next, request, reply=self._inbox)
            self._refill.clear()
            try:
                async with asyncio.timeout(1.0):
                    await self._refill.wait()
            except TimeoutError:
                pass

    async def _arrived(self, message: Msg) -> None:
        if message.headers and "Status" in message.headers and not message.reply:
            # 404 none, 408 expired, 409 consumer gone or over a limit: the open request has ended
            pending = message.headers.get("Nats-Pending-Messages")
            self._wanted = max(0, self._wanted - int(pending)) if pending else 0
            self._refill.set()
            return
        self._wanted = max(0, self._wanted - 1)
        self._held[message.reply] = message
        self._queue.put_nowait(message)
        if self._wanted + len(self._held) <= self._batch // 2:
            self._refill.set()

    async def keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._ack_wait_s / 3)
            for message in list(self._held.values()):
                if self._events.nc.is_connected:
                    await message.in_progress()

    async def work(self) -> None:
        while True:
            message = await self._queue.get()
            try:
                await self._settle(message)
            except (nats.errors.Error, ConnectionError):
                log.warning("could not settle a message; it will be delivered again", extra={"consumer": self.durable})
            finally:
                self._held.pop(message.reply, None)
                if self._wanted + len(self._held) <= self._batch // 2:
                    self._refill.set()

    async def _settle(self, message: Msg) -> None:
        headers = message.headers or {}
        if headers.get("mingjian-for", self.durable) != self.durable:
            await self._ack(message)  # a replayed dead letter of another consumer
            return
        began = time.perf_counter()
        number, stored_at = _delivered(message.reply)
        self._age.observe(max(0.0, time.time() - stored_at))
        span = self._spans.begin(headers)
        token = tracing.attach(set_span_in_context(span))
        try:
            outcome = await self._judge(message, headers, number)
            if outcome != "done":
                span.set_status(StatusCode.ERROR)
        except Exception as e:
            _failed(span, e)
            raise
        finally:
            tracing.detach(token)
            span.end()
        self._seconds[outcome].observe(time.perf_counter() - began)

    async def _judge(self, message: Msg, headers: dict[str, str], number: int) -> str:
        try:
            event = self._event.FromString(message.data)
        except DecodeError as e:
            await self._bury(message, None, e)
            return "dead"
        delivery = Delivery(event, message.subject.rpartition(".")[2], headers.get("ce-id", ""), _time_of(headers), number)
        if number > self._max_deliver:
            await self._bury(message, delivery, RuntimeError("a worker died with it each time"))
            return "dead"
        return await self._handle(message, delivery)

    async def _ack(self, message: Msg) -> None:
        await self._events.nc.send(message.reply)

    async def _handle(self, message: Msg, delivery: Delivery[E]) -> str:
        pause = 0.2
        while True:
            try:
                with acting_as(_identity(self._service, delivery.tenant)):
                    await self._handler(delivery)
            except Exception as failure:
                if is_transient(failure):
                    log.warning("waiting for a dependency: %s", type(failure).__name__, extra={"consumer": self.durable, "pause_s": pause})
                    await asyncio.sleep(pause)
                    pause = min(_LONGEST_PAUSE_S, pause * 2)
                    continue
                log.exception("handler failed", extra={"consumer": self.durable, "event_id": delivery.id, "delivery": delivery.number})
                if delivery.number >= self._max_deliver:
                    await self._bury(message, delivery, failure)
                    return "dead"
                await message.nak(delay=min(_LONGEST_PAUSE_S, 0.5 * 2 ** (delivery.number - 1)))
                return "failed"
            await self._ack(message)
            return "done"

    async def _bury(self, message: Msg, delivery: Delivery[E] | None, reason: BaseException) -> None:
        if self._on_dead and delivery:
            with acting_as(_identity(self._service, delivery.tenant)):
                await self._on_dead(delivery)
        headers = dict(message.headers or {}) | {
            "mingjian-subject": message.subject, "mingjian-for": self.durable, "mingjian-reason": f"{type(reason).__name__}: {reason}"[:500].replace("\n", " "),
        }
        headers["Nats-Msg-Id"] = f"{headers.get('ce-id', message.metadata.sequence.stream)}-{self.durable}-{message.metadata.sequence.stream}"
        await self._events.js.publish(f"mingjian.{DEAD_LETTERS}.{self.durable}", message.data, headers=headers)
        await message.term()
        log.error("laid with the dead letters", extra={"consumer": self.durable, "event_id": headers.get("ce-id", ""), "reason": type(reason).__name__})


_identity: Callable[[str, str], Identity] = functools.lru_cache(maxsize=4096)(service_identity)


def _delivered(reply: str) -> tuple[int, float]:
    """Which delivery this is, from 1, and when the message was stored, seconds since 1970; JetStream says so in the reply subject.

    $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>, with
    <domain>.<account> before <stream> and a random token at the end where the server names its domain.
    """
    tokens = reply.split(".")
    if len(tokens) < 9 or tokens[0] != "$JS" or tokens[1] != "ACK":
        raise nats.errors.NotJSMessageError
    first = 4 if len(tokens) == 9 else 6
    return int(tokens[first]), int(tokens[first + 3]) / 1e9


def _failed(span: Span, failure: Exception) -> None:
    span.record_exception(failure)
    span.set_status(StatusCode.ERROR, f"{type(failure).__name__}")


def _time_of(headers: dict[str, str]) -> datetime:
    try:
        return datetime.fromisoformat(headers["ce-time"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
