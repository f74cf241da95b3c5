"""A book of rules compiled once, and its reading of one contact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from functools import cached_property

import numpy as np

from nlp.domain import conditions as c
from nlp.domain.dialogue import Dialogue
from nlp.domain.phrases import Found, Heard, Phrase, PhraseScanner
from nlp.domain.promises import Promise, promises
from nlp.domain.rule_parser import RuleError, children, parse_condition
from nlp.domain.scanning.expressions import Expressions
from nlp.domain.sentences import SentenceEncoder, SentenceIndex
from nlp.domain.text import PlainText, plain
from nlp.domain.untouched import Absences

MAX_HEIGHT = 100
_NONE: frozenset[int] = frozenset()
# What follows from the hits of the words inside alone; of any other condition a finding may change with every turn.
_OF_WORDS = (c.Words, c.Pattern, c.Near, c.AskedFor, c.Named, c.AllOf, c.AnyOf, c.Not, c.Sequence, c.Count, c.Each)
# Others move with the end of the contact, or say nothing once a turn comes without its times.
_STANDING_RANGES = frozenset({"first_turns", "after", "before", "around", "hit", "within_turns"})
_KNOWN_BEFORE = frozenset({"industry", "channel", "direction", "product", "customer_tier"})

READILY_HEARD = 3  # syllables


class RuleBook:
    """Named conditions with all their phrases in one scanner; `extra` are conditions outside rules (of items)."""

    def __init__(
        self, rules: Mapping[str, c.Condition], extra: Iterable[c.Condition] = (), encoder: SentenceEncoder | None = None
    ) -> None:
        self.rules = dict(rules)
        roots = [*self.rules.values(), *extra]
        self._refuse_missing_and_circular(roots)
        numbers: dict[tuple[str, Heard], int] = {}
        phrases: list[Phrase] = []
        examples: list[str] = []
        for condition in _walk(roots):
            if isinstance(condition, c.Words):
                for phrase in (*condition.phrases, *condition.unless):
                    if (phrase.text, phrase.heard) not in numbers:
                        numbers[phrase.text, phrase.heard] = len(phrases)
                        phrases.append(phrase)
            elif isinstance(condition, c.Meaning):
                examples.extend((*condition.examples, *condition.counter_examples))
        lists: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for condition in _walk(roots):
            if isinstance(condition, c.Words):
                for listed in (condition.phrases, condition.unless):
                    for phrase in listed:
                        lists[numbers[phrase.text, phrase.heard]][id(listed)] = None
        self._lists = {number: tuple(found) for number, found in lists.items()}
        self._roots = roots  # keeps the lists and the conditions, and so their identities, alive
        self._made_of: dict[int, frozenset[int]] = {}
        self.absences = Absences(self)
        self._by_sound: dict[int, float] = {}
        self._scanner = PhraseScanner(phrases)
        self._examples = dict.fromkeys(examples)
        self.encoder = encoder if examples else None
        self._example_vectors: dict[str, np.ndarray] = {}
        self._lasting: dict[int, bool] = {}
        self._by_phrases: defaultdict[int, set[int]] = defaultdict(set)
        self.expressions = Expressions(
            expression for condition in _walk(roots) if isinstance(condition, c.Pattern)
            for expression in (condition.expression, condition.excluding) if expression is not None
        )
        self._by_expression: defaultdict[int, set[int]] = defaultdict(set)

    @property
    def phrase_count(self) -> int:
        """How many different phrases the scanner looks for."""
        return len(self._scanner.phrases)

    def lists_of(self, number: int) -> tuple[int, ...]:
        """The phrase lists, by identity, that hold the phrase of a scanner's number."""
        return self._lists.get(number, ())

    def made_of(self, condition: c.Condition) -> frozenset[int]:
        """A condition of the book and all that it is made of, named rules included, by identity."""
        known = self._made_of.get(id(condition))
        if known is None:
            inner = [condition, *children(condition), *([self.rules[condition.name]] if isinstance(condition, c.Named) else [])]
            known = self._made_of[id(condition)] = frozenset({id(condition)}.union(*(self.made_of(part) for part in inner[1:])))
        return known

    def by_sound(self, phrases: tuple[Phrase, ...]) -> float:
        """Which share of a list's phrases is readily found by sound too, to one decimal: two syllables sound like too much else."""
        known = self._by_sound.get(id(phrases))
        if known is None:
            readily = sum(bool(phrase.heard) and min(map(len, phrase.parts)) >= READILY_HEARD for phrase in phrases)
            known = self._by_sound[id(phrases)] = round(readily / len(phrases), 1)
        return known

    def phrase(self, number: int) -> Phrase:
        """The phrase of a scanner's number."""
        return self._scanner.phrases[number]

    def scan(self, text: PlainText, spoken: bool, confidence: float = 1.0) -> dict[int, tuple[Found, ...]]:
        """All phrases in one text; `confidence` is the recogniser's in it."""
        return self._scanner.scan(text, spoken, confidence)

    def vectors(self, texts: tuple[str, ...]) -> np.ndarray | None:
        """Unit vectors of example sentences, shape (n, d); None without an encoder."""
        if self.encoder is None or not texts:
            return None
        if not self._example_vectors:
            listed = list(self._examples)
            self._example_vectors = dict(zip(listed, self.encoder.encode(listed), strict=True))
        return np.stack([self._example_vectors[text] for text in texts])

    def lasting(self, condition: c.Condition) -> bool:
        """Whether a condition's finding over a whole contact lasts until a passage is `touched`: it hangs on its phrases and expressions alone."""
        known = self._lasting.get(id(condition))
        if known is None:
            inside = list(self.inside(condition))
            known = self._lasting[id(condition)] = all(_hangs_on_words(part) for part in inside)
            for part in inside if known else ():  # what excludes a hit stands in its passage, which is touched by what was hit
                if isinstance(part, c.Words):
                    self._by_phrases[id(part.phrases)].add(id(condition))
                elif isinstance(part, c.Pattern):
                    self._by_expression[self.expressions.number(part.expression)].add(id(condition))
        return known

    def touched(self, lists: Iterable[int], expressions: Iterable[int]) -> set[int]:
        """The lasting conditions, by identity, whose finding may be otherwise where phrases of these lists, or matches of these expressions, came or went."""
        found: set[int] = set()
        for listed in lists:
            found |= self._by_phrases.get(listed, _NONE)
        for expression in expressions:
            found |= self._by_expression.get(expression, _NONE)
        return found

    def inside(self, condition: c.Condition) -> Iterator[c.Condition]:
        """A condition with all that it is made of, rules it names included."""
        seen: set[int] = set()
        stack = [condition]
        while stack:
            part = stack.pop()
            if id(part) not in seen:
                seen.add(id(part))
                yield part
                stack.extend(children(part))
                if isinstance(part, c.Named):
                    stack.append(self.rules[part.name])

    def read(self, dialogue: Dialogue) -> Scanned:
        """Scan a contact once; conditions are then evaluated on the result."""
        return Scanned(self, dialogue)

    def _refuse_missing_and_circular(self, roots: list[c.Condition]) -> None:
        heights: dict[str, int] = {}  # how many conditions lie in each other, rules entered

        def height(condition: c.Condition, trail: tuple[str, ...]) -> int:
            inner = [height(part, trail) for part in children(condition)]
            if isinstance(condition, c.Named):
                name = condition.name
                if name not in self.rules:
                    raise RuleError(".".join(trail) or "rules", f"names the rule {name!r}, which does not exist", *get_close_matches(name, self.rules, n=1))
                if name in trail:
                    raise RuleError(f"rules.{name}", f"refers to itself by way of {' -> '.join(trail)}")
                if name not in heights:
                    heights[name] = height(self.rules[name], (*trail, name)) if len(trail) < MAX_HEIGHT else MAX_HEIGHT
                inner.append(heights[name])
            found = 1 + max(inner, default=0)
            if found > MAX_HEIGHT:
                raise RuleError(".".join(trail[:1]) or "rules", f"rules that name rules nest deeper than {MAX_HEIGHT} conditions")
            return found

        for root in roots:
            height(root, ())


class Scanned:
    """One contact with every phrase found: passages as plain text and phrase number -> [(passage, place)]."""

    def __init__(self, book: RuleBook, dialogue: Dialogue) -> None:
        self.book = book
        self.dialogue = dialogue
        self.plain: list[PlainText] = []
        self._found: dict[int, list[tuple[int, Found]]] = {}
        self._by_list: dict[int, list[int]] = {}
        self.listed: set[int] = set()  # the lists, by identity, of which a phrase was found
        self._matching: dict[int, frozenset[int]] = {}
        self._numbers: list[tuple[int, ...]] = []  # the phrases of each passage, in the order in which the scanner names them
        self._sentences: SentenceIndex | None = None
        self._scan(0)

    def grow(self, dialogue: Dialogue, first: int) -> None:
        """Read on: `dialogue` is the contact now, its passages before `first` as they were. As if it had been read at once."""
        for index in range(len(self.plain) - 1, first - 1, -1):
            self._forget(index)
        self.dialogue = dialogue
        self._sentences = None
        vars(self).pop("promises", None)
        self._scan(first)

    def _scan(self, first: int) -> None:
        spoken = self.dialogue.interaction.spoken
        for index, passage in enumerate(self.dialogue.passages[first:], start=first):
            text = plain(passage.text)
            self.plain.append(text)
            places = self.book.scan(text, spoken, self.dialogue.sureness(passage))
            self._numbers.append(tuple(places))
            for number, found in places.items():
                known = self._found.get(number)
                if known is None:
                    known = self._found[number] = []
                    for listed in self.book.lists_of(number):
                        self._by_list.setdefault(listed, []).append(number)
                        self.listed.add(listed)
                known.extend([(index, place) for place in found])

    def _forget(self, index: int) -> None:
        """Take back the last passage, last phrase first: the order in which phrases were met stays that of one reading."""
        self.plain.pop()
        self._matching.pop(index, None)
        for number in reversed(self._numbers.pop()):
            known = self._found[number]
            while known and known[-1][0] == index:
                known.pop()
            if not known:
                del self._found[number]
                for listed in self.book.lists_of(number):
                    self._by_list[listed].pop()
                    if not self._by_list[listed]:
                        self.listed.discard(listed)

    def lists_in(self, first: int) -> set[int]:
        """The phrase lists, by identity, of which a phrase is in passage `first` or later."""
        return {listed for numbers in self._numbers[first:] for number in numbers for listed in self.book.lists_of(number)}

    def found(self, phrases: tuple[Phrase, ...]) -> Iterator[tuple[int, int, Found]]:
        """Where phrases of a condition's list are: (phrase number, passage, place). Costs what is found, not what is looked for."""
        for number in self._by_list.get(id(phrases), ()):
            for passage, place in self._found[number]:
                yield number, passage, place

    def matching(self, index: int) -> frozenset[int]:
        """The expressions, by number, that may match passage `index`."""
        known = self._matching.get(index)
        if known is None:
            known = self._matching[index] = self.book.expressions.possible(self.plain[index].written)
        return known

    def matching_in(self, first: int) -> set[int]:
        """The expressions, by number, that may match passage `first` or a later one."""
        return set().union(*(self.matching(index) for index in range(first, len(self.plain))))

    @cached_property
    def promises(self) -> tuple[Promise, ...]:
        """What the agent undertook, found once."""
        return promises(self.dialogue)

    @property
    def sentences(self) -> SentenceIndex | None:
        """The contact's sentences as vectors, embedded at first use; None without an encoder."""
        if self._sentences is None and self.book.encoder is not None:
            self._sentences = SentenceIndex(self.book.encoder, self.dialogue.passages)
        return self._sentences


def parse_rules(node: object, place: str = "rules") -> dict[str, c.Condition]:
    """Read a mapping of rule names to conditions; raises RuleError."""
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        raise RuleError(place, "expected a mapping of names to conditions")
    return {str(name): parse_condition(condition, f"{place}.{name}") for name, condition in node.items()}


def _hangs_on_words(condition: c.Condition) -> bool:
    if isinstance(condition, c.Attribute):
        return condition.name in _KNOWN_BEFORE
    limits = condition.range
    moving = limits is not None and any(f.name not in _STANDING_RANGES and getattr(limits, f.name) is not None for f in fields(limits))
    return isinstance(condition, _OF_WORDS) and not moving


def _walk(roots: Iterable[c.Condition]) -> Iterable[c.Condition]:
    stack = list(roots)
    while stack:
        condition = stack.pop()
        yield condition
        stack.extend(children(condition))
