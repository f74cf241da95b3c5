"""Numbers as people say and recognisers write them: 二十四, 24, 两, 半, 一百八."""

from __future__ import annotations

import re

DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "幺": 1, "俩": 2}
DIGITS |= {str(i): i for i in range(10)} | {c: i for i, c in enumerate("０１２３４５６７８９")}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
NUMBER = r"(?:[0-9０-９]+(?:\.[0-9]+)?[万千百]?|[零〇一二两三四五六七八九十百千万半]+)"
SPOKEN_DIGIT = r"[0-9０-９零〇一二三四五六七八九幺两]"

_ARABIC = re.compile(r"^([0-9]+(?:\.[0-9]+)?)([万千百]?)$")


def value_of(text: str) -> float | None:
    """The value of a Chinese or Arabic numeral; None where the text is not one."""
    text = "".join(chr(ord(c) - 0xFEE0) if "０" <= c <= "９" else c for c in text.strip())
    arabic = _ARABIC.match(text)
    if arabic:
        return float(arabic[1]) * _UNITS.get(arabic[2], 1)
    if text == "半":
        return 0.5
    whole, point, decimals = text.partition("点")
    if point:
        before = value_of(whole)
        known = before is not None and decimals != "" and all(c in DIGITS for c in decimals)
        return float(f"{before:.0f}.{digits_of(decimals)}") if known else None
    if not text or any(c not in DIGITS and c not in _UNITS for c in text):
        return None
    if not any(c in _UNITS for c in text):  # read digit by digit: 二零二六
        return float("".join(str(DIGITS[c]) for c in text))
    total = section = 0
    digit: int | None = None
    unit = 1
    for char in text:
        if char in DIGITS:
            digit = DIGITS[char]
            continue
        unit = _UNITS[char]
        if unit >= 10_000:
            total += (section + (digit or 0)) * unit if section + (digit or 0) else unit
            section = 0
        else:
            section += (1 if digit is None else digit) * unit
        digit = None
    if digit is not None:
        # 一百八 is 180: a bare digit after a unit counts tenths of it, unless 零 stands between
        section += digit * (unit // 10 if unit >= 100 and "零" not in text[-2:] else 1)
    return float(total + section)


def digits_of(text: str) -> str:
    """The digits of a run spoken or written one by one; other characters are dropped, X of an identity number is kept."""
    return "".join("X" if c in "xXＸｘ" else str(DIGITS[c]) for c in text if c in DIGITS or c in "xXＸｘ")
