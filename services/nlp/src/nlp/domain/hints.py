"""What the agent of a live call should see, as data: when each hint is called for and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from nlp.domain.conditions import Condition
from nlp.domain.rule_parser import RuleError, parse_condition
from nlp.domain.scorecards import Item, Scorecard

_KEYS = {"kind", "missing", "broken", "when", "item", "message", "again_after_s"}


class Cue(StrEnum):
    """What calls for a hint: an item that applies and is not done, one that was just broken, or a condition."""

    MISSING = "missing"
    BROKEN = "broken"
    WHEN = "when"


@dataclass(frozen=True, slots=True)
class HintRule:
    """One hint; `condition` is set where `cue` is WHEN. Of a `kind` no second one comes within `again_after_s` seconds of the call."""

    kind: str
    cue: Cue
    item_id: str
    message: str
    condition: Condition | None = None
    again_after_s: float = 0.0


CardHints = tuple[tuple[HintRule, Item | None], ...]


def parse_hints(node: object, place: str) -> tuple[HintRule, ...]:
    """Read a list of hints; raises RuleError naming the place."""
    if not isinstance(node, list):
        raise RuleError(place, "expected a list")
    return tuple(_hint(entry, f"{place}[{number}]") for number, entry in enumerate(node))


def _hint(node: object, place: str) -> HintRule:
    if not isinstance(node, Mapping):
        raise RuleError(place, "expected a mapping")
    for key in node:
        if key not in _KEYS:
            raise RuleError(f"{place}.{key}", f"unknown key; known are {', '.join(sorted(_KEYS))}")
    cues = [cue for cue in Cue if cue.value in node]
    if len(cues) != 1:
        raise RuleError(place, "needs exactly one of missing, broken and when")
    cue = cues[0]
    again = node.get("again_after_s", 0.0)
    if isinstance(again, bool) or not isinstance(again, int | float) or again < 0:
        raise RuleError(f"{place}.again_after_s", f"must be a number of 0 or more, found {again!r}")
    condition = parse_condition(node["when"], f"{place}.when") if cue is Cue.WHEN else None
    item_id = str(node.get("item", "")) if condition is not None else _text(node, cue.value, place)
    return HintRule(_text(node, "kind", place), cue, item_id, _text(node, "message", place), condition, float(again))


def hints_for(card: Scorecard, hints: Iterable[HintRule]) -> CardHints:
    """The hints a scorecard's contacts are given, each with its item: those whose item it has, and those that belong to none."""
    items = {item.item_id: item for item in card.items}
    return tuple((hint, items.get(hint.item_id)) for hint in hints if not hint.item_id or hint.item_id in items)


def _text(node: Mapping[str, object], key: str, place: str) -> str:
    value = node.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RuleError(f"{place}.{key}", "must be a text")
    return value
