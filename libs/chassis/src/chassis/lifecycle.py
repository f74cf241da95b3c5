"""Run until told to stop or until a task that must not end has ended."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Life:
    """The span from start to SIGTERM. A spawned task that ends by itself ends the process: nothing dies behind a green probe."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start work that runs as long as the process; `leave` cancels it, or whoever spawned it, earlier."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def leave(self) -> None:
        """Cancel what still runs, and wait until it has left."""
        for task in list(self._tasks):
            await cancelled(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception() or RuntimeError(f"{task.get_name()} ended by itself")
        log.critical("task ended", extra={"task": task.get_name()}, exc_info=failure)
        self.fail(failure)

    def fail(self, failure: BaseException) -> None:
        """End the process because of this."""
        self._failure = self._failure or failure
        self._stop.set()

    def stop(self) -> None:
        """End the process in good order."""
        self._stop.set()

    def heed_signals(self) -> None:
        """SIGTERM and SIGINT end the process in good order from now on, also while it is still starting."""
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, self._stop.set)

    async def until_stopped(self) -> None:
        """Return after SIGTERM or SIGINT, where heeded; raise what a task died of."""
        await self._stop.wait()
        if self._failure:
            raise self._failure


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has left."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
