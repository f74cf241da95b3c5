"""What the emotion model sees of a text: characters, pairs and triples of them, each as a number, and no word kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from nlp.domain.text import as_written, letters_of

BUCKETS = 1 << 18
MAX_CHARS = 400
# Weights carry the buckets of this text: where they differ from now, texts are read otherwise than when they were trained.
PROBE = "您好，妳的訂單ＡＢＣ已經發貨了嘞！退我129.50元 [表情]"
MIN_REPEATED_CHARS = 4
KEPT_TEXTS = 10_000  # a running call is read again after every turn
_PLACEHOLDER = re.compile(r"#e-s\[[^\]]*\]|&[a-z]+;|\[[^\]]{1,24}\]")
_SPACE = re.compile(r"\s+")
_FIGURES = re.compile(r"[0-9]+(?:[.:][0-9]+)*")
_FIRST, _LAST = "\x02", "\x03"
# Odd multipliers of the three places, then the finalizer of MurmurHash3 (public domain) to spread the bits.
_PLACES = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D], np.uint32)
_SPREAD = (np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35))
_NONE = np.zeros(0, np.int64)


def buckets(text: str) -> np.ndarray:
    """The different buckets (int64, below BUCKETS) of a text's character n-grams of 1 to 3 with its two ends; nothing of an empty text.

    Figures count as one character, placeholders of chats as none; only the first MAX_CHARS characters are read.
    """
    return buckets_of([text])[1]


def buckets_of(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The buckets of many texts, one text after the other: the number of each bucket's text, and the bucket; in order of both."""
    ended = [f"{_FIRST}{read}{_LAST}" if (read := _read(text)) else "" for text in texts]
    codes = np.frombuffer("".join(ended).encode("utf-32-le", "replace"), np.uint32)
    if not len(codes):
        return _NONE, _NONE
    of = np.repeat(np.arange(len(texts)), list(map(len, ended)))
    single = codes * _PLACES[0]
    double = single[:-1] + codes[1:] * _PLACES[1]
    triple = double[:-1] + codes[2:] * _PLACES[2]
    within = (of[:-2] == of[1:-1]) & (of[1:-1] == of[2:]), of[:-1] == of[1:], of[:-2] == of[2:]
    mixed = np.concatenate((single[1:-1][within[0]], double[within[1]], triple[within[2]]))
    mixed ^= mixed >> np.uint32(16)
    mixed *= _SPREAD[0]
    mixed ^= mixed >> np.uint32(13)
    mixed *= _SPREAD[1]
    mixed ^= mixed >> np.uint32(16)
    owners = np.concatenate((of[1:-1][within[0]], of[:-1][within[1]], of[:-2][within[2]]))
    placed = np.unique(owners * BUCKETS + (mixed & np.uint32(BUCKETS - 1)).astype(np.int64))
    return placed // BUCKETS, placed % BUCKETS


def _read(text: str) -> str:
    return _FIGURES.sub("0", _SPACE.sub(" ", _PLACEHOLDER.sub(" ", as_written(text[:MAX_CHARS])))).strip()


@lru_cache(KEPT_TEXTS)
def pairs(text: str) -> frozenset[str]:
    """The different pairs of neighbouring letters of a text; none of one too short to be said twice by purpose."""
    letters = letters_of(text[:MAX_CHARS])
    return frozenset(map("".join, pairwise(letters))) if len(letters) >= MIN_REPEATED_CHARS else frozenset()


def repeated(own: frozenset[str], earlier: Iterable[frozenset[str]]) -> float:
    """How much was said before, 0 to 1: the greatest Dice coefficient of its `pairs` with those of an earlier text."""
    return max((2 * len(own & other) / (len(own) + len(other)) for other in earlier if own and other), default=0.0)
