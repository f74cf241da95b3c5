"""Scorecards as published: sections of items, each with a rule, points and when it applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from nlp.domain.conditions import Condition
from nlp.domain.rule_parser import RuleError, parse_condition
from nlp.domain.rules import parse_rules

DIMENSIONS = ("流程规范", "沟通效能", "问题解决", "客户体验", "合规安全")
MAX_ITEMS = 200


class FatalPolicy(StrEnum):
    """What a failed fatal item does to the score."""

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
class Item:
    """One thing an inspector looks for; without `applies_when` it applies to every contact.

    `highlight` is what passing it is praised with (服务亮点), empty where passing is only to be expected.
    `guidance` tells the agent what is expected and what to say.
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


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A published scorecard; `alerts` are conditions that warn the supervisor, by kind."""

    scorecard_id: str
    version: str
    title: str
    industries: tuple[str, ...]
    fatal_policy: FatalPolicy
    items: tuple[Item, ...]
    rules: Mapping[str, Condition] = field(default_factory=dict)
    alerts: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)


_CARD_KEYS = {"id", "version", "title", "extends", "industries", "fatal_policy", "rules", "sections", "alerts", "guidance"}
_ITEM_KEYS = {"id", "title", "points", "fatal", "applies_when", "rule", "expected_at", "highlight"}


def parse_scorecard(node: object, parents: Mapping[str, Scorecard]) -> Scorecard:
    """Read a scorecard; what it `extends` comes from `parents`, and an item or rule of the same id replaces the parent's.

    Raises RuleError naming the place.
    """
    if not isinstance(node, Mapping):
        raise RuleError("scorecard", "expected a mapping")
    _refuse_unknown(node, _CARD_KEYS, "scorecard")
    name = _text(node, "id", "scorecard")
    parent = None
    if "extends" in node:
        parent = parents.get(str(node["extends"]))
        if parent is None:
            raise RuleError(f"{name}.extends", f"no scorecard {node['extends']!r}")
    items = {item.item_id: item for item in parent.items} if parent else {}
    own: set[str] = set()
    for index, section in enumerate(_listed(node.get("sections"), f"{name}.sections")):
        for item in _section(section, f"{name}.sections[{index}]"):
            if item.item_id in own:
                raise RuleError(f"{name}.{item.item_id}", "the item is listed twice")
            own.add(item.item_id)
            items[item.item_id] = item
    for item_id, guidance in _mapping(node.get("guidance"), f"{name}.guidance").items():
        if item_id not in own:
            raise RuleError(f"{name}.guidance.{item_id}", "no such item in this scorecard")
        items[item_id] = replace(items[item_id], guidance=_guidance(guidance, f"{name}.guidance.{item_id}"))
    if len(items) > MAX_ITEMS:
        raise RuleError(f"{name}.sections", f"more than {MAX_ITEMS} items")
    alerts: dict[str, tuple[Condition, ...]] = dict(parent.alerts) if parent else {}
    for kind, condition in _mapping(node.get("alerts"), f"{name}.alerts").items():
        alerts[kind] = (*alerts.get(kind, ()), parse_condition(condition, f"{name}.alerts.{kind}"))
    policy = str(node.get("fatal_policy", parent.fatal_policy if parent else FatalPolicy.ZERO_SCORE))
    if policy not in list(FatalPolicy):
        raise RuleError(f"{name}.fatal_policy", f"must be one of {', '.join(FatalPolicy)}")
    return Scorecard(
        scorecard_id=name,
        version=_text(node, "version", name),
        title=_text(node, "title", name),
        industries=tuple(str(i) for i in _listed(node.get("industries"), f"{name}.industries")),
        fatal_policy=FatalPolicy(policy),
        items=tuple(items.values()),
        rules={**(parent.rules if parent else {}), **parse_rules(node.get("rules"), f"{name}.rules")},
        alerts=alerts,
    )


def _section(node: object, place: str) -> list[Item]:
    fields = _mapping(node, place)
    _refuse_unknown(fields, {"dimension", "items"}, place)
    dimension = str(fields.get("dimension"))
    if dimension not in DIMENSIONS:
        raise RuleError(f"{place}.dimension", f"must be one of {', '.join(DIMENSIONS)}")
    return [_item(item, dimension, f"{place}.items[{i}]") for i, item in enumerate(_listed(fields.get("items"), place))]


def _item(node: object, dimension: str, place: str) -> Item:
    fields = _mapping(node, place)
    _refuse_unknown(fields, _ITEM_KEYS, place)
    name = _text(fields, "id", place)
    points = fields.get("points")
    if isinstance(points, bool) or not isinstance(points, int | float) or points <= 0:
        raise RuleError(f"{name}.points", f"must be a number above 0, found {points!r}")
    fatal = fields.get("fatal", False)
    if not isinstance(fatal, bool):
        raise RuleError(f"{name}.fatal", "must be true or false")
    expected = str(fields.get("expected_at", "applies"))
    if expected not in list(ExpectedAt):
        raise RuleError(f"{name}.expected_at", f"must be one of {', '.join(ExpectedAt)}")
    applies = fields.get("applies_when")
    return Item(
        item_id=name,
        title=_text(fields, "title", place),
        dimension=dimension,
        points=float(points),
        rule=parse_condition(fields.get("rule"), f"{name}.rule"),
        fatal=fatal,
        applies_when=None if applies is None else parse_condition(applies, f"{name}.applies_when"),
        expected_at=ExpectedAt(expected),
        highlight=str(fields.get("highlight", "")),
    )


def _guidance(node: object, place: str) -> Guidance:
    fields = _mapping(node, place)
    _refuse_unknown(fields, {"why", "fault", "say"}, place)
    return Guidance(_text(fields, "why", place), str(fields.get("fault", "")), _text(fields, "say", place))


def _refuse_unknown(fields: Mapping[str, object], known: set[str], place: str) -> None:
    for key in fields:
        if key not in known:
            raise RuleError(f"{place}.{key}", f"unknown key; known are {', '.join(sorted(known))}")


def _text(fields: Mapping[str, object], key: str, place: str) -> str:
    value = fields.get(key)
    if value is None or not str(value).strip():
        raise RuleError(f"{place}.{key}", "is missing")
    return str(value)


def _listed(node: object, place: str) -> list[object]:
    if node is None:
        return []
    if not isinstance(node, list):
        raise RuleError(place, "expected a list")
    return node


def _mapping(node: object, place: str) -> Mapping[str, object]:
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        raise RuleError(place, "expected a mapping")
    return {str(key): value for key, value in node.items()}
