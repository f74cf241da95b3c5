"""Addresses: chains of administrative, street, estate and room parts, written or spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nlp.domain.dialogue import Passage, Role
from nlp.domain.numerals import SPOKEN_DIGIT
from nlp.domain.pii.spans import PiiKind, PiiSpan

_HAN = r"[\u4e00-\u9fffA-Za-z]"
_NUM = rf"(?:{SPOKEN_DIGIT}|[十百])+(?:[-—－至到]{SPOKEN_DIGIT}+)*"
_PLACES = (
    "北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|"
    "新疆|香港|澳门|石家庄|太原|呼和浩特|沈阳|大连|长春|哈尔滨|南京|苏州|无锡|常州|南通|扬州|徐州|杭州|宁波|温州|嘉兴|湖州|绍兴|金华|义乌|台州|衢州|丽水|舟山|合肥|"
    "芜湖|福州|厦门|泉州|南昌|济南|青岛|烟台|郑州|洛阳|武汉|长沙|广州|深圳|珠海|佛山|东莞|南宁|桂林|海口|成都|绵阳|贵阳|昆明|拉萨|西安|兰州|西宁|银川|乌鲁木齐"
)
_ADMIN = r"省|自治区|自治州|特别行政区|市|区|县|旗|镇|乡|街道|村|社区|开发区|新区"
_STREET = r"大道|大街|马路|公路|路|街|巷|胡同|道(?=[0-9零一二三四五六七八九十])|线(?=[0-9]+号)"
_ESTATE = (
    r"小区|花园|花苑|家园|公寓|大厦|广场|大楼|新村|新城|公馆|别墅|山庄|宿舍|工业园|产业园|科技园|园区|名苑|雅苑|华庭|"
    r"国际|中心|商场|商城|市场|酒店|宾馆|医院|学校|大学|中学|小学|学院|苑|府|湾|城|园|庭|居|院|庄"
)
# 动, 洞 and 懂 are how a recogniser writes 栋; 是 and 事 may be 室, but are too common to count.
_NUMBERED = r"号楼|号院|号门|号|栋|幢|座|动(?!作|不)|洞|懂|单元|楼|层|室|房|户|弄|组|队|门|店|期|区"
_DIRECTION = r"(?:[东南西北]{1,2}(?:侧|边|面|门|口|角)?|对面|旁边|附近|交叉口|路口|隔壁|楼上|楼下)"
_PART = (
    rf"(?:{_HAN}{{1,8}}?(?:{_ADMIN})|{_HAN}{{1,8}}?(?:{_STREET})|{_HAN}{{1,10}}?(?:{_ESTATE})|"
    rf"(?:[A-Za-z东南西北甲乙丙丁]{{0,2}}{_NUM}|[A-Za-z])(?:{_NUMBERED})|{_DIRECTION}|{_PLACES}|{SPOKEN_DIGIT}+(?:[-—－]{SPOKEN_DIGIT}+){{1,3}})"
)
# Places that continue an address but begin none.
_TAIL = (
    rf"{_HAN}{{1,10}}?(?:有限公司|公司|工厂|厂|店|基地|商厦|银行|超市|网吧|学校|车站|站|桥|大门口|仓库|物流园|营业厅|商务楼|办公楼|楼|馆|祠|寺|组|大队|郡|档|村|里|邨|铺|堂|阁)"
)
_ROOM = rf"(?:[ \-—－，,]?[A-Za-z]?{_NUM}(?:[\-—－]{_NUM})*(?:室|号|户|房)?)?"
_CHAIN = re.compile(rf"{_PART}(?:[ ，,\-]{{0,2}}(?:{_PART}|{_TAIL}))*{_ROOM}")
_STRONG = re.compile(
    rf"{_HAN}(?:{_STREET}){_NUM}|"
    rf"{_NUM}(?:号楼|栋|幢|单元|室|弄|动(?!作)|洞)|"
    rf"{_HAN}{{2}}(?:小区|花园|花苑|家园|公寓|新村|大厦)[ ，,]?(?:{_NUM}|[A-Z])|{_NUM}号[ ，,]?{_HAN}{{2,8}}(?:{_ESTATE})"
)
_SUFFIX = re.compile(rf"{_ADMIN}|{_STREET}|{_ESTATE}|{_NUMBERED}")
_LEAD = re.compile(
    r"^.*?(?:地址(?:是|在|为|[:：])?|住在|家住|住的是|位于|寄到|送到|发到|寄往|配送到|"
    r"搬到|上门地址|地点(?:是|在)?|我家(?:是|在|住)?|家里?(?:是|在)|"
    r"我(?:们)?(?:住|在|是)|(?<![所存现正])在|改成|改到|换成|到|就是|是|叫|来|去)[，, ]?"
)
# No address without two of these or a number beside one: most passages need no closer look.
_PLACE_CHAR = "[省市区县镇乡村路街巷道弄号栋幢座动洞元楼层室户苑园庄府厦场寓城]"
_DIGIT_CHAR = "[0-9一二三四五六七八九十]"
_HINTED = re.compile(
    rf"{_PLACE_CHAR}.{{0,40}}{_PLACE_CHAR}|{_PLACE_CHAR}{_DIGIT_CHAR}|{_DIGIT_CHAR}[号栋幢座动洞元楼室户弄]|[0-9][-—－][0-9]"
)
BRIDGED_CHARS = 8
_CLAUSE_END = re.compile("[。！？!?；;]")
_ASKED = re.compile(r"地址|住址|住哪|哪个小区|几栋|哪条路|门牌|送到哪|寄到哪|哪里安装|什么位置|商门地|地者")
_SAID = re.compile(r"地址|住在|家住|位于|寄到|送到|发到|寄往|上门到|搬到|门牌")
_NOT_PLACES = re.compile(
    r"^(?:我?难?道?不?知道|.?同一个[区市]|小区|路|街|市场|市区|中心|客服中心|服务中心|国际|商城|市|区|县|"
    r"这个?小区|整个?小区|我们?小区|楼上|楼下|附近|旁边|对面|隔壁|知道|客户中心|信用卡中心)$"
)


def address_spans(passages: Sequence[Passage]) -> Iterator[PiiSpan]:
    """Addresses of a contact; after a question for one, or a word that announces one, a single part is enough."""
    before: PiiSpan | None = None
    for span in _chains(passages):
        if before is not None and before.passage == span.passage and span.start - before.end <= BRIDGED_CHARS:
            between = passages[span.passage].text[before.end : span.start]
            if not _CLAUSE_END.search(between):  # an estate or village without a telling suffix
                span = PiiSpan(span.passage, before.start, span.end, PiiKind.ADDRESS)
            else:
                yield before
        elif before is not None:
            yield before
        before = span
    if before is not None:
        yield before


def _chains(passages: Sequence[Passage]) -> Iterator[PiiSpan]:
    asked = False
    for index, passage in enumerate(passages):
        expected = asked and passage.role is Role.CUSTOMER
        if not expected and not _HINTED.search(passage.text):
            asked = bool(_ASKED.search(passage.text)) if passage.role is Role.AGENT else asked
            continue
        for match in _CHAIN.finditer(passage.text):
            start, end = match.start() + _lead(match[0]), match.end()
            text = passage.text[start:end]
            announced = bool(_SAID.search(passage.text[max(0, match.start() - 12) : start]))
            if not _is_address(text, expected or announced):
                continue
            if expected:  # the answer to a question for it: what a recogniser garbled around it belongs to it
                rest = _CLAUSE_END.search(passage.text, end)
                start, end = match.start(), rest.start() if rest else len(passage.text)
            yield PiiSpan(index, start, end, PiiKind.ADDRESS)
        asked = bool(_ASKED.search(passage.text)) if passage.role is Role.AGENT else asked and not expected


def _lead(text: str) -> int:
    """How many characters before the address the first part swallowed (我家住在…)."""
    head = _SUFFIX.search(text)
    lead = _LEAD.match(text[: head.start()] if head else text)
    return lead.end() if lead else 0


def _is_address(text: str, expected: bool) -> bool:
    if _NOT_PLACES.match(text) or len(text) < 3:
        return False
    if _STRONG.search(text):
        return True
    parts = len(_SUFFIX.findall(text))
    return parts >= 3 or (expected and parts >= 1 and len(text) >= 4)
