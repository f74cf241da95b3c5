"""What conditions give of whose phrases none was found: false, as surely as the contact was understood, without looking at them.

A book has thousands of rules and a contact touches a few of them. For a condition made of phrases alone, how sure its absence is
hangs only on whom and where it asks, and how much of it may be heard by sound; conditions that agree in this share one shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.windows import Window, mask_of, needs_times

if TYPE_CHECKING:
    from nlp.domain.evaluation import Evaluator
    from nlp.domain.rules import RuleBook

SPLIT_FROM = 8  # alternatives; fewer are looked at one by one


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where is looked, then either how much may be heard by sound, or the shapes inside: the least sure of them, or the surest."""

    role: Role | None
    range: c.Range | None
    by_sound: float = 0.0
    inside: tuple[int, ...] = ()
    surest: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    shape: int
    lists: frozenset[int]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The parts of an `any` by the phrase lists that touch them, and how many parts there are of each shape."""

    parts: Mapping[int, tuple[int, ...]]
    shapes: tuple[int, ...]
    count: Mapping[int, int]

    def touched(self, lists: Set[int]) -> list[int]:
        """The parts that a phrase found touches, in order."""
        return sorted({part for listed in self.parts.keys() & lists for part in self.parts[listed]})

    def others(self, touched: list[int]) -> list[int]:
        """The different shapes of all other parts."""
        seen = Counter(self.shapes[part] for part in touched)
        return [shape for shape, count in self.count.items() if count > seen[shape]]


class Absences:
    """The shapes of a book's conditions, worked out when they are first asked for."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._shapes: dict[_Shape, int] = {}
        self._listed: list[_Shape] = []
        self._known: dict[int, _Known | None] = {}
        self._alternatives: dict[int, Alternatives | None] = {}

    def shape(self, condition: c.Condition, lists: Set[int]) -> int | None:
        """The shape of a condition none of whose phrases is in the lists found; None where it must be looked at."""
        known = self._of(condition)
        return known.shape if known is not None and known.lists.isdisjoint(lists) else None

    def alternatives(self, condition: c.AnyOf) -> Alternatives | None:
        """The parts of a large `any` by what touches them; None where a part may hold without a phrase."""
        if id(condition) not in self._alternatives:
            self._alternatives[id(condition)] = self._split(condition)
        return self._alternatives[id(condition)]

    def sureness(self, shape: int, view: Evaluator, window: Window) -> float:
        """How sure it is that nothing of this shape is in the window (0-1)."""
        key = (shape, window)
        sure = view.absent.get(key)
        if sure is None:
            wanted = self._listed[shape]
            role = wanted.role or window.role
            mask = window.mask if wanted.range is None else window.mask & mask_of(wanted.range, view, role, "")
            narrowed = Window(mask, role)
            if wanted.inside:
                every = [self.sureness(inner, view, narrowed) for inner in wanted.inside]
                sure = max(every) if wanted.surest else min(every)
            else:
                sure = view.heard(narrowed, wanted.by_sound)
            view.absent[key] = sure
        return sure

    def _split(self, condition: c.AnyOf) -> Alternatives | None:
        known = [self._of(part) for part in condition.parts]
        if len(known) < SPLIT_FROM or None in known:
            return None
        parts: dict[int, list[int]] = {}
        for index, one in enumerate(known):
            for listed in one.lists if one else ():
                parts.setdefault(listed, []).append(index)
        shapes = tuple(one.shape for one in known if one)
        return Alternatives({listed: tuple(indexes) for listed, indexes in parts.items()}, shapes, Counter(shapes))

    def _of(self, condition: c.Condition) -> _Known | None:
        key = id(condition)
        if key not in self._known:
            self._known[key] = self._work_out(condition)
        return self._known[key]

    def _work_out(self, condition: c.Condition) -> _Known | None:
        limits = condition.range
        if limits is not None and (limits.after is not None or limits.before is not None or limits.around is not None or needs_times(limits)):
            return None
        match condition:
            case c.Words():
                shape = _Shape(condition.role, limits, self._book.by_sound(condition.phrases))
                return _Known(self._number(shape), frozenset({id(condition.phrases)}))
            case c.Named():
                return self._around(condition, (self._book.rules[condition.name],))
            case c.AnyOf():
                return self._around(condition, condition.parts)
            case c.AllOf() if condition.within_turns is None:
                return self._around(condition, condition.parts, surest=True)
            case c.AllOf() | c.Sequence():
                return self._around(condition, condition.parts[:1])
            case c.Count() if condition.at_least > 0:
                return self._around(condition, (condition.part,))
            case _:
                return None

    def _around(self, condition: c.Condition, parts: tuple[c.Condition, ...], surest: bool = False) -> _Known | None:
        known = [self._of(part) for part in parts]
        shapes = tuple(sorted({one.shape for one in known if one}))
        if None in known:
            return None
        lists = frozenset().union(*(one.lists for one in known if one))
        if len(shapes) == 1 and condition.role is None and condition.range is None:
            return _Known(shapes[0], lists)
        return _Known(self._number(_Shape(condition.role, condition.range, inside=shapes, surest=surest)), lists)

    def _number(self, shape: _Shape) -> int:
        number = self._shapes.setdefault(shape, len(self._shapes))
        if number == len(self._listed):
            self._listed.append(shape)
        return number
