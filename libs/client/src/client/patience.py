"""When to try again, and how long to wait: the same for both clients."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from client.problems import InteractionFailed, MingjianProblem
from client.shapes import Interaction

_LONGEST_S = 10.0
_PASSES = (429, 503)


@dataclass(frozen=True, slots=True)
class Patience:
    """`retries` of one call, on top of its first try."""

    retries: int = 3

    def pause_after(self, tried: int, failure: httpx.TransportError | httpx.Response, *, repeatable: bool) -> float | None:
        """Seconds to wait before trying again; None to give up. What may have been done already is not repeated unless that is harmless."""
        if tried > self.retries:
            return None
        pause = min(_LONGEST_S, 0.2 * 2.0 ** (tried - 1)) * random.uniform(0.5, 1.0)
        if isinstance(failure, httpx.Response):
            if failure.status_code not in _PASSES or not (repeatable or failure.status_code == 429):
                return None
            return max(pause, _seconds(failure.headers.get("retry-after", "")))
        never_sent = isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        return pause if repeatable or never_sent else None


def _seconds(text: str) -> float:
    return min(float(text), _LONGEST_S) if text.isdecimal() else 0.0


def polling(timeout_s: float) -> Iterator[float]:
    """Pauses between looks, longer as time goes by, for `timeout_s` in all."""
    waited, pause = 0.0, 0.2
    while waited < timeout_s:
        pause = min(pause * 1.3, 2.0, timeout_s - waited) if waited else pause
        yield pause
        waited += pause


def settled(found: Interaction) -> bool:
    """True where it is scored. Raises InteractionFailed."""
    if found["status"] == "failed":
        raise InteractionFailed(found["interaction_id"], found.get("reason", ""))
    return found["status"] == "scored"


def reconnects(problem: MingjianProblem) -> bool:
    """A stream that was refused like this is worth asking for again."""
    return problem.status >= 500 or problem.status == 429
