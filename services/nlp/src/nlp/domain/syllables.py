"""How Chinese text sounds: one code per syllable, without tones, and a looser code in which easily confused sounds are one.

Readings come from pypinyin's character table. Telephone speech (300-3400 Hz) loses the energy that
separates zh/z, ch/c, sh/s, n/l and the nasal endings, so the looser code does not separate them.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
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
# Sounds taken for one another even in clear speech; what is not in a class of its own is a class with its neighbours.
_INITIALS = (("b", "p"), ("m",), ("f", "h"), ("d", "t"), ("n", "l", "r"), ("g", "k"), ("j", "q", "x", "zh", "ch", "sh", "z", "c", "s"), ("", "y", "w"))
_FINALS = (
    ("a", "ia", "ua"), ("o", "uo", "e", "u", "ou", "iu"), ("i", "v", "ei", "ui", "ie", "ue", "ve"), ("ai", "uai"), ("ao", "iao"),
    ("an", "ang", "ian", "iang", "uan", "uang", "van"), ("en", "eng", "in", "ing", "un", "ong", "iong"),
)
_INITIAL_CLASS = {sound: str(number) for number, sounds in enumerate(_INITIALS) for sound in sounds}
_FINAL_CLASS = {sound: str(number) for number, sounds in enumerate(_FINALS) for sound in sounds}
SAME_CLASS, FOLDED, DIFFERENT, MOST = 0.5, 0.2, 1.0, 1.2
# 您 and 你 are interchangeable in every rule and 您 is often heard as 宁 or 林.
_SPECIAL = {"你": "nin"}

_codes: dict[str, str] = {}
_spelled: dict[str, str] = {}
_giving_codes = threading.Lock()


def _code(syllable: str) -> str:
    code = _codes.get(syllable)
    if code is None:
        with _giving_codes:  # two syllables must never share a code
            code = _codes.setdefault(syllable, chr(_FIRST_CODE + len(_codes)))
            _spelled[code] = syllable
    return code


def fold(syllable: str) -> str:
    """The looser form of a toneless syllable: `zhang` and `zan` are one."""
    for pattern, replacement in _FOLDS:
        syllable = pattern.sub(replacement, syllable)
    return syllable


def _broad(syllable: str) -> str:
    """The broadest form: the classes of its initial and its final."""
    initial, final = _split(syllable)
    return _INITIAL_CLASS.get(initial, initial) + _FINAL_CLASS.get(final, final)


def _split(syllable: str) -> tuple[str, str]:
    length = 2 if syllable[1:2] == "h" else 1 if syllable[0] not in "aeiouv" else 0
    return syllable[:length], syllable[length:]


@cache
def unlikeness(said: str, heard: str) -> float:
    """How unlike two syllables are, given by their codes: 0 the same, about 1 unrelated (initial and final each half where of one class)."""
    if said == heard:
        return 0.0
    one, other = _spelled.get(said), _spelled.get(heard)
    if one is None or other is None:
        return MOST
    (initial, final), (begun, ended) = _split(one), _split(other)
    return min(MOST, _part_unlikeness(initial, begun, _INITIAL_CLASS) + _part_unlikeness(final, ended, _FINAL_CLASS))


def _part_unlikeness(part: str, other: str, classes: dict[str, str]) -> float:
    if part == other:
        return 0.0
    if fold(part) == fold(other):
        return FOLDED
    return SAME_CLASS if classes.get(part) is not None and classes.get(part) == classes.get(other) else DIFFERENT


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
    """Character -> code of its toneless syllable in some form; what has no reading stands for itself."""

    def __init__(self, mark: str, form: Callable[[str], str]) -> None:
        super().__init__()
        self._mark, self._form = mark, form

    def __missing__(self, code: int) -> str:
        syllable = syllable_of(chr(code))
        self[code] = chr(code) if syllable is None else _code(self._mark + self._form(syllable))
        return self[code]


_exact, _loose, _broadest = _Sounds("", str), _Sounds("~", fold), _Sounds("*", _broad)


def sound(letters: str) -> tuple[str, str]:
    """The toneless code string and the looser code string, each as long as `letters`."""
    return letters.translate(_exact), letters.translate(_loose)


def broad_sound(letters: str) -> str:
    """The broadest code string, in which every sound is one with those of its class."""
    return letters.translate(_broadest)


@lru_cache(maxsize=65_536)  # scorecards share most of their phrases
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
    return "".join(_code("~" + fold(_spelled[c])) if c in _spelled else c for c in code_string)


def broad(code_string: str) -> str:
    """The broadest code string of a toneless code string."""
    return "".join(_code("*" + _broad(_spelled[c])) if c in _spelled else c for c in code_string)


def _in_context(letters: str) -> list[str]:
    spoken: list[str] = []
    for part in re.findall(r"[^\x00-\x7f]+|[\x00-\x7f]", letters):
        if part.isascii():
            spoken.append(part)
            continue
        found = lazy_pinyin(part, errors=list)  # type: ignore[arg-type]  # a list gives one entry per character
        spoken.extend(_toneless(s) or s for s in found)
    return spoken if len(spoken) == len(letters) else [syllable_of(c) or c for c in letters]
