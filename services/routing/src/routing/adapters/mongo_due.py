"""Ranges in which the tickets due soonest are looked for."""

from collections.abc import Iterator
from datetime import datetime

from chassis.mongo import LAST

DIGITS = 15
# Minutes from now at which the search for what is due soonest goes on in a new range.
_DUE_CUTS = (2, 5, 15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 5_760, 14_400, 43_200, 525_600)


def due_windows(now: datetime, after: str) -> Iterator[tuple[str, str]]:
    """(after, up to) pairs of places in the order of due times, soonest first, the narrower the nearer to now: the embedded server reads
    the whole of a range before it sorts, so that a page must not ask for more of it than it may need.
    """
    minutes = sorted({sign * m for m in _DUE_CUTS for sign in (-1, 1)} | {0})
    cuts = [f"{max(0, round((now.timestamp() + 60 * m) * 1000)):0{DIGITS}d}" for m in minutes]
    low = after
    for high in (*cuts, LAST):
        if high > low:
            yield low, high
            low = high
