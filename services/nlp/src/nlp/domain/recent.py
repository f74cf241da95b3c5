"""Answers about recent texts kept: scripted speech repeats itself, and the words of one contact are asked about again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")
TEXTS = 5_000
CHARS = 200


def recent(function: Callable[[str], T]) -> Callable[[str], T]:
    """A function of a text and nothing else, whose last TEXTS answers about texts of at most CHARS characters are kept."""
    kept = lru_cache(maxsize=TEXTS)(function)

    @wraps(function)
    def answer(text: str) -> T:
        return kept(text) if len(text) <= CHARS else function(text)

    return answer
