"""A mergeable sketch of durations: a histogram with logarithmic bins, whose percentiles are off by at most 2 %.

Bin i holds durations in (GAMMA**(i-1), GAMMA**i] seconds; its representative 2*GAMMA**i/(GAMMA+1) is within ACCURACY of each of
them (Masson, Rim, Lee: DDSketch, VLDB 2019). Adding sketches is adding counts, in any order, so they live in rollups.
"""

import math
from collections.abc import Mapping

ACCURACY = 0.02
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
LONGEST_MS = 86_400_000
_LOG_GAMMA = math.log(GAMMA)


def bin_of(duration_ms: int) -> int:
    """The bin of a duration: 0 for up to a second, at most 285, which holds a day and more."""
    seconds = min(duration_ms, LONGEST_MS) / 1000
    return max(0, math.ceil(math.log(seconds) / _LOG_GAMMA)) if seconds > 1 else 0


def quantile(bins: Mapping[int, int], share: float) -> float | None:
    """Milliseconds that `share` of the durations do not exceed, within 2 % for 1 s to 24 h; None where nothing was measured."""
    total = sum(bins.values())
    if total <= 0:
        return None
    wanted = max(1, math.ceil(share * total))
    seen = 0
    for index in sorted(bins):
        seen += bins[index]
        if seen >= wanted:
            return 1000.0 if index == 0 else 2000 * GAMMA**index / (GAMMA + 1)
    raise AssertionError("the counts reach their own sum")
