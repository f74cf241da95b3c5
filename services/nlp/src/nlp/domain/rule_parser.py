"""Reads conditions from the mappings that YAML gives, refusing what it does not know with the place and a suggestion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Listing
from difflib import get_close_matches
from typing import cast

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.numerals import NUMBER
from nlp.domain.phrases import Phrase, PhraseError, parse_phrase
from nlp.domain.safe_regex import Expression, UnsafeRegexError, compile_safely

MAX_PHRASES = 2000
MAX_DEPTH = 20
MACROS = {
    "num": NUMBER,
    "money": rf"{NUMBER}(?:多|来|几)?(?:元|块|角|毛|分钱|万)",
    "time": rf"(?:{NUMBER}|几)个?(?:多)?(?:分钟|小时|钟头|工作日|自然日|天|日|周|星期|礼拜|月|年)",
}

# Expressions meet texts in one width (text.as_written); their own wide punctuation must mean the same.
_AS_WRITTEN = str.maketrans({"您": "你", "，": ",", "；": ";", "：": ":", "！": "!", "？": r"\?", "（": r"\(", "）": r"\)"})


class RuleError(ValueError):
    """A rule that cannot be read; `place` says where (`rules.thanks.range.first_turns`)."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


def parse_condition(node: object, place: str, depth: int = 0) -> c.Condition:
    """Read one condition; raises RuleError."""
    if depth > MAX_DEPTH:
        raise RuleError(place, f"conditions nest deeper than {MAX_DEPTH}")
    if isinstance(node, str):
        return c.Named(name=node)
    if isinstance(node, list):
        return c.Words(phrases=_phrases(node, place, heard=True))
    if not isinstance(node, Mapping):
        raise RuleError(place, f"expected a rule name, a list of phrases or a mapping, found {type(node).__name__}")
    fields = cast("Mapping[str, object]", node)
    operators = [key for key in fields if key in _OPERATORS]
    unknown = [key for key in fields if key not in _OPERATORS and key not in _MODIFIERS]
    if unknown:
        close = get_close_matches(str(unknown[0]), [*_OPERATORS, *_MODIFIERS], n=1)
        raise RuleError(f"{place}.{unknown[0]}", "unknown key" + (f", did you mean {close[0]!r}?" if close else ""))
    if len(operators) != 1:
        raise RuleError(place, f"needs exactly one of {', '.join(_OPERATORS)}; found {operators or 'none'}")
    name = operators[0]
    role = _role(fields.get("role"), place)
    where = _range(fields.get("range"), f"{place}.range", depth)
    return _OPERATORS[name](fields, f"{place}.{name}", role, where, depth)


def _role(value: object, place: str) -> Role | None:
    if value is None or value == "any":
        return None
    if value in ("agent", "customer"):
        return Role(str(value))
    raise RuleError(f"{place}.role", f"must be agent, customer or any, found {value!r}")


def _range(node: object, place: str, depth: int) -> c.Range | None:
    if node is None:
        return None
    fields = _mapping(node, place, {"first_turns", "last_turns", "first_s", "last_s", "after", "before", "within_turns", "within_s"})

    def bound(key: str) -> c.Condition | None:
        return None if key not in fields else parse_condition(fields[key], f"{place}.{key}", depth + 1)

    return c.Range(
        first_turns=_whole(fields, "first_turns", place),
        last_turns=_whole(fields, "last_turns", place),
        first_s=_number(fields, "first_s", place),
        last_s=_number(fields, "last_s", place),
        after=bound("after"),
        before=bound("before"),
        within_turns=_whole(fields, "within_turns", place),
        within_s=_number(fields, "within_s", place),
    )


def _mapping(node: object, place: str, known: set[str]) -> Mapping[str, object]:
    if not isinstance(node, Mapping):
        raise RuleError(place, f"expected a mapping, found {type(node).__name__}")
    for key in node:
        if key not in known:
            close = get_close_matches(str(key), sorted(known), n=1)
            raise RuleError(f"{place}.{key}", "unknown key" + (f", did you mean {close[0]!r}?" if close else ""))
    return cast("Mapping[str, object]", node)


def _whole(fields: Mapping[str, object], key: str, place: str, default: int | None = None) -> int | None:
    value = fields.get(key, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RuleError(f"{place}.{key}", f"must be a whole number of 0 or more, found {value!r}")
    return value


def _number(fields: Mapping[str, object], key: str, place: str, default: float | None = None) -> float | None:
    value = fields.get(key, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise RuleError(f"{place}.{key}", f"must be a number of 0 or more, found {value!r}")
    return float(value)


def _needed(value: float | None, place: str) -> float:
    if value is None:
        raise RuleError(place, "is missing")
    return value


def _strings(node: object, place: str) -> list[str]:
    if isinstance(node, str):
        node = [node]
    if not isinstance(node, list) or not node:
        raise RuleError(place, "expected a list of texts")
    if len(node) > MAX_PHRASES:
        raise RuleError(place, f"holds at most {MAX_PHRASES} texts")
    for index, text in enumerate(node):
        if not isinstance(text, str | int | float) or isinstance(text, bool) or not str(text).strip():
            raise RuleError(f"{place}[{index}]", f"must be a text, found {text!r}")
    return [str(text) for text in node]


def _phrases(node: object, place: str, heard: bool) -> tuple[Phrase, ...]:
    try:
        return tuple(parse_phrase(text, heard) for text in _strings(node, place))
    except PhraseError as error:
        raise RuleError(place, str(error)) from error


def _words(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    del depth
    heard = fields.get("sounds_like", True)
    if not isinstance(heard, bool):
        raise RuleError(f"{place}.sounds_like", "must be true or false")
    negated = fields.get("not_negated", False)
    if not isinstance(negated, bool):
        raise RuleError(f"{place}.not_negated", "must be true or false")
    unless = _phrases(fields["unless"], f"{place}.unless", heard=False) if "unless" in fields else ()
    phrases = _phrases(fields["words"], place, heard)
    at_least = _whole(fields, "at_least", place, 1) or 1
    if at_least > len(phrases):
        raise RuleError(f"{place}.at_least", f"asks for {at_least} of {len(phrases)} phrases")
    then = _compiled(fields["then"], f"{place}.then") if "then" in fields else None
    return c.Words(role=role, range=where, phrases=phrases, unless=unless, at_least=at_least, not_negated=negated, then=then)


def _regex(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    del depth
    excluding = _compiled(fields["excluding"], f"{place}.excluding") if "excluding" in fields else None
    return c.Pattern(role=role, range=where, expression=_compiled(fields["regex"], place), excluding=excluding)


def _compiled(source: object, place: str) -> Expression:
    if not isinstance(source, str):
        raise RuleError(place, "must be a text")
    for name, expansion in MACROS.items():
        source = source.replace("{" + name + "}", f"(?:{expansion})")
    try:
        return compile_safely(source.translate(_AS_WRITTEN))
    except UnsafeRegexError as error:
        raise RuleError(place, str(error)) from error


def _meaning(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    del depth
    counter = _strings(fields["unlike"], f"{place}.unlike") if "unlike" in fields else []
    threshold = _needed(_number(fields, "threshold", place, 0.7), place)
    if threshold > 1:
        raise RuleError(f"{place}.threshold", "is a cosine of at most 1")
    examples = _strings(fields["meaning"], place)
    return c.Meaning(role=role, range=where, examples=tuple(examples), counter_examples=tuple(counter), threshold=threshold)


def _silence(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    inner = _mapping(fields["silence"], place, {"longer_than_s", "unless", "announced_s"})
    unless = parse_condition(inner["unless"], f"{place}.unless", depth + 1) if "unless" in inner else None
    longer = _needed(_number(inner, "longer_than_s", place), f"{place}.longer_than_s")
    announced = _needed(_number(inner, "announced_s", place, 120.0), place)
    return c.Silence(role=role, range=where, longer_than_s=longer, unless=unless, announced_s=announced)


def _overlap(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    del depth
    inner = _mapping(fields["overlap"], place, {"longer_than_s"})
    longer = _needed(_number(inner, "longer_than_s", place), f"{place}.longer_than_s")
    return c.Overlap(role=role, range=where, longer_than_s=longer)


def _speech_rate(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    del depth
    inner = _mapping(fields["speech_rate"], place, {"above", "below", "min_chars"})
    above, below = _number(inner, "above", place), _number(inner, "below", place)
    if above is None and below is None:
        raise RuleError(place, "needs above or below")
    return c.SpeechRate(role=role, range=where, above=above, below=below, min_chars=_whole(inner, "min_chars", place, 15) or 0)


def _promise(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    del depth
    dated = _mapping(fields["promise"] or {}, place, {"dated"}).get("dated")
    if dated is not None and not isinstance(dated, bool):
        raise RuleError(f"{place}.dated", "must be true or false")
    return c.Promised(role=role, range=where, dated=dated)


def _attribute(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    del depth
    inner = fields["attribute"]
    if not isinstance(inner, Mapping) or len(inner) != 1:
        raise RuleError(place, "expected one attribute with its values")
    name, values = next(iter(inner.items()))
    return c.Attribute(role=role, range=where, name=str(name), values=tuple(_strings(values, f"{place}.{name}")))


def _parts(node: object, place: str, depth: int) -> tuple[c.Condition, ...]:
    if not isinstance(node, list) or not node:
        raise RuleError(place, "expected a list of conditions")
    return tuple(parse_condition(part, f"{place}[{index}]", depth + 1) for index, part in enumerate(node))


def _all(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    within = 0 if fields.get("same_turn") is True else _whole(fields, "within_turns", place)
    return c.AllOf(role=role, range=where, parts=_parts(fields["all"], place, depth), within_turns=within)


def _count(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    inner = _mapping(fields["count"], place, {"of", "at_least", "at_most"})
    part = parse_condition(inner.get("of"), f"{place}.of", depth + 1)
    at_least = _whole(inner, "at_least", place, 1) or 0
    return c.Count(role=role, range=where, part=part, at_least=at_least, at_most=_whole(inner, "at_most", place))


def _each(fields: Mapping[str, object], place: str, role: Role | None, where: c.Range | None, depth: int) -> c.Condition:
    inner = _mapping(fields["each"], place, {"of", "answered_by", "within_turns"})
    of = parse_condition(inner.get("of"), f"{place}.of", depth + 1)
    answered = parse_condition(inner.get("answered_by"), f"{place}.answered_by", depth + 1)
    return c.Each(role=role, range=where, of=of, answered_by=answered, within_turns=_whole(inner, "within_turns", place, 4) or 0)


Reader = Callable[[Mapping[str, object], str, Role | None, c.Range | None, int], c.Condition]
_OPERATORS: dict[str, Reader] = {
    "words": _words,
    "regex": _regex,
    "meaning": _meaning,
    "silence": _silence,
    "overlap": _overlap,
    "speech_rate": _speech_rate,
    "promise": _promise,
    "attribute": _attribute,
    "rule": lambda f, p, r, w, d: c.Named(role=r, range=w, name=_strings(f["rule"], p)[0]),
    "all": _all,
    "any": lambda f, p, r, w, d: c.AnyOf(role=r, range=w, parts=_parts(f["any"], p, d)),
    "not": lambda f, p, r, w, d: c.Not(role=r, range=w, part=parse_condition(f["not"], p, d + 1)),
    "sequence": lambda f, p, r, w, d: c.Sequence(role=r, range=w, parts=_parts(f["sequence"], p, d)),
    "count": _count,
    "each": _each,
}
_MODIFIERS = ("role", "range", "unless", "at_least", "not_negated", "sounds_like", "then", "excluding", "unlike", "threshold", "same_turn", "within_turns")


def children(condition: c.Condition) -> Listing[c.Condition]:
    """The conditions directly inside one, bounds of its range included."""
    inner: list[c.Condition] = []
    match condition:
        case c.AllOf() | c.AnyOf() | c.Sequence():
            inner.extend(condition.parts)
        case c.Not() | c.Count():
            inner.append(condition.part)
        case c.Each():
            inner.extend((condition.of, condition.answered_by))
        case c.Silence() if condition.unless is not None:
            inner.append(condition.unless)
        case _:
            pass
    if condition.range is not None:
        inner.extend(bound for bound in (condition.range.after, condition.range.before) if bound is not None)
    return inner
