"""Phrases found by their sound: what a recogniser wrote instead of them.

Candidates come from one automaton over syllables in which similar sounds are one (and halves of long
phrases, so that one syllable may be quite wrong). Each candidate is then weighed as in a noisy channel: how like
it sounds, how many characters are right, and whether the text becomes likelier with the phrase in its place:
感谢您的来点 does with 来电, 以为您 does not with 已为您, for it is made of words as it stands.

The weights are a logistic regression on what a recogniser made of spoken calls (phrases said and missed
against written chats in which nothing was misheard): 0 is where written text gives about half a false hit in 1,000 turns.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from nlp.domain.scanning.likeliness import likeliness, word_likeliness, words
from nlp.domain.scanning.literals import Literals
from nlp.domain.syllables import broad, broad_sound, loose, readings, sound, unlikeness

MIN_SYLLABLES = 2
MIN_BROAD_SYLLABLES = 3
MIN_HALVED_SYLLABLES = 5
SUREST = 0.9
NEGATIONS = frozenset("不没未别无非")
MOST_DOUBT = 2.0
_DOUBT = 8.0
_CONTEXT = 4
KEPT_TEXTS, KEPT_CHARS = 2_000, 200
KEPT = 50_000  # recent comparisons: people say the same few characters again and again
_UNLIKE_EACH, _UNLIKE_ONCE = 0.35, 0.2

_BIAS = -6.2
_PER_RIGHT, _MOST_RIGHT = 0.83, 8
_PER_WRONG, _MOST_WRONG = 2.57, 4
_PER_UNLIKENESS = -4.02
_TWO_SYLLABLES, _THREE_SYLLABLES = -1.08, -1.41
_ALL_HOMOPHONES, _ALL_WRONG = 1.25, -2.43
_PER_LIKELINESS, _LEAST_GAIN, _MOST_GAIN = 0.23, -10.0, 15.0
_CUTS_A_WORD = -0.69
_PER_WORD_LIKELINESS, _RARE_WORD = -0.2, -16.0


class _Sounding(NamedTuple):
    """How a part may sound; `offset` is where in it the pattern stands that led here."""

    number: int
    part: str
    reading: str
    offset: int


def doubt(confidence: float) -> float:
    """What a recogniser's confidence (0-1) in a turn adds to the weight of hearing something else in it."""
    return min(MOST_DOUBT, max(0.0, _DOUBT * (1.0 - confidence)))


def benefit(doubted: float, syllables: int) -> float:
    """What of the doubt about a turn counts for so many syllables: two sound like too much else."""
    return doubted if syllables > MIN_SYLLABLES else doubted / 2


def can_be_heard(part: str) -> bool:
    """Whether a part of a phrase has enough syllables, and nothing but syllables, to be found by sound."""
    return len(part) >= MIN_SYLLABLES and all(c >= "㐀" for c in part)


class Listener:
    """Finds parts by sound, each different and one that `can_be_heard`; `ease` is how much less evidence it may need than usual."""

    def __init__(self, parts: Sequence[str], ease: Sequence[float]) -> None:
        self._parts = tuple(parts)
        self._ease = tuple(ease)
        patterns: defaultdict[str, list[_Sounding]] = defaultdict(list)
        for number, part in enumerate(self._parts):
            for reading in sorted(readings(part)):
                folded = loose(reading)
                patterns[broad(reading) if len(part) >= MIN_BROAD_SYLLABLES else folded].append(_Sounding(number, part, reading, 0))
                if len(part) >= MIN_HALVED_SYLLABLES:
                    half = len(part) // 2
                    patterns[folded[:half]].append(_Sounding(number, part, reading, 0))
                    patterns[folded[half:]].append(_Sounding(number, part, reading, half))
        self._soundings = list(patterns.values())
        self._patterns = Literals(list(patterns))
        self._kept = lru_cache(maxsize=KEPT_TEXTS)(self._candidates)  # scripted speech repeats itself

    def find(self, letters: str, sentence: tuple[int, ...], doubted: float) -> list[tuple[int, int, float]]:
        """(part, start, weight) of all that sounds like a part and may be it, where the turn is doubted so much.

        `sentence[i]` numbers the sentence of letter i.
        """
        found: list[tuple[int, int, float]] = []
        of_two, of_more = benefit(doubted, MIN_SYLLABLES), benefit(doubted, MIN_SYLLABLES + 1)
        for number, start, by_sound in self._kept(letters, sentence) if len(letters) <= KEPT_CHARS else self._candidates(letters, sentence):
            part = self._parts[number]
            leeway = (of_more if len(part) > MIN_SYLLABLES else of_two) + self._ease[number]
            if by_sound + _PER_LIKELINESS * _MOST_GAIN + leeway < 0:
                continue
            weight = by_sound + _by_words(part, letters, start, sentence)
            if weight + leeway >= 0:
                found.append((number, start, weight))
        return found

    def _candidates(self, letters: str, sentence: tuple[int, ...]) -> list[tuple[int, int, float]]:
        """(part, start, weight of its sound) of what sounds like a part in any turn, were it doubted as much as can be."""
        exact, folded = sound(letters)
        candidates: dict[tuple[int, int], float] = {}
        size = len(letters)
        for haystack in (folded, broad_sound(letters)):
            for at, _, pattern in self._patterns.find(haystack):
                for number, part, reading, offset in self._soundings[pattern]:
                    start = at - offset
                    end = start + len(part)
                    if start < 0 or end > size:
                        continue
                    heard = letters[start:end]
                    if heard == part or sentence[start] != sentence[end - 1]:
                        continue
                    unlike = _unlikeness(part, reading, heard, exact[start:end])
                    if unlike is not None and unlike < candidates.get((number, start), math.inf):
                        candidates[number, start] = unlike
        worth: list[tuple[int, int, float]] = []
        for (number, start), unlike in candidates.items():
            part = self._parts[number]
            by_sound = _by_sound(part, letters[start : start + len(part)], unlike)
            if by_sound + _PER_LIKELINESS * _MOST_GAIN + benefit(MOST_DOUBT, len(part)) + self._ease[number] >= 0:
                worth.append((number, start, by_sound))
        return worth


def sureness(weight: float, leeway: float) -> float:
    """The confidence (0-1) of something heard whose weight is `weight`, where down to -`leeway` was accepted: 0.5 at the least."""
    return min(SUREST, round(1 / (1 + math.exp(-max(0.0, weight + leeway))), 4))


@lru_cache(maxsize=KEPT)
def _unlikeness(part: str, reading: str, letters: str, exact: str) -> float | None:
    """The summed unlikeness of syllables whose characters differ; None where there is none, too much, or a negation came or went."""
    total, differing = 0.0, False
    most = _UNLIKE_EACH * len(part) + _UNLIKE_ONCE
    for wanted, syllable, letter, heard in zip(part, reading, letters, exact, strict=True):
        if wanted == letter:
            continue
        differing = True
        if letter < "㐀":
            return None
        here = unlikeness(syllable, heard)
        if (wanted in NEGATIONS or letter in NEGATIONS) and (here or len(part) == MIN_SYLLABLES):
            return None
        total += here
        if total > most:
            return None
    return total if differing else None


@lru_cache(maxsize=KEPT)
def _by_sound(part: str, heard: str, unlike: float) -> float:
    right = sum(a == b for a, b in zip(part, heard, strict=True))
    weight = _BIAS + _PER_RIGHT * min(_MOST_RIGHT, right) + _PER_WRONG * min(_MOST_WRONG, len(part) - right) + _PER_UNLIKENESS * unlike
    if len(part) == 2:
        weight += _TWO_SYLLABLES
    elif len(part) == 3:
        weight += _THREE_SYLLABLES
    if not unlike:
        weight += _ALL_HOMOPHONES
    return weight if right else weight + _ALL_WRONG


def _by_words(part: str, letters: str, start: int, sentence: Sequence[int]) -> float:
    end = start + len(part)
    first, last = max(0, start - _CONTEXT), min(len(letters), end + _CONTEXT)
    while sentence[first] != sentence[start]:
        first += 1
    while sentence[last - 1] != sentence[start]:
        last -= 1
    window = letters[first:last]
    gain = likeliness(letters[first:start] + part + letters[end:last]) - likeliness(window)
    weight = _PER_LIKELINESS * max(_LEAST_GAIN, min(_MOST_GAIN, gain))
    cut, place = False, first
    for word in words(window):
        after = place + len(word)
        if len(word) > 1 and any(letters[i] != part[i - start] for i in range(max(place, start), min(after, end))):
            weight += _PER_WORD_LIKELINESS * max(0.0, word_likeliness(word) - _RARE_WORD)
            cut = cut or place < start or after > end
        place = after
    return weight + _CUTS_A_WORD if cut else weight
