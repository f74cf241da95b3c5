"""Utterances that show what a condition does: made from its own phrases, and shown only where the engine agrees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

from nlp.domain import conditions as c
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp.domain.engine import QualityEngine, attributes_of
from nlp.domain.evaluation import Evaluator
from nlp.domain.scorecards import Scorecard

MAX_CHARS = 120
_NAMES = {Role.AGENT: "坐席", Role.CUSTOMER: "客户"}
_MS_PER_CHARACTER = 220
_PAUSE_MS = 500
_MAX_DEPTH = 12
_WILDCARD = re.compile(r"\*(?:\{\d+\})?|~$")

Lines = list[tuple[Role, str]]


class Examples:
    """Builds utterances for the conditions of one scorecard and tries them."""

    def __init__(self, engine: QualityEngine, card: Scorecard) -> None:
        self._engine, self._card = engine, card

    def hitting(self, condition: c.Condition) -> str:
        """An utterance for which it holds; empty where none was found."""
        lines = utterance(condition, self._card.rules)
        return shown(lines) if lines and self.holds(condition, lines) else ""

    def showing(self, wanted: c.Condition, *, holds: Mapping[bool, tuple[c.Condition, ...]]) -> str:
        """What is said for `wanted`, where then each of `holds[True]` holds and none of `holds[False]`; empty otherwise."""
        lines = utterance(wanted, self._card.rules)
        if not lines:
            return ""
        agreed = all(self.holds(condition, lines) is expected for expected, conditions in holds.items() for condition in conditions)
        return shown(lines) if agreed else ""

    def holds(self, condition: c.Condition, lines: Lines) -> bool:
        """Whether the engine finds it in what is said."""
        dialogue = _dialogue(lines)
        return bool(Evaluator(self._engine.scan(self._card, dialogue), attributes_of(dialogue.interaction)).finding(condition, "example").holds)


def utterance(condition: c.Condition, rules: Mapping[str, c.Condition], role: Role | None = None, depth: int = 0) -> Lines:
    """What might be said for a condition to hold, from its own words; empty where that is not known."""
    role = condition.role or role
    if depth > _MAX_DEPTH:
        return []
    match condition:
        case c.Words():
            said = "，".join(_WILDCARD.sub("", phrase.text) for phrase in condition.phrases[: condition.at_least])
            lines = [(role or Role.AGENT, said)]
        case c.Pattern():
            lines = [(role or Role.AGENT, text)] if (text := _match(condition.expression.source)) else []
        case c.Meaning():
            lines = [(role or Role.AGENT, condition.examples[0])]
        case c.Named():
            lines = utterance(rules[condition.name], rules, role, depth + 1) if condition.name in rules else []
        case c.AllOf() | c.Sequence():
            parts = [utterance(part, rules, role, depth + 1) for part in condition.parts if not isinstance(part, c.Not)]
            lines = [line for part in parts for line in part] if all(parts) else []
        case c.AnyOf():
            lines = next((found for part in condition.parts if (found := utterance(part, rules, role, depth + 1))), [])
        case c.Count():
            one = utterance(condition.part, rules, role, depth + 1)
            lines = [line for _ in range(max(1, min(condition.at_least, 5))) for line in (*one, (_other(one[-1][0]), "嗯"))] if one else []
        case _:
            lines = []
    if condition.range is not None and condition.range.after is not None and lines:
        lines = [*utterance(condition.range.after, rules, None, depth + 1), *lines]
    return lines


def shown(lines: Lines) -> str:
    """Lines as they are written in a test utterance."""
    text = " / ".join(f"{_NAMES[role]}：{words}" for role, words in lines)
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"


def _other(role: Role) -> Role:
    return Role.CUSTOMER if role is Role.AGENT else Role.AGENT


def _dialogue(lines: Lines) -> Dialogue:
    turns, now = [], 0
    for number, (role, words) in enumerate(lines):
        end = now + max(1, len(words)) * _MS_PER_CHARACTER
        turns.append(Turn(f"t{number + 1}", role, words, now, end))
        now = end + _PAUSE_MS
    return Dialogue(Interaction("example"), tuple(turns))


def _match(expression: str) -> str:
    """A short text that an expression without look-around should match; tried by whoever uses it."""
    try:
        return _text(parser.parse(expression))
    except (ValueError, TypeError):
        return ""


def _text(pattern: object) -> str:
    made = ""
    for operator, argument in pattern:  # type: ignore[attr-defined]
        if operator is codes.LITERAL:
            made += chr(argument)
        elif operator is codes.ANY:
            made += "一"
        elif operator is codes.IN:
            made += _one_of(argument)
        elif operator in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            made += _text(argument[2]) * min(argument[0], 20)
        elif operator is codes.BRANCH:
            made += _text(argument[1][0])
        elif operator is codes.SUBPATTERN:
            made += _text(argument[-1])
        elif operator is codes.NOT_LITERAL:
            made += "一" if argument != ord("一") else "二"
    return made


def _one_of(listed: list[tuple[object, object]]) -> str:
    if listed and listed[0][0] is codes.NEGATE:
        barred = {chr(value) for operator, value in listed[1:] if operator is codes.LITERAL and isinstance(value, int)}
        return next((char for char in "一二这那机费" if char not in barred), "")
    for operator, value in listed:
        if operator is codes.LITERAL and isinstance(value, int):
            return chr(value)
        if operator is codes.RANGE and isinstance(value, tuple):
            return chr(value[0])
        if operator is codes.CATEGORY:
            return "1" if value is codes.CATEGORY_DIGIT else "一"
    return ""
