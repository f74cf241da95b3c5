"""The loop that lets durable timers go off: what is due lies in the database, so a restart forgets nothing."""

import asyncio
import logging

from chassis.transient import is_transient

from routing.app import Routing
from routing.app_intake import Intake
from routing.app_levels import follow
from routing.app_versions import VersionStore

log = logging.getLogger(__name__)

_PAUSE_S = 2.0
_FOLLOW_S = 1.0


async def run_timers(routing: Routing, intake: Intake, poll_s: float) -> None:
    """Runs as long as the process; give it to Life.spawn. A database that is away is waited for, anything else ends it."""
    while True:
        try:
            busy = await routing.fire_due() + await intake.settle()
        except Exception as failure:
            if not is_transient(failure):
                raise
            log.warning("timers wait: %s", type(failure).__name__)
            await asyncio.sleep(_PAUSE_S)
            continue
        if not busy:
            await asyncio.sleep(poll_s)


async def run_followers(store: VersionStore, routing: Routing) -> None:
    """Brings tickets under newly published service levels, as long as the process runs."""
    while True:
        try:
            await follow(store, routing)
        except Exception as failure:
            if not is_transient(failure):
                raise
            log.warning("service levels wait: %s", type(failure).__name__)
        await asyncio.sleep(_FOLLOW_S)
