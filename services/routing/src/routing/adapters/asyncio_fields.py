"""The loop that looks at the contacts of tickets: behind their opening, which it never holds up."""

import asyncio
import logging

from chassis.transient import is_transient

from routing.app_fields import Filling

log = logging.getLogger(__name__)

_POLL_S = 1.0
_PAUSE_S = 5.0


async def run_filling(filling: Filling) -> None:
    """Runs as long as the process; give it to Life.spawn. What is away is waited for, anything else ends it."""
    while True:
        try:
            busy = await filling.look()
        except Exception as failure:
            if not is_transient(failure):
                raise
            log.warning("looking at contacts waits: %s", type(failure).__name__)
            await asyncio.sleep(_PAUSE_S)
            continue
        if not busy:
            await asyncio.sleep(_POLL_S)
