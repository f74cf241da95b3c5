"""A multipart body part by part, as it arrives: nothing is kept but what was not asked for yet."""

from collections import deque
from collections.abc import AsyncIterator
from typing import Literal

from chassis.errors import InvalidInput
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

Event = tuple[Literal["part", "bytes", "end"], bytes]
_LONGEST_NAME = 100


class Form:
    """Ask for the next part, then for its bytes. Raises InvalidInput where the body is no multipart body or ends too early."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise InvalidInput("body", "the Content-Type names no boundary")
        self._body = body
        self._events: deque[Event] = deque()
        self._header, self._value, self._disposition = b"", b"", b""
        self._part, self._complete = "", False
        try:
            self._parser = MultipartParser(boundary, {
                "on_part_begin": self._begin, "on_header_field": self._header_field, "on_header_value": self._header_value,
                "on_header_end": self._header_end, "on_headers_finished": self._headers_finished, "on_part_data": self._bytes,
                "on_part_end": lambda: self._events.append(("end", b"")), "on_end": self._end,
            })
        except FormParserError as e:
            raise InvalidInput("body", f"is not multipart: {e}") from None

    async def next_part(self) -> str | None:
        """The name of the next part, None after the last; what is left of the part before is passed over."""
        while True:
            while self._events:
                kind, said = self._events.popleft()
                if kind == "part":
                    self._part = said.decode("utf-8", "replace")[:_LONGEST_NAME]
                    return self._part
            if not await self._more():
                return None

    async def bytes_of_part(self) -> AsyncIterator[bytes]:
        """The bytes of the part just named."""
        while True:
            while self._events:
                kind, said = self._events.popleft()
                if kind == "end":
                    return
                yield said
            if not await self._more():
                raise InvalidInput(self._part, "ends too early")

    async def _more(self) -> bool:
        chunk = await anext(self._body, None)
        if chunk is None:
            if not self._complete:
                raise InvalidInput(self._part or "body", "the multipart body ends too early")
            return False
        try:
            self._parser.write(chunk)
        except FormParserError as e:
            raise InvalidInput(self._part or "body", f"is not multipart: {e}") from None
        return True

    def _begin(self) -> None:
        self._header, self._value, self._disposition = b"", b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._events.append(("part", options.get(b"name", b"")))

    def _bytes(self, data: bytes, start: int, end: int) -> None:
        self._events.append(("bytes", data[start:end]))

    def _end(self) -> None:
        self._complete = True
