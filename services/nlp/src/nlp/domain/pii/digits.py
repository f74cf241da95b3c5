"""Numbers that belong to a person: phones, cards, identity numbers, codes; written, spoken, half heard, in pieces and repeated back."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from nlp.domain.dialogue import Passage, Role
from nlp.domain.pii.checks import is_bank_card, is_identity_card, is_landline, is_mobile, is_public, looks_like_identity_card
from nlp.domain.pii.spans import PiiKind, PiiSpan
from nlp.domain.pii.spoken import NumberRun, number_runs
from nlp.domain.recent import recent

_NUMBER = r"(?:的?号码?|编号|编码|号)?"
# What a number is said to be; the word nearest to it decides. `other` is nobody's.
_WORDS = re.compile(
    rf"(?P<id_card>身份证{_NUMBER}|身份正|神分证|分证{_NUMBER}|份证{_NUMBER}|证件{_NUMBER}|(?<!合格)(?<!保修)证号)|"
    rf"(?P<bank_card>银行卡{_NUMBER}|(?<!手机)(?<!电话)(?<!物联网)卡号|银行账[号户]|账[号户]|帐[号户]|储蓄卡|信用卡{_NUMBER}|借记卡|退款账)|"
    rf"(?P<other>(?:订单|订购|运单|快递|物流|包裹|工单|服务单|维修单|受理|流水|交易|序列|设备|产品|商品|物料|合同|保单|发票|凭证|批次|条形?|版本|型|货|案件|报案|退货|换货|退款|"
    rf"优惠券|兑换|机身|机器|店铺|取件|提货|寄件|房|门牌|航班|车次|预约|挂号|单)(?:号码|编号|编码|单号|码|号)|型号|编号|单号|订单|工号|序列|流水|[iI][dD](?=[:：=是])|https?:|\.com|\.cn|IMEI|imei|SN|sn|热线|客服电话|"
    rf"(?:拨打?|致电|客服|服务|官方|全国|统一)(?:的)?(?:电话|号码|热线))|"
    rf"(?P<secret>验证码|动态码|密码|校验码|安全码|CVV|cvv)|"
    rf"(?P<number>微信号?|QQ号?|qq号?|社保号|公积金账?号|护照号?|驾驶证号?)|"
    rf"(?P<mobile>电话|手机|号码|联系方式|座机|固话|打给我|回给我|回我|打我)"
)
_PERSONAL = (PiiKind.IDENTITY_CARD, PiiKind.BANK_CARD, PiiKind.SECRET, PiiKind.NUMBER, PiiKind.MOBILE)
_OTHER_AFTER = re.compile(r"[，, ]?(?:这个|那个|是)?(?:我的|你们的?)?(?:订单|单号|型号|工号|工单|这单|那单|这款|的订单|的单)")
_UNIT = re.compile(
    r"\s*(?:元|块|毛|天|个|年|月|日|号楼|号(?=[，,。 ]|来|去|到|上|下|之|前|后|$)|小时|分钟|秒|点|GB?|MB?|KB?|TB?|[Gg]的|兆|%|％|折|"
    r"万|千|百|十|亿|度|米|平|斤|公斤|公里|匹|升|寸|英寸|次|台|件|条|份|瓦|伏|赫兹|kg|cm|mm|ml|W|V|mbps|Mbps|M/s|fps|k/s|位数|岁|倍|层|楼|栋|单元|室)"
)
CONTEXT_REACH = 14  # characters before a number in which a word still says what it is
CONTEXT_PASSAGES = 3  # passages for which a question for a number is still open
ECHO_PASSAGES = 12  # passages in which a number read out may be repeated back
ECHO_DIGITS = 4  # so many of its digits are known anywhere there, three right after it
PIECE_GAP = 12  # characters between two pieces of one number, or of the other speaker's "嗯，您说"
_MOST_PIECES = 8
_MOST_CHAINS = 40


@dataclass(frozen=True, slots=True)
class _Heard:
    """A run of digits in a passage."""

    passage: int
    run: NumberRun
    said_to_be: PiiKind | None
    other: bool  # a word says that it is nobody's


def number_spans(passages: Sequence[Passage]) -> Iterator[PiiSpan]:
    """Personal numbers of a contact; a question for one makes shorter and broken runs after it personal too."""
    heard: list[_Heard] = []
    found: list[PiiSpan] = []
    known: list[tuple[int, str]] = []
    question, asked_at = _Question(None, False), -CONTEXT_PASSAGES - 1
    for index, passage in enumerate(passages):
        still_open = question if index - asked_at <= CONTEXT_PASSAGES else _Question(None, False)
        runs = _runs(passage.text)
        mostly_digits = sum(run.end - run.start for run in runs) >= 0.6 * len(passage.text.strip("，。 "))
        for run in runs:
            item = _heard(index, run, passage.text, still_open)
            heard.append(item)
            spans = list(_of_its_own(item))
            if sum(span.end - span.start for span in spans) < run.end - run.start:
                # A card said in groups may hold what looks like a mobile: what was said to be personal is so as a whole.
                spans = list(_asked_for(item, still_open, passage.text, mostly_digits=mostly_digits)) or spans
            found.extend(spans)
            for span in spans:
                known.append((index, run.digits))
                if span.kind is still_open.kind:
                    asked_at = index  # and it may go on
        asked = _asked(passage.text)
        if asked and (passage.role is Role.AGENT or question.kind is None or index - asked_at > CONTEXT_PASSAGES):
            question, asked_at = asked, index
    pieced = list(_in_pieces(heard, passages))
    found.extend(span for span, _ in pieced)
    known.extend((span.passage, digits) for span, digits in pieced)
    yield from found
    masked = {(span.passage, place) for span in found for place in range(span.start, span.end)}
    yield from _repeated([item for item in heard if (item.passage, item.run.start) not in masked], passages, known)


@dataclass(frozen=True, slots=True)
class _Question:
    """What was asked for: a personal number, or one that is nobody's."""

    kind: PiiKind | None
    other: bool


_DIGITS = re.compile(r"[0-9０-９零〇一二三四五六七八九幺两]")


@recent
def _runs(text: str) -> tuple[NumberRun, ...]:
    return tuple(number_runs(text, shortest=2)) if _DIGITS.search(text) else ()


# What every question for a number has: most passages need no closer look.
_ASKS = re.compile(r"[证卡号账帐码话机系单型工流列]|打给|回我|回给|打我|IMEI|imei|SN|sn|CVV|cvv|微信|QQ|qq|热线|退款")


@recent
def _asked(text: str) -> _Question | None:
    if not _ASKS.search(text):
        return None
    kinds = {match.lastgroup for match in _WORDS.finditer(text)}
    for kind in _PERSONAL:
        if kind.value in kinds:
            return _Question(kind, False)
    return _Question(None, True) if "other" in kinds else None


def _heard(index: int, run: NumberRun, text: str, question: _Question) -> _Heard:
    before = text[max(0, run.start - CONTEXT_REACH) : run.start]
    words = list(_WORDS.finditer(before))
    group = words[-1].lastgroup if words else None
    other = group == "other" or (group is None and (question.other or _OTHER_AFTER.match(text, run.end) is not None))
    return _Heard(index, run, PiiKind(group) if group not in (None, "other") else None, other)


def _of_its_own(item: _Heard) -> Iterator[PiiSpan]:
    """What is personal by its make-up: whole groups of the run, the strongest first."""
    run = item.run
    taken: list[tuple[int, int]] = []
    for longest, shortest, kind, is_one in _MADE_UP:
        if item.other and kind is not PiiKind.IDENTITY_CARD:
            continue
        for first in run.breaks[:-1]:
            within = run.breaks[bisect_left(run.breaks, first + shortest) : bisect_right(run.breaks, first + longest)]
            for last in reversed(within):
                if any(first < b and a < last for a, b in taken[-2:]):
                    continue
                digits = run.digits[first:last]
                if is_one(digits) and not is_public(digits):
                    taken.append((first, last))
                    yield PiiSpan(item.passage, *run.part(first, last), kind)


def _certain_card(digits: str) -> bool:
    return is_identity_card(digits) or looks_like_identity_card(digits)


_MADE_UP = (
    (18, 18, PiiKind.IDENTITY_CARD, _certain_card),
    (19, 13, PiiKind.BANK_CARD, is_bank_card),
    (15, 11, PiiKind.MOBILE, is_mobile),
    (12, 10, PiiKind.FIXED_LINE, is_landline),
)


def _asked_for(item: _Heard, question: _Question, text: str, *, mostly_digits: bool) -> Iterator[PiiSpan]:
    """What is personal because somebody asked for it or said so."""
    run = item.run
    kind = item.said_to_be or (None if item.other else question.kind)
    if kind is None or is_public(run.digits) or _UNIT.match(text, run.end):
        return
    length = len(run.digits)
    if kind is PiiKind.SECRET:
        wanted = 4 <= length <= 8
    else:
        # A number read out in groups: the passage is little more than its digits.
        wanted = length >= (5 if kind is PiiKind.NUMBER else 7) or (length >= 3 and question.kind is not None and mostly_digits)
    if wanted:
        yield PiiSpan(item.passage, run.start, run.end, kind)


def _in_pieces(heard: Sequence[_Heard], passages: Sequence[Passage]) -> Iterator[tuple[PiiSpan, str]]:
    """Numbers that nobody asked for, read out in pieces with a word or the other's "嗯" between."""
    free = [item for item in heard if not item.other and 2 <= len(item.run.digits) <= 12]
    start = 0
    while start < len(free):
        chain = [free[start]]
        made: tuple[int, PiiKind] | None = None
        for item in islice(free, start + 1, None):
            if item.passage > chain[-1].passage + 2:
                break
            if passages[item.passage].role is not passages[chain[0].passage].role:
                continue
            if len(chain) >= _MOST_PIECES or not _goes_on(chain[-1], item, passages):
                break
            chain.append(item)
            digits = "".join(piece.run.digits for piece in chain)
            kind = next((kind for most, least, kind, is_one in _MADE_UP if least <= len(digits) <= most and is_one(digits)), None)
            if kind is not None:
                made = len(chain), kind
        if made is None:
            start += 1
            continue
        digits = "".join(piece.run.digits for piece in chain[: made[0]])
        for piece in chain[: made[0]]:
            yield PiiSpan(piece.passage, piece.run.start, piece.run.end, made[1]), digits
        start += made[0]


def _goes_on(before: _Heard, after: _Heard, passages: Sequence[Passage]) -> bool:
    if before.passage == after.passage:
        return after.run.start - before.run.end <= PIECE_GAP and not _UNIT.match(passages[before.passage].text, before.run.end)
    if after.passage - before.passage != 2:
        return False
    between = passages[before.passage + 1].text
    rest, lead = passages[before.passage].text[before.run.end :], passages[after.passage].text[: after.run.start]
    return len(between) <= PIECE_GAP + len(before.run.digits) and len(rest) <= 3 and len(lead) <= 4


def _repeated(heard: Sequence[_Heard], passages: Sequence[Passage], known: Sequence[tuple[int, str]]) -> Iterator[PiiSpan]:
    """Digits of a known number where somebody says them again, whole or in part."""
    chains = _joined(sorted(known))
    ended = 0
    for item in heard:
        while ended < len(chains) and chains[ended][1] + ECHO_PASSAGES < item.passage:
            ended += 1
        digits, text = item.run.digits, passages[item.passage].text
        if item.other or _UNIT.match(text, item.run.end):
            continue
        for first, last, number in islice(chains, ended, ended + _MOST_CHAINS):
            near = first <= item.passage <= last + 2
            if (near or (first <= item.passage <= last + ECHO_PASSAGES and len(digits) >= ECHO_DIGITS)) and digits in number and len(digits) >= 3:
                yield PiiSpan(item.passage, item.run.start, item.run.end, PiiKind.NUMBER)
                break


def _joined(known: Sequence[tuple[int, str]]) -> list[tuple[int, int, str]]:
    """Numbers with the passages they were read out in; what came in pieces, once after the other as well."""
    made: list[tuple[int, int, str]] = []
    for passage, digits in known:
        if made and passage - made[-1][1] <= 2 and len(made[-1][2]) + len(digits) <= 40:
            made[-1] = (made[-1][0], passage, made[-1][2] + digits)
        else:
            made.append((passage, passage, digits))
    return made
