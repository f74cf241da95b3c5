"""Many literals in one pass over a text: an automaton for short texts, whole arrays of characters for long ones.

Both give the same matches. The automaton costs nothing to begin with and builds a Python tuple for each
match; the arrays cost a tenth of a millisecond to begin with and then a fraction of it per character.

Arrays: the first three characters at every place are hashed into a table of 65,536 marks, so that nearly
every place is given up after one look. What is left is followed character by character through tables of
the hashes of all beginnings of literals (Rabin-Karp, one table for each length), and compared exactly at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from daachorse import CharwiseDoubleArrayAhoCorasick
from numpy.typing import NDArray

Places = NDArray[np.int64]
Matches = tuple[Places, Places, Places]

LONG_TEXT = 20_000
_BLOCK = 1 << 16
_WALKED_AT_ONCE = 100_000
_MULTIPLIER = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_FINE_BITS = 20
_MARKS = (40503, 30011, 52057)
_NONE, _BEGINNING = -2, -1


class Literals:
    """Finds every place of every literal, overlapping ones too; literals are non-empty and different."""

    def __init__(self, literals: Sequence[str]) -> None:
        self.literals = tuple(literals)
        self._automaton = CharwiseDoubleArrayAhoCorasick(list(literals)) if literals else None
        self._arrays: _Arrays | None = None

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """(start, end, number of the literal) of every match, in no promised order."""
        if len(text) >= LONG_TEXT:
            starts, ends, numbers = self.arrays(text)
            return list(zip(starts.tolist(), ends.tolist(), numbers.tolist(), strict=True))
        if self._automaton is None:
            return []
        found: list[tuple[int, int, int]] = self._automaton.find_overlapping(text)
        return found

    def arrays(self, text: str) -> Matches:
        """Starts, ends and numbers of every match, in no promised order."""
        if self._arrays is None:
            self._arrays = _Arrays(self.literals)
        return self._arrays.find(text)


class _Arrays:
    def __init__(self, literals: tuple[str, ...]) -> None:
        self._literals = literals
        self._longest = max(map(len, literals), default=0)
        self._wide = np.array([max(literal) > "\uffff" for literal in literals], bool)
        self._single = np.full(1 << 16, _NONE, np.int32)
        self._pair_marks, self._marks = np.zeros(1 << 16, bool), np.zeros(1 << 16, bool)
        self._three, self._four = np.zeros(1 << _FINE_BITS, bool), np.zeros(1 << _FINE_BITS, bool)
        levels: list[dict[int, int]] = [{} for _ in range(self._longest + 1)]
        self._of_length: list[list[int]] = [[] for _ in range(self._longest + 1)]
        for number, literal in enumerate(literals):
            codes = _codes(literal)[0].tolist()
            self._of_length[len(codes)].append(number)
            self._enter(codes, number, levels)
        self._tables = [_Table(level) if level else None for level in levels]
        self._rank = np.zeros(len(literals), np.int64)  # the row of a literal among those of its length
        self._spelled: list[NDArray[np.uint16]] = []
        for length, numbers in enumerate(self._of_length):
            self._rank[numbers] = np.arange(len(numbers))
            self._spelled.append(np.array([_codes(literals[n])[0] for n in numbers], np.uint16).reshape(len(numbers), length))

    def _enter(self, codes: list[int], number: int, levels: list[dict[int, int]]) -> None:
        if len(codes) == 1:
            self._single[codes[0]] = number
            return
        mark = sum(code * factor for code, factor in zip(codes, _MARKS, strict=False)) & 0xFFFF
        (self._pair_marks if len(codes) == 2 else self._marks)[mark] = True
        value = 0
        for length, code in enumerate(codes, start=1):
            value = (value * _MULTIPLIER + code + 1) & _MASK
            if length == len(codes):
                levels[length][value] = number
            elif length >= 4:
                levels[length].setdefault(value, _BEGINNING)
            if length == len(codes) == 3:
                self._three[value >> (64 - _FINE_BITS)] = True
            elif length == 4:
                self._four[value >> (64 - _FINE_BITS)] = True

    def find(self, text: str) -> Matches:
        size = len(text)
        codes, folded = _codes(text, self._longest + 4)
        found: list[Matches] = []
        if self._of_length[1:2] != [] and self._of_length[1]:
            numbers = self._single.take(codes[:size])
            places = np.flatnonzero(numbers >= 0)
            found.append((places, places + 1, numbers[places].astype(np.int64)))
        waiting: list[Places] = []
        count = 0
        for places in self._promising(codes, size if self._longest > 1 else 0):
            waiting.append(places)
            count += len(places)
            if count > _WALKED_AT_ONCE:
                self._walk(codes, np.concatenate(waiting), found)
                waiting, count = [], 0
        if waiting:
            self._walk(codes, np.concatenate(waiting), found)
        starts, ends, which = (np.concatenate([part[i] for part in found] or [np.zeros(0, np.int64)]) for i in range(3))
        inside = ends <= size
        doubtful = self._wide[which]
        if len(folded):
            doubtful |= np.searchsorted(folded, starts) != np.searchsorted(folded, ends)
        for match in np.flatnonzero(doubtful).tolist():  # what was folded is compared as text
            inside[match] &= text.startswith(self._literals[which[match]], starts[match])
        return starts[inside], ends[inside], which[inside]

    def _promising(self, codes: NDArray[np.uint16], size: int) -> Iterator[Places]:
        """Block by block, the places whose first two or three characters have the mark of a literal."""
        marks, part = np.empty(_BLOCK, np.uint16), np.empty(_BLOCK, np.uint16)
        short, marked = np.empty(_BLOCK, bool), np.empty(_BLOCK, bool)
        pairs = self._of_length[2:3] != [] and bool(self._of_length[2])
        for first in range(0, size, _BLOCK):
            last = min(size, first + _BLOCK)
            mark, more, pair, chosen = (array[: last - first] for array in (marks, part, short, marked))
            np.multiply(codes[first:last], np.uint16(_MARKS[0]), out=mark)
            np.multiply(codes[first + 1 : last + 1], np.uint16(_MARKS[1]), out=more)
            np.add(mark, more, out=mark)
            if pairs:
                self._pair_marks.take(mark, out=pair, mode="clip")  # every 16-bit mark is in the table: clipping spares the check
            np.multiply(codes[first + 2 : last + 2], np.uint16(_MARKS[2]), out=more)
            np.add(mark, more, out=mark)
            self._marks.take(mark, out=chosen, mode="clip")
            if pairs:
                np.logical_or(chosen, pair, out=chosen)
            yield np.flatnonzero(chosen) + first

    def _walk(self, codes: NDArray[np.uint16], places: Places, found: list[Matches]) -> None:
        """Follow the hashes of what begins at `places` through the tables."""
        value = np.zeros(len(places), np.uint64)
        for reached in range(min(4, self._longest)):
            value = _extended(value, codes, places + reached)
            if reached == 1:
                self._take(codes, places, value, 2, found)
            elif reached == 2:
                chosen = np.flatnonzero(self._three.take(_slots(value, _FINE_BITS)))
                self._take(codes, places[chosen], value[chosen], 3, found)
        if self._longest < 4:
            return
        chosen = np.flatnonzero(self._four.take(_slots(value, _FINE_BITS)))
        places, value = places[chosen], value[chosen]
        for length in range(4, self._longest + 1):
            if not len(places):
                return
            if length > 4:
                value = _extended(value, codes, places + (length - 1))
            alive = self._take(codes, places, value, length, found)
            places, value = places[alive], value[alive]

    def _take(self, codes: NDArray[np.uint16], places: Places, value: NDArray[np.uint64], length: int, found: list[Matches]) -> Places:
        """Keep the literals of this length; returns which of the places begin a literal of at least this length."""
        table = self._tables[length] if length < len(self._tables) else None
        if table is None or not len(places):
            return np.zeros(0, np.int64)
        numbers = table.get(value)
        hits = np.flatnonzero(numbers >= 0)
        if len(hits):
            starts, which = places[hits], numbers[hits].astype(np.int64)
            same = (codes[starts[:, None] + np.arange(length)] == self._spelled[length][self._rank[which]]).all(axis=1)
            found.append((starts[same], starts[same] + length, which[same]))
        return np.flatnonzero(numbers > _NONE)


class _Table:
    """64-bit hash -> number, for whole arrays: open addressing, a quarter full."""

    def __init__(self, entries: dict[int, int]) -> None:
        self._bits = max(4, (len(entries) * 4 - 1).bit_length())
        size = 1 << self._bits
        keys, values = np.zeros(size, np.uint64), np.full(size, _NONE, np.int32)
        self._probes = 1
        for key, value in entries.items():
            slot, probes = key >> (64 - self._bits), 1
            while values[slot] != _NONE:
                slot, probes = (slot + 1) % size, probes + 1
            keys[slot], values[slot] = key, value
            self._probes = max(self._probes, probes)
        self._keys, self._values = keys, values

    def get(self, wanted: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The number for each hash, _NONE where it is not in the table."""
        slots = _slots(wanted, self._bits)
        numbers = self._values.take(slots)
        other = np.flatnonzero((self._keys.take(slots) != wanted) & (numbers != _NONE))
        numbers[other] = _NONE
        slots, wanted = slots[other], wanted[other]
        for _ in range(self._probes - 1):
            if not len(other):
                break
            slots = (slots + 1) & ((1 << self._bits) - 1)
            here = self._values.take(slots)
            same = (self._keys.take(slots) == wanted) & (here != _NONE)
            numbers[other[same]] = here[same]
            on = np.flatnonzero(~same & (here != _NONE))
            other, slots, wanted = other[on], slots[on], wanted[on]
        return numbers


def _extended(value: NDArray[np.uint64], codes: NDArray[np.uint16], places: Places) -> NDArray[np.uint64]:
    value = value * np.uint64(_MULTIPLIER)
    value += codes.take(places)
    value += np.uint64(1)
    return value


def _slots(value: NDArray[np.uint64], bits: int) -> NDArray[Any]:
    return (value >> np.uint64(64 - bits)).view(np.int64)


def _codes(text: str, padding: int = 0) -> tuple[NDArray[np.uint16], Places]:
    """One 16-bit code for each character, then zeros; and where characters beyond 16 bits (rare Chinese, emoji) were cut down to 16."""
    wide = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = np.zeros(len(wide) + padding, np.uint16)
    codes[: len(wide)] = wide  # keeps the lower 16 bits
    return codes, np.flatnonzero(wide > 0xFFFF) if len(wide) and wide.max() > 0xFFFF else np.zeros(0, np.int64)
