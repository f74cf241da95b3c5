"""Which passages of a contact a condition looks at: sets of passages as the bits of an integer."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role

if TYPE_CHECKING:
    from nlp.domain.evaluation import Evaluator


class Window(NamedTuple):  # a key of many findings: its hash is a tuple's
    """Which passages count: bit i of `mask` is passage i; `role` of None is anybody."""

    mask: int
    role: Role | None = None


def run(first: int, end: int) -> int:
    """The mask of passages [first, end)."""
    return ((1 << (end - first)) - 1) << first if end > first else 0


def ends(mask: int) -> tuple[int, int]:
    """The first passage of a mask and the one after its last; (0, 0) of an empty one."""
    return max(0, (mask & -mask).bit_length() - 1), mask.bit_length()


def bits(indexes: Iterable[int]) -> int:
    """The mask of single passages."""
    mask = 0
    for index in indexes:
        mask |= 1 << index
    return mask


def mask_of(limits: c.Range, view: Evaluator, role: Role | None, rule_id: str) -> int:
    """The passages a range permits; turns of `role` are counted, distances are of anybody's passages."""
    mask = view.whole.mask
    own = view.own(role)
    if limits.first_turns is not None:
        mask &= bits(own[: limits.first_turns])
    if limits.last_turns is not None:
        mask &= bits(own[max(0, len(own) - limits.last_turns) :])
    if limits.first_s is not None or limits.last_s is not None:
        mask &= _in_time(view, limits.first_s, limits.last_s)
    if limits.first_percent is not None:
        mask &= _share(view, limits.first_percent, last=False)
    if limits.last_percent is not None:
        mask &= _share(view, limits.last_percent, last=True)
    for bound, before, after in ((limits.after, False, True), (limits.before, True, False), (limits.around, True, True)):
        if bound is not None:
            mask &= _from_hits(limits, view.evaluate(bound, view.whole, rule_id), view, before=before, after=after)
    return mask


def needs_times(limits: c.Range) -> bool:
    """Whether a range counts in seconds, which says nothing of a contact without times."""
    return limits.first_s is not None or limits.last_s is not None or limits.within_s is not None


def _end(view: Evaluator) -> int:
    return max((turn.end_ms if turn.end_ms is not None else turn.start_ms or 0 for turn in view.dialogue.turns), default=0)


def _in_time(view: Evaluator, first_s: float | None, last_s: float | None) -> int:
    starts = view.starts or []
    first = 0 if last_s is None else bisect_left(starts, _end(view) - last_s * 1000)
    return run(first, len(starts) if first_s is None else bisect_right(starts, first_s * 1000))


def _share(view: Evaluator, percent: float, *, last: bool) -> int:
    starts, count = view.starts, len(view.passages)
    end = _end(view)
    if starts is None or end <= 0:
        number = round(count * percent / 100)
        return run(count - number, count) if last else run(0, number)
    if last:
        return run(bisect_left(starts, end * (1 - percent / 100)), count)
    return run(0, bisect_right(starts, end * percent / 100))


def _from_hits(limits: c.Range, bound: c.Finding, view: Evaluator, *, before: bool, after: bool) -> int:
    hits: Sequence[c.Hit] = bound.hits if bound.holds else ()
    passages = list(dict.fromkeys(hit.passage for hit in hits))
    if limits.hit is not None:
        at = limits.hit if limits.hit == c.LAST else limits.hit - 1
        passages = passages[at:][:1]
    elif limits.within_turns is None and limits.within_s is None:
        passages = passages[:1] if after else passages[-1:]
    chosen = set(passages)
    mask, count = 0, len(view.passages)
    for hit in hits:
        if hit.passage not in chosen:
            continue
        first = 0 if before else hit.passage + 1
        end = count if after else hit.passage
        if limits.within_turns is not None:
            first, end = max(first, hit.passage - limits.within_turns), min(end, hit.passage + limits.within_turns + 1)
        if limits.within_s is not None and view.starts is not None and hit.start_ms is not None and hit.end_ms is not None:
            reach = limits.within_s * 1000
            first, end = max(first, bisect_left(view.starts, hit.start_ms - reach)), min(end, bisect_right(view.starts, hit.end_ms + reach))
        mask |= run(first, end)
    return mask
