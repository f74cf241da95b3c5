"""Text as rules compare it: one width, one case, one script, without punctuation, each character traced to its origin."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import opencc

from nlp.domain.recent import recent

SENTENCE_ENDS = frozenset("。？！?!；;\n…")
# Recognisers and typists mix these freely; no rule depends on the difference.
_SAME = {"您": "你", "她": "他", "它": "他", "妳": "你", "幺": "一", "嘞": "了"}
_FIRST_IDEOGRAPH = "\u3400"
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


@cache
def _simplified() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


class _Written(dict[int, str]):
    """Half width, lower case, simplified, interchangeable characters unified; the number of characters never changes."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = unicodedata.normalize("NFKC", char)
        narrow = folded if len(folded) == 1 else char
        lower = narrow.lower() if len(narrow.lower()) == 1 else narrow
        if lower >= _FIRST_IDEOGRAPH:
            lower = _simplified().convert(lower)
        self[code] = _SAME.get(lower, lower)
        return self[code]


class _Kinds(dict[int, str]):
    """L for a letter or digit that is compared, S for the end of a sentence, a blank for anything else."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        letter = unicodedata.category(char)[0] in "LN" or char in _KEPT_SYMBOLS
        self[code] = "L" if letter else "S" if char in SENTENCE_ENDS else " "
        return self[code]


_written = _Written()
_kinds = _Kinds()


def as_written(text: str) -> str:
    """A text in one width and case with interchangeable characters unified, punctuation kept."""
    return text.translate(_written)


@recent
def plain(text: str) -> PlainText:
    """Reduce a text to the letters and digits that rules compare."""
    written = text.translate(_written)
    kinds = written.translate(_kinds)
    origin = tuple([place for place, kind in enumerate(kinds) if kind == "L"])
    if "S" in kinds:
        numbers: list[int] = []
        for number, part in enumerate(kinds.split("S")):
            numbers.extend([number] * part.count("L"))
        sentence = tuple(numbers)
    else:
        sentence = (0,) * len(origin)
    return PlainText(text, written, "".join([written[place] for place in origin]), origin, sentence)


def letters_of(phrase: str) -> str:
    """The compared characters of a phrase."""
    return plain(phrase).letters
