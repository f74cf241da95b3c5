"""What can be known of conditions without a contact: which can never hold, which always do, and which follow from which.

Everything said here is certain and not everything that is certain is said: a condition of which nothing is known is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.evaluation import MAX_HITS
from nlp.domain.text import as_written, letters_of

FASTEST_CHARS_PER_S = 20
LONGEST_S = 4 * 3600.0
KNOWN_VALUES: Mapping[str, tuple[str, ...]] = {
    "direction": ("inbound", "outbound"),
    "ticket_type": ("咨询", "故障", "投诉", "业务办理"),
    "urgency": ("high", "normal"),
    "customer_emotion": ("angry", "anxious", "neutral", "satisfied"),
    "customer_emotion_worst": ("angry", "anxious", "neutral", "satisfied"),
}
_COMPOSITE = (c.AllOf, c.AnyOf, c.Not, c.Sequence, c.Count, c.Each, c.Named)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something can never hold, in Chinese; `key` and `value` say what of it in the file, `kind` is the finding's."""

    text: str
    key: str = ""
    value: object = None
    kind: str = "unsatisfiable"
    by: c.Condition | None = None


def parts_of(condition: object) -> Iterator[c.Condition]:
    """The conditions directly inside one, whatever its kind, bounds of its range included."""
    if isinstance(condition, tuple):
        for entry in condition:
            yield from (entry,) if isinstance(entry, c.Condition) else parts_of(entry)
    elif is_dataclass(condition) and not isinstance(condition, type):
        for field in fields(condition):
            value = getattr(condition, field.name)
            if isinstance(value, c.Condition):
                yield value
            elif isinstance(value, tuple) or is_dataclass(value):
                yield from parts_of(value)


def everything_in(condition: c.Condition) -> Iterator[c.Condition]:
    """A condition and all inside it; rules it names are not entered."""
    stack = [condition]
    while stack:
        part = stack.pop()
        yield part
        stack.extend(parts_of(part))


class Logic:
    """Questions about the conditions of one book of rules; every name in them must exist, and none refer to itself."""

    def __init__(self, rules: Mapping[str, c.Condition]) -> None:
        self._rules = rules
        self._impossible: dict[int, Reason | None] = {}
        self._effective: dict[tuple[int, Role | None], c.Condition] = {}
        self._kept: list[c.Condition] = []  # what is known by identity must live as long

    def impossible(self, condition: c.Condition) -> Reason | None:
        """Why it can never hold, if that is certain."""
        key = id(condition)
        if key not in self._impossible:
            self._kept.append(condition)
            self._impossible[key] = None  # a loop, refused elsewhere, ends here
            self._impossible[key] = self._why_impossible(condition)
        return self._impossible[key]

    def always(self, condition: c.Condition) -> bool:
        """Whether it holds whatever is said."""
        match condition:
            case c.Not():
                return self.impossible(condition.part) is not None
            case c.Count():
                return condition.at_least == 0 and condition.at_most is None
            case c.AllOf():
                return condition.within_turns is None and all(self.always(part) for part in condition.parts)
            case c.AnyOf():
                plain = [self.effective(part) for part in condition.parts]
                opposed = any(isinstance(part, c.Not) and part.part == other for part in plain for other in plain)
                return opposed or any(self.always(part) for part in condition.parts)
            case c.Named():
                return self.always(self._rules[condition.name])
            case _:
                return False

    def effective(self, condition: c.Condition, role: Role | None = None) -> c.Condition:
        """The condition with names put for what they stand for and each leaf saying who must have spoken."""
        key = (id(condition), role)
        if key not in self._effective:
            self._kept.append(condition)
            self._effective[key] = self._made_effective(condition, condition.role or role)
        return self._effective[key]

    def implies(self, a: c.Condition, b: c.Condition) -> bool:
        """Whether `b` certainly holds where `a` does; both as `effective` gives them."""
        if a == b:
            return True
        match a:
            case c.AllOf() | c.Sequence() if _existential(b) and any(self.implies(part, b) for part in a.parts):
                return True
            case c.AllOf() if a.within_turns is None and a.range is None and any(self.implies(part, b) for part in a.parts):
                return True
            case c.AnyOf() if a.range is None and all(self.implies(part, b) for part in a.parts):
                return True
        match b:
            case c.AnyOf() if b.range is None:
                return any(self.implies(a, part) for part in b.parts)
            case c.AllOf() if b.range is None and b.within_turns is None:
                return all(self.implies(a, part) for part in b.parts)
            case c.Not() if isinstance(a, c.Not) and a.range is None and b.range is None:
                return self.implies(b.part, a.part)
        return isinstance(a, c.Words) and isinstance(b, c.Words) and covered(a, b)

    def opposed(self, parts: tuple[c.Condition, ...], role: Role | None) -> tuple[c.Condition, c.Condition] | None:
        """Of conditions that must hold together, one and another that then cannot."""
        plain = [self.effective(part, role) for part in parts]
        for denied in plain:
            if isinstance(denied, c.Not):
                for part in plain:
                    if part is not denied and self.implies(part, denied.part):
                        return part, denied
        return None

    def _made_effective(self, condition: c.Condition, role: Role | None) -> c.Condition:
        match condition:
            case c.Named() if condition.range is None:
                return self.effective(self._rules[condition.name], role)
            case c.AllOf() | c.AnyOf() | c.Sequence():
                return replace(condition, role=None, parts=tuple(self.effective(part, role) for part in condition.parts))
            case c.Not():
                return replace(condition, role=None, part=self.effective(condition.part, role))
            case _:
                return condition if condition.role is role else replace(condition, role=role)

    def _why_impossible(self, condition: c.Condition) -> Reason | None:
        if isinstance(condition, c.Not):
            return Reason("它否定的条件恒成立", "not") if self.always(condition.part) else None
        limits = condition.range
        if limits is not None and not isinstance(condition, c.Each | c.Count) and (reason := self._empty(limits)) is not None:
            return reason
        match condition:
            case c.Named():
                inner = self.impossible(self._rules[condition.name])
                return Reason(f"它引用的规则“{condition.name}”永远不会命中：{inner.text}", "", condition.name, inner.kind, inner.by) if inner else None
            case c.AllOf() | c.Sequence():
                if (inner := next((found for part in condition.parts if (found := self.impossible(part))), None)) is not None:
                    return inner
                return self._contradiction(condition) if isinstance(condition, c.AllOf) else None
            case c.AnyOf():
                reasons = [self.impossible(part) for part in condition.parts]
                return reasons[0] if all(reasons) else None
            case c.Count():
                return self._count(condition)
            case c.Words():
                return _words(condition)
            case c.Pattern():
                wrong = unwritable(condition.expression.source)
                return Reason(f"正则里的“{wrong}”规范化后不会出现（全角字母和数字会转成半角）", "regex") if wrong else None
            case c.Attribute() if condition.name in KNOWN_VALUES and condition.values:
                known = KNOWN_VALUES[condition.name]
                if not set(condition.values) & set(known):
                    return Reason(f"属性 {condition.name} 只会是 {'、'.join(known)}", condition.name)
            case _:
                return _out_of_reach(condition)
        return None

    def _contradiction(self, condition: c.AllOf) -> Reason | None:
        opposed = self.opposed(condition.parts, condition.role)
        if opposed is None:
            return None
        return Reason("同一条件既要求成立又要求不成立（all 里有 x 和 not x）", "all", None, "contradictory", opposed[0])

    def _empty(self, limits: c.Range) -> Reason | None:
        for key in ("first_turns", "last_turns", "first_s", "last_s"):
            if getattr(limits, key) == 0:
                return Reason(f"范围 {key} 为 0，没有任何话轮在内", key, 0)
        if (limits.after or limits.before) and limits.within_turns == 0:
            return Reason("范围 within_turns 为 0，after、before 之外没有话轮可找", "within_turns", 0)
        for key in ("after", "before"):
            bound = getattr(limits, key)
            if bound is not None and (inner := self.impossible(bound)) is not None:
                return Reason(f"范围 {key} 的条件永远不成立：{inner.text}", key)
        return None

    def _count(self, condition: c.Count) -> Reason | None:
        if condition.at_most is not None and condition.at_most < condition.at_least:
            return Reason(f"至少 {condition.at_least} 次又至多 {condition.at_most} 次", "at_most", condition.at_most)
        if condition.at_least > MAX_HITS:
            return Reason(f"至少 {condition.at_least} 次超过了最多计数 {MAX_HITS}", "at_least", condition.at_least)
        return self.impossible(condition.part) if condition.at_least else None


def covered(a: c.Words, b: c.Words) -> bool:
    """Whether each hit of `a` is one of `b`, words taken as they are written: every phrase of `a` has one of `b` inside it."""
    if b.unless or b.then or b.not_negated or b.at_least > 1 or (b.role not in (None, a.role)) or (b.range not in (None, a.range)):
        return False
    if _strictness(a) != _strictness(b):
        return False
    whole = {phrase.parts for phrase in b.phrases}
    shorter = [parts[0] for parts in whole if len(parts) == 1]
    return all(phrase.parts in whole or any(text in part for text in shorter for part in phrase.parts) for phrase in a.phrases)


def _strictness(words: c.Words) -> tuple[object, ...]:
    return tuple(getattr(words, name, None) for name in ("whole_turn", "least_sure"))


def _existential(condition: c.Condition) -> bool:
    """Whether a hit in part of a contact is one in the whole."""
    return isinstance(condition, c.Words | c.Pattern) and condition.range is None


def _words(words: c.Words) -> Reason | None:
    excluded = {part for phrase in words.unless if len(phrase.parts) == 1 for part in phrase.parts}
    if excluded and all(any(unless in part for unless in excluded for part in phrase.parts) for phrase in words.phrases):
        return Reason("每个词里都含有 unless 排除的词，永远命中不了", "unless")
    return None


def _out_of_reach(condition: c.Condition) -> Reason | None:
    if isinstance(condition, c.SpeechRate) and condition.above is not None and condition.above > FASTEST_CHARS_PER_S:
        return Reason(f"没有人每秒说 {condition.above:g} 个字", "above", condition.above)
    longest = getattr(condition, "longer_than_s", None)
    if longest is not None and longest > LONGEST_S:
        return Reason(f"{longest:g} 秒比任何会话都长", "longer_than_s", longest)
    if isinstance(condition, c.Demands) and condition.at_least > len(condition.listed):
        return Reason(f"要求至少 {condition.at_least} 个诉求，而只列了 {len(condition.listed)} 个", "at_least", condition.at_least)
    for field in fields(condition):
        limits = getattr(condition, field.name)
        if isinstance(limits, c.Limits):
            lows = [value for value in (limits.at_least, limits.above) if value is not None]
            highs = [value for value in (limits.at_most, limits.below) if value is not None]
            strict = limits.above is not None or limits.below is not None
            if lows and highs and (max(lows) > min(highs) or (strict and max(lows) == min(highs))):
                return Reason(f"下限 {max(lows):g} 不低于上限 {min(highs):g}")
            if isinstance(condition, c.TalkShare) and lows and max(lows) > 1:
                return Reason(f"占比不会超过 1，这里要求 {max(lows):g}")
    return None


def unwritable(expression: str) -> str:
    """A character that the expression cannot do without and normalised text never has; empty where there is none."""
    try:
        return _needs(parser.parse(expression))
    except re.error:
        return ""


def _needs(pattern: object) -> str:
    for operator, argument in pattern:  # type: ignore[attr-defined]
        wrong = ""
        if operator is codes.LITERAL:
            char = chr(argument)  # capitals are matched as small letters
            wrong = char if as_written(char) != char.lower() and letters_of(char) else ""
        elif operator is codes.SUBPATTERN:
            wrong = _needs(argument[-1])
        elif operator in (codes.MAX_REPEAT, codes.MIN_REPEAT) and argument[0] > 0:
            wrong = _needs(argument[2])
        elif operator is codes.BRANCH:
            found = [_needs(branch) for branch in argument[1]]
            wrong = found[0] if all(found) else ""
        if wrong:
            return wrong
    return ""
