"""Reads conditions from the mappings that YAML gives, refusing what it does not know with the place and a suggestion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Listing
from dataclasses import dataclass
from itertools import count
from typing import cast

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.parsing import sound, states, words
from nlp.domain.parsing.fields import Fields, RuleError, unknown
from nlp.domain.parsing.words import MACROS

__all__ = ["MACROS", "MAX_DEPTH", "MAX_NODES", "OPERATORS", "Operator", "RuleError", "children", "parse_condition"]

MAX_DEPTH = 20
MAX_NODES = 5000
MAX_HIT = 1000
_RANGE = (
    "first_turns", "last_turns", "first_s", "last_s", "first_percent", "last_percent", "after", "before", "around", "hit", "within_turns", "within_s",
)


@dataclass(frozen=True, slots=True)
class Operator:
    """How an operator is read, and which keys it takes beside its own, `role` and `range`."""

    read: Callable[[Fields], c.Condition]
    beside: tuple[str, ...] = ()


def parse_condition(node: object, place: str) -> c.Condition:
    """Read one condition, of at most MAX_NODES within it and MAX_DEPTH deep; raises RuleError."""
    return _parse(node, place, 0, count(1))


def _parse(node: object, place: str, depth: int, numbers: Iterator[int]) -> c.Condition:
    if depth > MAX_DEPTH:
        raise RuleError(place, f"conditions nest deeper than {MAX_DEPTH}")
    if next(numbers) > MAX_NODES:
        raise RuleError(place, f"more than {MAX_NODES} conditions in one; give parts of it names")
    if isinstance(node, str):
        return c.Named(name=node)
    if isinstance(node, list):
        return words.listed_words(node, place)
    if not isinstance(node, Mapping):
        raise RuleError(place, f"expected a rule name, a list of phrases or a mapping, found {type(node).__name__}")
    values = cast("Mapping[str, object]", node)
    named = [key for key in values if key in OPERATORS]
    known = {*OPERATORS, "role", "range", *(key for name in named for key in OPERATORS[name].beside)}
    for key in values:
        if key not in known:
            raise unknown(key, known if named else known | _BESIDE, f"{place}.{key}")
    if len(named) != 1:
        raise RuleError(place, f"needs exactly one of {', '.join(OPERATORS)}; found {named or 'none'}")

    def inner(part: object, where: str) -> c.Condition:
        return _parse(part, where, depth + 1, numbers)

    limits = _range(values["range"], f"{place}.range", inner) if values.get("range") is not None else None
    return OPERATORS[named[0]].read(Fields(values, f"{place}.{named[0]}", inner, _role(values.get("role"), place), limits))


def _role(value: object, place: str) -> Role | None:
    if value is None or value == "any":
        return None
    if value in tuple(Role):
        return Role(str(value))
    raise RuleError(f"{place}.role", f"must be agent, customer or any, found {value!r}")


def _range(node: object, place: str, parse: Callable[[object, str], c.Condition]) -> c.Range:
    fields = Fields({"range": node}, place, parse).inner("range", _RANGE)
    bounds = [key for key in ("after", "before", "around") if fields.has(key)]
    within = [key for key in ("within_turns", "within_s") if fields.has(key)]
    if within and not bounds:
        raise RuleError(f"{place}.{within[0]}", "needs after, before or around, from which it counts")
    if fields.has("around") and not within:
        raise RuleError(f"{place}.around", "needs within_turns or within_s")
    if fields.has("hit") and not bounds:
        raise RuleError(f"{place}.hit", "needs after, before or around, whose hits it counts")
    return c.Range(
        first_turns=fields.whole("first_turns"), last_turns=fields.whole("last_turns"),
        first_s=fields.number("first_s"), last_s=fields.number("last_s"),
        first_percent=fields.number("first_percent", most=100.0), last_percent=fields.number("last_percent", most=100.0),
        after=fields.condition_or_none("after"), before=fields.condition_or_none("before"), around=fields.condition_or_none("around"),
        hit=_hit(fields), within_turns=fields.whole("within_turns"), within_s=fields.number("within_s"),
    )


def _hit(fields: Fields) -> int | None:
    value = fields.values.get("hit")
    if value in ("first", "last"):
        return 1 if value == "first" else c.LAST
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_HIT):
        return value
    raise RuleError(f"{fields.place}.hit", f"must be first, last or a whole number from 1 to {MAX_HIT}, found {value!r}")


def _parts(fields: Fields, key: str) -> tuple[c.Condition, ...]:
    node = fields.values[key]
    if not isinstance(node, list) or not node:
        raise RuleError(fields.place, "expected a list of conditions")
    return tuple(fields.parse(part, f"{fields.place}[{index}]") for index, part in enumerate(node))


def _all(fields: Fields) -> c.Condition:
    within = 0 if fields.flag("same_turn") else fields.whole("within_turns")
    return c.AllOf(role=fields.role, range=fields.range, parts=_parts(fields, "all"), within_turns=within)


def _any(fields: Fields) -> c.Condition:
    return c.AnyOf(role=fields.role, range=fields.range, parts=_parts(fields, "any"))


def _none(fields: Fields) -> c.Condition:
    return c.Not(role=fields.role, range=fields.range, part=c.AnyOf(parts=_parts(fields, "none")))


def _not(fields: Fields) -> c.Condition:
    return c.Not(role=fields.role, range=fields.range, part=fields.parse(fields.values["not"], fields.place))


def _named(fields: Fields) -> c.Condition:
    name = fields.values["rule"]
    if not isinstance(name, str) or not name:
        raise RuleError(fields.place, "must be the name of a rule")
    return c.Named(role=fields.role, range=fields.range, name=name)


def _sequence(fields: Fields) -> c.Condition:
    return c.Sequence(role=fields.role, range=fields.range, parts=_parts(fields, "sequence"), within_turns=fields.whole("within_turns"))


def _count(fields: Fields) -> c.Condition:
    inner = fields.inner("count", ("of", "at_least", "at_most"))
    at_least, at_most = inner.count("at_least", 0 if inner.has("at_most") else 1), inner.whole("at_most")
    if at_most is not None and at_least > at_most:
        raise RuleError(inner.place, f"nothing is {at_least} or more and {at_most} or less")
    return c.Count(role=fields.role, range=fields.range, part=inner.condition("of"), at_least=at_least, at_most=at_most)


def _each(fields: Fields) -> c.Condition:
    inner = fields.inner("each", ("of", "answered_by", "within_turns"))
    return c.Each(
        role=fields.role, range=fields.range, of=inner.condition("of"), answered_by=inner.condition("answered_by"), within_turns=inner.count("within_turns", 4),
    )


OPERATORS: dict[str, Operator] = {
    "words": Operator(words.words, ("unless", "at_least", "not_negated", "sounds_like", "then", "whole_turn")),
    "regex": Operator(words.regex, ("excluding",)),
    "near": Operator(words.near),
    "number": Operator(words.figure),
    "date": Operator(words.day),
    "meaning": Operator(words.meaning, ("unlike", "threshold")),
    "asks_for": Operator(words.asks_for, ("unless",)),
    "jargon": Operator(words.jargon),
    "promise": Operator(words.promise),
    "silence": Operator(sound.silence),
    "hold": Operator(sound.hold),
    "overlap": Operator(sound.overlap),
    "response_time": Operator(sound.response_time),
    "speech_rate": Operator(sound.speech_rate),
    "loudness": Operator(sound.loudness),
    "pitch": Operator(sound.pitch),
    "talk_share": Operator(sound.talk_share),
    "call_length": Operator(sound.call_length),
    "emotion": Operator(states.emotion),
    "repeated": Operator(states.repeated),
    "demands": Operator(states.demands),
    "attribute": Operator(states.attribute),
    "previous_contacts": Operator(states.previous_contacts),
    "hang_up": Operator(states.hang_up),
    "judge": Operator(states.judge),
    "rule": Operator(_named),
    "all": Operator(_all, ("same_turn", "within_turns")),
    "any": Operator(_any),
    "none": Operator(_none),
    "not": Operator(_not),
    "sequence": Operator(_sequence, ("within_turns",)),
    "count": Operator(_count),
    "each": Operator(_each),
}
_BESIDE = {key for operator in OPERATORS.values() for key in operator.beside}


def children(condition: c.Condition) -> Listing[c.Condition]:
    """The conditions directly inside one, bounds of its range included."""
    inner: list[c.Condition | None] = []
    match condition:
        case c.AllOf() | c.AnyOf() | c.Sequence():
            inner.extend(condition.parts)
        case c.Not() | c.Count():
            inner.append(condition.part)
        case c.Each():
            inner.extend((condition.of, condition.answered_by))
        case c.Demands():
            inner.extend(part for demand in condition.listed for part in (demand.of, demand.answered_by))
        case c.Silence() | c.ResponseTime():
            inner.append(condition.unless)
        case c.Hold():
            inner.extend((condition.announced, condition.resumed))
        case c.Near():
            inner.extend((condition.first, condition.second))
        case c.Figure() | c.Day():
            inner.append(condition.after)
        case c.AskedFor():
            inner.extend((condition.what, condition.asking, condition.unless))
        case c.Jargon():
            inner.extend(words for term in condition.terms for words in (term.said, term.plainly))
        case c.Emotion():
            inner.append(condition.rises_after)
        case c.Repeated():
            inner.append(condition.of)
        case _:
            pass
    if condition.range is not None:
        inner.extend((condition.range.after, condition.range.before, condition.range.around))
    return [part for part in inner if part is not None]
