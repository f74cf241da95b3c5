"""Which department a matter belongs to: rules as versioned data, the first that matches wins and can say why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from chassis.errors import InvalidInput

from routing.domain.tickets import Kind

_CONDITIONS = ("kinds", "types", "industries", "products", "words")
_LONGEST_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class Matter:
    """What is known about a ticket when its department is chosen. `text` is the customer's matter in words."""

    kind: Kind
    type: str
    industry: str
    product: str
    text: str


@dataclass(frozen=True, slots=True)
class DepartmentRule:
    """All conditions given must hold; an empty one is not given.

    `products` and `words` hold where one of them is contained in the product, or in product and text.
    """

    rule_id: str
    department: str
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def reasons(self, matter: Matter) -> tuple[str, ...] | None:
        """What made each condition true, for example ("types=投诉", "words=扣费"); None where one does not hold."""
        reasons = []
        for name, wanted, value in (
            ("kinds", self.kinds, matter.kind.value),
            ("types", self.types, matter.type),
            ("industries", self.industries, matter.industry),
        ):
            if wanted:
                if value not in wanted:
                    return None
                reasons.append(f"{name}={value}")
        for name, parts, text in (
            ("products", self.products, matter.product),
            ("words", self.words, f"{matter.product}\n{matter.text[:_LONGEST_TEXT]}"),
        ):
            if parts:
                hit = next((part for part in parts if part in text), None)
                if hit is None:
                    return None
                reasons.append(f"{name}={hit}")
        return tuple(reasons)


@dataclass(frozen=True, slots=True)
class Routed:
    """The department, and the rule that chose it with what made it match."""

    department: str
    rule_id: str
    version: str
    because: tuple[str, ...]

    @property
    def routed_by(self) -> str:
        """One line for people, for example "tariff@2026-11-01 (types=投诉, words=扣费)"."""
        why = f" ({', '.join(self.because)})" if self.because else ""
        return f"{self.rule_id}@{self.version}{why}"


@dataclass(frozen=True, slots=True)
class DepartmentRules:
    """One version of the table, tried in order, with the department for what no rule names."""

    version: str
    rules: tuple[DepartmentRule, ...]
    otherwise: str

    def route(self, matter: Matter) -> Routed:
        """The first rule that matches."""
        for rule in self.rules:
            because = rule.reasons(matter)
            if because is not None:
                return Routed(rule.department, rule.rule_id, self.version, because)
        return Routed(self.otherwise, "otherwise", self.version, ())


def department_rules_in(text: str) -> DepartmentRules:
    """Read the YAML table. Raises InvalidInput naming rule and condition."""
    table: Mapping[str, Any] = yaml.safe_load(text)
    try:
        rules = tuple(_rule(entry) for entry in table["rules"])
        ids = [rule.rule_id for rule in rules]
        if len(ids) != len(set(ids)):
            raise InvalidInput("rules", "two rules have the same id")
        return DepartmentRules(str(table["version"]), rules, table["otherwise"])
    except KeyError as missing:
        raise InvalidInput(str(missing.args[0]), "missing in the department rules") from None


def _rule(entry: Mapping[str, Any]) -> DepartmentRule:
    when: Mapping[str, Sequence[str]] = entry["when"]
    for name, values in when.items():
        if name not in _CONDITIONS:
            raise InvalidInput(f"rules.{entry['id']}.when.{name}", f"must be one of {', '.join(_CONDITIONS)}")
        if not values or not all(isinstance(value, str) and value for value in values):
            raise InvalidInput(f"rules.{entry['id']}.when.{name}", "must be a list of texts that are not empty")
    if not when:
        raise InvalidInput(f"rules.{entry['id']}.when", "a rule without a condition hides all that follow")
    return DepartmentRule(entry["id"], entry["department"], **{name: tuple(values) for name, values in when.items()})
