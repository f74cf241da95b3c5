"""nats-py's client with two things made cheap that each event pays for: writing a message and reading its headers.

Same protocol, checks and buffers as `Client.publish`; only what is the same for every message is not done again for each.
"""

from collections.abc import Mapping

import nats.errors
from nats.aio.client import Client
from nats.errors import BadSubjectError

_FORBIDDEN = frozenset(" \t\r\n")


def header_block(headers: Mapping[str, str]) -> bytes:
    """Headers as they go over the wire. Raises BadHeaderError where a name or value would break their framing."""
    block = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if block.count("\n") != len(headers) or block.count("\r") != len(headers):
        raise nats.errors.BadHeaderError("a header has a line break")
    return f"NATS/1.0\r\n{block}\r\n".encode()


class FastClient(Client):
    """`send` is `publish` with the headers already encoded."""

    async def send(self, subject: str, payload: bytes = b"", *, reply: str = "", block: bytes = b"") -> None:
        """Write one message into the connection's buffer. Raises what `publish` raises."""
        if not subject or not _FORBIDDEN.isdisjoint(subject):
            raise BadSubjectError
        if self.is_closed:
            raise nats.errors.ConnectionClosedError
        if self.is_draining_pubs:
            raise nats.errors.ConnectionDrainingError
        size = len(payload)
        if not self.is_connected and (self._max_pending_size <= 0 or size + self._pending_data_size > self._max_pending_size):
            raise nats.errors.OutboundBufferLimitError
        if size > self._max_payload:
            raise nats.errors.MaxPayloadError
        if block:
            command = b"%b%b%b\r\n" % (f"HPUB {subject} {reply} {len(block)} {len(block) + size}\r\n".encode(), block, payload)
        else:
            command = b"%b%b\r\n" % (f"PUB {subject} {reply} {size}\r\n".encode(), payload)
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += size
        await self._send_command(command)
        if self._flush_queue is not None and self._flush_queue.empty():
            await self._flush_pending()

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """As nats-py reads them: names without whitespace inside, values trimmed, malformed lines left out."""
        made: dict[str, str] = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            name = name.strip()
            if colon and name.isascii() and len(name.split()) < 2:
                made[name] = value.strip()
        return made
