"""Regular expressions that cannot stall the service.

RE2 matches in time linear in the text whatever the expression, so it runs every expression that it can express. Look-around,
which it cannot, runs in `regex`: only where the expression's shape allows no exponential matching, in pieces, and within a time limit.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, TypeVar

import re2
import regex

T = TypeVar("T")
MAX_LENGTH = 1500
MAX_UNBOUNDED = 4
MAX_COMPILED_BYTES = 8 << 20
MAX_MATCHES = 100
PIECE_CHARS = 4000
TIMEOUT_S = 0.25
_LONG_REPEAT = 64
_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")


class UnsafeRegexError(ValueError):
    """The expression is malformed, too long, too large, refers back, or looks around with nested repetition."""


class RegexTimeoutError(Exception):
    """An expression with look-around took longer than TIMEOUT_S on one text; what it would have found is not known."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression; two with the same source are the same."""

    source: str

    @cached_property
    def _linear(self) -> Any | None:
        return None if _LOOKS_AROUND.search(self.source) else _re2(self.source)

    @cached_property
    def _looking(self) -> Any:
        return regex.compile(self.source, regex.VERSION0)

    @cached_property
    def _of_one_kind(self) -> re.Pattern[str] | None:
        """Where it is one kind of character, once or repeated, `re` finds the same in as little time, and without counting bytes."""
        return re.compile(self.source) if _is_of_one_kind(parser.parse(self.source)) else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The first MAX_MATCHES matches that are not empty, as [start, end). Raises RegexTimeoutError."""
        if self._of_one_kind is not None:
            return [match.span() for match in islice(self._of_one_kind.finditer(text), MAX_MATCHES)]
        if self._linear is not None:
            return _in_characters(self._linear, text)
        return [match.span() for match in islice(self._in_pieces(text), MAX_MATCHES)]

    def follows(self, text: str, place: int) -> bool:
        """Whether it matches at `place`. Raises RegexTimeoutError."""
        ahead = text[place : place + PIECE_CHARS]
        if self._linear is not None:
            return self._linear.match(ahead) is not None
        return self._in_time(lambda limit_s: self._looking.match(ahead, timeout=limit_s) is not None, TIMEOUT_S)

    def _in_pieces(self, text: str) -> Iterator[Any]:
        """Matches that lie within a piece: a text longer than PIECE_CHARS is cut after a sentence where one ends."""
        start = 0
        while start < len(text):
            end = _piece_end(text, start)
            yield from self._in_time(partial(self._matches, text, start, end), TIMEOUT_S * (end - start) / PIECE_CHARS + TIMEOUT_S / 10)
            start = end

    def _matches(self, text: str, start: int, end: int, limit_s: float) -> list[Any]:
        matches = self._looking.finditer(text, start, end, timeout=limit_s)
        return list(islice((match for match in matches if match.start() < match.end()), MAX_MATCHES))

    def _in_time(self, work: Callable[[float], T], limit_s: float) -> T:
        """Within seconds of this thread's own: the library's limit is one of the clock on the wall, where others' work counts too.

        Who is late without having worked begins again with twice the time; else what is found would depend on who else is at work.
        """
        began, allowed_s = time.thread_time(), limit_s
        while True:
            try:
                return work(allowed_s)
            except TimeoutError as error:
                if time.thread_time() - began >= limit_s:
                    raise RegexTimeoutError(self.source) from error
            allowed_s *= 2


def _in_characters(linear: Any, text: str) -> list[tuple[int, int]]:
    """RE2 counts bytes: matches are turned into characters in one walk over the text, which a binding asked for each of them would not do."""
    encoded = text.encode("utf-8", "replace")
    found: list[tuple[int, int]] = []
    byte = char = 0
    for match in linear.finditer(encoded):
        start, end = match.span()
        if start < end:
            first = char + len(encoded[byte:start].decode())
            byte, char = end, first + len(encoded[start:end].decode())
            found.append((first, char))
            if len(found) == MAX_MATCHES:
                break
    return found


def _piece_end(text: str, start: int) -> int:
    if len(text) - start <= PIECE_CHARS:
        return len(text)
    end = max(text.rfind(mark, start + PIECE_CHARS // 2, start + PIECE_CHARS) for mark in "。？?！!；;\n,")
    return end + 1 if end > 0 else start + PIECE_CHARS


def compile_safely(source: str) -> Expression:
    """Compile an expression; raises UnsafeRegexError."""
    if len(source) > MAX_LENGTH:
        raise UnsafeRegexError(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        re.compile(source)
        parsed = parser.parse(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnsafeRegexError(f"not a regular expression: {error}") from error
    if _LOOKS_AROUND.search(source):
        if _count_unbounded(parsed, inside=False) > MAX_UNBOUNDED:
            raise UnsafeRegexError(f"look-around with more than {MAX_UNBOUNDED} unbounded repetitions")
    else:
        _re2(source)
    return Expression(source)


def _re2(source: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_COMPILED_BYTES
    try:
        return re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise UnsafeRegexError(f"not an expression that can be run in linear time: {reason}") from error


def _is_of_one_kind(pattern: Any) -> bool:
    """Whether it is `.`, a character or a class of listed characters, by itself or at least once and as often as it comes."""
    if pattern.state.flags & ~re.UNICODE or len(pattern) != 1:
        return False
    operator, argument = pattern[0]
    if operator is codes.MAX_REPEAT:
        least, _, inner = argument
        if not least or len(inner) != 1:
            return False
        operator, argument = inner[0]
    if operator is codes.IN:
        return all(kind in (codes.NEGATE, codes.LITERAL, codes.RANGE) for kind, _ in argument)
    return operator in (codes.ANY, codes.LITERAL, codes.NOT_LITERAL)


def _count_unbounded(pattern: object, inside: bool) -> int:
    total = 0
    for operator, argument in pattern:  # type: ignore[attr-defined]
        if operator in (codes.GROUPREF, codes.GROUPREF_EXISTS):
            raise UnsafeRegexError("references to groups are not supported")
        if operator in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            _, most, inner = argument
            long = most == codes.MAXREPEAT or most > _LONG_REPEAT
            if inside and most != 1:
                raise UnsafeRegexError("look-around together with a repetition inside an unbounded repetition")
            total += long + _count_unbounded(inner, inside or long)
        elif operator is codes.BRANCH:
            if inside:
                raise UnsafeRegexError("look-around together with alternatives inside an unbounded repetition")
            total += max(_count_unbounded(branch, inside) for branch in argument[1])
        elif operator is codes.SUBPATTERN:
            total += _count_unbounded(argument[-1], inside)
        elif operator in (codes.ASSERT, codes.ASSERT_NOT):
            total += _count_unbounded(argument[1], inside)
    return total
