"""How many characters a recogniser got wrong, numbers compared by value and characters by their simplified form."""

import re
from functools import cache

import opencc

_DIGITS = dict(zip("零〇一二三四五六七八九幺两", "0012345678912", strict=True))
_UNITS = {"十": 10, "百": 100, "千": 1000}


def comparable(text: str) -> str:
    """The text without marks, spaces and case, in simplified characters, with every number in digits.

    A recogniser that writes 59 for 五十九 has made no mistake.
    """
    text = re.sub(r"[\W_]", "", _simplifier().convert(text)).lower()
    return re.sub("[零〇一二三四五六七八九幺两十百千万]+", lambda m: _number(m.group()), text)


def errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Edits that make the reference of the hypothesis (Levenshtein), and characters of the reference."""
    a, b = comparable(reference), comparable(hypothesis)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1], len(a)


def _number(characters: str) -> str:
    """In digits: 五十九 by its value, 一三八 digit by digit."""
    if not any(c in _UNITS or c == "万" for c in characters):
        return "".join(_DIGITS[c] for c in characters)
    total = section = current = 0
    for c in characters:
        if c == "万":
            total, section, current = (total + section + current) * 10_000, 0, 0
        elif c in _UNITS:
            section, current = section + (current or 1) * _UNITS[c], 0
        else:
            current = int(_DIGITS[c])
    return str(total + section + current)


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")
