"""Evaluates conditions on a scanned contact: what holds, where, and how sure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

from nlp.domain import conditions as c
from nlp.domain.certainty import ACCEPTED, SURE, hit_confidence, recognised
from nlp.domain.courses import Answer, EmotionCourse, Question
from nlp.domain.dialogue import Dialogue, Passage, Role
from nlp.domain.operators import logic, sound, states, words
from nlp.domain.phrases import Found, Phrase
from nlp.domain.rules import Scanned
from nlp.domain.safe_regex import RegexTimeoutError
from nlp.domain.windows import Window, ends, mask_of, needs_times, run

__all__ = ["ACCEPTED", "MAX_HITS", "Evaluator", "Window"]

MAX_HITS = 20_000
SAME_IN_WINDOWS = 4

_PLACE = attrgetter("passage", "start")
_Evaluate = Callable[["Evaluator", Any, Window, str], c.Finding]
_OPERATORS: dict[type[c.Condition], _Evaluate] = {
    c.Words: words.words, c.Pattern: words.pattern, c.Near: words.near, c.Figure: words.figure, c.Day: words.day, c.Meaning: words.meaning,
    c.AskedFor: words.asked_for, c.Jargon: words.jargon, c.Promised: words.promised,
    c.Silence: sound.silence, c.Hold: sound.hold, c.Overlap: sound.overlap, c.ResponseTime: sound.response_time, c.SpeechRate: sound.speech_rate,
    c.Loudness: sound.loudness, c.Pitch: sound.pitch, c.TalkShare: sound.talk_share, c.CallLength: sound.call_length,
    c.Emotion: states.emotion, c.Repeated: states.repeated, c.Demands: states.demands, c.Attribute: states.attribute, c.Judged: states.judged,
    c.Named: logic.named, c.AllOf: logic.all_of, c.AnyOf: logic.any_of, c.Not: logic.negated, c.Sequence: logic.sequence, c.Count: logic.counted,
    c.Each: logic.each,
}
# What these find in a window is what they find in the whole contact, less what lies outside.
_PASSAGE_BY_PASSAGE = (c.Words, c.Pattern, c.Near, c.Figure, c.AskedFor, c.Promised)


@dataclass
class Evaluator:
    """Conditions on one contact, each evaluated once per window.

    `attributes` are those of the contact and what was derived, `course` is how the customer felt, `answers` is what a language model
    said beforehand; what is needed and missing makes a condition neither true nor false. `questions` gathers what there was no answer to.

    Hits of less than `accepted` count as none. What is under a `not` is evaluated by `opposite` where there is one: where a bound of
    what may have been said is looked for (see doubt). `doubted` are the doubtful hits of every condition, by its identity, that had some.
    """

    scanned: Scanned
    attributes: Mapping[str, str] = field(default_factory=dict)
    course: EmotionCourse | None = None
    answers: Mapping[Question, Answer] = field(default_factory=dict)
    questions: dict[Question, None] = field(default_factory=dict)
    accepted: float = ACCEPTED

    def __post_init__(self) -> None:
        self.opposite: Evaluator | None = None
        self.doubted: dict[int, tuple[c.Hit, ...]] = {}
        self._doubtful: list[c.Hit] = []
        self.dialogue: Dialogue = self.scanned.dialogue
        self.passages: tuple[Passage, ...] = self.dialogue.passages
        self.whole = self._all = Window((1 << len(self.passages)) - 1)
        self._known: dict[tuple[int, Window], c.Finding] = {}
        self._windows: dict[int, int] = {}
        self.absent: dict[tuple[int, Window], float] = {}
        self._heard_in: dict[Window, tuple[float, float]] = {}
        self._by_role = self.dialogue.passages_of

    @cached_property
    def starts(self) -> list[int] | None:
        """When each passage begins, in milliseconds; None where a turn has no start."""
        turns = self.dialogue.turns
        if any(turn.start_ms is None for turn in turns):
            return None
        return [turns[passage.first].start_ms or 0 for passage in self.passages]

    def with_attributes(self, attributes: Mapping[str, str]) -> Evaluator:
        """The same contact with more known about it."""
        return replace(self, attributes={**self.attributes, **attributes})

    def with_course(self, course: EmotionCourse) -> Evaluator:
        """The same contact with how the customer felt."""
        return replace(self, course=course)

    def with_answers(self, answers: Mapping[Question, Answer]) -> Evaluator:
        """The same contact with what a language model answered."""
        return replace(self, answers={**self.answers, **answers})

    def finding(self, condition: c.Condition, rule_id: str) -> c.Finding:
        """Evaluate over the whole contact; `rule_id` names the hits of unnamed conditions."""
        return self._evaluate(condition, self.whole, rule_id)

    def rule(self, name: str) -> c.Finding:
        """Evaluate a rule of the book by name."""
        return self.finding(self.scanned.book.rules[name], name)

    def evaluate(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding:
        """Evaluate within a window of the contact."""
        return self._evaluate(condition, window, rule_id)

    def _evaluate(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding:
        key = (id(condition), window)
        known = self._known.get(key)
        if known is None and (shape := self.scanned.book.absences.shape(condition, self.scanned.listed)) is not None:
            known = self._known[key] = c.Finding(False, confidence=self.absence(shape, window))
        if known is None:
            role = condition.role or window.role
            mask = window.mask
            if condition.range is not None:
                if self.starts is None and needs_times(condition.range):
                    return c.Finding(None)
                mask &= mask_of(condition.range, self, role, rule_id)
            narrowed = Window(mask, role)
            before = len(self._doubtful)
            known = self._known[key] = self._part_of_whole(condition, narrowed, rule_id) or self._decide(condition, narrowed, rule_id)
            if len(self._doubtful) > before:
                self.doubted[id(condition)] = tuple(self._doubtful[before:])
        return known

    def _decide(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding:
        try:
            return _OPERATORS[type(condition)](self, condition, window, rule_id)
        except RegexTimeoutError:
            return c.Finding(None)

    def _part_of_whole(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding | None:
        """What is found in a window, cut out of what the whole contact holds once several windows were asked for."""
        if window.mask == self.whole.mask or condition.range is not None or not isinstance(condition, _PASSAGE_BY_PASSAGE):
            return None
        asked = self._windows[id(condition)] = self._windows.get(id(condition), 0) + 1
        if asked < SAME_IN_WINDOWS:
            return None
        found = self._evaluate(condition, Window(self.whole.mask, window.role), rule_id)
        if found.holds is None:
            return found
        first, end = (bisect_left(found.hits, passage, key=lambda hit: hit.passage) for passage in ends(window.mask))
        by_sound = self.scanned.book.by_sound(condition.phrases) if isinstance(condition, c.Words) else 0.0
        return self.found([hit for hit in found.hits[first:end] if window.mask >> hit.passage & 1], window, by_sound)

    def absence(self, shape: int, window: Window) -> float:
        """How sure it is that what has this shape, and of which no phrase was found, is not in the window."""
        return self.scanned.book.absences.sureness(shape, self, window)

    def own(self, role: Role | None) -> list[int]:
        """The passages of one role, or all."""
        return self._by_role[role]

    def inside(self, window: Window) -> Sequence[int]:
        """The passages of a window, in order."""
        own = self._by_role[window.role]
        if window.mask == self.whole.mask:
            return own
        low, high = ends(window.mask)
        near = own[bisect_left(own, low) : bisect_left(own, high)]
        return near if window.mask == run(low, high) else [i for i in near if window.mask >> i & 1]

    def places(self, phrases: tuple[Phrase, ...], window: Window) -> dict[int, list[tuple[int, Found]]]:
        """Where the phrases of a condition's list are: passage -> [(phrase number, place)]."""
        places: dict[int, list[tuple[int, Found]]] = {}
        every = window.mask == self.whole.mask
        for number, passage, place in self.scanned.found(phrases):
            if every or window.mask >> passage & 1:
                if window.role is not None and self.passages[passage].role is not window.role:
                    continue
                places.setdefault(passage, []).append((number, place))
        return places

    def hit_of_phrase(self, passage: int, place: Found, rule_id: str, number: int) -> c.Hit:
        """The hit of a phrase found."""
        origin = self.scanned.plain[passage].origin
        phrase = self.scanned.book.phrase(number).text
        return self.hit_at(passage, origin[place.start], origin[place.end - 1] + 1, place.confidence, rule_id, phrase)

    def hits_of_phrases(self, passage: int, places: Sequence[tuple[int, Found]], rule_id: str) -> list[c.Hit]:
        """The hits of phrases found in one passage, by their numbers."""
        said = self.passages[passage]
        if len(said.offsets) > 1:
            return [self.hit_of_phrase(passage, place, rule_id, number) for number, place in places]
        turn, text, origin, phrase = self.dialogue.turns[said.first], said.text, self.scanned.plain[passage].origin, self.scanned.book.phrase
        turn_id, start_ms, end_ms, heard = turn.turn_id, turn.start_ms, turn.end_ms, turn.confidence
        made: list[c.Hit] = []
        for number, (first, last, sure) in places:
            start, end = origin[first], origin[last - 1] + 1
            made.append(c.Hit(rule_id, turn_id, start_ms, end_ms, text[start:end], hit_confidence(sure, heard), passage, start, end, phrase(number).text))
        return made

    def hit_at(self, passage: int, start: int, end: int, confidence: float, rule_id: str, phrase: str = "") -> c.Hit:
        """The hit of characters [start, end) of a passage; the less sure, the worse the turn was understood."""
        said = self.passages[passage]
        turn = self.dialogue.turns[said.turn_at(start)]
        sure = hit_confidence(confidence, turn.confidence)
        return c.Hit(rule_id, turn.turn_id, turn.start_ms, turn.end_ms, said.text[start:end], sure, passage, start, end, phrase)

    def hits_at(self, passage: int, spans: Sequence[tuple[int, int]], rule_id: str) -> list[c.Hit]:
        """The hits of many places of one passage that are there for sure."""
        said = self.passages[passage]
        if len(said.offsets) > 1:
            return [self.hit_at(passage, start, end, 1.0, rule_id) for start, end in spans]
        turn, text = self.dialogue.turns[said.first], said.text
        turn_id, start_ms, end_ms, sure = turn.turn_id, turn.start_ms, turn.end_ms, hit_confidence(1.0, turn.confidence)
        return [c.Hit(rule_id, turn_id, start_ms, end_ms, text[start:end], sure, passage, start, end) for start, end in spans]

    def hit_of_turn(self, index: int, confidence: float, rule_id: str) -> c.Hit:
        """The hit of a whole turn, for what was heard and not said."""
        turn, passage = self.dialogue.turns[index], self.dialogue.passage_of_turn[index]
        said = self.passages[passage]
        start = said.offsets[index - said.first]
        return c.Hit(rule_id, turn.turn_id, turn.start_ms, turn.end_ms, turn.text, round(confidence, 4), passage, start, start + len(turn.text))

    def found(self, hits: list[c.Hit], window: Window, by_sound: float = 0.0) -> c.Finding:
        """True by the hits that are sure enough, or false as surely as the window was understood; see `heard`."""
        if hits:
            self._doubtful.extend([hit for hit in hits if hit.confidence < SURE])
            accepted = sorted([hit for hit in hits if hit.confidence >= self.accepted], key=_PLACE)[:MAX_HITS]
        else:
            accepted = hits
        if accepted:
            return c.Finding(True, tuple(accepted), confidence=max([hit.confidence for hit in accepted]))
        return c.Finding(False, confidence=self.heard(window, by_sound))

    def heard(self, window: Window, by_sound: float = 0.0) -> float:
        """Which share is found of what is said in the window, of which a share `by_sound` may be found by sound: absence is only as sure as that."""
        known = self._heard_in.get(window)
        if known is None:
            heard = exact = weight = 0.0
            for index in self.inside(window):
                passage = self.passages[index]
                for turn in self.dialogue.turns[passage.first : passage.first + len(passage.offsets)]:
                    heard += recognised(turn.confidence) * len(turn.text)
                    exact += recognised(turn.confidence, 0.0) * len(turn.text)
                    weight += len(turn.text)
            known = self._heard_in[window] = (heard / weight, exact / weight) if weight else (1.0, 1.0)
        return round(by_sound * known[0] + (1.0 - by_sound) * known[1], 4)
