"""Promises of the agent: what, by whom and until when."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from nlp.domain.deadlines import Deadline, deadline
from nlp.domain.dialogue import Dialogue, Role
from nlp.domain.syllables import sound
from nlp.domain.text import as_written

MAX_PROMISES = 20
_SENTENCE = re.compile(r"[^。？！?!；;\n]+[？?]?")
_WHO = re.compile(
    r"(工程师|技术人员|维修人员|安装人员|安装师傅|维修师傅|师傅|技师|专员|专家|客户经理|主管|经理|班长|领导|财务|仓库|快递员|"
    r"服务顾问|顾问|理赔员|同事|专人|后台|相关部门|我本人)"
)
_WE = re.compile("我们|我|系统")
DONE_VERBS = (
    r"联系|上门|回电|回复|答复|回访|致电|来电|打电话|打给|处理|解决|反馈|安排|退回|退还|退款|退给|退到|到账|打款|赔付|"
    r"发货|发顺丰|发快递|补发|发出|寄出|寄送|重发|送到|送达|送货|发送|发给|发到|通知|告知|安装|维修|修好|恢复|核实|完成|提交|升级|催|派|给你|过来|办好|开通|生效|"
    r"告诉|跟进|打过去|回过去|打过来|减免|补偿|寄到|邮寄|更换|调整|审核|撤销|打到|打入|入账|汇到"
)
_COMMITMENT = re.compile(
    rf"(?:会|将|马上|立刻|立即|尽快|尽早|第一时间|保证|一定)[^，。]{{0,14}}?(?:{DONE_VERBS})"
    rf"|(?:稍后|一会儿?|晚点|晚些时候|回头|随后|之后|到时候?)[^，。]{{0,14}}?(?:{DONE_VERBS})"
    rf"|安排[^。？]{{0,14}}(?:上门|联系|处理|维修|检修|检查|安装|配送|回访)"
)
_DONE = re.compile(DONE_VERBS)
_NOW = re.compile(r"(?:马上|现在|这就|立即|立刻|会)?(?:为|帮|给)你(?:查询|查|看|核实|登记|确认|转接|接通|记录|备注|办理)|稍等|已经|刚才|刚刚")
_IF = re.compile(r"如果|要是|假如|的话|可以选择|一般|通常|你可以|自己|不会|不能|无法|没有?办法")
_ASKED_OF_CUSTOMER = re.compile(
    r"(?:请|麻烦|辛苦|劳烦)你(?!放心|稍等|稍候|耐心|不要|别)|(?<![给为帮跟和向对知系诉替让])你(?:先|把|再|自己|需要?|得|要|拍|提供|填|寄|来|去|看)"
    r"|(?<![给为帮跟和向对知系诉替让])你(?:这边|那边)?[^，。我]{0,8}把|(?:发|寄|交|告诉|告知|反馈|提供)(?:回?给)?我"
)
_OFFERED = re.compile("[两几三](?:个|种)(?:方案|办法|选择|方式)|要么|或者|你看(?:是|选)|任选")
_FACT = re.compile(r"查到|看到|查了|显示|已经|已为|刚才|刚刚|昨天|昨晚|前天|上个?(?:月|周|星期|次)|去年|当时")
_CONTACT = re.compile(r"联系|回电|回个?电话|打电话|来电|致电|回复|答复|通知|告知")
# What a bare verb (发出, 到账) is about is said before it.
_ABOUT = (
    (re.compile("发|寄|送"), re.compile("补发|重发|重新发|换货|换新|发货|新机|新卡|补卡|发票|配件|包裹|快递|样品|赠品|合同")),
    (re.compile("退|到账|打款|返|赔"), re.compile("退款|退费|退货款|赔付|赔偿|补偿|差价|押金|理赔款?|运费|话费|转账")),
    (re.compile("处理|解决|完成|恢复|修|安排|核实|办"), re.compile("退款|退费|换货|维修|检修|检测|移机|拆机|安装|补发|投诉|故障|开票|发票|过户|挂失|解冻")),
)
_HEARD_ABOUT = {f"{lead}{about}": about for lead in ("申请", "为你", "给你", "帮你", "安排") for about in ("补发", "重发", "换货", "退款", "退费", "维修")}
_AROUND_A_TIME = frozenset("在于约大概预计最晚快之内以前后的就好吧嗯 ")
BARE_CHARS = 4
REACH_OF_A_TIME = 14
_SOUNDS_LIKE_ELSE = frozenset(["处理", "完成", "告知", "过来", "提交", "生效", "给你", "升级", "赔付", "打给"])
ABOUT_PASSAGES = 3

@dataclass(frozen=True, slots=True)
class Promise:
    """One undertaking, said in `turn_id`; without a deadline `deadline` is None.

    Its sentence is `[start, end)` of the passage, the clause that undertakes `[what_start, what_end)`; `about` is what that clause
    is about where it says nothing but a verb (发出) and the words before it do (补发).
    """

    turn_id: str
    start_ms: int | None
    end_ms: int | None
    text: str
    who: str
    deadline: Deadline | None
    passage: int
    start: int
    end: int
    what_start: int
    what_end: int
    about: str = ""


@dataclass(frozen=True, slots=True)
class _Clause:
    start: int
    end: int
    text: str


def promises(dialogue: Dialogue) -> tuple[Promise, ...]:
    """Everything the agent undertook to happen after the contact, one per sentence."""
    found: list[Promise] = []
    said_before: list[str] = []
    for index, passage in enumerate(dialogue.passages):
        if passage.role is not Role.AGENT:
            continue
        written = as_written(passage.text)
        if dialogue.interaction.spoken:
            written = _as_meant(written)
        for sentence in _SENTENCE.finditer(written):
            said = sentence[0]
            if said.endswith(("?", "？")) or _OFFERED.search(said):
                continue
            undertaken = _undertaken(said)
            if undertaken is None:
                continue
            clause, until = undertaken
            turn = dialogue.turns[passage.turn_at(sentence.start() + clause.start)]
            who = _WHO.search(clause.text) or _WHO.search(said) or _WE.search(said)
            text = passage.text[sentence.start() : sentence.end()].strip("，, ")
            before = [*said_before[-ABOUT_PASSAGES + 1 :], written[: sentence.start() + clause.start]]
            about = _about(clause.text, until, before, heard=dialogue.interaction.spoken)
            made = Promise(
                turn.turn_id, turn.start_ms, turn.end_ms, text, who[0] if who else "", until, index, *sentence.span(),
                sentence.start() + clause.start, sentence.start() + clause.end, about,
            )
            if found and _continues(found[-1], made):
                made = _together(found.pop(), made, passage.text)
            found.append(made)
        said_before.append(written)
    return tuple(found[:MAX_PROMISES])


def _as_meant(written: str) -> str:
    """The words with every verb of undertaking put right where a recogniser wrote its sound (连系 for 联系), place by place."""
    heard = sound(written)[0]
    characters = list(written)
    for verb, wanted in _verb_sounds():
        place = heard.find(wanted)
        while place >= 0:
            characters[place : place + len(verb)] = verb
            place = heard.find(wanted, place + 1)
    return "".join(characters)


@cache
def _verb_sounds() -> tuple[tuple[str, str], ...]:
    return tuple((verb, sound(verb)[0]) for verb in DONE_VERBS.split("|") if len(verb) > 1 and verb not in _SOUNDS_LIKE_ELSE)


def _continues(before: Promise, promise: Promise) -> bool:
    """Whether a deadline follows at once on the promise it belongs to: 我为您安排工程师上门。24小时之内会联系您。"""
    return before.passage == promise.passage and promise.start - before.end <= 2 and before.deadline is None and promise.deadline is not None


def _together(before: Promise, promise: Promise, text: str) -> Promise:
    who = before.who if before.who and not _WE.fullmatch(before.who) else promise.who or before.who
    return replace(before, text=text[before.start : promise.end].strip("，, "), who=who, deadline=promise.deadline, end=promise.end)


def _undertaken(sentence: str) -> tuple[_Clause, Deadline | None] | None:
    """The clause that undertakes something for later, and until when.

    A clause with its own deadline goes before one without, unless it merely says when word will come
    (我为您安排工程师上门，二十四小时之内会联系您): then what was undertaken stands before it.
    """
    clauses = _clauses(sentence)
    undertaking = [number for number, clause in enumerate(clauses) if _commits(clause.text)]
    if not undertaking:
        return None
    dated = next((number for number in undertaking if deadline(clauses[number].text)), None)
    first = undertaking[0]
    if dated is None:
        around = [number for number in (first - 1, first + 1) if 0 <= number < len(clauses) and not _FACT.search(clauses[number].text)]
        return clauses[first], next((until for number in around if (until := deadline(clauses[number].text))), None)
    chosen = first if first < dated and _CONTACT.search(clauses[dated].text) and not _CONTACT.search(clauses[first].text) else dated
    return clauses[chosen], deadline(clauses[dated].text)


def _commits(clause: str) -> bool:
    """Whether a clause commits to something later: not done now or before, not conditional, not asked of the customer."""
    until = deadline(clause)
    match = _COMMITMENT.search(clause)
    if match is None and until is not None:
        after = clause.find(until.text) + len(until.text)
        match = _DONE.search(clause, after, after + REACH_OF_A_TIME)
    if match is None or _IF.search(clause[: match.end()]) or _FACT.search(clause) or _ASKED_OF_CUSTOMER.search(clause[: match.end()]):
        return False
    return until is not None or not _NOW.search(clause)


def _clauses(sentence: str) -> list[_Clause]:
    """The clauses of a sentence; one that is only a time belongs to the next (48小时，之内安装人员会上门)."""
    clauses: list[_Clause] = []
    for match in re.finditer("[^，,]+", sentence):
        before = clauses[-1] if clauses else None
        if before is not None and (match[0].startswith(("之内", "以内", "之前", "以前")) or _only_a_time(before.text)):
            clauses[-1] = _Clause(before.start, match.end(), sentence[before.start : match.end()])
        else:
            clauses.append(_Clause(*match.span(), match[0]))
    return clauses


def _only_a_time(clause: str) -> bool:
    until = deadline(clause)
    return until is not None and all(c in _AROUND_A_TIME for c in clause.replace(until.text, ""))


def _about(clause: str, until: Deadline | None, before: list[str], *, heard: bool) -> str:
    """What a clause that says nothing but a verb is about, from the words before it, nearest first."""
    bare = shortened(clause, until)
    if len(bare) > BARE_CHARS:
        return ""
    kinds = [about for verb, about in _ABOUT if verb.search(bare)]
    for words in reversed(before):
        places = [(match.start(), match[0]) for about in kinds for match in about.finditer(words)]
        if heard and kinds:
            sounds = sound(words)[0]
            places += [(place, about) for lead, about in _HEARD_ABOUT.items() if (place := sounds.rfind(sound(lead)[0])) >= 0 and kinds[0].search(about)]
        if places:
            nearest = max(places)[1]
            return "" if nearest in bare else nearest
    return ""


_LEAD = re.compile(
    r"^(?:好的?|明白了?|嗯|那么?|行|这边|那边|请[你您]?放心|[你您]放心|我们?这边|我们?|我|(?:这边)?(?:会|将)|[为给帮替][你您]|尽快|马上|立刻|立即|现在就?|这就|就|亲自|也会|一起|之后|然后|再|[，,、。\s])+"
)
_TRAIL = re.compile(r"(?:的|了|吧|哦|呢|啊|哈|呀|[，,、。\s])+$")
_AROUND = r"(?:在|于|预计|大约|大概|最晚|最迟|最快|将在)*"
_BEHIND = r"(?:的?(?:上午|下午|晚上|早上))?(?:之内|以内|之前|以前|之后|以后|左右|内|前|后)?[，,]?(?:之内|以内|之前|以前)?"


def shortened(clause: str, until: Deadline | None) -> str:
    """A clause without its deadline, the words that lead to it and the particles that end it; otherwise as it was said."""
    if until is not None:
        clause = re.sub(_AROUND + re.escape(until.text) + _BEHIND, "", clause, count=1)
    return _TRAIL.sub("", _LEAD.sub("", clause)) or _TRAIL.sub("", clause)
