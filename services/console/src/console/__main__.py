"""Serves the pages until SIGTERM; the only file that knows everyone."""

import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Generator

import httpx
import uvicorn
from chassis.lifecycle import Life
from chassis.service import start
from chassis.telemetry import telemetry

from console.adapters.entrance import Entrance
from console.server import application
from console.settings import Settings


class _Server(uvicorn.Server):
    """Leaves signals to Life, so that the process ends in one order and with exit status 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def entrance_to(settings: Settings) -> AsyncIterator[Entrance]:
    """The gateway's connections, closed at the end."""
    # Each key's events hold a connection for as long as its pages are open.
    limits = httpx.Limits(max_connections=settings.max_sessions + 100, max_keepalive_connections=20)
    async with httpx.AsyncClient(base_url=settings.gateway_url.rstrip("/"), limits=limits, timeout=settings.gateway_timeout_s, trust_env=False) as http:
        entrance = Entrance(settings, http)
        try:
            yield entrance
        finally:
            await entrance.feeds.close()


async def serve(settings: Settings) -> None:
    host, _, port = settings.http_address.rpartition(":")
    with telemetry("console", settings):
        # Its lines carry what people searched for.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        async with entrance_to(settings) as entrance:
            config = uvicorn.Config(
                application(entrance), log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=max(1, int(settings.stop_grace_s)),
                limit_concurrency=settings.max_sessions * 4,
            )
            server, life = _Server(config), Life()
            life.heed_signals()
            listening = socket.create_server((host.strip("[]"), int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024)
            task = life.spawn(server.serve(sockets=[listening]), "pages")
            try:
                await life.until_stopped()
            finally:
                server.should_exit = True
                await task


if __name__ == "__main__":
    start(Settings, serve)
