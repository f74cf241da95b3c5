"""The ends between which a contact was said: with every doubtful hit taken, and with none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from nlp.domain.certainty import POSSIBLE, SURE
from nlp.domain.conditions import Condition, Hit
from nlp.domain.evaluation import Evaluator


class Doubt:
    """One contact as it was most likely said, and how it may have been said.

    Of the two ends, the generous one lets a condition hold wherever it may hold, the strict one only where it must: under a `not` one
    is the other. Where they agree, no choice among the doubtful hits changes the answer (Kleene's strong logic of three values for all,
    any and not; where hits are counted or put in order, the ends are those of all doubtful hits and of none).
    """

    def __init__(self, likely: Evaluator) -> None:
        self.likely = likely

    def hits(self, conditions: Iterable[Condition]) -> tuple[Hit, ...]:
        """The doubtful hits that conditions, already evaluated, were made of, the likeliest first."""
        doubted = self.likely.doubted
        if not doubted:
            return ()
        made_of = self.likely.scanned.book.made_of
        found = {hit: None for condition in conditions for part in made_of(condition) & doubted.keys() for hit in doubted[part]}
        return tuple(sorted(found, key=lambda hit: -hit.confidence))

    @cached_property
    def ends(self) -> tuple[Evaluator, Evaluator]:
        """Generous and strict."""
        generous, strict = (replace(self.likely, accepted=accepted) for accepted in (POSSIBLE, SURE))
        generous.opposite, strict.opposite = strict, generous
        return generous, strict
