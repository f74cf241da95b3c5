"""A scorecard file as read: the scorecard, its test utterances, and where in the file each of its places stands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from nlp.domain.scorecard_tests import TestCase
from nlp.domain.scorecards import Scorecard

Locate = Callable[[str], tuple[int, int]]


@dataclass(frozen=True)
class ScorecardFile:
    """`locate` gives line and column, both from 1, of a place such as `rules.thanks.range`.

    `given` is the file as plain values.
    """

    source: str = field(repr=False)
    card: Scorecard
    cases: tuple[TestCase, ...] = field(repr=False)
    locate: Locate = field(repr=False)
    extends: str = ""
    given: object = field(default=None, repr=False)

    @property
    def sha256(self) -> str:
        """Of the source, hex."""
        return sha256_of(self.source)


class FileRefused(ValueError):
    """A file that cannot be read as a scorecard: where, and why as the parser says it."""

    def __init__(self, place: str, line: int, column: int, reason: str, name: str = "", suggestion: str = "") -> None:
        super().__init__(
            f"{name or '<file>'}:{line}:{column}: {place + ': ' if place else ''}{reason}" + (f", did you mean {suggestion!r}?" if suggestion else "")
        )
        self.place, self.line, self.column, self.reason, self.name, self.suggestion = place, line, column, reason, name, suggestion


def sha256_of(source: str) -> str:
    """SHA-256 of a file's text, hex."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
