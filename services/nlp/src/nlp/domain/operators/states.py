"""Conditions on how the customer feels, what is demanded again, what is known of the contact and what a language model says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nlp.domain import conditions as c
from nlp.domain.certainty import SURE
from nlp.domain.courses import Feeling, Question
from nlp.domain.dialogue import Role
from nlp.domain.windows import Window, run

if TYPE_CHECKING:
    from nlp.domain.evaluation import Evaluator

USUAL_DISSATISFACTION = 0.2  # of a customer who has not spoken yet
COMPARED_SAYINGS = 60
MAX_COMPARED_CHARS = 400
SURE_OF_REPETITION = 0.8
UNANSWERED = 0.3  # doubtful enough to be left to a person, too doubtful to raise an alert
_SAYING = re.compile(r"[^。？?!！；;，,、…\n]+")


def emotion(view: Evaluator, condition: c.Emotion, window: Window, rule_id: str) -> c.Finding:
    """Turns that show it, or that show the rise."""
    if view.course is None:
        return c.Finding(None)
    customer = ((index, turn) for index, turn in enumerate(view.dialogue.turns) if turn.role is Role.CUSTOMER)
    course = [(index, felt) for index, turn in customer if (felt := view.course.get(turn.turn_id)) is not None]
    if not course:
        return c.Finding(None)
    passage_of = view.dialogue.passage_of_turn
    inside = [(index, felt) for index, felt in course if window.mask >> passage_of[index] & 1]
    if condition.rises_after is not None:
        trigger = view.evaluate(condition.rises_after, view.whole, rule_id)
        if trigger.holds is None:
            return trigger
        if not trigger.holds or not trigger.hits:
            return c.Finding(False, confidence=trigger.confidence)
        at = trigger.hits[0].passage
        before = [felt.dissatisfaction for index, felt in course if passage_of[index] <= at]
        usual = before[-1] if before else USUAL_DISSATISFACTION
        inside = [(index, felt) for index, felt in inside if passage_of[index] > at and felt.dissatisfaction >= usual + condition.by]
        if inside and condition.not_back:
            back = [
                view.hit_of_turn(index, felt.confidence, rule_id)
                for index, felt in course
                if index > inside[0][0] and felt.dissatisfaction <= usual + condition.by / 2
            ]
            if back:
                return c.Finding(False, against=tuple(back[-1:]), confidence=back[-1].confidence)
    hits = tuple(view.hit_of_turn(index, felt.confidence, rule_id) for index, felt in inside if _shows(condition, felt))
    confidence = max((hit.confidence for hit in hits), default=min(felt.confidence for _, felt in course))
    return c.Finding(bool(hits), hits, confidence=confidence)


def _shows(condition: c.Emotion, felt: Feeling) -> bool:
    return (not condition.labels or felt.emotion in condition.labels) and (condition.at_least is None or felt.dissatisfaction >= condition.at_least)


@dataclass
class _Saying:
    """Something said, and where it was said again."""

    pairs: frozenset[str]
    places: list[tuple[int, int, int]] = field(default_factory=list)


def repeated(view: Evaluator, condition: c.Repeated, window: Window, rule_id: str) -> c.Finding:
    """The same demand in several passages."""
    if condition.of is not None:
        found = view.evaluate(condition.of, window, rule_id)
        often = len({hit.passage for hit in found.hits}) >= condition.at_least
        return c.Finding(often, found.hits if often else (), confidence=found.confidence) if found.holds is not None else found
    sayings: list[_Saying] = []
    for passage, start, end, letters in _clauses(view, condition, window):
        pairs = frozenset(letters[i : i + 2] for i in range(min(len(letters), MAX_COMPARED_CHARS) - 1))
        recent = sayings[-COMPARED_SAYINGS:]
        alike, saying = max(((_dice(pairs, one.pairs), one) for one in recent), key=lambda pair: pair[0], default=(0.0, None))
        if saying is None or alike < condition.likeness:
            saying = _Saying(pairs)
            sayings.append(saying)
        saying.places.append((passage, start, end))
    hits = [
        view.hit_at(*place, SURE_OF_REPETITION, rule_id)
        for saying in sayings
        if len({passage for passage, _, _ in saying.places}) >= condition.at_least
        for place in saying.places
    ]
    return view.found(hits, window)


def _clauses(view: Evaluator, condition: c.Repeated, window: Window) -> Iterator[tuple[int, int, int, str]]:
    for passage in view.inside(window):
        for clause in _SAYING.finditer(view.scanned.plain[passage].written):
            letters = "".join(char for char in clause[0] if char.isalnum())
            if len(letters) >= condition.min_chars:
                yield passage, clause.start(), clause.end(), letters


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


def demands(view: Evaluator, condition: c.Demands, window: Window, rule_id: str) -> c.Finding:
    """Which demands were made, and which of them had their answer after."""
    count = len(view.passages)
    made: list[c.Finding] = []
    answers: list[c.Hit] = []
    unanswered: list[c.Hit] = []
    unknown = 0
    for demand in condition.listed:
        asked = view.evaluate(demand.of, window._replace(role=window.role or Role.CUSTOMER), rule_id)
        if not asked.holds or not asked.hits:
            unknown += asked.holds is None
            continue
        made.append(asked)
        first = asked.hits[0]
        last = count if condition.within_turns is None else min(count, first.passage + condition.within_turns + 1)
        answer = view.evaluate(demand.answered_by, Window(run(first.passage, last), Role.AGENT), rule_id)
        if answer.holds:
            answers.extend(answer.hits[:1])
        elif answer.holds is None:
            unknown += 1
        else:
            unanswered.append(first)
    if len(made) < condition.at_least:
        return c.Finding(None)
    confidence = min(finding.confidence for finding in made)
    if len(unanswered) > condition.unanswered_at_most:
        return c.Finding(False, tuple(answers), tuple(unanswered), confidence)
    return c.Finding(None) if unknown else c.Finding(True, tuple(answers), tuple(unanswered), confidence)


def attribute(view: Evaluator, condition: c.Attribute, window: Window, rule_id: str) -> c.Finding:
    """What the contact carries; None where it carries no such thing."""
    del window, rule_id
    value = view.attributes.get(condition.name)
    if value is None:
        return c.Finding(None)
    holds = (not condition.values or value in condition.values) and value not in condition.excluded
    if holds and condition.limits is not None:
        try:
            holds = condition.limits.hold(float(value))
        except ValueError:
            return c.Finding(None)
    return c.Finding(holds)


def judged(view: Evaluator, condition: c.Judged, window: Window, rule_id: str) -> c.Finding:
    """The answer given beforehand; a question without one is noted. What the model could not tell, or is not sure of, may hold or not."""
    turns = [
        view.passages[passage].first + number for passage in view.inside(window) for number in range(len(view.passages[passage].offsets))
    ]
    if not turns:
        return c.Finding(None)
    question = Question(condition.question, condition.examples, tuple(view.dialogue.turns[index].turn_id for index in turns))
    answer = view.answers.get(question)
    if answer is None:
        view.questions[question] = None
        return c.Finding(None)
    if answer.holds is None or answer.confidence < SURE:
        why = answer.failure or ("语言模型无法判断" if answer.holds is None else f"语言模型把握不足（{answer.confidence:.2f}）")
        return view.found([view.hit_of_turn(turns[-1], UNANSWERED, rule_id)._replace(doubt=why)], window)
    named = [view.hit_of_turn(index, answer.confidence, rule_id) for index in turns if view.dialogue.turns[index].turn_id in answer.turn_ids]
    return c.Finding(answer.holds, tuple(named) if answer.holds else (), () if answer.holds else tuple(named), answer.confidence)
