"""Which of many expressions may match a text, all of them in one pass, so that only those are looked for by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import re2

from nlp.domain.safe_regex import MAX_COMPILED_BYTES, Expression, UnsafeRegexError, compile_safely

_TOGETHER = 64
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
# What `regex` reads otherwise than RE2, or may: classes by letter, flags, the end of a text before its last line break.
_READ_OTHERWISE = re.compile(r"\\[A-Za-mo-su-z]|\(\?(?!:)|\$|\[\[|\{,|\\$")


class Expressions:
    """Numbered in the order given, each different one once."""

    def __init__(self, expressions: Iterable[Expression]) -> None:
        self._numbers = {expression: number for number, expression in enumerate(dict.fromkeys(expressions))}

    def number(self, expression: Expression) -> int:
        """Raises KeyError for one that was not given."""
        return self._numbers[expression]

    def possible(self, text: str) -> frozenset[int]:
        """Numbers of all expressions that match somewhere in the text, and maybe of some that do not."""
        encoded = text.encode("utf-8", "replace")
        found = set(self._always)
        for matcher, numbers in self._sets:
            matched = matcher.Match(encoded) or ()
            if len(numbers) in matched:  # the last pattern, which matches everything; where it does not, memory ran out and nothing is known
                found.update(numbers[place] for place in matched if place < len(numbers))
            else:
                found.update(numbers)
        return frozenset(found)

    @cached_property
    def _weakened(self) -> dict[int, str | None]:
        return {number: weakened(expression.source) for expression, number in self._numbers.items()}

    @cached_property
    def _always(self) -> frozenset[int]:
        return frozenset(number for number, source in self._weakened.items() if source is None)

    @cached_property
    def _sets(self) -> list[tuple[Any, list[int]]]:
        sources = [(number, source) for number, source in self._weakened.items() if source is not None]
        return [_set_of(sources[first : first + _TOGETHER]) for first in range(0, len(sources), _TOGETHER)]


def weakened(source: str) -> str | None:
    """An expression that RE2 can run and that matches wherever `source` does: without its look-around. None where none is known."""
    if not any(look in source for look in _LOOKS):
        return source
    kept, place = "", 0
    while place < len(source):
        if source.startswith(_LOOKS, place):
            place = _group_end(source, place)
            if source[place : place + 1] in ("*", "+", "?", "{"):
                return None
            continue
        end = place + 2 if source[place] == "\\" else _class_end(source, place) if source[place] == "[" else place + 1
        kept += source[place:end]
        place = end
    if _READ_OTHERWISE.search(kept):
        return None
    try:
        return compile_safely(kept).source
    except UnsafeRegexError:
        return None


def _group_end(source: str, start: int) -> int:
    depth, place = 0, start
    while place < len(source):
        if source[place] == "\\":
            place += 2
            continue
        if source[place] == "[":
            place = _class_end(source, place)
            continue
        depth += {"(": 1, ")": -1}.get(source[place], 0)
        place += 1
        if not depth:
            break
    return place


def _class_end(source: str, start: int) -> int:
    place = start + 1 + source.startswith("^", start + 1)
    place += 1  # a bracket that comes first is a character
    while place < len(source) and source[place] != "]":
        place += 1 + (source[place] == "\\")
    return place + 1


def _set_of(sources: list[tuple[int, str]]) -> tuple[Any, list[int]]:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_COMPILED_BYTES * len(sources)
    matcher = re2.Set.SearchSet(options)
    numbers: list[int] = []
    for number, source in sources:
        matcher.Add(source)
        numbers.append(number)
    matcher.Add("")
    matcher.Compile()
    return matcher, numbers
