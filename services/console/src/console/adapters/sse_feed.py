"""The gateway's server-sent events: one connection per key, kept up while somebody listens, shared by all pages of the key."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import httpx
from prometheus_client import Counter, Gauge

from console.app import Listener
from console.domain.live import RESUMED, Event

log = logging.getLogger(__name__)

CONNECTIONS = Gauge("mingjian_console_event_connections", "Connections to the gateway's events that are up.")
EVENTS = Counter("mingjian_console_events", "Events received from the gateway.", ["name"])
MAX_EVENT_BYTES = 4 * 1024 * 1024
# The gateway sends a comment at least this often; silence for longer means that the connection is dead.
_SILENCE_S = 60.0
_LINGER_S = 5.0
_KNOWN = frozenset({
    "InteractionReceived", "TranscriptionStarted", "TranscriptCompleted", "TranscriptionFailed", "InteractionScored", "ScoringFailed", "AlertRaised",
    "PromiseMade", "SolutionSuggested", "KnowledgeGapFound", "ArticlePublished", "KpiBreached", "FeedbackReceived", "TicketOpened", "TicketAssigned",
    "HintSuggested", "PromiseSettled", "EvaluationReviewed", "AppealOpened", "AppealDecided", "ScorecardPublished",
    "TicketEscalated", "TicketResolved", "TicketClosed", "TicketReopened", "TicketChanged", "TicketDueSoon", "TicketOverdue",
})


class Feed:
    """One key's events; satisfies console.app.Following."""

    def __init__(self, http: httpx.AsyncClient, api_key: str) -> None:
        self._http, self._headers = http, {"Authorization": f"Bearer {api_key}", "Accept": "text/event-stream"}
        self._listeners: dict[object, Listener] = {}
        self._task: asyncio.Task[None] | None = None
        self._last_id = ""
        self.connected = False

    def listen(self, listener: Listener) -> Callable[[], None]:
        token = object()
        self._listeners[token] = listener
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow(), name="console events")
        return lambda: self._leave(token)

    @property
    def idle(self) -> bool:
        """Nobody listens."""
        return not self._listeners

    def _leave(self, token: object) -> None:
        self._listeners.pop(token, None)
        if self.idle:
            # A visitor who goes from one page to the next leaves and comes back within moments.
            asyncio.get_running_loop().call_later(_LINGER_S, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.idle and self._task:
            self._task.cancel()

    async def close(self) -> None:
        """End the connection."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        pause, was_up = 0.5, False
        while True:
            try:
                async for event in self._events():
                    if event is None:
                        pause = 0.5
                        if was_up:
                            self._tell(RESUMED)
                        was_up = True
                    else:
                        EVENTS.labels(event.name if event.name in _KNOWN else "other").inc()
                        self._tell(event)
            except (httpx.HTTPError, TimeoutError, ValueError) as e:
                log.info("events are away", extra={"kind": type(e).__name__})
            finally:
                self._set_connected(False)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 15.0)

    async def _events(self) -> AsyncIterator[Event | None]:
        """None once the connection is up, then every event."""
        headers = self._headers | ({"Last-Event-ID": self._last_id} if self._last_id else {})
        timeout = httpx.Timeout(10.0, read=_SILENCE_S)
        async with self._http.stream("GET", "/v1/events", headers=headers, timeout=timeout) as response:
            if response.status_code == 400:
                self._last_id = ""  # a place the gateway does not know, so begin at now
            response.raise_for_status()
            self._set_connected(True)
            yield None
            fields: dict[str, str] = {}
            size = 0
            async for line in response.aiter_lines():
                size += len(line)
                if size > MAX_EVENT_BYTES:
                    raise ValueError("event too large")
                if line:
                    name, _, value = line.partition(":")
                    if name:
                        value = value.removeprefix(" ")
                        fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value
                    continue
                # An id without data moves the place on past events that were not for this key.
                self._last_id = fields.get("id", self._last_id)
                if (event := read_event(fields)) is not None:
                    yield event
                fields, size = {}, 0

    def _set_connected(self, up: bool) -> None:
        if up != self.connected:
            CONNECTIONS.inc(1 if up else -1)
            self.connected = up

    def _tell(self, event: Event) -> None:
        for listener in list(self._listeners.values()):
            try:
                listener(event)
            except Exception:
                # One page's fault must not silence the others.
                log.exception("a page could not take an event", extra={"event": event.name})


def read_event(fields: dict[str, str]) -> Event | None:
    """One event from its SSE fields, whose data is a CloudEvent in JSON; None for comments and for the word that the stream ends."""
    if "data" not in fields or fields.get("event") == "StreamEnded":
        return None
    with suppress(ValueError):
        said: Any = json.loads(fields["data"])
        if isinstance(said, dict) and isinstance(said.get("data"), dict):
            return Event(str(said.get("type", "")).rpartition(".")[2], said["data"], str(said.get("time", "")))
    return None


class Silence:
    """For a key without the right to events; satisfies console.app.Following."""

    connected = False

    def listen(self, listener: Listener) -> Callable[[], None]:
        return lambda: None


class Feeds:
    """The feed of each key; a key whose pages are all closed keeps no connection."""

    def __init__(self, http: httpx.AsyncClient, *, most: int) -> None:
        self._http, self._most = http, most
        self._feeds: dict[str, Feed] = {}

    def of(self, api_key: str) -> Feed:
        """The one feed of this key."""
        if api_key not in self._feeds:
            for key in [k for k, f in self._feeds.items() if f.idle][: max(0, len(self._feeds) - self._most + 1)]:
                del self._feeds[key]
            self._feeds[api_key] = Feed(self._http, api_key)
        return self._feeds[api_key]

    async def close(self) -> None:
        for feed in self._feeds.values():
            await feed.close()
