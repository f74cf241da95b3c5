"""What every service's __main__ begins with: telemetry, NATS and its own database, in one stack."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from chassis.lifecycle import Life
from chassis.messaging import Events, connected
from chassis.mongo import Database, database
from chassis.settings import ServiceSettings
from chassis.telemetry import telemetry


@dataclass(frozen=True, slots=True)
class Running:
    """A service's connections, and the stack that closes them in reverse order; enter your own things into `up`."""

    life: Life
    events: Events
    db: Database
    up: AsyncExitStack


@asynccontextmanager
async def running(service: str, settings: ServiceSettings) -> AsyncIterator[Running]:
    """Connections up, in the order in which they are needed."""
    async with AsyncExitStack() as up:
        life = Life()
        life.heed_signals()
        up.enter_context(telemetry(service, settings))
        events = await up.enter_async_context(connected(settings.nats_url, service))
        db = await up.enter_async_context(database(settings.mongo_uri, service))
        up.push_async_callback(life.leave)  # before the connections its tasks work on are closed
        yield Running(life, events, db, up)


S = TypeVar("S", bound=ServiceSettings)


def start(settings: type[S], serve: Callable[[S], Coroutine[Any, Any, None]]) -> None:
    """Read the settings, naming what is wrong in them, and serve until SIGTERM."""
    try:
        read = settings()
    except ValidationError as e:
        for error in e.errors():
            print(f"setting {'.'.join(str(p) for p in error['loc']).upper()}: {error['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
    asyncio.run(serve(read))
