"""The HTTP server as a block: up while the block runs, ended within the grace."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_BACKLOG = 2048
_HEAD_MOST = 64 * 1024


class _Server(uvicorn.Server):
    """Leaves signals to the process's own life."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _protocol(head_s: float) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with what it lacks: a request's head has at most 64 KiB and comes within `head_s` seconds."""

    class Limited(HttpToolsProtocol):
        head_bytes = 0
        head_open = False
        head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._await_head()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.head_bytes, self.head_open = 0, True
            self._await_head()

        def on_headers_complete(self) -> None:
            self._head_done()
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            if self.head_open:
                self.head_bytes += len(data)
                if self.head_bytes > _HEAD_MOST:
                    self._head_done()
                    self.send_400_response("The head of the request is too large.")
                    return
            super().data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_done()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            if self.head_timer is None:
                self.head_timer = self.loop.call_later(head_s, self.transport.close)

        def _head_done(self) -> None:
            self.head_open = False
            if self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None

    return Limited


@asynccontextmanager
async def serving_http(
    app: ASGIApp, address: str, *, grace_s: float, head_s: float, before_stop: Callable[[], None], failed: Callable[[BaseException], None]
) -> AsyncIterator[int]:
    """Serve HTTP on "host:port" and yield the port. `before_stop` ends what would otherwise never end, such as event streams.

    Requests still running `grace_s` after that are cut off. A server that ends by itself is told to `failed`.
    """
    host, _, port = address.rpartition(":")
    listening = _listen(host.strip("[]"), int(port))
    config = uvicorn.Config(
        app, http=_protocol(head_s), ws="none", lifespan="off", log_config=None, access_log=False, server_header=False, timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, int(grace_s)), proxy_headers=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    task.add_done_callback(lambda t: None if server.should_exit or t.cancelled() else failed(t.exception() or RuntimeError("the HTTP server ended")))
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.005)
        yield int(listening.getsockname()[1])
    finally:
        before_stop()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listening.close()


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, place = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    # asyncio turns Nagle's delay off only where the protocol is named; a head and its body in two packets would wait 40 ms for each other.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(place)
    made.listen(_BACKLOG)
    made.setblocking(False)
    return made
