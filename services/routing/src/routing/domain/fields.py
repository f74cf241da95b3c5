"""The standard fields of each type as data: read from YAML, found in what was said, checked where given by hand."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from chassis.errors import InvalidInput

from routing.domain.facts import amounts, days, number
from routing.domain.opening import TYPES
from routing.domain.particulars import FieldValue
from routing.domain.tickets import SYSTEM

KINDS = ("text", "amount", "date")
MAX_VALUE = 500
_LONGEST_TURN = 2_000
_MOST_TURNS = 1_000
_CLAUSE = re.compile(r"[^，。！？；,!?;\n]+")


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said, masked."""

    turn_id: str
    is_customer: bool
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A field as it was said: `key` is the part that tells it from others, for example the word it was found by."""

    value: str
    key: str
    turn: Turn


@dataclass(frozen=True, slots=True)
class Search:
    """One way to find a field; exactly one of `pattern`, `clause_with`, `amount`, `day` is given."""

    pattern: re.Pattern[str] | None = None
    clause_with: tuple[str, ...] = ()
    amount: bool = False
    day: bool = False
    near: tuple[str, ...] = ()
    last: bool = False

    def all_in(self, turn: Turn, on: date) -> Iterator[Said]:
        """Every place in a turn. `on` is the day of the contact."""
        text = turn.text[:_LONGEST_TURN]
        if self.pattern is not None:
            for match in self.pattern.finditer(text):
                value = match["value"] if "value" in self.pattern.groupindex else match[0]
                yield Said(value[:MAX_VALUE], value, turn)
            return
        for clause in _CLAUSE.findall(text):
            if self.near and not any(word in clause for word in self.near):
                continue
            if self.clause_with:
                word = next((word for word in self.clause_with if word in clause), "")
                if word:
                    yield Said(clause.strip()[:MAX_VALUE], word, turn)
            else:
                for fact in amounts(clause) if self.amount else days(clause, on):
                    yield Said(fact.value, fact.value, turn)


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One standard field."""

    field_id: str
    title: str
    kind: str
    needed: bool
    needed_when: tuple[str, ...]
    find: tuple[Search, ...]

    def said_in(self, turns: Sequence[Turn], on: date) -> Said | None:
        """The field as the customer said it; None where it was not said."""
        own = [turn for turn in turns[:_MOST_TURNS] if turn.is_customer]
        for search in self.find:
            found = [said for turn in own for said in search.all_in(turn, on)]
            if found:
                return found[-1] if search.last else found[0]
        return None

    def is_needed(self, text: str) -> bool:
        """Is a ticket about `text` incomplete without it?"""
        return self.needed and (not self.needed_when or any(word in text for word in self.needed_when))

    def checked(self, value: str, on: date) -> str:
        """A value given by hand, as it is stored. Raises InvalidInput."""
        value, place = value.strip(), f"fields.{self.field_id}"
        if len(value) > MAX_VALUE:
            raise InvalidInput(place, f"at most {MAX_VALUE} characters")
        if self.kind == "amount":
            found = [fact.value for fact in amounts(value)]
            worth = number(value)
            if not found and worth is None:
                raise InvalidInput(place, "must be a sum of money, for example 19.90")
            return found[0] if found else f"{worth:.2f}"
        if self.kind == "date":
            dated = next(days(value, on), None)
            if dated is None:
                raise InvalidInput(place, "must be a day, for example 2026-11-02")
            return dated.value
        return value


@dataclass(frozen=True, slots=True)
class FieldTable:
    """One version of the table: for each type its fields in the order of a form."""

    version: str
    types: Mapping[str, tuple[FieldSpec, ...]]

    def of(self, type_: str) -> tuple[FieldSpec, ...]:
        return self.types.get(type_, ())

    def found(self, type_: str, turns: Sequence[Turn], on: date) -> dict[str, Said]:
        """What the customer said of the type's fields."""
        said = {spec.field_id: spec.said_in(turns, on) for spec in self.of(type_)}
        return {field_id: one for field_id, one in said.items() if one is not None}

    def given(self, type_: str, values: Mapping[str, str], by: str, on: date) -> tuple[FieldValue, ...]:
        """Fields given by hand. Raises InvalidInput naming the field."""
        specs = {spec.field_id: spec for spec in self.of(type_)}
        if unknown := sorted(values.keys() - specs):
            raise InvalidInput(f"fields.{unknown[0]}", f"{type_} has the fields {', '.join(specs)}")
        return tuple(FieldValue(name, specs[name].title, specs[name].checked(value, on), by) for name, value in values.items() if value.strip())

    def complete(self, type_: str, known: Sequence[FieldValue], said: Mapping[str, Said], text: str) -> tuple[tuple[FieldValue, ...], tuple[str, ...]]:
        """The fields of a ticket, what is known before what was said, and the needed ones that are neither."""
        by_id = {value.field_id: value for value in known}
        fields, missing = [], []
        for spec in self.of(type_):
            one = said.get(spec.field_id)
            if spec.field_id in by_id:
                fields.append(by_id[spec.field_id])
            elif one is not None:
                fields.append(FieldValue(spec.field_id, spec.title, one.value, SYSTEM, one.turn.turn_id, one.turn.text[:MAX_VALUE]))
            elif spec.is_needed(text):
                missing.append(spec.field_id)
        return tuple(fields), tuple(missing)


def field_table_in(text: str) -> FieldTable:
    """Read the YAML table. Raises InvalidInput naming the place."""
    table: Mapping[str, Any] = yaml.safe_load(text)
    types = {}
    for type_, nodes in table["types"].items():
        if type_ not in TYPES:
            raise InvalidInput(f"types.{type_}", f"must be one of {'、'.join(TYPES)}")
        types[type_] = tuple(_spec(node, f"types.{type_}[{n}]") for n, node in enumerate(nodes))
    return FieldTable(str(table["version"]), types)


def _spec(node: Mapping[str, Any], place: str) -> FieldSpec:
    if missing := {"id", "title", "kind", "find"} - node.keys():
        raise InvalidInput(f"{place}.{min(missing)}", "is missing")
    if node["kind"] not in KINDS:
        raise InvalidInput(f"{place}.kind", f"must be one of {', '.join(KINDS)}")
    searches = tuple(_search(entry, f"{place}.find[{n}]") for n, entry in enumerate(node["find"]))
    return FieldSpec(str(node["id"]), str(node["title"]), node["kind"], bool(node.get("needed")), tuple(node.get("needed_when", ())), searches)


def _search(entry: Mapping[str, Any], place: str) -> Search:
    if unknown := entry.keys() - {"pattern", "clause_with", "amount", "date", "near", "last"}:
        raise InvalidInput(f"{place}.{min(unknown)}", "unknown")
    if len(entry.keys() & {"pattern", "clause_with", "amount", "date"}) != 1:
        raise InvalidInput(place, "needs exactly one of pattern, clause_with, amount, date")
    try:
        pattern = re.compile(entry["pattern"]) if "pattern" in entry else None
    except re.error as error:
        raise InvalidInput(f"{place}.pattern", str(error)) from None
    return Search(
        pattern, tuple(entry.get("clause_with", ())), bool(entry.get("amount")), bool(entry.get("date")), tuple(entry.get("near", ())),
        bool(entry.get("last")),
    )
