"""The loop that takes in what other processes have published."""

import asyncio
import logging

from chassis.transient import is_transient

from knowledge.app import Knowledge

log = logging.getLogger(__name__)


async def refresh_forever(knowledge: Knowledge, every_s: float) -> None:
    """Runs as long as the process; give it to Life.spawn. A database that is away is waited for, anything else ends it."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await knowledge.refresh()
        except Exception as failure:
            if not is_transient(failure):
                raise
            log.warning("refresh waits: %s", type(failure).__name__)
