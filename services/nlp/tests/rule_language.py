"""Conditions tried on contacts written as short tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlp.domain.conditions import Finding
from nlp.domain.courses import Answer, EmotionCourse, Question
from nlp.domain.dialogue import Dialogue
from nlp.domain.evaluation import Evaluator
from nlp.domain.rule_parser import parse_condition
from nlp.domain.rules import RuleBook, parse_rules
from nlp.domain.sentences import SentenceEncoder


def evaluator(
    node: object, dialogue: Dialogue, attributes: Mapping[str, str] | None = None, *, rules: Mapping[str, Any] | None = None,
    course: EmotionCourse | None = None, answers: Mapping[Question, Answer] | None = None, encoder: SentenceEncoder | None = None,
) -> tuple[Evaluator, Finding]:
    """The finding of a condition as written in YAML, and what it was evaluated by."""
    condition = parse_condition(node, "test")
    book = RuleBook(parse_rules(rules or {}), [condition], encoder)
    made = Evaluator(book.read(dialogue), attributes or {}, course, answers or {})
    return made, made.finding(condition, "test")


def finding(node: object, dialogue: Dialogue, attributes: Mapping[str, str] | None = None, **more: Any) -> Finding:
    """What a condition finds."""
    return evaluator(node, dialogue, attributes, **more)[1]
