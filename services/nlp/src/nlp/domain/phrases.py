"""Phrases of all rules found in one pass: as they are written and, in speech, by their sound.

A phrase is plain text in which `*` stands for up to six characters and `*{n}` for up to n; one that ends in `~`
is heard more loosely. Each part between wildcards is looked for by itself, the same part of many
phrases once; parts are joined by their places afterwards.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from nlp.domain.scanning.hearing import Listener, benefit, can_be_heard, doubt, sureness
from nlp.domain.scanning.literals import Literals
from nlp.domain.text import PlainText, letters_of

WILDCARD_REACH = 6
MAX_WILDCARD_REACH = 60
_WILDCARD = re.compile(r"\*(?:\{(\d+)\})?")
HEARD_LOOSELY = "~"
SAFE_SOUND_SYLLABLES = 3

EXACT = 1.0
SHORT_SAME_SOUND = 0.72  # the least confidence that a strict rule accepts


class Heard(IntEnum):
    """How a phrase may be found by its sound; NEVER is false."""

    NEVER = 0
    NORMALLY = 1
    LOOSELY = 2


# The weight of evidence that is needed less: of a loosely heard phrase, and of each part where another part must be near.
LOOSE_LEEWAY = 2.0
PART_LEEWAY = 1.5


@dataclass(frozen=True, slots=True)
class Phrase:
    """Parts in order; between part i and i+1 at most `reaches[i]` characters."""

    text: str
    parts: tuple[str, ...]
    reaches: tuple[int, ...]
    heard: Heard = Heard.NORMALLY


class Found(NamedTuple):  # made by the thousand, like hits
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
    level = Heard.NEVER if not heard else Heard.LOOSELY if text.endswith(HEARD_LOOSELY) else Heard.NORMALLY
    text = text.removesuffix(HEARD_LOOSELY)
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
    return Phrase(text, tuple(parts), tuple(reaches), level)


_Spans = dict[tuple[int, int], float]
_Owner = tuple[int, tuple[int, int] | None]  # a phrase's number and, of one in parts, that number and the part's


class PhraseScanner:
    """Finds every phrase of a fixed list in a text; the cost grows with the text and what is found in it, not with the number of phrases."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.phrases = tuple(phrases)
        written: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        heard: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, phrase in enumerate(self.phrases):
            for index, part in enumerate(phrase.parts):
                written[part].append((number, index))
                if phrase.heard and can_be_heard(part):
                    heard[part].append((number, index))
        self._written = [[self._owner(*owner) for owner in owners] for owners in written.values()]
        self._heard = [(len(part), [(_leeway(self.phrases[number]), self._owner(number, index)) for number, index in owners]) for part, owners in heard.items()]
        self._literals = Literals(list(written))
        ease = [max(_leeway(self.phrases[number]) for number, _ in owners) for owners in heard.values()]
        self._listener = Listener(list(heard), ease) if heard else None

    def _owner(self, number: int, index: int) -> _Owner:
        return number, (number, index) if self.phrases[number].reaches else None

    def scan(self, text: PlainText, spoken: bool, confidence: float = 1.0) -> dict[int, tuple[Found, ...]]:
        """Phrase number -> places, the surest first.

        `spoken` also looks for what merely sounds like a phrase: the less sure the recogniser was (`confidence`, 0-1), the more readily.
        """
        whole: dict[int, _Spans] = {}
        parts: dict[tuple[int, int], _Spans] = {}
        for start, end, pattern in self._literals.find(text.letters):
            for owner in self._written[pattern]:
                _keep(owner, (start, end), EXACT, whole, parts)
        if spoken and self._listener is not None:
            self._listen(self._listener, text, doubt(confidence), whole, parts)
        for number, index in list(parts):
            if not index and all((number, other) in parts for other in range(1, len(self.phrases[number].parts))):
                joined = _joined(self.phrases[number], number, parts, text.sentence)
                if joined:
                    whole[number] = joined
        results: dict[int, tuple[Found, ...]] = {}
        for number, spans in whole.items():
            if len(spans) == 1:
                (((start, end), sure),) = spans.items()
                results[number] = (Found(start, end, sure),)
            else:
                results[number] = tuple(sorted((Found(*place, sure) for place, sure in spans.items()), key=_surest_first))
        return results

    def _listen(
        self, listener: Listener, text: PlainText, doubted: float, whole: dict[int, _Spans], parts: dict[tuple[int, int], _Spans]
    ) -> None:
        for part, start, weight in listener.find(text.letters, text.sentence, doubted):
            length, owners = self._heard[part]
            for ease, owner in owners:
                leeway = benefit(doubted, length) + ease
                if weight + leeway >= 0:
                    _keep(owner, (start, start + length), sureness(weight, leeway), whole, parts)


def _keep(owner: _Owner, place: tuple[int, int], sure: float, whole: dict[int, _Spans], parts: dict[tuple[int, int], _Spans]) -> None:
    number, part = owner
    spans = whole.get(number) if part is None else parts.get(part)
    if spans is None:
        if part is None:
            whole[number] = {place: sure}
        else:
            parts[part] = {place: sure}
    elif sure > spans.get(place, 0.0):
        spans[place] = sure


def _leeway(phrase: Phrase) -> float:
    if phrase.heard is Heard.LOOSELY:
        return LOOSE_LEEWAY
    return PART_LEEWAY if phrase.reaches else 0.0


def _surest_first(found: Found) -> tuple[float, int, int]:
    return -found.confidence, found.start, found.end


def _joined(phrase: Phrase, number: int, parts: Mapping[tuple[int, int], _Spans], sentence: tuple[int, ...]) -> _Spans:
    """The parts of a phrase near enough to each other in one sentence; of those that begin together the surest, then the shortest."""
    heads = parts[number, 0]
    for index, reach in enumerate(phrase.reaches, start=1):
        tails = sorted(parts.get((number, index), {}).items())
        starts = [start for (start, _), _ in tails]
        joined: _Spans = {}
        for (first, last), sure in heads.items():
            for place in range(bisect_left(starts, last), len(tails)):
                (start, end), other = tails[place]
                if start > last + reach or sentence[start] != sentence[first]:
                    break
                both = min(sure, other)
                if both > joined.get((first, end), 0.0):
                    joined[first, end] = both
        heads = joined
    best: dict[int, tuple[float, int]] = {}
    for (first, end), sure in heads.items():
        if first not in best or (sure, -end) > (best[first][0], -best[first][1]):
            best[first] = sure, end
    return {(first, end): sure for first, (sure, end) in best.items()}
