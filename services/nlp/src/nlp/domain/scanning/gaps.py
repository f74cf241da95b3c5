"""Two literals in an order within a distance, for any number of rules at once: matches are joined by their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nlp.domain.scanning.literals import Literals, Places

_MARKS = (1 << 20) - 3  # slots for pairs of literals that a rule joins; a prime


@dataclass(frozen=True, slots=True)
class GapRule:
    """`first`, then at most `reach` characters, then `then`."""

    first: str
    then: str
    reach: int


class GapRules:
    """Finds for every rule each place of its first literal with the nearest second one behind it, all rules in one pass.

    A rule costs only what its literals are found, so a thousand rules cost what one does. The result is that of
    `(?=(first.{0,reach}?then))` for each rule, in which `.` is any character that is not a line break.
    """

    def __init__(self, rules: Sequence[GapRule]) -> None:
        self.rules = tuple(rules)
        numbers: dict[str, int] = {}
        for rule in self.rules:
            numbers.setdefault(rule.first, len(numbers))
            numbers.setdefault(rule.then, len(numbers))
        self._literals = Literals(list(numbers))
        self._lengths = np.array([len(literal) for literal in numbers], np.int64)
        self._count = len(numbers)
        keys = np.array([numbers[rule.first] * self._count + numbers[rule.then] for rule in self.rules], np.int64)
        self._rules = np.argsort(keys, kind="stable")  # rules by their pair of literals
        self._keys = keys[self._rules]
        self._reach = np.array([rule.reach for rule in self.rules], np.int64)
        self._marks = np.zeros(_MARKS, bool)
        self._marks[keys % _MARKS] = True

    def find(self, text: str) -> tuple[Places, Places, Places]:
        """Starts, ends and rule numbers, ordered by rule and start."""
        starts, _, literals = self._literals.arrays(text)
        order = np.argsort(starts, kind="stable")
        starts, literals = starts[order], literals[order]
        ends = starts + self._lengths[literals]
        found = [self._of_pairs(heads, tails, starts, ends, literals) for heads, tails in self._neighbours(starts, ends, literals)]
        heads, tails, rules = (np.concatenate([part[i] for part in found] or [np.zeros(0, np.int64)]) for i in range(3))
        whole = _lines_before(text, ends[heads]) == _lines_before(text, starts[tails])
        heads, tails, rules = heads[whole], tails[whole], rules[whole]
        order = np.lexsort((starts[tails], starts[heads], rules))
        heads, tails, rules = heads[order], tails[order], rules[order]
        nearest = np.ones(len(heads), bool)
        nearest[1:] = (rules[1:] != rules[:-1]) | (heads[1:] != heads[:-1])
        return starts[heads[nearest]], ends[tails[nearest]], rules[nearest]

    def _neighbours(self, starts: Places, ends: Places, literals: Places) -> Iterator[tuple[Places, Places]]:
        """Pairs of matches, near enough for some rule, whose literals may be those of a rule."""
        farthest = ends + (int(self._reach.max()) if len(self._reach) else 0)
        heads = np.arange(len(starts))
        ahead = 0
        while len(heads):
            ahead += 1
            heads = heads[: np.searchsorted(heads, len(starts) - ahead)]
            heads = heads[starts[heads + ahead] <= farthest[heads]]
            keys = literals[heads] * self._count + literals[heads + ahead]
            chosen = heads[self._marks.take(keys % _MARKS)]
            yield chosen, chosen + ahead

    def _of_pairs(self, heads: Places, tails: Places, starts: Places, ends: Places, literals: Places) -> tuple[Places, Places, Places]:
        keys = literals[heads] * self._count + literals[tails]
        first, last = np.searchsorted(self._keys, keys, "left"), np.searchsorted(self._keys, keys, "right")
        pairs = np.repeat(np.arange(len(keys)), last - first)
        within = np.arange(len(pairs)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
        rules = self._rules[first[pairs] + within]
        gap = starts[tails[pairs]] - ends[heads[pairs]]
        near = (gap >= 0) & (gap <= self._reach[rules])
        return heads[pairs[near]], tails[pairs[near]], rules[near]


def _lines_before(text: str, places: Places) -> Places:
    lines = text.split("\n")
    breaks = np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)) + 1)[:-1] - 1
    return np.searchsorted(breaks, places)
