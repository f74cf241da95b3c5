"""Server-sent events: bytes in, events out, and where to go on after a break."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_LINE_BYTES = 16 * 1024 * 1024
STREAM_ENDED = "StreamEnded"


@dataclass(frozen=True, slots=True)
class Event:
    """`type` is the event's short name such as "InteractionScored"; `data` the CloudEvent, whose own "data" is the event; `id` where to go on."""

    id: str
    type: str
    data: dict[str, Any]


class EventParser:
    """Lines are cut at line feeds of the bytes: text may hold characters that other cutters take for an end of line."""

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id  # of the last event that came whole
        self.retry_s = 2.0
        self._rest = b""
        self._id, self._type = last_event_id, ""
        self._data: list[str] = []

    def reconnected(self) -> None:
        """Forget the half event with which the connection broke; it will be sent again."""
        self._rest, self._id, self._type, self._data = b"", self.last_event_id, "", []

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are complete with this chunk. Raises ValueError for a stream that is none."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise ValueError("a line of the event stream is too long")
        for line in lines:
            event = self._line(line.removesuffix(b"\r").decode())
            if event:
                yield event

    def _line(self, line: str) -> Event | None:
        if not line:
            type_, data, self._type, self._data = self._type, self._data, "", []
            self.last_event_id = self._id
            return Event(self._id, type_ or "message", json.loads("\n".join(data))) if data else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry_s = int(value) / 1000
        return None


def worth_going_on(event: Event) -> bool:
    """Whether to connect again after the platform's last event on a stream; it says why it ended."""
    return event.data.get("reason") != "revoked"
