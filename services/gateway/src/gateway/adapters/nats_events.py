"""Every event of every tenant, read from JetStream once per process and stream, and handed to those who listen."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import nats.errors
import nats.js.errors
import orjson
from chassis.errors import TooMuch, Unavailable
from chassis.json_writer import to_json
from chassis.messaging import Events, ensure_stream
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from prometheus_client import Counter, Gauge

from gateway.domain.narrowing import agent_of_event, team_of_event
from gateway.domain.stream import UNMASKED, Position

log = logging.getLogger(__name__)

LISTENERS = Gauge("mingjian_event_listeners", "Listeners to events now.")
CUT_OFF = Counter("mingjian_event_listeners_cut_off", "Listeners that read too slowly.")
_BATCH = 256
_EXPIRES_S = 30.0
_HEARTBEAT_S = 2.0
_REPLY_S = 5.0
_AWAY = (nats.errors.Error, nats.js.errors.Error, ConnectionError, TimeoutError)


@dataclass(slots=True)
class Streamed:
    """One event as it lies in JetStream. `position` is where whoever has read it has come to."""

    stream: str
    sequence: int
    type: str
    tenant: str
    headers: Mapping[str, str]
    message: Message
    at_ns: int
    position: Position
    _json: dict[str, Any] | None = None
    _written: dict[bool, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.type.rpartition(".")[2]

    @property
    def agent_id(self) -> str:
        """The agent it is about; "" for none."""
        return agent_of_event(self._data())

    @property
    def team_id(self) -> str:
        """The team it is about; "" for none."""
        return team_of_event(self._data())

    def written(self, *, unmasked: bool) -> bytes:
        """A CloudEvent in JSON, written once for all who listen. Words nobody has masked are there only where `unmasked`."""
        if unmasked not in self._written:
            data = self._data()
            path = UNMASKED.get(self.type, ())
            if path and not unmasked:
                data = _without(data, path)
            self._written[unmasked] = orjson.dumps({
                "specversion": "1.0", "id": self.headers.get("ce-id", ""), "source": self.headers.get("ce-source", ""), "type": self.type,
                "subject": self.headers.get("ce-subject", ""), "time": self.headers.get("ce-time", ""), "datacontenttype": "application/json",
                "tenant": self.tenant, "data": data,
            })
        return self._written[unmasked]

    def _data(self) -> dict[str, Any]:
        if self._json is None:
            self._json = to_json(self.message)
        return self._json


def _without(data: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    first, *rest = path
    if first not in data:
        return data
    return {**data, first: _without(data[first], tuple(rest)) if rest else ""}


class Listener:
    """What waits for one client: at most `most` events; one more ends it as too slow."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Streamed] = deque()
        self._woken = asyncio.Event()
        self.ended = ""

    def offer(self, event: Streamed) -> None:
        if self.ended:
            return
        if len(self._waiting) >= self._most:
            CUT_OFF.inc()
            self.end("too_slow")
            return
        self._waiting.append(event)
        self._woken.set()

    def end(self, reason: str) -> None:
        """What still waits is dropped: the client finds it again by the id of what it got last."""
        if not self.ended:
            self.ended = reason
            self._waiting.clear()
            self._woken.set()

    async def next(self, within_s: float) -> Streamed | None:
        """The next event; None where none came in time or the listener has ended."""
        if not self._waiting and not self.ended:
            self._woken.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._woken.wait()
            except TimeoutError:
                return None
        return self._waiting.popleft() if self._waiting else None

    @property
    def empty(self) -> bool:
        return not self._waiting


class EventHub:
    """One ephemeral consumer per stream for all clients; a client that comes back is read what it missed by one of its own."""

    def __init__(self, events: Events, classes: Mapping[str, type[Message]], *, buffer: int, most: int) -> None:
        self._events, self._classes, self._buffer, self._most = events, classes, buffer, most
        self._listeners: dict[str, set[Listener]] = {}
        self._count = 0
        self._stopping = False
        self.streams = sorted({name.split(".", 2)[1] for name in classes})
        self.position = Position({})

    async def prepare(self) -> None:
        """Begin at the end of every stream; each is made where its publisher has not come up yet."""
        for stream in self.streams:
            await ensure_stream(self._events, stream)
            self.position = self.position.moved(stream, await self._last(stream))

    async def _last(self, stream: str) -> int:
        return int((await self._events.js.stream_info(stream)).state.last_seq)

    def stop(self) -> None:
        """Tell every listener that this process ends."""
        self._stopping = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.end("stopping")

    def check_room(self) -> None:
        """Raises TooMuch, Unavailable where nobody more can listen."""
        if self._stopping:
            raise Unavailable("this process is stopping; connect again")
        if self._count >= self._most:
            raise TooMuch("too many listen to events already; try again later")

    def listen(self, tenant: str) -> Listener:
        """A listener to everything after `position` as it is now. Raises TooMuch, Unavailable."""
        self.check_room()
        listener = Listener(self._buffer)
        self._listeners.setdefault(tenant, set()).add(listener)
        self._count += 1
        LISTENERS.inc()
        return listener

    def leave(self, tenant: str, listener: Listener) -> None:
        listeners = self._listeners[tenant]
        listeners.discard(listener)
        if not listeners:
            del self._listeners[tenant]
        self._count -= 1
        LISTENERS.dec()

    async def follow(self, stream: str) -> None:
        """Read a stream as long as the process runs; what was published while the broker was away is read after it."""
        while True:
            try:
                last = await self._last(stream)
                if last < self.position.of[stream]:
                    log.warning("stream begins anew", extra={"stream": stream})
                    self.position = Position({**self.position.of, stream: last})
                async with self._consumer(stream, f"mingjian.{stream}.v1.>", self.position.of[stream]) as pull:
                    async for message in pull.forever():
                        self._arrived(stream, message)
            except _AWAY as e:
                log.warning("events: waiting for the broker: %s", type(e).__name__, extra={"stream": stream})
                await asyncio.sleep(0.5)

    def _arrived(self, stream: str, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        if sequence <= self.position.of[stream]:
            return
        self.position = self.position.moved(stream, sequence)
        listeners = self._listeners.get(message.subject.rpartition(".")[2])
        if listeners and (event := self._event(stream, message, self.position)):
            for listener in list(listeners):
                listener.offer(event)

    async def missed(self, tenant: str, since: Position) -> AsyncIterator[Streamed]:
        """A tenant's events after `since` up to `position` as it is now, in the order of time. Raises Unavailable."""
        until = self.position
        behind = [s for s in self.streams if since.of.get(s, until.of[s]) < until.of[s]]
        reading = {s: self._replayed(s, tenant, since.of[s], until.of[s]) for s in behind}
        heads: dict[str, Streamed] = {}
        at = since
        try:
            for stream, events in reading.items():
                if (event := await anext(events, None)) is not None:
                    heads[stream] = event
            while heads:
                stream = min(heads, key=lambda s: heads[s].at_ns)
                event = heads.pop(stream)
                at = event.position = at.moved(stream, event.sequence)
                yield event
                if (following := await anext(reading[stream], None)) is not None:
                    heads[stream] = following
        except _AWAY as e:
            raise Unavailable("the events missed cannot be read now; connect again") from e
        finally:
            for events in reading.values():
                await events.aclose()  # type: ignore[attr-defined]

    async def _replayed(self, stream: str, tenant: str, after: int, until: int) -> AsyncIterator[Streamed]:
        async with self._consumer(stream, f"mingjian.{stream}.v1.*.{tenant}", after) as pull:
            async for message in pull.to_the_end():
                sequence = message.metadata.sequence.stream
                if sequence > until:
                    return
                if event := self._event(stream, message, self.position):
                    yield event

    def _event(self, stream: str, message: Msg, position: Position) -> Streamed | None:
        event_type, _, tenant = message.subject.rpartition(".")
        kind = self._classes.get(event_type)
        if kind is None:
            return None  # of a newer service
        try:
            said = kind.FromString(message.data)
        except DecodeError:
            log.error("an event cannot be read", extra={"stream": stream, "sequence": message.metadata.sequence.stream})
            return None
        at = message.metadata.timestamp
        return Streamed(
            stream, message.metadata.sequence.stream, event_type, tenant, message.headers or {}, said, int(at.timestamp() * 1e9), position
        )

    @asynccontextmanager
    async def _consumer(self, stream: str, subject: str, after: int) -> AsyncIterator["_Pull"]:
        """An ephemeral consumer that acknowledges nothing and keeps nothing."""
        made = await self._events.js.add_consumer(stream, ConsumerConfig(
            filter_subject=subject, ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1,
            inactive_threshold=60.0, mem_storage=True,
        ))
        inbox = self._events.nc.new_inbox()
        subscription = await self._events.nc.subscribe(inbox)
        try:
            yield _Pull(self._events, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{made.name}", inbox, subscription, made.num_pending or 0)
        finally:
            try:
                await subscription.unsubscribe()
                if self._events.nc.is_connected:
                    await self._events.js.delete_consumer(stream, made.name)
            except _AWAY:
                log.info("an ephemeral consumer is left to expire", extra={"stream": stream})


class _Pull:
    """Asks for messages in batches and reads them from its own inbox."""

    def __init__(self, events: Events, subject: str, inbox: str, subscription: Any, pending: int) -> None:
        self._events, self._subject, self._inbox, self._subscription, self._pending = events, subject, inbox, subscription, pending

    async def forever(self) -> AsyncIterator[Msg]:
        """Messages as they come. Raises TimeoutError or a NATS error where the consumer is gone."""
        while True:
            await self._ask({"batch": _BATCH, "expires": int(_EXPIRES_S * 1e9), "idle_heartbeat": int(_HEARTBEAT_S * 1e9)})
            left = _BATCH
            while left:
                message = await self._subscription.next_msg(timeout=_HEARTBEAT_S * 3)
                status = (message.headers or {}).get("Status", "") if not message.reply else ""
                if status in ("404", "408"):
                    break  # the request has ended; ask again
                if status == "100":
                    continue
                if status:
                    raise ConnectionError(f"consumer ended: {status}")
                left -= 1
                yield message

    async def to_the_end(self) -> AsyncIterator[Msg]:
        """What was pending, in batches as fast as they are taken. Raises TimeoutError."""
        while self._pending:
            await self._ask({"batch": _BATCH, "no_wait": True})
            for _ in range(_BATCH):
                message = await self._subscription.next_msg(timeout=_REPLY_S)
                if not message.reply:
                    break  # no more in this batch
                self._pending = message.metadata.num_pending
                yield message
                if not self._pending:
                    return
            else:
                continue
            return

    async def _ask(self, request: dict[str, Any]) -> None:
        await self._events.nc.publish(self._subject, orjson.dumps(request), reply=self._inbox)
