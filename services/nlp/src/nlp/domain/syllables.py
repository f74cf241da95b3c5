"""How Chinese text sounds: one code per syllable, without tones, and a looser code in which easily confused sounds are one.

Readings come from pypinyin's character table. Telephone speech (300-3400 Hz) loses the energy that
separates zh/z, ch/c, sh/s, n/l and the nasal endings, so the looser code does not separate them.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from itertools import islice, product

from pypinyin import lazy_pinyin
from pypinyin.constants import PINYIN_DICT

_FIRST_CODE = 0xE000  # private use area: a code can never be mistaken for a character of the text
_MAX_READINGS = 4
_FOLDS = (
    (re.compile(r"^zh"), "z"),
    (re.compile(r"^ch"), "c"),
    (re.compile(r"^sh"), "s"),
    (re.compile(r"^n"), "l"),
    (re.compile(r"ng$"), "n"),
)
# 您 and 你 are interchangeable in every rule and 您 is often heard as 宁 or 林.
_SPECIAL = {"你": "nin"}

_codes: dict[str, str] = {}
_giving_codes = threading.Lock()


def _code(syllable: str) -> str:
    code = _codes.get(syllable)
    if code is None:
        with _giving_codes:  # two syllables must never share a code
            code = _codes.setdefault(syllable, chr(_FIRST_CODE + len(_codes)))
    return code


def fold(syllable: str) -> str:
    """The looser form of a toneless syllable: `zhang` and `zan` are one."""
    for pattern, replacement in _FOLDS:
        syllable = pattern.sub(replacement, syllable)
    return syllable


def _toneless(reading: str) -> str:
    bare = unicodedata.normalize("NFD", reading.replace("ü", "v").replace("ê", "e"))
    return "".join(c for c in bare if c.isascii() and c.isalpha())


@lru_cache(maxsize=16384)
def syllable_of(char: str) -> str | None:
    """The commonest toneless reading of a character, or None where it has none."""
    special = _SPECIAL.get(char)
    if special is not None:
        return special
    readings = PINYIN_DICT.get(ord(char))
    return _toneless(readings.split(",")[0]) or None if readings else None


class _Sounds(dict[int, str]):
    """Character -> code of its toneless syllable, or of the looser one; what has no reading stands for itself."""

    def __init__(self, *, loosely: bool) -> None:
        super().__init__()
        self._loosely = loosely

    def __missing__(self, code: int) -> str:
        char = chr(code)
        syllable = syllable_of(char)
        if syllable is None:
            self[code] = char
        else:
            self[code] = _code("~" + fold(syllable)) if self._loosely else _code(syllable)
        return self[code]


_exact, _loose = _Sounds(loosely=False), _Sounds(loosely=True)


def sound(letters: str) -> tuple[str, str]:
    """The toneless code string and the looser code string, each as long as `letters`."""
    return letters.translate(_exact), letters.translate(_loose)


def readings(letters: str) -> frozenset[str]:
    """Every toneless code string by which a phrase may be heard: common readings of its characters and those in context."""
    options = []
    for char, spoken in zip(letters, _in_context(letters), strict=True):
        common = syllable_of(char)
        if common is None:
            options.append([char])
        else:
            options.append(sorted({_code(common), _code(_SPECIAL.get(char, spoken))}))
    return frozenset("".join(choice) for choice in islice(product(*options), _MAX_READINGS))


def loose(code_string: str) -> str:
    """The looser code string of a toneless code string."""
    back = {code: syllable for syllable, code in _codes.items()}
    return "".join(_code("~" + fold(back[c])) if c in back else c for c in code_string)


def _in_context(letters: str) -> list[str]:
    spoken: list[str] = []
    for part in re.findall(r"[^\x00-\x7f]+|[\x00-\x7f]", letters):
        if part.isascii():
            spoken.append(part)
            continue
        found = lazy_pinyin(part, errors=list)  # type: ignore[arg-type]  # a list gives one entry per character
        spoken.extend(_toneless(s) or s for s in found)
    return spoken if len(spoken) == len(letters) else [syllable_of(c) or c for c in letters]
