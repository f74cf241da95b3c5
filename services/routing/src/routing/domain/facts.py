"""Amounts and days as people say them in Chinese, read as numbers and dates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNITS = {"十": 10, "百": 100, "千": 1_000}
_SPOKEN = "零〇一二两三四五六七八九十百千万"
_AMOUNT = re.compile(
    rf"(?P<number>[0-9][0-9,]*(?:\.[0-9]+)?[万千百]?|[{_SPOKEN}]+)(?:多|来)?(?P<unit>块钱|块|元钱|元|圆)"
    r"(?P<rest>[一二三四五六七八九1-9](?![个天月年号日点块元一二三四五六七八九十百千万0-9]))?"
)
_NUMBER = rf"[0-9]{{1,2}}|[{_SPOKEN}]{{1,3}}"
_DAY = re.compile(
    rf"(?P<year>20[0-9]{{2}})[-/.年](?P<month>[0-9]{{1,2}})[-/.月](?P<day>[0-9]{{1,2}})(?:日|号)?|(?P<m>{_NUMBER})月(?P<d>{_NUMBER})(?:日|号)"
)
_RELATIVE = {"大前天": -3, "前天": -2, "昨天": -1, "昨晚": -1, "今天": 0, "今早": 0, "今晚": 0, "明天": 1, "大后天": 3, "后天": 2}
_RELATIVE_DAY = re.compile("|".join(_RELATIVE))


@dataclass(frozen=True, slots=True)
class Fact:
    """Something said that can be compared: `value` as "19.90" (yuan) or "2026-11-02", and where in the text."""

    value: str
    start: int
    end: int


def number(text: str) -> float | None:
    """What a numeral is worth, for example 1,200.5, 三百二, 两万五千; None for what is none."""
    text = text.replace(",", "")
    if match := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([万千百]?)", text):
        return float(match[1]) * {"": 1, "百": 100, "千": 1_000, "万": 10_000}[match[2]]
    if not text or any(character not in _SPOKEN for character in text):
        return None
    if all(character in _DIGITS for character in text):
        return float("".join(str(_DIGITS[character]) for character in text))
    total = section = digit = 0
    unit = 1
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
            unit = 1 if character in "零〇" else unit
        elif character == "万":
            total, section, digit, unit = (total + section + digit) * 10_000, 0, 0, 10_000
        else:
            unit = _UNITS[character]
            section, digit = section + (digit or 1) * unit, 0
    if digit and text[-1] in _DIGITS and unit >= 100:
        digit *= unit // 10  # 三百二 is 320, 两万五 is 25,000
    return float(total + section + digit)


def amounts(text: str) -> Iterator[Fact]:
    """Sums of money in yuan. "一块" without 钱 is left out: it mostly means "together"."""
    for match in _AMOUNT.finditer(text):
        worth = number(match["number"])
        if worth is None or (match["number"] == "一" and match["unit"] == "块" and not match["rest"]):
            continue
        if match["rest"]:
            worth += (number(match["rest"]) or 0) / 10
        yield Fact(f"{worth:.2f}", match.start(), match.end())


def days(text: str, on: date) -> Iterator[Fact]:
    """Days, those without a year taken as the one nearest to `on`, relative ones counted from `on`."""
    for match in _DAY.finditer(text):
        if match["year"]:
            found = _date(int(match["year"]), int(match["month"]), int(match["day"]))
        else:
            month, day = int(number(match["m"]) or 0), int(number(match["d"]) or 0)
            near = [made for year in (on.year - 1, on.year, on.year + 1) if (made := _date(year, month, day))]
            found = min(near, key=lambda made: abs(made - on), default=None)
        if found is not None:
            yield Fact(found.isoformat(), match.start(), match.end())
    for match in _RELATIVE_DAY.finditer(text):
        yield Fact((on + timedelta(days=_RELATIVE[match[0]])).isoformat(), match.start(), match.end())


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
