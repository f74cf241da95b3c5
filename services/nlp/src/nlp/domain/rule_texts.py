"""What a scorecard looks for, in Chinese: each item, when it applies, and each rule by name; written once for all evaluations.

Every evaluation carries these texts, so that they are cut where nobody reads on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlp.domain.conditions import Condition
from nlp.domain.describing import describe
from nlp.domain.scorecards import Item, Scorecard

MOST_CHARS = 200


class RuleTexts:
    """Of one scorecard; `rules` are those that its conditions may name."""

    def __init__(self, card: Scorecard, rules: Mapping[str, Condition]) -> None:
        self._items = {item.item_id: item for item in card.items}
        self._rules = rules
        self._known: dict[str, str] = {}

    def of_item(self, item_id: str) -> str:
        """What the item looks for, by options where it has some."""
        return self._once(f"item {item_id}", lambda: self._asked(self._items[item_id]))

    def applies(self, item_id: str) -> str:
        """When the item applies; empty where always."""
        condition = self._items[item_id].applies_when
        return self._once(f"applies {item_id}", lambda: describe(condition, self._rules)) if condition is not None else ""

    def of_rule(self, rule_id: str) -> str:
        """What a rule looks for, or an item of that id; empty where there is neither."""
        if rule_id in self._rules:
            return self._once(f"rule {rule_id}", lambda: describe(self._rules[rule_id], self._rules))
        return self.of_item(rule_id) if rule_id in self._items else ""

    def _asked(self, item: Item) -> str:
        if not item.options:
            return describe(item.rule, self._rules)
        return "；".join(f"{o.title}（{o.points:g}分）：{describe(o.rule, self._rules) if o.rule is not None else '其他情况'}" for o in item.options)

    def _once(self, key: str, write: Callable[[], str]) -> str:
        known = self._known.get(key)
        if known is None:
            text = write()
            known = self._known[key] = text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 1] + "…"
        return known
