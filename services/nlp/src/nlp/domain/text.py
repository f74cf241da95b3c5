"""Text as rules compare it: one width, one case, without punctuation, each character traced to its origin."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

SENTENCE_ENDS = frozenset("。？！?!；;\n…")
# Recognisers and typists mix these freely; no rule depends on the difference.
_SAME = str.maketrans({"您": "你", "她": "他", "它": "他", "妳": "你", "幺": "一", "嘞": "了", "撒": "啥"})
_KEPT_SYMBOLS = frozenset("%+#")


@dataclass(frozen=True, slots=True)
class PlainText:
    """`written` is the text in one width with its punctuation, place by place as `source`.

    `letters` are the compared characters; `origin[i]` is the place of letter i in the source text.

    `sentence[i]` numbers the sentence of letter i, so that a loose match does not cross a full stop.
    """

    source: str
    written: str
    letters: str
    origin: tuple[int, ...]
    sentence: tuple[int, ...]


def one_width(text: str) -> str:
    """Full-width forms to half-width and lower case, with the number of characters unchanged."""
    if text.isascii():
        return text.lower()
    return "".join(map(_narrow, text))


@lru_cache(maxsize=8192)
def _narrow(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char)
    if len(folded) != 1:
        return char
    lowered = folded.lower()
    return lowered if len(lowered) == 1 else folded


@lru_cache(maxsize=8192)
def _is_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN" or char in _KEPT_SYMBOLS


def plain(text: str) -> PlainText:
    """Reduce a text to the letters and digits that rules compare."""
    narrow = as_written(text)
    origin: list[int] = []
    sentence: list[int] = []
    number = 0
    for place, char in enumerate(narrow):
        if _is_letter(char):
            origin.append(place)
            sentence.append(number)
        elif char in SENTENCE_ENDS:
            number += 1
    return PlainText(text, narrow, "".join([narrow[place] for place in origin]), tuple(origin), tuple(sentence))


def as_written(text: str) -> str:
    """A text in one width and case with interchangeable characters unified, punctuation kept."""
    return one_width(text).translate(_SAME)


def letters_of(phrase: str) -> str:
    """The compared characters of a phrase."""
    return plain(phrase).letters
