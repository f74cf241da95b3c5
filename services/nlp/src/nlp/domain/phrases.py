"""Phrases of all rules found in one pass: one automaton over characters, one over syllables.

A phrase is plain text in which `*` stands for up to six characters and `*{n}` for up to n. A phrase of
two syllables sounds like too much else, so it is found by sound only where it ends in `~`. Each part
between wildcards is one pattern of the automaton; parts are joined by their places afterwards, as
are the halves by which a long phrase with one misheard syllable is found.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from daachorse import CharwiseDoubleArrayAhoCorasick

from nlp.domain.syllables import loose, readings, sound
from nlp.domain.text import PlainText, letters_of

WILDCARD_REACH = 6
MAX_WILDCARD_REACH = 60
_WILDCARD = re.compile(r"\*(?:\{(\d+)\})?")
MIN_SOUND_SYLLABLES = 2
SAFE_SOUND_SYLLABLES = 3
_NEGATIONS = frozenset("不没未别无非")
MIN_LOOSE_SYLLABLES = 4
MIN_MISHEARD_SYLLABLES = 7

EXACT = 1.0
SAME_SOUND = 0.85
SHORT_SAME_SOUND = 0.72
SIMILAR_SOUND = 0.7
ONE_MISHEARD = 0.6


@dataclass(frozen=True, slots=True)
class Phrase:
    """Parts in order; between part i and i+1 at most `reaches[i]` characters. `heard` permits matching by sound."""

    text: str
    parts: tuple[str, ...]
    reaches: tuple[int, ...]
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase found: places `[start, end)` in the letters and how sure the match is (0-1)."""

    start: int
    end: int
    confidence: float


class PhraseError(ValueError):
    """A phrase that matches nothing or everything; the message says why."""


def parse_phrase(text: str, heard: bool = True) -> Phrase:
    """Read `退*{8}款` into its parts; raises PhraseError where no letters remain or a wildcard reaches too far."""
    parts: list[str] = []
    reaches: list[int] = []
    position = 0
    short = text.endswith("~")
    text = text.removesuffix("~")
    for wildcard in _WILDCARD.finditer(text):
        parts.append(letters_of(text[position : wildcard.start()]))
        reach = int(wildcard[1]) if wildcard[1] else WILDCARD_REACH
        if reach > MAX_WILDCARD_REACH:
            raise PhraseError(f"{text!r}: a wildcard reaches at most {MAX_WILDCARD_REACH} characters")
        reaches.append(reach)
        position = wildcard.end()
    parts.append(letters_of(text[position:]))
    if not all(parts):
        raise PhraseError(f"{text!r}: a phrase has letters on both sides of a wildcard")
    if not short and (sum(map(len, parts)) < SAFE_SOUND_SYLLABLES or (len(parts) > 1 and min(map(len, parts)) < MIN_SOUND_SYLLABLES)):
        heard = False
    return Phrase(text, tuple(parts), tuple(reaches), heard)


@dataclass(frozen=True, slots=True)
class _Part:
    phrase: int
    index: int
    readings: frozenset[str]
    seed_offset: int | None = None  # set where the pattern is a half of the part, to be verified around
    loose: str = ""


class PhraseScanner:
    """Finds every phrase of a fixed list in a text; the cost does not depend on the number of phrases."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.phrases = tuple(phrases)
        written: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        heard: defaultdict[str, list[_Part]] = defaultdict(list)
        for number, phrase in enumerate(self.phrases):
            for index, part in enumerate(phrase.parts):
                written[part].append((number, index))
                if phrase.heard and len(part) >= MIN_SOUND_SYLLABLES and _all_chinese(part):
                    _index_by_sound(heard, number, index, part)
        self._written = list(written.values())
        self._heard = list(heard.values())
        self._by_letters = CharwiseDoubleArrayAhoCorasick(list(written)) if written else None
        self._by_sound = CharwiseDoubleArrayAhoCorasick(list(heard)) if heard else None

    def scan(self, text: PlainText, spoken: bool) -> dict[int, tuple[Found, ...]]:
        """Phrase number -> places, the surest first; `spoken` also looks for what merely sounds like a phrase."""
        places: dict[tuple[int, int], dict[tuple[int, int], float]] = {}
        if self._by_letters is not None:
            for start, end, pattern in self._by_letters.find_overlapping(text.letters):
                for key in self._written[pattern]:
                    places.setdefault(key, {})[start, end] = EXACT
        if spoken and self._by_sound is not None:
            self._listen(text, places)
        results: dict[int, tuple[Found, ...]] = {}
        for (number, index), spans in places.items():
            if index:
                continue
            phrase = self.phrases[number]
            found = [Found(start, end, confidence) for (start, end), confidence in spans.items()]
            if phrase.reaches:
                found = _joined(phrase, number, found, places, text.sentence)
            if found:
                results[number] = tuple(sorted(found, key=lambda f: (-f.confidence, f.start)))
        return results

    def _listen(self, text: PlainText, places: dict[tuple[int, int], dict[tuple[int, int], float]]) -> None:
        exact, similar = sound(text.letters)
        assert self._by_sound is not None
        for start, end, pattern in self._by_sound.find_overlapping(similar):
            for part in self._heard[pattern]:
                first, last, confidence = start, end, 0.0
                if part.seed_offset is not None:
                    first = start - part.seed_offset
                    last = first + len(part.loose)
                    if first < 0 or last > len(similar) or not self._one_misheard(text.letters, similar, first, part):
                        continue
                    confidence = ONE_MISHEARD
                elif exact[start:end] in part.readings:
                    confidence = SAME_SOUND if end - start > MIN_SOUND_SYLLABLES else SHORT_SAME_SOUND
                elif end - start >= MIN_LOOSE_SYLLABLES:
                    confidence = SIMILAR_SOUND
                if confidence:
                    spans = places.setdefault((part.phrase, part.index), {})
                    spans[first, last] = max(confidence, spans.get((first, last), 0.0))

    def _one_misheard(self, letters: str, similar: str, first: int, part: _Part) -> bool:
        """Whether exactly one syllable differs, and not one that turns the meaning round."""
        differing = [i for i, wanted in enumerate(part.loose) if similar[first + i] != wanted]
        if len(differing) != 1:
            return False
        wanted = self.phrases[part.phrase].parts[part.index]
        return letters[first + differing[0]] not in _NEGATIONS and wanted[differing[0]] not in _NEGATIONS


def _all_chinese(part: str) -> bool:
    return all(c >= "㐀" for c in part)


def _index_by_sound(heard: defaultdict[str, list[_Part]], number: int, index: int, part: str) -> None:
    said = readings(part)
    for code in {loose(reading) for reading in said}:
        heard[code].append(_Part(number, index, said))
        if len(part) >= MIN_MISHEARD_SYLLABLES:
            half = len(part) // 2
            heard[code[:half]].append(_Part(number, index, said, 0, code))
            heard[code[half:]].append(_Part(number, index, said, half, code))


def _joined(
    phrase: Phrase,
    number: int,
    firsts: list[Found],
    places: dict[tuple[int, int], dict[tuple[int, int], float]],
    sentence: tuple[int, ...],
) -> list[Found]:
    heads = firsts
    for index, reach in enumerate(phrase.reaches, start=1):
        tails = places.get((number, index))
        if not tails:
            return []
        heads = [
            Found(head.start, end, min(head.confidence, confidence))
            for head in heads
            for (start, end), confidence in tails.items()
            if 0 <= start - head.end <= reach and sentence[head.start] == sentence[start]
        ]
    nearest: dict[int, Found] = {}
    for found in heads:
        best = nearest.get(found.start)
        if best is None or (found.confidence, -found.end) > (best.confidence, -best.end):
            nearest[found.start] = found
    return list(nearest.values())
