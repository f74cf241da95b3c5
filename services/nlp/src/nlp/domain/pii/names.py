"""Names of people: introduced (我叫…), registered (户主…), addressed (…先生), given when asked, then found wherever they recur."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nlp.domain.dialogue import Passage, Role
from nlp.domain.pii.spans import PiiKind, PiiSpan
from nlp.domain.pii.surnames import GENERATIONAL, NO_GIVEN_NAME, NOT_SAID_AS_NAME, ORDINARY_WORD, SURNAME
from nlp.domain.recent import recent
from nlp.domain.syllables import sound

_END = r"(?=[，。,.；;：:！!？?、\s（(]|先生|女士|小姐|太太|同志|本人|名下|[吧啊呀哈吗么呢]|的?(?:电话|手机|号码|身份证|证件|名字|卡|车|账户)|$)"
# What may follow a name without a pause.
_ON = r"(?=想|要|我|你|您|他|她|在|来|问|买|报|预约|请|麻烦|这边|那|这|今|昨|上|住|有|是|电|手机|身份|吗|么|呢|吧|啊|呀|哈|对)"
_FULL = rf"(?:{SURNAME}[\u4e00-\u9fff]{{1,2}}?)"
_PAUSE = r"[，,、。\s]{0,2}"
_WHOSE = (
    "机主|户主|业主|车主|房东|收件人|收货人|寄件人|联系人|持卡人|投保人|被保险人|受益人|开户人|申请人|登记人|付款人|购买人|实名人?|户名|法人"
)
_KIN = (
    "老公|老婆|爱人|妻子|丈夫|先生|太太|父亲|母亲|爸爸?|妈妈?|爷爷|奶奶|外公|外婆|姥姥|姥爷|儿子|女儿|孩子|哥哥?|姐姐?|弟弟?|妹妹?|同事|朋友|老板|亲戚|邻居|客户|用户|他|她|我们?这边"
)
# Whatever follows these is a name, also with a rare surname; 我叫 begins much else (我叫了车).
_CALLED = re.compile(
    rf"(?:我叫做?|本人叫做?|名叫|全名(?:是|叫)?|大名(?:是|叫)?|名字(?:是|叫|就叫|：|:)|姓名(?:是|叫|为|：|:)|我姓{SURNAME}{_PAUSE}(?:名字?|就)?叫?|姓{SURNAME}{_PAUSE}(?:名字?|就)?叫|姓{SURNAME}名)"
    rf"\s*{_PAUSE}(?P<name>[\u4e00-\u9fff]{{2,4}}?){_END}"
)
_CALLED_ON = re.compile(
    rf"(?:我叫做?|本人叫做?|名叫|全名(?:是|叫)?|名字(?:是|叫)|姓名(?:是|叫|为)?|姓{SURNAME}{_PAUSE}(?:名字?|就)?叫)\s*{_PAUSE}(?P<name>{SURNAME}[\u4e00-\u9fff]{{1,2}}?){_ON}"
)
_REGISTERED = re.compile(
    rf"(?:(?:{_WHOSE})(?:的?(?:姓名|名字))?{_PAUSE}(?:还|就)?(?:是|叫|写|填|改成|改为|换成|：|:)?(?:我?(?:{_KIN})的?|我的?)?|"
    rf"(?:{_KIN})(?:的?(?:姓名|名字))?{_PAUSE}(?:就?是|叫做?|：|:)|(?:登记|写|填|留|备注|绑定|预留|实名|挂|办|开|买|落|放)(?:的|在)(?:名字|姓名)?(?:还|就)?(?:是|叫)?|"
    rf"名字{_PAUSE}(?:叫|是)|姓名{_PAUSE}|姓{SURNAME}[，,、。\s]+|叫做|[，,。、\s]就?叫|^就?叫|本人{_PAUSE}|改成|过户给|转给|写给|寄给)\s*{_PAUSE}(?P<name>{_FULL}){_END}"
)
_I_AM = re.compile(
    rf"(?:我(?:就|们?这边)?是|(?:请问|你|您)(?:就?是|找的是)|是不是|我找|帮我找)(?P<name>{_FULL})"
    r"(?=[，。,. ！!？?吗么]|先生|女士|小姐|太太|本人|$)"
)
_PERSON = re.compile(rf"(?<![\u4e00-\u9fff])(?P<name>{_FULL})(?=本人|名下|[，, ]?(?:您好|你好)|[，, ](?:三|两|3|2)个字)")
_HEARD = re.compile(rf"我[信性兴]{SURNAME}{_PAUSE}[叫交教较](?P<name>{_FULL}){_END}")
_HEARD_SURNAME = re.compile(rf"(?:我[信性兴]|[免勉][贵跪][信性兴姓])(?P<name>{SURNAME})(?=[，。,. ！!？?]|$)")
_SURNAMED = re.compile(rf"(?:我姓|免贵姓?|鄙姓|姓)(?P<name>{SURNAME})(?![名氏])")
_TITLED = re.compile(rf"(?P<name>{SURNAME}(?:[\u4e00-\u9fff]{{1,2}})?)(?=先生|女士|小姐(?!姐)|太太)")
_SHORT_TITLED = re.compile(
    rf"(?P<name>{SURNAME})(?=总(?![是共计的体之部监台行公]|有|能|归|算|要)|哥|姐|阿姨|大爷|大妈|大姐|大哥|叔叔|师傅|经理|老师|医生|主任(?!务)|(?<!施)工(?=[，。,！!\s]|会|来|给|跟|联|$))"
)
_DIMINUTIVE = re.compile(rf"(?:叫我|我是|喊我)(?:小|老|阿)(?P<name>{SURNAME})(?=[，。,. ！!？?就]|$)")
_ASKED = re.compile(r"姓名|贵姓|名字|怎么称呼|如何称呼|称呼您|叫什么|户主是|机主是|收件人是|收货人是|报一下.{0,3}名|哪位|您姓")
_ANSWER = re.compile(rf"^[，。\s嗯啊哦好的是叫我姓呃额就对那个]*(?P<name>{_FULL})(?=[，。,.！!？?\s是]|电话|手机|身份证|$)")
_RARE_ANSWER = re.compile(r"^(?:嗯|呃|额|啊|哦|我叫|我是|叫|是|[，,。\s])*(?P<name>[\u4e00-\u9fff]{2,3})[，。,！!]?(?:$|(?=电话|手机|身份证))")
_FULL_IN_LIST = re.compile(rf"(?<=[，,、。\s：:是叫])(?P<name>{_FULL})(?=[，,、。\s]|$)")
_SPELLED = re.compile(r"(?:(?P<char>[\u4e00-\u9fff])就?是)?(?P<word>[\u4e00-\u9fff]{1,4})的(?P<said>[\u4e00-\u9fff])(?:(?![\u4e00-\u9fff])|(?=[吗吧呀啊呢]))")

_STRONG = frozenset({_CALLED, _CALLED_ON, _HEARD})
_MIN_SOUND_NAME = 3


def name_spans(passages: Sequence[Passage], tagged: Sequence[PiiSpan] = ()) -> list[PiiSpan]:
    """Names of people in a contact, wherever one recurs by its characters or its sound; `tagged` were found without a word that says so."""
    spans = {*_direct(passages), *tagged}
    known = {passages[s.passage].text[s.start : s.end] for s in spans}
    spans.update(_recurring(passages, sorted(name for name in known if len(name) > 1)))
    spans.update(_spelled(passages, known))
    surnames = {name if re.fullmatch(SURNAME, name) else name[0] for name in known}
    spans.update(_diminished(passages, surnames))
    return sorted(spans)


def _direct(passages: Sequence[Passage]) -> Iterator[PiiSpan]:
    asked = False
    for index, passage in enumerate(passages):
        found = _announced(passage.text)
        if passage.role is Role.CUSTOMER:
            found = (*found, *_given(passage.text), *(_answered(passage.text) if asked else ()))
        for start, end in found:
            yield PiiSpan(index, start, end, PiiKind.NAME)
        asked = bool(_ASKED.search(passage.text)) if passage.role is Role.AGENT else False


@recent
def _announced(text: str) -> tuple[tuple[int, int], ...]:
    return _matches((_CALLED, _CALLED_ON, _REGISTERED, _I_AM, _PERSON, _HEARD, _TITLED, _SHORT_TITLED, _DIMINUTIVE), text)


@recent
def _given(text: str) -> tuple[tuple[int, int], ...]:
    return _matches((_SURNAMED,), text)


def _answered(text: str) -> tuple[tuple[int, int], ...]:
    return _matches((_ANSWER, _RARE_ANSWER, _FULL_IN_LIST, _HEARD_SURNAME), text)


def _matches(patterns: Sequence[re.Pattern[str]], text: str) -> tuple[tuple[int, int], ...]:
    return tuple(place for pattern in patterns for match in pattern.finditer(text) if (place := _name_in(pattern, match)) is not None)


def _name_in(pattern: re.Pattern[str], match: re.Match[str]) -> tuple[int, int] | None:
    start, end = match.span("name")
    name = match["name"]
    if pattern is _TITLED and len(name) > 1 and not re.fullmatch(SURNAME, name) and not _is_name(name):
        start, name = end - 1, name[-1]  # 好的孙女士, 和陈先生: what stands right before the title
        if not re.fullmatch(SURNAME, name):
            return None
    if len(name) > 1 and not re.fullmatch(SURNAME, name) and not _is_name(name, pattern):
        return None
    if len(name) == 1 and pattern is _TITLED and name in "高":
        return None
    return start, end


def _is_name(name: str, pattern: re.Pattern[str] | None = None) -> bool:
    """Whether the characters may be a name of two or more: no ordinary word, and no character that no given name holds."""
    if ORDINARY_WORD.match(name):
        return False
    if pattern in _STRONG:
        return not NOT_SAID_AS_NAME.search(name)
    if pattern is _RARE_ANSWER and not re.match(SURNAME, name):
        return not NO_GIVEN_NAME.search(name) and not NOT_SAID_AS_NAME.search(name) and not any(c in GENERATIONAL for c in name)
    return not NO_GIVEN_NAME.search(name[1:]) and not NOT_SAID_AS_NAME.search(name)


def _recurring(passages: Sequence[Passage], names: Sequence[str]) -> Iterator[PiiSpan]:
    for name in names:
        wanted = sound(name)[0]
        for index, passage in enumerate(passages):
            heard = sound(passage.text)[0]
            place = heard.find(wanted)
            while place >= 0:
                same = passage.text[place : place + len(name)]
                if same == name or len(name) >= _MIN_SOUND_NAME:
                    yield PiiSpan(index, place, place + len(name), PiiKind.NAME)
                place = heard.find(wanted, place + 1)


def _spelled(passages: Sequence[Passage], names: set[str]) -> Iterator[PiiSpan]:
    """What explains how a name is written: 志气的志, 耳东陈."""
    characters = {char for name in names for char in name}
    for index, passage in enumerate(passages):
        for match in _SPELLED.finditer(passage.text) if characters else ():
            if match["said"] in characters and match["said"] in match["word"]:
                start = match.start("char") if match["char"] in characters else match.start("word")
                yield PiiSpan(index, start, match.end("said"), PiiKind.NAME)
        for match in _COMPOSED.finditer(passage.text):
            yield PiiSpan(index, match.start(), match.end(), PiiKind.NAME)


def _diminished(passages: Sequence[Passage], surnames: set[str]) -> Iterator[PiiSpan]:
    """小陈 and 老陈, where somebody in the contact is called 陈."""
    if not surnames:
        return
    pattern = re.compile(rf"(?<=[小老])(?:{'|'.join(map(re.escape, sorted(surnames)))})(?=[，。,！!\s]|你|您|我|给|跟|会|来|联|$)")
    for index, passage in enumerate(passages):
        for match in pattern.finditer(passage.text):
            yield PiiSpan(index, match.start(), match.end(), PiiKind.NAME)


_COMPOSED = re.compile(
    "耳东陈|弓长张|立早章|木子李|草头黄|口天吴|言午许|双木林|双人徐|"
    "干勾于|走肖赵|三横王|古月胡|美女姜|关耳郑|木易杨|卯金刀刘?|文刀刘|人可何|十八子|三点水江|十口田|水工江"
)
