"""The values of a mapping read one by one, each refused with its place where it is not what it must be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import cast

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role

MAX_TEXTS = 2000
MAX_TEXT_CHARS = 2000


class RuleError(ValueError):
    """A rule that cannot be read; `place` says where (`rules.thanks.range.first_turns`), `suggestion` what may have been meant."""

    def __init__(self, place: str, reason: str, suggestion: str = "") -> None:
        super().__init__(f"{place}: {reason}" + (f", did you mean {suggestion!r}?" if suggestion else ""))
        self.place = place
        self.reason = reason
        self.suggestion = suggestion


def unknown(value: object, known: Collection[str], place: str, what: str = "key") -> RuleError:
    """The error for something that is none of `known`."""
    listed = sorted(map(str, known))
    close = get_close_matches(str(value), listed, n=1)
    reason = f"unknown {what}" if close else f"unknown {what}; known are {', '.join(listed)}"
    return RuleError(place, reason, close[0] if close else "")


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping and its place; `parse` reads a condition inside it."""

    values: Mapping[str, object]
    place: str
    parse: Callable[[object, str], c.Condition]
    role: Role | None = None
    range: c.Range | None = None

    def has(self, key: str) -> bool:
        """Whether it is given."""
        return key in self.values

    def inner(self, key: str, known: Collection[str]) -> Fields:
        """The mapping at the operator's own key, whose place is this one's; refuses keys that are not `known`."""
        node = self.values[key]
        if not isinstance(node, Mapping):
            raise RuleError(self.place, f"expected a mapping, found {type(node).__name__}")
        for name in node:
            if name not in known:
                raise unknown(name, known, f"{self.place}.{name}")
        return replace(self, values=cast("Mapping[str, object]", node))

    def whole(self, key: str, default: int | None = None) -> int | None:
        """A whole number of 0 or more."""
        value = self.values.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise RuleError(f"{self.place}.{key}", f"must be a whole number of 0 or more, found {value!r}")
        return value

    def count(self, key: str, default: int) -> int:
        """A whole number of 0 or more that is always there."""
        found = self.whole(key, default)
        return default if found is None else found

    def number(self, key: str, default: float | None = None, *, least: float = 0.0, most: float | None = None) -> float | None:
        """A number between `least` and `most`."""
        value = self.values.get(key, default)
        if value is None:
            return None
        beyond = isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < least or (most is not None and value > most)
        if beyond:
            to = f"of {least:g} or more" if most is None else f"between {least:g} and {most:g}"
            raise RuleError(f"{self.place}.{key}", f"must be a number {to}, found {value!r}")
        return float(cast("float", value))

    def needed(self, key: str, *, most: float | None = None) -> float:
        """A number that must be given."""
        value = self.number(key, most=most)
        if value is None:
            raise RuleError(f"{self.place}.{key}", "is missing")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise RuleError(f"{self.place}.{key}", "must be true or false")
        return value

    def one_of(self, key: str, known: Collection[str], default: str) -> str:
        """One of the words known."""
        value = self.values.get(key, default)
        if value is False and "off" in known:  # YAML reads a bare off as false
            value = "off"
        if not isinstance(value, str) or value not in known:
            raise unknown(value, known, f"{self.place}.{key}", "value")
        return value

    def texts(self, key: str) -> list[str]:
        """A text or a list of texts."""
        return texts(self.values[key], f"{self.place}.{key}")

    def condition(self, key: str) -> c.Condition:
        """A condition that must be given."""
        if key not in self.values:
            raise RuleError(f"{self.place}.{key}", "is missing")
        return self.parse(self.values[key], f"{self.place}.{key}")

    def condition_or_none(self, key: str) -> c.Condition | None:
        """A condition, where it is given."""
        return self.condition(key) if key in self.values else None

    def limits(self, known: Collection[str] = ("at_least", "at_most", "above", "below")) -> c.Limits:
        """What a value must lie between."""
        found = c.Limits(**{key: self.number(key, least=float("-inf")) for key in known})
        lowest = max((v for v in (found.at_least, found.above) if v is not None), default=None)
        highest = min((v for v in (found.at_most, found.below) if v is not None), default=None)
        if lowest is not None and highest is not None and lowest > highest:
            raise RuleError(self.place, f"nothing is over {lowest:g} and under {highest:g}")
        return found

    def some_limits(self, known: Collection[str] = ("at_least", "at_most", "above", "below")) -> c.Limits:
        """At least one limit."""
        if not any(key in self.values for key in known):
            raise RuleError(self.place, f"needs {' or '.join(known)}")
        return self.limits(known)


def texts(node: object, place: str) -> list[str]:
    """A text or a list of texts, none empty; numbers and dates that YAML reads as such become text again."""
    if isinstance(node, str | int | float) and not isinstance(node, bool):
        node = [node]
    if not isinstance(node, list) or not node:
        raise RuleError(place, "expected a list of texts")
    if len(node) > MAX_TEXTS:
        raise RuleError(place, f"holds at most {MAX_TEXTS} texts")
    for index, entry in enumerate(node):
        if isinstance(entry, bool | list | dict) or entry is None:
            raise RuleError(f"{place}[{index}]", f"expected a text, found {entry!r}; put it in quotes")
        if len(str(entry)) > MAX_TEXT_CHARS:
            raise RuleError(f"{place}[{index}]", f"is longer than {MAX_TEXT_CHARS} characters")
    return [str(entry) for entry in node]
