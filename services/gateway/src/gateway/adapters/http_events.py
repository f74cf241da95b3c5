"""GET /v1/events: server-sent events, each with an id from which a client that comes back goes on."""

import asyncio
import time
from collections.abc import AsyncIterator

import orjson
from chassis.errors import Denied, InvalidInput, TooMuch, Unauthenticated, Unavailable
from chassis.identity import Identity, caller
from chassis.transient import is_transient
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.adapters.http_door import Admission
from gateway.adapters.nats_events import EventHub, Listener, Streamed
from gateway.domain.roles import EVENTS_READ, PII_READ
from gateway.domain.stream import Position, parse_position, permission_for
from gateway.settings import Settings

_CHECK_KEY_S = 2.0
_ENDS = {
    "too_slow": "this connection was read too slowly; connect again with Last-Event-ID",
    "stopping": "this server is stopping; connect again with Last-Event-ID",
    "revoked": "this API key does not work any more",
    "away": "events cannot be read now; connect again with Last-Event-ID",
}


class EventStreams:
    """The endpoint. A listener's key is looked at again every few seconds, so that a revoked one hears no more."""

    def __init__(self, hub: EventHub, types: frozenset[str], admission: Admission, settings: Settings) -> None:
        self._hub, self._admission, self._settings = hub, admission, settings
        self._types = {name.rpartition(".")[2]: name for name in sorted(types)}

    async def get(self, request: Request) -> Response:
        who = caller()
        if not who.may(EVENTS_READ):
            raise Denied(f"this needs the permission {EVENTS_READ}")
        token = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
        since = parse_position(token) if token else None
        types = self._wanted(who, request.query_params.get("types", ""))
        self._hub.check_room()
        authorization = request.headers.get("authorization", "")
        return _Sent(self._written(who, types, since, authorization), self._settings.read_timeout_s)

    def _wanted(self, who: Identity, asked: str) -> frozenset[str]:
        """Full names of the types to send. Raises InvalidInput for a type there is not, Denied for one the caller may not see."""
        allowed = {short: full for short, full in self._types.items() if (needed := permission_for(full)) and who.may(needed)}
        if not asked:
            return frozenset(allowed.values())
        names = [name.strip() for name in asked.split(",")]
        for name in names:
            if name not in self._types:
                raise InvalidInput("types", f"there is no event {name[:50]}; there are {', '.join(self._types)}")
            if name not in allowed:
                raise Denied(f"{name} needs the permission {permission_for(self._types[name])}")
        return frozenset(allowed[name] for name in names)

    async def _written(self, who: Identity, types: frozenset[str], since: Position | None, authorization: str) -> AsyncIterator[bytes]:
        """The stream's text. Whatever ends it is its last event."""
        # A stream that the client's id does not know yet begins now.
        at = Position({**self._hub.position.of, **(since.of if since else {})})
        yield b": events of your company\nretry: 2000\nid: %s\n\n" % str(at).encode()
        try:
            # While what was missed is read, more comes; it is over when nothing came meanwhile, and then listening begins at once.
            while any(at.of.get(s, p) < p for s, p in self._hub.position.of.items()):
                until = self._hub.position
                async for event in self._hub.missed(who.tenant, at):
                    if self._for(who, types, event):
                        yield _event(who, event)
                at = Position({**at.of, **until.of})
            listener = self._hub.listen(who.tenant)
        except (TooMuch, Unavailable):
            yield ended("away")
            return
        try:
            async for chunk in self._live(who, types, listener, authorization):
                yield chunk
        finally:
            self._hub.leave(who.tenant, listener)

    async def _live(self, who: Identity, types: frozenset[str], listener: Listener, authorization: str) -> AsyncIterator[bytes]:
        heartbeat_s = self._settings.event_heartbeat_s
        checked = spoke = time.monotonic()
        while not listener.ended:
            event = await listener.next(min(_CHECK_KEY_S, heartbeat_s))
            now = time.monotonic()
            if now - checked >= _CHECK_KEY_S:
                checked = now
                if not await self._still_works(authorization):
                    listener.end("revoked")
                    break
            if event is not None and self._for(who, types, event):
                spoke = now
                yield _event(who, event)
            elif now - spoke >= heartbeat_s and listener.empty:
                spoke = now
                # An id without data moves the client's place on past events that were not for it.
                yield b": still here\nid: %s\n\n" % str(self._hub.position).encode()
        yield ended(listener.ended)

    def _for(self, who: Identity, types: frozenset[str], event: Streamed) -> bool:
        own = event.agent_id == who.agent_id if who.agent_id else not who.team_id or event.team_id == who.team_id
        return event.type in types and own

    async def _still_works(self, authorization: str) -> bool:
        try:
            await self._admission.known(authorization)
        except Unauthenticated:
            return False
        except Exception as e:
            if not is_transient(e):
                raise
            # Keys are revoked in the database that is away, so none was meanwhile.
        return True


def _event(who: Identity, event: Streamed) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(event.position).encode(), event.name.encode(), event.written(unmasked=who.may(PII_READ)))


def ended(reason: str) -> bytes:
    """The last event of a stream that this side ends."""
    return b"event: StreamEnded\ndata: %s\n\n" % orjson.dumps({"reason": reason, "message": _ENDS.get(reason, "")})


class _Sent(Response):
    """Sends text as it is made, until it ends, the client has gone, or the client takes nothing for `silence_s`."""

    def __init__(self, text: AsyncIterator[bytes], silence_s: float) -> None:
        super().__init__(media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._text, self._silence_s = text, silence_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        writing = asyncio.ensure_future(self._write(send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({writing, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, gone):
                task.cancel()
            results = await asyncio.gather(writing, gone, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _write(self, send: Send) -> None:
        try:
            async for chunk in self._text:
                async with asyncio.timeout(self._silence_s):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._text.aclose()  # type: ignore[attr-defined]


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
