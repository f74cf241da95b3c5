"""Which department a matter belongs to: rules as versioned data, the first that matches wins and can say why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from chassis.errors import InvalidInput

from routing.domain.tickets import Kind, Ticket, Urgency

_CONDITIONS = ("kinds", "types", "urgencies", "tiers", "industries", "products", "words")
_FIELDS = {"id", "department", "skill", "when"}
_LONGEST_TEXT = 4_000
MAX_BYTES = 200_000
MAX_RULES = 500


@dataclass(frozen=True, slots=True)
class Matter:
    """What is known about a ticket when its department is chosen. `text` is the customer's matter in words."""

    kind: Kind
    type: str
    industry: str
    product: str
    text: str
    urgency: Urgency = Urgency.NORMAL
    tier: str = ""


def matter_of(ticket: Ticket) -> Matter:
    """What a ticket that is there is routed by."""
    return Matter(
        ticket.kind, ticket.type, ticket.industry, ticket.product, f"{ticket.title}\n{ticket.description}", ticket.urgency, ticket.customer_tier,
    )


@dataclass(frozen=True, slots=True)
class DepartmentRule:
    """All conditions given must hold; an empty one is not given.

    `products` and `words` hold where one of them is contained in the product, or in product and text. `skill` is what whoever takes
    such a ticket must be able to; empty for nothing special.
    """

    rule_id: str
    department: str
    skill: str = ""
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def tried(self, matter: Matter) -> "Trial":
        """Whether it matches, with what made each condition true, for example ("types=投诉", "words=扣费"), or the one that does not hold."""
        reasons = []
        for name, wanted, value in (
            ("kinds", self.kinds, matter.kind.value),
            ("types", self.types, matter.type),
            ("urgencies", self.urgencies, matter.urgency.value),
            ("tiers", self.tiers, matter.tier),
            ("industries", self.industries, matter.industry),
        ):
            if wanted:
                if value not in wanted:
                    return Trial(self.rule_id, False, (name,))
                reasons.append(f"{name}={value}")
        for name, parts, text in (
            ("products", self.products, matter.product),
            ("words", self.words, f"{matter.product}\n{matter.text[:_LONGEST_TEXT]}"),
        ):
            if parts:
                hit = next((part for part in parts if part in text), None)
                if hit is None:
                    return Trial(self.rule_id, False, (name,))
                reasons.append(f"{name}={hit}")
        return Trial(self.rule_id, True, tuple(reasons))


@dataclass(frozen=True, slots=True)
class Trial:
    """How one rule came out for a matter."""

    rule_id: str
    matched: bool
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routed:
    """The department, and the rule that chose it with what made it match."""

    department: str
    rule_id: str
    version: str
    because: tuple[str, ...]
    skill: str = ""

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
            trial = rule.tried(matter)
            if trial.matched:
                return Routed(rule.department, rule.rule_id, self.version, trial.because, rule.skill)
        return Routed(self.otherwise, "otherwise", self.version, ())

    def trials(self, matter: Matter) -> tuple[Trial, ...]:
        """Every rule up to the one that matches."""
        tried: list[Trial] = []
        for rule in self.rules:
            tried.append(rule.tried(matter))
            if tried[-1].matched:
                break
        return tuple(tried)


def department_rules_in(text: str) -> DepartmentRules:
    """Read the YAML table. Raises InvalidInput naming rule and condition."""
    if len(text.encode()) > MAX_BYTES:
        raise InvalidInput("source", f"is larger than {MAX_BYTES} bytes")
    try:
        table: Mapping[str, Any] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput("source", f"is not YAML: {error}") from None
    if not isinstance(table, dict):
        raise InvalidInput("source", "is no table")
    try:
        nodes = table["rules"]
        if not isinstance(nodes, list) or len(nodes) > MAX_RULES:
            raise InvalidInput("rules", f"must be a list of at most {MAX_RULES} rules")
        rules = tuple(_rule(number, entry) for number, entry in enumerate(nodes))
        ids = [rule.rule_id for rule in rules]
        if len(ids) != len(set(ids)):
            raise InvalidInput("rules", "two rules have the same id")
        return DepartmentRules(_text(table["version"], "version", 50), rules, _text(table["otherwise"], "otherwise"))
    except KeyError as missing:
        raise InvalidInput(str(missing.args[0]), "missing in the department rules") from None


def _rule(number: int, entry: object) -> DepartmentRule:
    if not isinstance(entry, dict) or "id" not in entry:
        raise InvalidInput(f"rules[{number}].id", "is missing")
    place = f"rules.{_text(entry['id'], f'rules[{number}].id', 100)}"
    if unknown := sorted(str(name) for name in entry.keys() - _FIELDS):
        raise InvalidInput(f"{place}.{unknown[0]}", f"must be one of {', '.join(sorted(_FIELDS))}")
    when: Mapping[str, Sequence[str]] = entry["when"]
    if not isinstance(when, dict) or not when:
        raise InvalidInput(f"{place}.when", "a rule without a condition hides all that follow")
    for name, values in when.items():
        if name not in _CONDITIONS:
            raise InvalidInput(f"{place}.when.{name}", f"must be one of {', '.join(_CONDITIONS)}")
        if not isinstance(values, list) or not values or not all(isinstance(value, str) and value for value in values):
            raise InvalidInput(f"{place}.when.{name}", "must be a list of texts that are not empty")
    for name, known in (("kinds", {k.value for k in Kind}), ("urgencies", {u.value for u in Urgency})):
        if wrong := set(when.get(name, ())) - known:
            raise InvalidInput(f"{place}.when.{name}", f"{min(wrong)} is not one of {', '.join(sorted(known))}")
    skill = _text(entry["skill"], f"{place}.skill") if "skill" in entry else ""
    return DepartmentRule(
        str(entry["id"]), _text(entry["department"], f"{place}.department"), skill, **{name: tuple(values) for name, values in when.items()}
    )


def _text(value: object, place: str, most: int = 200) -> str:
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    if not text or len(text) > most:
        raise InvalidInput(place, f"must be a text of 1 to {most} characters")
    return text
