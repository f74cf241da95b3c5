"""Names and places in running text by a linear sequence tagger: hashed features of characters and words, weights from a file, numpy alone."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nlp.domain.recent import CHARS, TEXTS

TAGS = ("O", "S-name", "B-name", "I-name", "E-name", "S-address", "B-address", "I-address", "E-address")
_KINDS = ("name", "address")
BITS = 20
_MASK = np.uint32((1 << BITS) - 1)
_PRIME = np.uint32(0x9E3779B1)
SEPARATOR = "\n" * 6  # between texts looked at together: wide enough that none sees the other
# Offsets of the characters, or words (after a bar), that make one feature together.
_CHARACTERS = (
    (0,), (-1,), (1,), (-2,), (2,), (-1, 0), (0, 1), (-2, -1), (1, 2), (-1, 1), (-1, 0, 1), (-2, -1, 0), (0, 1, 2), (-3, -2, -1), (1, 2, 3), (-2, -1, 0, 1),
    (-1, 0, 1, 2),
)
_SHAPES = ((0,), (-1, 0), (0, 1), (-1, 0, 1), (-2, -1, 0, 1, 2))
_WORDS = ((0,), (-1,), (1,))
_REACH = 3
_Part = tuple[str, bool, bool]  # a text, and whether nothing stands before or after it
Words = Callable[[str], Sequence[tuple[str, str]]]
"""Segments a text into words with their parts of speech."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Characters `[start, end)` of a text; `kind` is name or address, `margin` how far it is from not being one."""

    start: int
    end: int
    kind: str
    margin: float


@cache
def _normal() -> NDArray[np.uint32]:
    """Character -> what stands for it: digits are one, letters two, full width is half width."""
    table = np.arange(0x10000, dtype=np.uint32)
    table[0xFF01:0xFF5F] = np.arange(0x21, 0x7F)
    for first, last, stands in ((0x30, 0x3A, 0x30), (0x41, 0x5B, 0x41), (0x61, 0x7B, 0x61)):
        table[first:last] = stands
        table[first + 0xFEE0 : last + 0xFEE0] = stands
    return table


def codes_of(text: str) -> NDArray[np.uint32]:
    """One number for each character."""
    raw = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return _normal()[np.minimum(raw, 0xFFFF)]


def features(text: str, words: Words) -> NDArray[np.uint32]:
    """Rows by characters: the places of its features in the weights."""
    codes = codes_of(text)
    shape, same, before, after = _word_codes(text, words)
    rows = [*_hashed(codes, _CHARACTERS, 1), *_hashed(shape, _SHAPES, 101)]
    for number, row in enumerate((same, before, after, same ^ before * np.uint32(3), same ^ after * np.uint32(5))):
        rows.append(_place(_mix(row, 201 + number)))
    rows.append(_place(_mix(codes ^ shape * _PRIME, 301)))
    return np.stack(rows, axis=1)


def _hashed(codes: NDArray[np.uint32], templates: Sequence[Sequence[int]], first: int) -> Iterator[NDArray[np.uint32]]:
    padded = np.concatenate([np.full(_REACH, 1, np.uint32), codes, np.full(_REACH, 1, np.uint32)])
    for number, offsets in enumerate(templates):
        value = np.full(len(codes), first + number, np.uint32) * _PRIME
        for offset in offsets:
            value = (value ^ padded[_REACH + offset : _REACH + offset + len(codes)]) * _PRIME
            value ^= value >> np.uint32(15)
        yield _place(value)


def _mix(values: NDArray[np.uint32], salt: int) -> NDArray[np.uint32]:
    mixed = (values ^ np.uint32(salt * 0x85EBCA6B & 0xFFFFFFFF)) * _PRIME
    return mixed ^ (mixed >> np.uint32(15))


def _place(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (values ^ (values >> np.uint32(16))) & _MASK


def _word_codes(text: str, words: Words) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    """For each character: part of speech with its place in the word, the word, the word before and the word after."""
    found = words(text)
    lengths = np.array([len(word) for word, _ in found], dtype=np.int64)
    crc = np.array([1, *(zlib.crc32(word.encode("utf-8", "replace")) for word, _ in found), 1], dtype=np.uint32)
    speech = np.array([_speech(tag, min(len(word), 5)) for word, tag in found], dtype=np.uint32)
    which = np.repeat(np.arange(len(found)), lengths)
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = np.arange(len(text)) - starts
    last = at == lengths[which] - 1
    place = np.where(last, np.where(at == 0, 3, 2), np.where(at == 0, 0, 1)).astype(np.uint32)
    return speech[which] * np.uint32(4) + place, crc[which + 1], crc[which], crc[which + 2]


@cache
def _speech(tag: str, length: int) -> int:
    return (zlib.crc32(tag.encode()) * 8 + length) & 0x3FFFFFFF


class EntityTagger:
    """Finds names and places. `weights` has a row for each feature and a column for each tag, `moves` a row for each tag before."""

    def __init__(self, weights: NDArray[np.int8], moves: NDArray[np.float32], words: Words, bias: Sequence[float] = (0.0, 0.0)) -> None:
        self._weights, self._words = weights, words
        self._moves = moves + FORBIDDEN
        self._kept: dict[_Part, list[Entity]] = {}
        self._bias = np.array([0.0, *([bias[0]] * 4), *([bias[1]] * 4)], dtype=np.float32)

    def find_in(self, parts: Sequence[str]) -> list[list[Entity]]:
        """The entities of each of several texts, in order, found in one look: most of what a look costs is the same for one text and for twenty.

        What was found in a recent text is found again; a text looks otherwise from the words around it where it is the first or the last.
        """
        asked = [(part, number == 0, number == len(parts) - 1) for number, part in enumerate(parts)]
        known = {part: self._kept[part] for part in asked if part in self._kept}
        new = [part for part in dict.fromkeys(asked) if part not in known]
        if new:
            known.update(zip(new, self._found_in(new), strict=True))
            if len(self._kept) > TEXTS:
                self._kept.clear()
            self._kept.update({part: known[part] for part in new if len(part[0]) <= CHARS})
        return [known[part] for part in asked]

    def _found_in(self, parts: Sequence[_Part]) -> list[list[Entity]]:
        begin = 0 if parts[0][1] else len(SEPARATOR)
        text = SEPARATOR * bool(begin) + SEPARATOR.join(part for part, *_ in parts) + SEPARATOR * (not parts[-1][2])
        entities = iter(self.find(text))
        entity = next(entities, None)
        found: list[list[Entity]] = []
        for part, *_ in parts:
            end = begin + len(part)
            found.append([])
            while entity is not None and entity.start < end:
                if entity.start >= begin and entity.end <= end:
                    found[-1].append(Entity(entity.start - begin, entity.end - begin, entity.kind, entity.margin))
                entity = next(entities, None)
            begin = end + len(SEPARATOR)
        return found

    def find(self, text: str) -> list[Entity]:
        """In order."""
        if not text:
            return []
        scores = self._weights[features(text, self._words)].sum(axis=1, dtype=np.int32).astype(np.float32) + self._bias
        found: list[Entity] = []
        stretches = list(_worth_a_look(scores))
        paths = best_paths([scores[first:last] for first, last in stretches], self._moves)
        for (first, _), path in zip(stretches, paths, strict=True):
            for start, end, kind in entities_of(path):
                part = scores[first + start : first + end]
                columns = slice(1, 5) if kind == "name" else slice(5, 9)
                margin = float((part[:, columns].max(axis=1) - part[:, 0]).mean())
                found.append(Entity(first + start, first + end, kind, margin))
        return found


_SLACK = 30.0
_AROUND = 2


def _worth_a_look(scores: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Stretches in which a tag other than O comes near: elsewhere the best path is O."""
    near = np.flatnonzero(scores[:, 1:].max(axis=1) > scores[:, 0] - _SLACK)
    if not len(near):
        return
    breaks = np.flatnonzero(np.diff(near) > 2 * _AROUND)
    firsts = near[np.concatenate([[0], breaks + 1])]
    lasts = near[np.concatenate([breaks, [len(near) - 1]])]
    for first, last in zip(firsts, lasts, strict=True):
        yield max(0, int(first) - _AROUND), min(len(scores), int(last) + _AROUND + 1)


def _allowed(before: int, after: int) -> bool:
    if before == after == 0:
        return True
    inside = before > 0 and (before - 1) % 4 in (1, 2)
    continues = after > 0 and (after - 1) % 4 in (2, 3)
    return inside == continues and (not inside or (before - 1) // 4 == (after - 1) // 4)


FORBIDDEN = np.array([[0.0 if _allowed(a, b) else -1e6 for b in range(9)] for a in range(9)], dtype=np.float32)
_BEGINS = np.array([0.0 if t == 0 or (t - 1) % 4 in (0, 1) else -1e6 for t in range(9)], dtype=np.float32)
_ENDS = np.array([0.0 if t == 0 or (t - 1) % 4 in (0, 3) else -1e6 for t in range(9)], dtype=np.float32)


def best_path(scores: NDArray[np.float32], moves: NDArray[np.float32]) -> list[int]:
    """The tags with the highest sum of scores and moves (Viterbi); `moves` hold what is forbidden."""
    back = np.empty(scores.shape, dtype=np.int64)
    best = scores[0] + _BEGINS
    columns = np.arange(scores.shape[1])
    for at in range(1, len(scores)):
        reached = best[:, None] + moves
        back[at] = reached.argmax(axis=0)
        best = reached[back[at], columns] + scores[at]
    tag = int((best + _ENDS).argmax())
    path = [tag]
    for at in range(len(scores) - 1, 0, -1):
        tag = int(back[at, tag])
        path.append(tag)
    return path[::-1]


def best_paths(parts: Sequence[NDArray[np.float32]], moves: NDArray[np.float32]) -> list[list[int]]:
    """As best_path for each part, all of them side by side; a part is taken to be followed by O."""
    if not parts:
        return []
    longest = max(len(part) for part in parts) + 1
    scores = np.full((longest, len(parts), moves.shape[0]), -1e6, dtype=np.float32)
    scores[:, :, 0] = 0.0
    for number, part in enumerate(parts):
        scores[: len(part), number] = part
    back = np.empty(scores.shape, dtype=np.int64)
    best = scores[0] + _BEGINS
    for at in range(1, longest):
        reached = best[:, :, None] + moves
        back[at] = reached.argmax(axis=1)
        best = reached.max(axis=1) + scores[at]
    tags = np.zeros(len(parts), dtype=np.int64)
    every = np.arange(len(parts))
    path = np.zeros((longest, len(parts)), dtype=np.int64)
    for at in range(longest - 1, 0, -1):
        tags = back[at][every, tags]
        path[at - 1] = tags
    return [path[: len(part), number].tolist() for number, part in enumerate(parts)]


def entities_of(path: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Places and kinds of what a well-formed path tags."""
    start = 0
    for at, tag in enumerate(path):
        if tag:
            place = (tag - 1) % 4
            if place in (0, 1):
                start = at
            if place in (0, 3):
                yield start, at + 1, _KINDS[(tag - 1) // 4]


def read_tagger(content: bytes, words: Words) -> EntityTagger:
    """The tagger in an .npz file as training wrote it. Raises ValueError where that was for another version."""
    with np.load(io.BytesIO(content)) as kept:
        about = json.loads(bytes(kept["about"]).decode())
        if tuple(about["tags"]) != TAGS or about["bits"] != BITS:
            raise ValueError("the weights were trained for another version of this tagger")
        return EntityTagger(kept["weights"], kept["moves"], words, about["bias"])
