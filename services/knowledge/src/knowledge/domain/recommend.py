"""From what a customer said to the articles that answer it."""

import re
from collections.abc import Iterable

from knowledge.domain.words import words

MAX_STATEMENTS = 40
_LONG = 60
_LONGEST = 200
_MIN_WORDS = 2
_SENTENCE = re.compile(r"[^。！？!?；;\n]+[。！？!?；;]?")


def problem_statements(said: Iterable[str]) -> tuple[str, ...]:
    """What may be a matter among a customer's turns, in order: long turns cut into sentences, small talk left out.

    A statement needs two content words; "好的，谢谢" has none. At most `MAX_STATEMENTS`, each at most 200 characters.
    """
    statements: list[str] = []
    for turn in said:
        parts = [turn] if len(turn) <= _LONG else _SENTENCE.findall(turn)
        for part in parts:
            statement = part.strip()[:_LONGEST]
            if statement not in statements and len(set(words(statement))) >= _MIN_WORDS:
                statements.append(statement)
            if len(statements) == MAX_STATEMENTS:
                return tuple(statements)
    return tuple(statements)
