"""The HTTP server as a block: up while the block runs, ended within the grace."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Leaves signals to the process's own life."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving_http(
    app: ASGIApp, address: str, *, grace_s: float, before_stop: Callable[[], None], failed: Callable[[BaseException], None]
) -> AsyncIterator[int]:
    """Serve HTTP on "host:port" and yield the port. `before_stop` ends what would otherwise never end, such as event streams.

    Requests still running `grace_s` after that are cut off. A server that ends by itself is told to `failed`.
    """
    host, _, port = address.rpartition(":")
    listening = _listen(host.strip("[]"), int(port))
    config = uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False, timeout_keep_alive=30,
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
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(place)
    made.listen(_BACKLOG)
    made.setblocking(False)
    return made
