"""How likely a piece of Chinese is as it stands: its words by their frequency in a general dictionary."""

from __future__ import annotations

import math
from functools import lru_cache

import rjieba

_ALL_WORDS = 60_101_967  # the sum of frequencies in the dictionary of jieba
_UNKNOWN = math.log(0.5 / _ALL_WORDS)
_UNKNOWN_CHAR = 2.0  # each further character that no word holds


@lru_cache(maxsize=50_000)
def words(text: str) -> tuple[str, ...]:
    """A short text cut into the likeliest words of the dictionary."""
    return tuple(rjieba.cut(text, False))


@lru_cache(maxsize=100_000)
def word_likeliness(word: str) -> float:
    """The natural logarithm of the share that a word has of all words."""
    frequency = rjieba.suggest_freq(word) if rjieba.has_word(word) else 0
    return math.log(frequency / _ALL_WORDS) if frequency else _UNKNOWN - _UNKNOWN_CHAR * (len(word) - 1)


@lru_cache(maxsize=50_000)
def likeliness(text: str) -> float:
    """The natural logarithm of the likeliness of a text as a chain of independent words."""
    return sum(map(word_likeliness, words(text)))
