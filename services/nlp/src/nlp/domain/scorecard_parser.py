"""Reads scorecards from the mappings that YAML gives, refusing what it does not know with the place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nlp.domain.conditions import AnyOf, Condition
from nlp.domain.rule_parser import RuleError, parse_condition
from nlp.domain.rules import parse_rules
from nlp.domain.scorecards import DIMENSIONS, FULL_SCORE, ExpectedAt, FatalPolicy, Guidance, Item, Option, Scorecard

MAX_ITEMS = 200
MAX_OPTIONS = 20
CARD_KEYS = {
    "id", "version", "title", "extends", "industries", "applies_to", "additional", "max_score", "fatal_policy", "rules", "sections", "alerts", "guidance",
}
SECTION_KEYS = {"name", "dimension", "weight", "items"}
ITEM_KEYS = {"id", "title", "points", "fatal", "bonus", "applies_when", "rule", "options", "expected_at", "highlight"}
OPTION_KEYS = {"title", "points", "rule"}
# What a card may be chosen by, with the values that there are; None where the company has its own.
CHOSEN_BY: Mapping[str, frozenset[str] | None] = {
    "industry": None, "channel": None, "queue": None, "product": None, "customer_tier": None,
    "direction": frozenset(("inbound", "outbound")), "agent_kind": frozenset(("human", "bot")),
}


def parse_scorecard(node: object, parents: Mapping[str, Scorecard]) -> Scorecard:
    """Read a scorecard; what it `extends` comes from `parents`, and an item or rule of the same id replaces the parent's.

    Sections of the parent keep their weight unless the child gives them another. Raises RuleError naming the place.
    """
    if not isinstance(node, Mapping):
        raise RuleError("scorecard", "expected a mapping")
    _refuse_unknown(node, CARD_KEYS, "scorecard")
    name = _text(node, "id", "scorecard")
    parent = None
    if "extends" in node:
        parent = parents.get(str(node["extends"]))
        if parent is None:
            raise RuleError(f"{name}.extends", f"no scorecard {node['extends']!r}")
    items = {item.item_id: item for item in parent.items} if parent else {}
    weights = dict(parent.weights) if parent else {}
    own: set[str] = set()
    for index, section in enumerate(_listed(node.get("sections"), f"{name}.sections")):
        for item in _section(section, weights, f"{name}.sections[{index}]"):
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
    unweighted = sorted({item.section for item in items.values()} - set(weights)) if weights else []
    if unweighted:
        raise RuleError(f"{name}.sections", f"every section needs a weight where one has it; {unweighted[0]!r} has none")
    alerts: dict[str, tuple[Condition, ...]] = dict(parent.alerts) if parent else {}
    for kind, condition in _mapping(node.get("alerts"), f"{name}.alerts").items():
        alerts[kind] = (*alerts.get(kind, ()), parse_condition(condition, f"{name}.alerts.{kind}"))
    policy = str(node.get("fatal_policy", parent.fatal_policy if parent else FatalPolicy.ZERO_SCORE))
    if policy not in list(FatalPolicy):
        raise RuleError(f"{name}.fatal_policy", f"must be one of {', '.join(FatalPolicy)}")
    most = _number(node, "max_score", name, parent.most if parent else FULL_SCORE)
    if most < FULL_SCORE:
        raise RuleError(f"{name}.max_score", f"must be {FULL_SCORE:g} or more: what bonus points may lift the score to")
    return Scorecard(
        scorecard_id=name,
        version=_text(node, "version", name),
        title=_text(node, "title", name),
        fatal_policy=FatalPolicy(policy),
        items=tuple(items.values()),
        applies_to=_applies_to(node, name),
        additional=_flag(node, "additional", name),
        weights=weights,
        most=most,
        rules={**(parent.rules if parent else {}), **parse_rules(node.get("rules"), f"{name}.rules")},
        alerts=alerts,
    )


def _applies_to(node: Mapping[str, object], name: str) -> dict[str, tuple[str, ...]]:
    """By attribute, the values; `industries` is short for `applies_to: {industry: ...}`."""
    asked = dict(_mapping(node.get("applies_to"), f"{name}.applies_to"))
    if "industries" in node:
        if "industry" in asked:
            raise RuleError(f"{name}.industries", "is said twice: here and in applies_to.industry")
        asked["industry"] = node["industries"]
    chosen: dict[str, tuple[str, ...]] = {}
    for attribute, given in asked.items():
        place = f"{name}.applies_to.{attribute}"
        if attribute not in CHOSEN_BY:
            raise RuleError(place, f"unknown attribute; known are {', '.join(CHOSEN_BY)}")
        values = tuple(sorted({str(value) for value in (given if isinstance(given, list) else [given])}))
        if attribute == "customer_tier":  # which is compared in small letters, as rules do
            values = tuple(value.lower() for value in values)
        known = CHOSEN_BY[attribute]
        if known is not None and not known.issuperset(values):
            raise RuleError(place, f"must be {' or '.join(sorted(known))}, found {', '.join(sorted(set(values) - known))}")
        if values:
            chosen[attribute] = values
    return chosen


def _section(node: object, weights: dict[str, float], place: str) -> list[Item]:
    fields = _mapping(node, place)
    _refuse_unknown(fields, SECTION_KEYS, place)
    dimension = str(fields.get("dimension"))
    if dimension not in DIMENSIONS:
        raise RuleError(f"{place}.dimension", f"must be one of {', '.join(DIMENSIONS)}")
    name = str(fields.get("name", dimension))
    if "weight" in fields:
        weights[name] = _number(fields, "weight", place, 0.0)
    return [_item(item, dimension, name, f"{place}.items[{i}]") for i, item in enumerate(_listed(fields.get("items"), place))]


def _item(node: object, dimension: str, section: str, place: str) -> Item:
    fields = _mapping(node, place)
    _refuse_unknown(fields, ITEM_KEYS, place)
    name = _text(fields, "id", place)
    expected = str(fields.get("expected_at", "applies"))
    if expected not in list(ExpectedAt):
        raise RuleError(f"{name}.expected_at", f"must be one of {', '.join(ExpectedAt)}")
    fatal, bonus = fields.get("fatal", False), _flag(fields, "bonus", name)
    if not isinstance(fatal, bool) and fatal not in ("card", "section"):
        raise RuleError(f"{name}.fatal", "must be true, false, card or section")
    if bonus and fatal:
        raise RuleError(f"{name}.fatal", "a bonus cannot be fatal")
    applies = fields.get("applies_when")
    options: tuple[Option, ...] = ()
    if "options" in fields:
        if "rule" in fields or "points" in fields:
            raise RuleError(f"{name}.options", "stand in place of rule and points")
        options = _options(fields["options"], name)
        rule: Condition = AnyOf(parts=tuple(option.rule for option in options if option.rule is not None and option.points > 0))
        points = max(option.points for option in options)
    else:
        rule, points = parse_condition(fields.get("rule"), f"{name}.rule"), _points(fields, name)
    return Item(
        item_id=name,
        title=_text(fields, "title", place),
        dimension=dimension,
        points=points,
        rule=rule,
        fatal=fatal in (True, "card"),
        fatal_to_section=fatal == "section",
        applies_when=None if applies is None else parse_condition(applies, f"{name}.applies_when"),
        expected_at=ExpectedAt(expected),
        highlight=str(fields.get("highlight", "")),
        section=section,
        bonus=bonus,
        options=options,
    )


def _options(node: object, name: str) -> tuple[Option, ...]:
    listed = _listed(node, f"{name}.options")
    if not 2 <= len(listed) <= MAX_OPTIONS:
        raise RuleError(f"{name}.options", f"must be 2 to {MAX_OPTIONS}")
    options = []
    for index, entry in enumerate(listed):
        place = f"{name}.options[{index}]"
        fields = _mapping(entry, place)
        _refuse_unknown(fields, OPTION_KEYS, place)
        if "rule" not in fields and index < len(listed) - 1:
            raise RuleError(f"{place}.rule", "is missing; only the last option may do without, for what is left")
        rule = parse_condition(fields["rule"], f"{place}.rule") if "rule" in fields else None
        options.append(Option(_text(fields, "title", place), _number(fields, "points", place, None), rule))
    if not any(option.rule is not None and option.points > 0 for option in options):
        raise RuleError(f"{name}.options", "none with a rule gives points")
    return tuple(options)


def _points(fields: Mapping[str, object], name: str) -> float:
    points = fields.get("points")
    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 < points < float("inf"):
        raise RuleError(f"{name}.points", f"must be a number above 0, found {points!r}")
    return float(points)


def _guidance(node: object, place: str) -> Guidance:
    fields = _mapping(node, place)
    _refuse_unknown(fields, {"why", "fault", "say"}, place)
    return Guidance(_text(fields, "why", place), str(fields.get("fault", "")), _text(fields, "say", place))


def _refuse_unknown(fields: Mapping[str, object], known: set[str], place: str) -> None:
    for key in fields:
        if key not in known:
            raise RuleError(f"{place}.{key}", f"unknown key; known are {', '.join(sorted(known))}")


def _number(fields: Mapping[str, object], key: str, place: str, default: float | None) -> float:
    value = fields.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise RuleError(f"{place}.{key}", f"must be a number of 0 or more, found {value!r}")
    return float(value)


def _flag(fields: Mapping[str, object], key: str, place: str) -> bool:
    value = fields.get(key, False)
    if not isinstance(value, bool):
        raise RuleError(f"{place}.{key}", "must be true or false")
    return value


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
