"""Wait for what will be true, never for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(get: Callable[[], Awaitable[T]], *, within_s: float = 10.0, every_s: float = 0.02) -> T:
    """The first truthy result of `get`, tried again and again; what it last raised or returned where time runs out."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        failure: Exception | None = None
        result: T | None = None
        try:
            result = await get()
            if result:
                return result
        except Exception as e:
            failure = e
        if loop.time() > deadline:
            if failure:
                raise failure
            raise AssertionError(f"still {result!r} after {within_s} s")
        await asyncio.sleep(every_s)
