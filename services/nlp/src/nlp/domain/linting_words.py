"""Phrases against phrases: which lists hold others, found by one automaton over all of them, so that thousands of rules take seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from daachorse import CharwiseDoubleArrayAhoCorasick

from nlp.domain import conditions as c
from nlp.domain.linting_logic import covered
from nlp.domain.phrases import SAFE_SOUND_SYLLABLES, Phrase

MAX_HOLDERS = 50


@dataclass(frozen=True, slots=True)
class Redundant:
    """In one list: a phrase that never adds anything, for another is inside it or the same."""

    phrase: Phrase
    because_of: Phrase


class PhraseLists:
    """The phrase lists of many conditions, and which phrase is inside which."""

    def __init__(self, lists: Iterable[c.Words]) -> None:
        self._lists = {id(words): words for words in lists}
        holders: defaultdict[str, dict[int, None]] = defaultdict(dict)
        for words in self._lists.values():
            for phrase in words.phrases:
                if len(phrase.parts) == 1:
                    holders[phrase.parts[0]][id(words)] = None
        self._holders = [tuple(found) for found in holders.values()]
        self._texts = list(holders)
        self._automaton = CharwiseDoubleArrayAhoCorasick(self._texts) if self._texts else None

    def inside(self, text: str) -> Iterator[int]:
        """Numbers of the texts inside a text."""
        if self._automaton is not None:
            yield from {pattern for _, _, pattern in self._automaton.find_overlapping(text)}

    def holding(self, words: c.Words) -> Iterator[c.Words]:
        """Lists without whose hit this one has none: each of its phrases has one of theirs inside."""
        candidates: set[int] | None = None
        for phrase in words.phrases:
            found: set[int] = set()
            for part in phrase.parts:
                for number in self.inside(part):
                    if len(self._holders[number]) <= MAX_HOLDERS:
                        found.update(self._holders[number])
            found.discard(id(words))
            candidates = found if candidates is None else candidates & found
            if not candidates:
                return
        yield from (self._lists[number] for number in sorted(candidates or ()) if covered(words, self._lists[number]))

    def said_in(self, phrase: Phrase) -> set[int]:
        """Lists, by identity, of which a phrase is inside this one."""
        return {holder for part in phrase.parts for number in self.inside(part) for holder in self._holders[number]}


def redundant(words: c.Words) -> list[Redundant]:
    """Phrases of a list that another of its phrases makes needless."""
    if words.then is not None or words.not_negated or getattr(words, "whole_turn", False):
        return []
    seen: dict[tuple[str, ...], Phrase] = {}
    found = []
    short = {phrase.parts[0]: phrase for phrase in words.phrases if len(phrase.parts) == 1}
    for phrase in words.phrases:
        if (same := seen.get(phrase.parts)) is not None and same.reaches == phrase.reaches:
            kept, needless = (phrase, same) if phrase.heard and not same.heard else (same, phrase)
            seen[phrase.parts] = kept
            found.append(Redundant(needless, kept))
            continue
        seen[phrase.parts] = phrase
        if words.at_least > 1:
            continue  # each of them counts
        because = next((other for part in phrase.parts if (other := _inside(part, short, phrase)) is not None), None)
        if because is not None:
            found.append(Redundant(phrase, because))
    return found


def _inside(part: str, short: Mapping[str, Phrase], phrase: Phrase) -> Phrase | None:
    for start in range(len(part)):
        for end in range(start + 1, len(part) + 1):
            other = short.get(part[start:end])
            if other is not None and other is not phrase and other.parts != phrase.parts and not _heard_better(part, other, phrase):
                return other
    return None


def _heard_better(part: str, other: Phrase, phrase: Phrase) -> bool:
    """Whether speech shows the phrase where it does not show the other: few syllables are no evidence, more of them around are."""
    return bool(phrase.heard) and (not other.heard or (len(other.parts[0]) <= SAFE_SOUND_SYLLABLES and len(part) > len(other.parts[0])))
