"""Personal codes with letters in them: e-mail addresses, number plates and unified social credit codes, written or spelled out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nlp.domain.dialogue import Passage
from nlp.domain.numerals import DIGITS, SPOKEN_DIGIT
from nlp.domain.pii.checks import is_credit_code
from nlp.domain.pii.spans import PiiKind, PiiSpan

_AT = r"(?:@|＠|艾特|爱特|艾它|圈[aA]|小老鼠|(?<![A-Za-z])at(?![A-Za-z]))"
_HAS_AT = re.compile(_AT)
# Figures stand in one class alone: two ways to read one character would double the work with each.
_FIGURES = SPOKEN_DIGIT[1:-1]
_LETTER = rf"(?:[A-Za-z.%+_\-{_FIGURES}]|下划线|中划线|横杠|杠|点|小写|大写)"
_DOT = r"(?:\.|。|点|dot)"
_ENDING = r"(?:c\s?o\s?m|c\s?n|n\s?e\s?t|o\s?r\s?g|e\s?d\s?u|g\s?o\s?v|vip|康姆|[A-Za-z]{2,10})"
_GAP = "[ ,，]{0,2}"
_EMAIL = re.compile(
    rf"{_LETTER}(?:{_GAP}{_LETTER}){{0,63}}{_GAP}{_AT}{_GAP}(?:[A-Za-z\-{_FIGURES}]{_GAP}){{1,40}}(?:{_DOT}[ ,，]?{_ENDING}[ ]?)+"
)
_DOMAIN = re.compile(
    r"(?:q\s?q|163|126|139|189|gmail|hotmail|outlook|sina|sohu|foxmail|icloud|aliyun|一六三|一二六|幺六三)"
    rf"[ ]?{_DOT}[ ]?(?:c\s?o\s?m|c\s?n|n\s?e\s?t|康姆)(?:[ ]?{_DOT}[ ]?c\s?n)?", re.IGNORECASE,
)
_MAILBOX = re.compile(r"邮箱|邮件|email|e-mail|mail", re.IGNORECASE)
_LOCAL = re.compile(rf"{_LETTER}(?:[ ,，]{{0,2}}{_LETTER}){{1,63}}[ ,，]{{0,2}}$")

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_ALNUM = rf"[A-HJ-NP-Za-hj-np-z洞拐{_FIGURES}]"
# Five after the city's letter, six for new-energy cars (小型车 D/F in front, 大型车 D/F at the end); 学, 警, 挂, 港 and 澳 in place of the last.
_PLATE = re.compile(
    rf"[{_PROVINCES}][ ，,]?[A-Za-z](?:[·.．•\- ，,]|点){{0,2}}"
    rf"(?P<number>{_ALNUM}(?:[ ，,]?{_ALNUM}){{3}}(?:[ ，,]?{_ALNUM}){{0,2}}[学警挂港澳领]?)(?![A-Za-z0-9])"
)
_CODE_CHAR = rf"[A-HJ-NPQRTUWXYa-hj-npqrtuwxy洞拐叉{_FIGURES}]"
_CODE = re.compile(rf"(?<![A-Za-z0-9]){_CODE_CHAR}(?:[ \-，,]{{0,2}}{_CODE_CHAR}){{17}}(?![A-Za-z0-9])")
_CODE_SAID = re.compile(r"信用代码|税号|纳税人识别号|营业执照号|组织机构代码")
_ANY_CODE = re.compile(rf"(?<![A-Za-z0-9]){_CODE_CHAR}(?:[ \-，,]{{0,2}}{_CODE_CHAR}){{8,19}}(?![A-Za-z0-9])")
_ANSWERED_WITHIN = 20
_SAID = {**{c: str(v) for c, v in DIGITS.items()}, "洞": "0", "拐": "7", "叉": "X"}


def lettered_spans(passages: Sequence[Passage]) -> Iterator[PiiSpan]:
    """E-mail addresses, number plates and credit codes of a contact."""
    asked_code = False
    for index, passage in enumerate(passages):
        text = passage.text
        for start, end in _emails(text):
            yield PiiSpan(index, start, end, PiiKind.EMAIL)
        for match in _PLATE.finditer(text):
            if _is_plate(match["number"]):
                yield PiiSpan(index, match.start(), match.end(), PiiKind.PLATE)
        said = _CODE_SAID.search(text)
        for match in _CODE.finditer(text):
            if is_credit_code(_characters(match[0])):
                yield PiiSpan(index, match.start(), match.end(), PiiKind.CREDIT_CODE)
        if said or asked_code:
            place = said.end() if said else 0
            match_any = _ANY_CODE.search(text, place, place + _ANSWERED_WITHIN + 60)
            if match_any and match_any.start() - place <= _ANSWERED_WITHIN:
                yield PiiSpan(index, match_any.start(), match_any.end(), PiiKind.CREDIT_CODE)
        asked_code = said is not None


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if _HAS_AT.search(text):
        for match in _EMAIL.finditer(text):
            yield match.start(), match.end()
    if _MAILBOX.search(text):  # the @ was not heard
        for match in _DOMAIN.finditer(text):
            local = _LOCAL.search(text, max(0, match.start() - 40), match.start())
            yield (local.start() if local else match.start()), match.end()


def _is_plate(number: str) -> bool:
    said = _characters(number).rstrip("学警挂港澳领")
    full = len(said) + (1 if number[-1] in "学警挂港澳领" else 0)
    digits = sum(c.isdigit() for c in said)
    if full == 6:
        return digits >= 4 and (said[0] in "DFABCEGHJK" or said[-1] in "DF")
    return full == 5 and digits >= 3


def _characters(said: str) -> str:
    return "".join(_SAID.get(c, c.upper()) for c in said if c not in " -，,")
