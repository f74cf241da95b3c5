"""Runs of digits as people write, read out and recognisers hear them, with the place of every digit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlp.domain.numerals import DIGITS, SPOKEN_DIGIT

# Said for 0, 7, 9 and 1 on the phone and over radio; ordinary words elsewhere, so that they count between other digits alone.
_RADIO = {"洞": "0", "拐": "7", "勾": "9", "腰": "1", "妖": "1", "吆": "1", "夭": "1"}
_X = r"[xXＸｘ](?![a-zA-Z])|叉|(?:艾|埃|爱)克斯"
_TIMES = {"两": 2, "二": 2, "俩": 2, "三": 3, "四": 4, "2": 2, "3": 3, "4": 4}
_TIMES_OF = rf"[两二俩三四234]个(?P<repeated>{SPOKEN_DIGIT})(?![0-9]*[个百千万月年天块元])"
_TOKEN = re.compile(rf"{_TIMES_OF}|(?P<digit>{SPOKEN_DIGIT}|[{''.join(_RADIO)}])|(?P<x>{_X})|(?P<between>.)", re.DOTALL)
_SEPARATOR = r"(?:[ \t\-—–－_.,，、。·．：:（）()]|横杠|横线|短横|中杠|杠|空格|嗯|呃|啊|哦|额|唉|然后是?|再来?是?|后面是?|转|点(?=[0-9零幺]))"
_SAID = rf"(?:[两二俩三四234]个{SPOKEN_DIGIT}|{SPOKEN_DIGIT}|[{''.join(_RADIO)}])"
# A run glued to Latin letters is an order or serial number.
_BEGIN = rf"(?<![A-Za-z_0-9])(?:{SPOKEN_DIGIT}|[{''.join(_RADIO)}](?={_SAID}))(?:(?<=[两二三四])个{SPOKEN_DIGIT})?"
_RUN = re.compile(rf"{_BEGIN}(?:{_SEPARATOR}{{0,3}}(?:{_SAID}|{_X}))*")


@dataclass(frozen=True, slots=True)
class NumberRun:
    """Digits said in one go: `digits[i]` stands at `places[i]`; `breaks` are the digits before which there is a pause or a mark, and the end."""

    start: int
    end: int
    digits: str
    places: tuple[tuple[int, int], ...]
    breaks: tuple[int, ...]

    def part(self, first: int, last: int) -> tuple[int, int]:
        """Where digits `[first, last)` stand."""
        return self.places[first][0], self.places[last - 1][1]


def number_runs(text: str, *, shortest: int = 3) -> Iterator[NumberRun]:
    """Runs of at least `shortest` digits; X, last in an identity number, counts as one."""
    for match in _RUN.finditer(text):
        if match.end() - match.start() < shortest - 1:
            continue
        run = _read(match)
        if len(run.digits) >= shortest:
            yield run


def _read(match: re.Match[str]) -> NumberRun:
    digits: list[str] = []
    places: list[tuple[int, int]] = []
    breaks = [0]
    paused = False
    for token in _TOKEN.finditer(match[0]):
        place = (match.start() + token.start(), match.start() + token.end())
        if token["between"]:
            paused = True
            continue
        if paused and digits:
            breaks.append(len(digits))
        paused = False
        if token["repeated"]:
            times = _TIMES[token[0][0]]
            digits += [str(DIGITS[token["repeated"]])] * times
            places += [place] * times
        elif token["x"]:
            digits.append("X")
            places.append(place)
        else:
            digits.append(_RADIO.get(token["digit"]) or str(DIGITS[token["digit"]]))
            places.append(place)
    return NumberRun(places[0][0], places[-1][1], "".join(digits), tuple(places), (*breaks, len(digits)))
