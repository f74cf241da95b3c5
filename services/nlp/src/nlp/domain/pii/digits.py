"""Numbers that belong to a person: phones, identity cards, bank cards, codes; written, spoken or half heard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nlp.domain.dialogue import Passage, Role
from nlp.domain.numerals import SPOKEN_DIGIT, digits_of
from nlp.domain.pii.spans import PiiKind, PiiSpan

# a run glued to Latin letters is an order or serial number
_RUN = re.compile(rf"(?<![A-Za-z_0-9]){SPOKEN_DIGIT}(?:[ \-—–_.,，、·．：:]{{0,2}}(?:{SPOKEN_DIGIT}|[xXＸｘ](?![a-zA-Z])))+")
_MOBILE = re.compile(r"^(?:0086|86)?(1[3-9]\d{9})$")
_FIXED = re.compile(r"^0(?:10|2\d|[3-9]\d{2})\d{7,8}$")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"

_ASKED = (
    (PiiKind.IDENTITY_CARD, re.compile(r"身份证|身份正|证件号|证号|分证|份证")),
    (PiiKind.BANK_CARD, re.compile(r"银行卡|卡号|账号|帐号|账户|储蓄卡|信用卡号|借记卡|退款账")),
    (PiiKind.MOBILE, re.compile(r"电话|手机|号码|联系方式|座机|固话|打给我|回给我|回我")),
    (PiiKind.SECRET, re.compile(r"验证码|密码|校验码|安全码|CVV|cvv")),
)
_NOT_PERSONAL = re.compile(r"订单|单号|运单|快递|工号|流水|编号|型号|序列号|保单号|合同号|工单|价格|元|块|热线|客服电话")
_PUBLIC = re.compile(r"^(?:400\d{7}|800\d{7}|95\d{3,6}|1\d{4}|123\d{2}|110|119|120|122)$")
CONTEXT_REACH = 14  # characters before a number in which a word still says what it is
CONTEXT_PASSAGES = 3  # passages for which a question for a number is still open


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


def number_spans(passages: Sequence[Passage]) -> Iterator[PiiSpan]:
    """Personal numbers of a contact; a question for one makes shorter and broken runs after it personal too."""
    asked: PiiKind | None = None
    asked_at = -CONTEXT_PASSAGES - 1
    for index, passage in enumerate(passages):
        open_question = asked if index - asked_at <= CONTEXT_PASSAGES else None
        for run in _RUN.finditer(passage.text):
            before = passage.text[max(0, run.start() - CONTEXT_REACH) : run.start()]
            kind = _kind(digits_of(run[0]), before, passage.text, run, open_question)
            if kind is not None:
                if kind is open_question:
                    asked_at = index  # and it may go on
                yield PiiSpan(index, run.start(), run.end(), kind)
        if passage.role is Role.AGENT or asked is None:
            mentioned = [kind for kind, words in _ASKED if words.search(passage.text)]
            if mentioned:
                asked, asked_at = mentioned[0], index


def _kind(
    digits: str, before: str, text: str, run: re.Match[str], open_question: PiiKind | None
) -> PiiKind | None:
    length = len(digits)
    body = digits.rstrip("X") if length not in (18,) else digits
    if _PUBLIC.match(digits):
        return None
    if _MOBILE.match(digits):
        return PiiKind.MOBILE
    if is_identity_card(digits):
        return PiiKind.IDENTITY_CARD
    if _FIXED.match(digits):
        return PiiKind.FIXED_LINE
    context = next((kind for kind, words in _ASKED if words.search(before)), None)
    if context is None and _NOT_PERSONAL.search(before):
        return None
    if 16 <= length <= 19 and body.isdigit() and luhn(body):
        return context if context is PiiKind.IDENTITY_CARD else PiiKind.BANK_CARD
    if length >= 15:
        return context or open_question or PiiKind.NUMBER
    context = context or open_question
    if context is None or re.match(r"\s*(?:元|块|天|个|年|月|号楼|小时|分钟|点|GB?|兆|%|折|万|千|百|十)", text[run.end() :]):
        return None
    if context is PiiKind.SECRET:
        return PiiKind.SECRET if 4 <= length <= 8 else None
    if length >= 7:
        return context
    # A number read out in groups: the passage is little more than its digits.
    mostly_digits = sum(len(m[0]) for m in _RUN.finditer(text)) >= 0.6 * len(text.strip("，。 "))
    return context if open_question is not None and length >= 3 and mostly_digits else None
