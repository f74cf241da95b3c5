"""The loop that hands waiting tickets out: at once where something has stirred, and now and then wherever somebody is present."""

import asyncio
import logging
import time
from contextlib import suppress

from chassis.transient import is_transient

from routing.app_staff import Staffing

log = logging.getLogger(__name__)

_PAUSE_S = 2.0
_GATHER_S = 0.05  # what opens together is handed out together


async def run_staffing(staffing: Staffing, *, look_every_s: float = 5.0, count_every_s: float = 30.0) -> None:
    """Runs as long as the process; give it to Life.spawn. A database that is away is waited for, anything else ends it."""
    doubted: frozenset[tuple[str, str, str]] = frozenset()
    looked = counted = float("-inf")
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(staffing.workload.stirred.wait(), look_every_s)
        try:
            if time.monotonic() - counted >= count_every_s:
                counted, doubted = time.monotonic(), await staffing.reconcile(doubted)
            if time.monotonic() - looked >= look_every_s:
                looked = time.monotonic()
                await staffing.look_around()
            await staffing.work()
        except Exception as failure:
            if not is_transient(failure):
                raise
            log.warning("handing out waits: %s", type(failure).__name__)
            looked = float("-inf")
            await asyncio.sleep(_PAUSE_S)
        await asyncio.sleep(_GATHER_S)
