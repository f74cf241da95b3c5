"""How much one key may ask: a token bucket per key, in this process."""

import math
from dataclasses import dataclass

from chassis.errors import TooMuch


class TooFast(TooMuch):
    """The key has used up its rate; `retry_after_s` whole seconds later there is room again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many requests with this key; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class Bucket:
    """Holds at most `burst` tokens and gains `per_s` each second; a request takes one."""

    per_s: float
    burst: float
    tokens: float
    at_s: float

    def take(self, now_s: float) -> None:
        """Raises TooFast."""
        self.tokens = min(self.burst, self.tokens + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s
        if self.tokens < 1:
            raise TooFast(max(1, math.ceil((1 - self.tokens) / self.per_s)))
        self.tokens -= 1


class Buckets:
    """One bucket per key. A full bucket is like none, so those idle for longest go first when there are too many."""

    def __init__(self, per_s: float, burst: float, most: int = 10_000) -> None:
        self._per_s, self._burst, self._most = per_s, burst, most
        self._of: dict[str, Bucket] = {}

    def take(self, key_id: str, now_s: float) -> None:
        """Raises TooFast. `now_s` is a clock that only goes forward."""
        bucket = self._of.pop(key_id, None)
        if bucket is None:
            bucket = Bucket(self._per_s, self._burst, self._burst, now_s)
            if len(self._of) >= self._most:
                del self._of[next(iter(self._of))]
        self._of[key_id] = bucket
        bucket.take(now_s)
