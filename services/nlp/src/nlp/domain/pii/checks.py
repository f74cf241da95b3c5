"""Which digits and letters are an identity card, a bank card, a phone or a credit code, by their make-up and check characters."""

from __future__ import annotations

import re

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_ID_SHAPE = re.compile(
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|7[1]|8[1-3])\d{4}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]"
)
_CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_SHAPE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}")
_MOBILE = re.compile(r"(?:0086|86)?1[3-9]\d{9}")
_LANDLINE = re.compile(r"0(?:10|2[0-57-9]|3[1-9]\d|4[1-7]\d|5[1-9]\d|6[36]\d|7\d\d|8[1-9]\d|9[0139]\d)[2-8]\d{6,7}")
_CARD_PREFIX = re.compile(r"62|4|5[1-5]|2[2-7]|3[4-7]|60|68|9558")
_PUBLIC = re.compile(r"[48]00\d{7}|95\d{3,6}|1\d{4}|12[0-9]{3}|110|119|120|122")


def luhn(number: str) -> bool:
    """Whether the digits pass the Luhn check of ISO/IEC 7812-1."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_identity_card(number: str) -> bool:
    """Whether 18 characters are a resident identity number by its check character (GB 11643-1999)."""
    if not re.fullmatch(r"\d{17}[\dX]", number):
        return False
    month, day = int(number[10:12]), int(number[12:14])
    check = sum(int(d) * w for d, w in zip(number, _ID_WEIGHTS, strict=False)) % 11
    return 1 <= month <= 12 and 1 <= day <= 31 and _ID_CHECKS[check] == number[17]


def looks_like_identity_card(number: str) -> bool:
    """Whether 18 characters have the region and birthday of one, though one was misheard and the check fails."""
    return _ID_SHAPE.fullmatch(number) is not None


def is_credit_code(code: str) -> bool:
    """Whether 18 upper-case characters are a unified social credit code by its check character (GB 32100-2015)."""
    if not _CREDIT_SHAPE.fullmatch(code):
        return False
    total = sum(_CREDIT_CHARACTERS.index(char) * pow(3, place, 31) for place, char in enumerate(code[:17]))
    return _CREDIT_CHARACTERS[-total % 31] == code[17]


def is_mobile(number: str) -> bool:
    """Whether the digits are a mobile number of mainland China, with or without the country's prefix."""
    return _MOBILE.fullmatch(number) is not None


def is_landline(number: str) -> bool:
    """Whether the digits are a landline number with its area code."""
    return _LANDLINE.fullmatch(number) is not None


def is_bank_card(number: str) -> bool:
    """Whether 13 to 19 digits begin as cards do and pass the Luhn check, or are of the one length and prefix that nothing else has."""
    if not 13 <= len(number) <= 19 or not number.isdigit() or not _CARD_PREFIX.match(number):
        return False
    if len(number) in (16, 19) and number.startswith("62"):
        return True  # a digit misheard breaks the check, not the card
    return luhn(number) and (len(number) >= 16 or number[0] in "34")


def is_public(number: str) -> bool:
    """Whether the digits are a hotline or an emergency call, which belong to nobody."""
    return _PUBLIC.fullmatch(number) is not None
