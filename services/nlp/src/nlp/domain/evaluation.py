"""Evaluates conditions on a scanned contact: what holds, where, and how sure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from nlp.domain import conditions as c
from nlp.domain import timing
from nlp.domain.dialogue import Role
from nlp.domain.phrases import SAFE_SOUND_SYLLABLES, Found, Phrase
from nlp.domain.rules import Scanned

ACCEPTED = 0.45
MAX_HITS = 50
_NEGATIONS = frozenset("不没未别无非")
_NEGATION_REACH = 2


@dataclass(frozen=True, slots=True)
class Window:
    """Which passages count: bit i of `mask` is passage i; `role` of None is anybody."""

    mask: int
    role: Role | None = None


@dataclass
class Evaluator:
    """Conditions on one contact, each evaluated once per window; `attributes` are those of the contact and what was derived."""

    scanned: Scanned
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._passages = self.scanned.dialogue.passages
        self._all = Window((1 << len(self._passages)) - 1)
        self._known: dict[tuple[int, Window], c.Finding] = {}
        self._heard_in: dict[Window, float] = {}
        self._by_role = {
            role: [i for i, p in enumerate(self._passages) if role is None or p.role is role]
            for role in (None, Role.AGENT, Role.CUSTOMER)
        }

    def with_attributes(self, attributes: Mapping[str, str]) -> Evaluator:
        """The same contact with more known about it."""
        return Evaluator(self.scanned, {**self.attributes, **attributes})

    def finding(self, condition: c.Condition, rule_id: str) -> c.Finding:
        """Evaluate over the whole contact; `rule_id` names the hits of unnamed conditions."""
        return self._evaluate(condition, self._all, rule_id)

    def rule(self, name: str) -> c.Finding:
        """Evaluate a rule of the book by name."""
        return self.finding(self.scanned.book.rules[name], name)

    def _evaluate(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding:
        key = (id(condition), window)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._decide(condition, self._narrowed(condition, window, rule_id), rule_id)
        return known

    def _narrowed(self, condition: c.Condition, window: Window, rule_id: str) -> Window:
        role = condition.role or window.role
        if condition.range is None:
            return window if role is window.role else Window(window.mask, role)
        return Window(window.mask & self._mask(condition.range, role, rule_id), role)

    def _mask(self, limits: c.Range, role: Role | None, rule_id: str) -> int:
        mask = self._all.mask
        own = self._by_role[role]
        if limits.first_turns is not None:
            mask &= _bits(own[: limits.first_turns])
        if limits.last_turns is not None:
            mask &= _bits(own[max(0, len(own) - limits.last_turns) :])
        if limits.first_s is not None or limits.last_s is not None:
            mask &= self._time_mask(limits)
        if limits.after is not None:
            mask &= self._distance_mask(limits, self._evaluate(limits.after, self._all, rule_id), 1)
        if limits.before is not None:
            mask &= self._distance_mask(limits, self._evaluate(limits.before, self._all, rule_id), -1)
        return mask

    def _time_mask(self, limits: c.Range) -> int:
        turns = self.scanned.dialogue.turns
        end = max((turn.end_ms or 0 for turn in turns), default=0)
        chosen = []
        for index, passage in enumerate(self._passages):
            start = turns[passage.first].start_ms
            if start is None:
                continue
            if limits.first_s is not None and start > limits.first_s * 1000:
                continue
            if limits.last_s is not None and start < end - limits.last_s * 1000:
                continue
            chosen.append(index)
        return _bits(chosen)

    def _distance_mask(self, limits: c.Range, bound: c.Finding, direction: int) -> int:
        count = len(self._passages)
        hits = [hit for hit in bound.hits if bound.holds]
        if limits.within_turns is None and limits.within_s is None:
            hits = hits[:1] if direction > 0 else hits[-1:]
        mask = 0
        for hit in hits:
            chosen = range(hit.passage + 1, count) if direction > 0 else range(hit.passage)
            if limits.within_turns is not None:
                chosen = [i for i in chosen if abs(i - hit.passage) <= limits.within_turns]  # type: ignore[assignment]
            if limits.within_s is not None and hit.end_ms is not None:
                reach = limits.within_s * 1000
                turns = self.scanned.dialogue.turns
                chosen = [  # type: ignore[assignment]
                    i for i in chosen if abs((turns[self._passages[i].first].start_ms or 0) - hit.end_ms) <= reach
                ]
            mask |= _bits(chosen)
        return mask

    def _decide(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding:
        match condition:
            case c.Named():
                return self._evaluate(self.scanned.book.rules[condition.name], window, condition.name)
            case c.Words():
                return self._words(condition, window, rule_id)
            case c.Pattern():
                return self._pattern(condition, window, rule_id)
            case c.Meaning():
                return self._meaning(condition, window, rule_id)
            case c.Attribute():
                return c.Finding(self.attributes.get(condition.name, "") in condition.values)
            case c.Promised():
                return self._promised(condition, window, rule_id)
            case c.AllOf():
                return self._all_of(condition, window, rule_id)
            case c.AnyOf():
                return _any_of([self._evaluate(part, window, rule_id) for part in condition.parts])
            case c.Not():
                inner = self._evaluate(condition.part, window, rule_id)
                holds = None if inner.holds is None else not inner.holds
                return c.Finding(holds, inner.against, inner.hits, inner.confidence)
            case c.Sequence():
                return self._sequence(condition, window, rule_id)
            case c.Count():
                return self._count(condition, window, rule_id)
            case c.Each():
                return self._each(condition, window, rule_id)
            case _:
                return self._timed(condition, window, rule_id)

    def _passages_in(self, window: Window) -> Iterable[int]:
        return (i for i in self._by_role[window.role] if window.mask >> i & 1)

    def _words(self, condition: c.Words, window: Window, rule_id: str) -> c.Finding:
        places = self._places(condition.phrases, window, condition.not_negated)
        excluded = self._places(condition.unless, window) if places else {}
        hits: list[c.Hit] = []
        for passage, found in places.items():
            against = [
                other
                for _, other in excluded.get(passage, ())
                if not any(_cut_from(other, place) for _, place in found)
            ]
            kept = [
                (number, place)
                for number, place in found
                if not any(place.start < other.end and other.start < place.end for other in against) and self._followed(condition, passage, place)
            ]
            if len({number for number, _ in kept}) >= condition.at_least:
                hits.extend(self._hit(passage, place, rule_id, number) for number, place in kept)
        return self._found(hits, window)

    def _places(
        self, phrases: tuple[Phrase, ...], window: Window, not_negated: bool = False
    ) -> dict[int, list[tuple[int, Found]]]:
        places: dict[int, list[tuple[int, Found]]] = {}
        for number, passage, place in self.scanned.found(phrases):
            if not window.mask >> passage & 1:
                continue
            if window.role is not None and self._passages[passage].role is not window.role:
                continue
            if not_negated and self._negated(passage, place.start):
                continue
            places.setdefault(passage, []).append((number, place))
        return places

    def _followed(self, condition: c.Words, passage: int, place: Found) -> bool:
        text = self.scanned.plain[passage]
        return condition.then is None or condition.then.follows(text.written, text.origin[place.end - 1] + 1)

    def _negated(self, passage: int, start: int) -> bool:
        before = self.scanned.plain[passage].letters[max(0, start - _NEGATION_REACH) : start]
        return any(c in _NEGATIONS for c in before)

    def _hit(self, passage: int, place: Found, rule_id: str, number: int) -> c.Hit:
        origin = self.scanned.plain[passage].origin
        phrase = self.scanned.book.phrase(number).text
        return self._hit_at(passage, origin[place.start], origin[place.end - 1] + 1, place.confidence, rule_id, phrase)

    def _hit_at(self, passage: int, start: int, end: int, confidence: float, rule_id: str, phrase: str = "") -> c.Hit:
        said = self._passages[passage]
        turn = self.scanned.dialogue.turns[said.turn_at(start)]
        sure = confidence * (0.75 + 0.25 * turn.confidence)
        return c.Hit(rule_id, turn.turn_id, turn.start_ms, turn.end_ms, said.text[start:end], round(sure, 4), passage, start, end, phrase)

    def _found(self, hits: list[c.Hit], window: Window) -> c.Finding:
        accepted = sorted((hit for hit in hits if hit.confidence >= ACCEPTED), key=lambda h: (h.passage, h.start))[:MAX_HITS]
        if accepted:
            return c.Finding(True, tuple(accepted), confidence=max(hit.confidence for hit in accepted))
        return c.Finding(False, confidence=self._heard(window))

    def _heard(self, window: Window) -> float:
        """How well the passages of the window were understood: absence is only as sure as that."""
        known = self._heard_in.get(window)
        if known is None:
            total = weight = 0.0
            for index in self._passages_in(window):
                passage = self._passages[index]
                for turn in self.scanned.dialogue.turns[passage.first : passage.first + len(passage.offsets)]:
                    total += turn.confidence * len(turn.text)
                    weight += len(turn.text)
            known = self._heard_in[window] = round(0.4 + 0.6 * total / weight, 4) if weight else 1.0
        return known

    def _pattern(self, condition: c.Pattern, window: Window, rule_id: str) -> c.Finding:
        hits: list[c.Hit] = []
        for index in self._passages_in(window):
            if len(hits) >= MAX_HITS:  # passages come in order: later hits would be cut off
                break
            text = self.scanned.plain[index].written
            against = condition.excluding.spans(text) if condition.excluding else []
            for start, end in condition.expression.spans(text):
                if not any(start < stop and begin < end for begin, stop in against):
                    hits.append(self._hit_at(index, start, end, 1.0, rule_id))
                    if len(hits) >= MAX_HITS:
                        break
        return self._found(hits, window)

    def _meaning(self, condition: c.Meaning, window: Window, rule_id: str) -> c.Finding:
        examples = self.scanned.book.vectors(condition.examples)
        index = self.scanned.sentences
        if examples is None or index is None or not index.places:
            return c.Finding(False)
        likeness = (index.vectors @ examples.T).max(axis=1)
        counter = self.scanned.book.vectors(condition.counter_examples)
        unlikeness = (index.vectors @ counter.T).max(axis=1) if counter is not None else likeness * 0
        wanted = set(self._passages_in(window))
        hits = [
            self._hit_at(passage, start, end, min(1.0, 0.6 + (like - condition.threshold)), rule_id)
            for (passage, start, end), like, unlike in zip(index.places, likeness.tolist(), unlikeness.tolist(), strict=True)
            if passage in wanted and like >= condition.threshold and like > unlike
        ]
        return self._found(hits, window)

    def _promised(self, condition: c.Promised, window: Window, rule_id: str) -> c.Finding:
        hits = [
            self._hit_at(promise.passage, promise.start, promise.end, 0.9, rule_id)
            for promise in self.scanned.promises
            if condition.dated in (None, promise.deadline is not None) and window.mask >> promise.passage & 1
        ]
        return self._found(hits, window)

    def _all_of(self, condition: c.AllOf, window: Window, rule_id: str) -> c.Finding:
        if condition.within_turns is None:
            return _all_of([self._evaluate(part, window, rule_id) for part in condition.parts])
        near = condition.within_turns
        starts = self._evaluate(condition.parts[0], window, rule_id)
        for passage in dict.fromkeys(hit.passage for hit in starts.hits):
            around = _bits(range(max(0, passage - near), min(len(self._passages), passage + near + 1)))
            inside = replace(window, mask=window.mask & around)
            together = _all_of([self._evaluate(part, inside, rule_id) for part in condition.parts])
            if together.holds:
                return together
        return c.Finding(False, confidence=starts.confidence)

    def _sequence(self, condition: c.Sequence, window: Window, rule_id: str) -> c.Finding:
        reached = (-1, -1)
        following: list[c.Hit] = []
        sure = 1.0
        for part in condition.parts:
            finding = self._evaluate(part, window, rule_id)
            following = [hit for hit in finding.hits if (hit.passage, hit.start) >= reached]
            if not finding.holds or not following:
                return c.Finding(False, confidence=finding.confidence)
            sure = min(sure, following[0].confidence)
            reached = (following[0].passage, following[0].end)
        return c.Finding(True, tuple(following), confidence=sure)

    def _count(self, condition: c.Count, window: Window, rule_id: str) -> c.Finding:
        finding = self._evaluate(condition.part, window, rule_id)
        if finding.holds is None:
            return finding
        number = len({hit.passage for hit in finding.hits})
        holds = number >= condition.at_least and (condition.at_most is None or number <= condition.at_most)
        return c.Finding(holds, finding.hits if holds else (), () if holds else finding.hits, finding.confidence)

    def _each(self, condition: c.Each, window: Window, rule_id: str) -> c.Finding:
        asked = self._evaluate(condition.of, window, rule_id)
        answers: list[c.Hit] = []
        unanswered: list[c.Hit] = []
        for hit in asked.hits:
            last = min(len(self._passages), hit.passage + condition.within_turns + 1)
            answer = self._evaluate(condition.answered_by, replace(window, mask=_bits(range(hit.passage, last))), rule_id)
            if answer.holds:
                answers.extend(answer.hits[:1])
            else:
                unanswered.append(hit)
        return c.Finding(not unanswered, tuple(answers), tuple(unanswered), asked.confidence)

    def _timed(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding:
        dialogue = self.scanned.dialogue
        if not dialogue.timed:
            return c.Finding(None)
        hits: list[c.Hit] = []
        if isinstance(condition, c.Silence):
            hits = [self._gap_hit(gap, rule_id) for gap in timing.gaps(dialogue, condition.longer_than_s * 1000)
                    if not self._announced(condition, gap, rule_id)]
        elif isinstance(condition, c.Overlap):
            for cut in timing.interruptions(dialogue, window.role or Role.AGENT, condition.longer_than_s * 1000):
                turn = dialogue.turns[cut.turn]
                hits.append(c.Hit(rule_id, turn.turn_id, turn.start_ms, turn.end_ms, turn.text, 0.9, dialogue.passage_of_turn[cut.turn]))
        elif isinstance(condition, c.SpeechRate):
            hits = self._rate_hits(condition, window, rule_id)
        hits = [hit for hit in hits if window.mask >> hit.passage & 1]
        return c.Finding(bool(hits), tuple(hits[:MAX_HITS]), confidence=0.9)

    def _gap_hit(self, gap: timing.Gap, rule_id: str) -> c.Hit:
        turn = self.scanned.dialogue.turns[gap.before]
        seconds = f"{(gap.end_ms - gap.start_ms) / 1000:.1f}"
        return c.Hit(rule_id, turn.turn_id, gap.start_ms, gap.end_ms, f"静音 {seconds} 秒", 0.9, self.scanned.dialogue.passage_of_turn[gap.after])

    def _announced(self, condition: c.Silence, gap: timing.Gap, rule_id: str) -> bool:
        if condition.unless is None or gap.end_ms - gap.start_ms > condition.announced_s * 1000:
            return False
        last = self.scanned.dialogue.passage_of_turn[gap.before]
        window = Window(_bits(range(max(0, last - 1), last + 1)))
        return bool(self._evaluate(condition.unless, window, rule_id).holds)

    def _rate_hits(self, condition: c.SpeechRate, window: Window, rule_id: str) -> list[c.Hit]:
        hits = []
        for index in self._passages_in(window):
            passage = self._passages[index]
            if len(self.scanned.plain[index].letters) < condition.min_chars:
                continue
            rate = timing.rate(self.scanned.dialogue, passage.first, len(passage.offsets))
            if rate is None:
                continue
            if (condition.above is not None and rate > condition.above) or (condition.below is not None and rate < condition.below):
                hits.append(self._hit_at(index, 0, len(passage.text), 0.9, rule_id))
        return hits


def _cut_from(excluding: Found, phrase: Found) -> bool:
    """Whether what would exclude begins inside a longer phrase: the 不 of 工信不投诉 is the end of 工信部, as heard, and negates nothing."""
    return phrase.end - phrase.start >= SAFE_SOUND_SYLLABLES and phrase.start < excluding.start < phrase.end < excluding.end


def _bits(indexes: Iterable[int]) -> int:
    mask = 0
    for index in indexes:
        mask |= 1 << index
    return mask


def _all_of(parts: list[c.Finding]) -> c.Finding:
    failed = [part for part in parts if part.holds is False]
    if failed:
        against = tuple(hit for part in failed for hit in part.against)
        return c.Finding(False, against=against, confidence=max(part.confidence for part in failed))
    if any(part.holds is None for part in parts):
        return c.Finding(None)
    hits = sorted((hit for part in parts for hit in part.hits), key=lambda h: (h.passage, h.start))
    return c.Finding(True, tuple(hits[:MAX_HITS]), confidence=min(part.confidence for part in parts))


def _any_of(parts: list[c.Finding]) -> c.Finding:
    held = [part for part in parts if part.holds]
    if held:
        hits = sorted((hit for part in held for hit in part.hits), key=lambda h: (h.passage, h.start))
        return c.Finding(True, tuple(hits[:MAX_HITS]), confidence=max(part.confidence for part in held))
    if any(part.holds is None for part in parts):
        return c.Finding(None)
    against = tuple(hit for part in parts for hit in part.against)
    return c.Finding(False, against=against, confidence=min(part.confidence for part in parts))
