"""Regular expressions that cannot stall the service: refused when their shape allows exponential matching."""

from __future__ import annotations

import re
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

MAX_LENGTH = 1500
MAX_UNBOUNDED = 4
_LONG_REPEAT = 64


class UnsafeRegexError(ValueError):
    """The expression is malformed, too long, refers back, or nests repetition."""


def compile_safely(source: str) -> re.Pattern[str]:
    """Compile an expression whose worst case is a small polynomial; raises UnsafeRegexError.

    A repetition without a small bound may hold neither another repetition nor alternatives, and there
    may be at most MAX_UNBOUNDED of them, so matching a passage of n characters stays below n^4 for
    hostile and near n for usual text.
    """
    if len(source) > MAX_LENGTH:
        raise UnsafeRegexError(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        compiled = re.compile(source)
        parsed = parser.parse(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnsafeRegexError(f"not a regular expression: {error}") from error
    if _count_unbounded(parsed, inside=False) > MAX_UNBOUNDED:
        raise UnsafeRegexError(f"more than {MAX_UNBOUNDED} unbounded repetitions")
    return compiled


def _count_unbounded(pattern: object, inside: bool) -> int:
    total = 0
    for operator, argument in pattern:  # type: ignore[attr-defined]
        if operator in (codes.GROUPREF, codes.GROUPREF_EXISTS):
            raise UnsafeRegexError("references to groups are not supported")
        if operator in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            _, most, inner = argument
            long = most == codes.MAXREPEAT or most > _LONG_REPEAT
            if inside and most != 1:
                raise UnsafeRegexError("a repetition inside an unbounded repetition")
            total += long + _count_unbounded(inner, inside or long)
        elif operator is codes.BRANCH:
            if inside:
                raise UnsafeRegexError("alternatives inside an unbounded repetition")
            total += max(_count_unbounded(branch, inside) for branch in argument[1])
        elif operator is codes.SUBPATTERN:
            total += _count_unbounded(argument[-1], inside)
        elif operator in (codes.ASSERT, codes.ASSERT_NOT):
            total += _count_unbounded(argument[1], inside)
    return total
