"""Scorecards as published: sections of items, each with a rule, points and when it applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nlp.domain.conditions import Condition

DIMENSIONS = ("流程规范", "沟通效能", "问题解决", "客户体验", "合规安全")
FULL_SCORE = 100.0


class FatalPolicy(StrEnum):
    """What a failed item that is fatal to the card does to its score."""

    ZERO_SCORE = "zero_score"
    FLAG_ONLY = "flag_only"


class ExpectedAt(StrEnum):
    """Where something missing should have been: the turn shown as evidence of a failed item."""

    START = "start"
    END = "end"
    APPLIES = "applies"


@dataclass(frozen=True, slots=True)
class Guidance:
    """What an item expects (`why`), how breaking it is named (`fault`) and a phrase that does it right (`say`); each may be empty."""

    why: str = ""
    fault: str = ""
    say: str = ""


NO_GUIDANCE = Guidance()


@dataclass(frozen=True, slots=True)
class Option:
    """One way an item may come out; without a rule it is what is left where no other holds."""

    title: str
    points: float
    rule: Condition | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing an inspector looks for; without `applies_when` it applies to every contact.

    Failing a `fatal` one makes the whole card 0 (see FatalPolicy), a `fatal_to_section` one its section. `rule` earns all `points`;
    with `options`, of which the first that holds counts, it holds where any with points does. A `bonus` comes on top of the full
    score. `highlight` is what passing it is praised with (服务亮点), empty where passing is only to be expected. `guidance` tells
    the agent what is expected and what to say.
    """

    item_id: str
    title: str
    dimension: str
    points: float
    rule: Condition
    fatal: bool = False
    applies_when: Condition | None = None
    expected_at: ExpectedAt = ExpectedAt.APPLIES
    highlight: str = ""
    guidance: Guidance = NO_GUIDANCE
    section: str = ""
    fatal_to_section: bool = False
    bonus: bool = False
    options: tuple[Option, ...] = ()

    def conditions(self) -> tuple[Condition, ...]:
        """Everything it is judged by."""
        return (*(o.rule for o in self.options if o.rule), self.rule, *((self.applies_when,) if self.applies_when else ()))


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A published scorecard; `alerts` are conditions that warn the supervisor, by kind.

    `applies_to` names, by attribute, the values a contact must have for the card to judge it; empty is every contact. Of the cards
    that apply, the one that names most attributes counts; those that are `additional` are judged beside it. `weights` says how
    much each section counts, empty where points alone say it. `most` is what bonus points may lift the score to.
    """

    scorecard_id: str
    version: str
    title: str
    fatal_policy: FatalPolicy
    items: tuple[Item, ...]
    applies_to: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    additional: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    most: float = FULL_SCORE
    rules: Mapping[str, Condition] = field(default_factory=dict)
    alerts: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)

    @property
    def industries(self) -> tuple[str, ...]:
        """The industries it judges; empty is every industry."""
        return self.applies_to.get("industry", ())

    def judges(self, attributes: Mapping[str, str]) -> bool:
        """Whether it applies to a contact with these attributes."""
        return all(attributes.get(name, "") in values for name, values in self.applies_to.items())
