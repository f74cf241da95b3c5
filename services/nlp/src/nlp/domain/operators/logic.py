"""Conditions made of conditions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nlp.domain import conditions as c
from nlp.domain.windows import Window, run

if TYPE_CHECKING:
    from nlp.domain.evaluation import Evaluator


def named(view: Evaluator, condition: c.Named, window: Window, rule_id: str) -> c.Finding:
    """Another rule, under its own name."""
    del rule_id
    return view.evaluate(view.scanned.book.rules[condition.name], window, condition.name)


def all_of(view: Evaluator, condition: c.AllOf, window: Window, rule_id: str) -> c.Finding:
    """Every part, anywhere in the window or near a hit of the first."""
    if condition.within_turns is None:
        return _all([view.evaluate(part, window, rule_id) for part in condition.parts])
    near = condition.within_turns
    starts = view.evaluate(condition.parts[0], window, rule_id)
    for passage in dict.fromkeys(hit.passage for hit in starts.hits):
        around = run(max(0, passage - near), min(len(view.passages), passage + near + 1))
        inside = window._replace(mask=window.mask & around)
        together = _all([view.evaluate(part, inside, rule_id) for part in condition.parts])
        if together.holds:
            return together
    return c.Finding(None if starts.holds is None else False, confidence=starts.confidence)


def any_of(view: Evaluator, condition: c.AnyOf, window: Window, rule_id: str) -> c.Finding:
    """At least one part."""
    split = view.scanned.book.absences.alternatives(condition)
    if split is None:
        parts = [view.evaluate(part, window, rule_id) for part in condition.parts]
    else:
        touched = split.touched(view.scanned.listed)
        parts = [view.evaluate(condition.parts[index], window, rule_id) for index in touched]
        parts.extend(c.Finding(False, confidence=view.absence(shape, window)) for shape in split.others(touched))
    held = [part for part in parts if part.holds]
    if held:
        return c.Finding(True, _in_order(held), confidence=max(part.confidence for part in held))
    if any(part.holds is None for part in parts):
        return c.Finding(None)
    against = tuple(hit for part in parts for hit in part.against)
    return c.Finding(False, against=against, confidence=min(part.confidence for part in parts))


def negated(view: Evaluator, condition: c.Not, window: Window, rule_id: str) -> c.Finding:
    """The opposite: what made the part true speaks against this."""
    inner = (view.opposite or view).evaluate(condition.part, window, rule_id)
    holds = None if inner.holds is None else not inner.holds
    return c.Finding(holds, inner.against, inner.hits, inner.confidence)


def sequence(view: Evaluator, condition: c.Sequence, window: Window, rule_id: str) -> c.Finding:
    """Each part after the one before, near enough."""
    reached: list[tuple[int, int]] | None = None
    following: list[c.Hit] = []
    sure = 1.0
    for part in condition.parts:
        finding = view.evaluate(part, window, rule_id)
        if finding.holds is None:
            return c.Finding(None)
        following = [hit for hit in finding.hits if reached is None or _follows(hit, reached, condition.within_turns)]
        if not finding.holds or not following:
            return c.Finding(False, confidence=finding.confidence)
        sure = min(sure, following[0].confidence)
        reached = sorted((hit.passage, hit.end) for hit in following)
    return c.Finding(True, tuple(following), confidence=sure)


def _follows(hit: c.Hit, reached: list[tuple[int, int]], within: int | None) -> bool:
    before = bisect_right(reached, (hit.passage, hit.start))
    return before > 0 and (within is None or hit.passage - reached[before - 1][0] <= within)


def counted(view: Evaluator, condition: c.Count, window: Window, rule_id: str) -> c.Finding:
    """How many passages hold a hit."""
    finding = view.evaluate(condition.part, window, rule_id)
    if finding.holds is None:
        return finding
    number = len({hit.passage for hit in finding.hits})
    holds = number >= condition.at_least and (condition.at_most is None or number <= condition.at_most)
    return c.Finding(holds, finding.hits if holds else (), () if holds else finding.hits, finding.confidence)


def each(view: Evaluator, condition: c.Each, window: Window, rule_id: str) -> c.Finding:
    """Every hit answered soon after, by anybody the answer does not exclude."""
    asked = view.evaluate(condition.of, window, rule_id)
    if asked.holds is None:
        return asked
    answers: list[c.Hit] = []
    unanswered: list[c.Hit] = []
    for hit in asked.hits:
        soon = run(hit.passage, min(len(view.passages), hit.passage + condition.within_turns + 1))
        answer = view.evaluate(condition.answered_by, window._replace(mask=soon), rule_id)
        if answer.holds:
            answers.extend(answer.hits[:1])
        else:
            unanswered.append(hit)
    return c.Finding(not unanswered, tuple(answers), tuple(unanswered), asked.confidence)


def _all(parts: list[c.Finding]) -> c.Finding:
    failed = [part for part in parts if part.holds is False]
    if failed:
        against = tuple(hit for part in failed for hit in part.against)
        return c.Finding(False, against=against, confidence=max(part.confidence for part in failed))
    if any(part.holds is None for part in parts):
        return c.Finding(None)
    return c.Finding(True, _in_order(parts), confidence=min(part.confidence for part in parts))


def _in_order(parts: Sequence[c.Finding]) -> tuple[c.Hit, ...]:
    if len(parts) == 1:
        return parts[0].hits
    return tuple(sorted((hit for part in parts for hit in part.hits), key=lambda h: (h.passage, h.start)))
