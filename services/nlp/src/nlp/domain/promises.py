"""Promises of the agent: what, by whom and until when."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from nlp.domain.dialogue import Dialogue, Role
from nlp.domain.numerals import NUMBER, value_of
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
    r"发货|补发|发出|寄出|寄送|重发|送到|送达|送货|发送|发给|发到|通知|告知|安装|维修|修好|恢复|核实|完成|提交|升级|催|派|给你|过来|办好|开通|生效"
)
_COMMITMENT = re.compile(
    rf"(?:会|将|马上|立刻|立即|尽快|尽早|第一时间|保证|一定)[^，。]{{0,14}}?(?:{DONE_VERBS})"
    rf"|安排[^。？]{{0,14}}(?:上门|联系|处理|维修|检修|检查|安装|配送|回访)"
    rf"|(?:{NUMBER}个?(?:小时|工作日|分钟|天)(?:之?内|以内|左右|后)?)[^。？]{{0,8}}(?:{DONE_VERBS})"
    rf"|(?:今天|今晚|明天|明早|后天|下周.?|本周.?|周[一二三四五六日])[^。？]{{0,12}}(?:{DONE_VERBS})"
)
_NOW = re.compile(r"(?:马上|现在|这就|立即|立刻|会)?(?:为|帮|给)你(?:查询|查|看|核实|登记|确认|转接|接通|记录|备注|办理)|稍等|已经|刚才|刚刚")
_IF = re.compile(r"如果|要是|假如|的话|可以选择|一般|通常|你可以|自己|不会|不能|无法|没有?办法")
_HOURS = {"分钟": 1 / 60, "小时": 1.0, "钟头": 1.0}
_DAYS = {"天": 1, "日": 1, "自然日": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30}
_DURATION = re.compile(rf"({NUMBER})(?:到|至|-|~)?({NUMBER})?个?(?:多)?(分钟|小时|钟头|工作日|自然日|天|日|周|星期|礼拜|月)")
_DAY = re.compile(r"(今天|今晚|今日|明天|明日|明早|明晚|后天|大后天)")
_WEEKDAY = re.compile(r"(下下?|本|这)?(?:个)?(?:周|星期|礼拜)([一二三四五六日天])")
_CLOCK = re.compile(rf"(凌晨|早上|上午|中午|下午|晚上|傍晚|晚)?({NUMBER})点(半)?(?:钟)?")
_PART_OF_DAY = {"上午": 12, "早上": 12, "中午": 13, "下午": 18, "晚上": 22, "傍晚": 19, "今晚": 22, "明晚": 22, "明早": 12}
_DAY_OFFSET = {"今天": 0, "今晚": 0, "今日": 0, "明天": 1, "明日": 1, "明早": 1, "明晚": 1, "后天": 2, "大后天": 3}
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when, as said: a `span` from the end of the contact, `working_days`, or a day with a clock time.

    Exactly one of span, working_days, day_offset and weekday is set; `hour` refines the latter two.
    """

    text: str
    span: timedelta | None = None
    working_days: int | None = None
    day_offset: int | None = None
    weekday: int | None = None
    next_week: bool = False
    hour: float | None = None

    def due(self, said_at: datetime) -> datetime:
        """The moment it falls due when said at `said_at` (in the company's time zone); Saturday and Sunday are no working days."""
        if self.span is not None:
            return said_at + self.span
        if self.working_days is not None:
            day, left = said_at, self.working_days
            while left > 0:
                day += timedelta(days=1)
                left -= day.weekday() < 5
            return day
        offset = self.day_offset or 0
        if self.weekday is not None:
            offset = self.weekday - said_at.weekday() + (7 if self.next_week else 0)
            offset += 7 if offset < 0 else 0
        midnight = said_at.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=offset, hours=24 if self.hour is None else self.hour)


@dataclass(frozen=True, slots=True)
class Promise:
    """One undertaking, said in `turn_id`; without a deadline `deadline` is None."""

    turn_id: str
    start_ms: int | None
    end_ms: int | None
    text: str
    who: str
    deadline: Deadline | None
    passage: int
    start: int
    end: int


def promises(dialogue: Dialogue) -> tuple[Promise, ...]:
    """Everything the agent undertook to happen after the contact, one per sentence."""
    found: list[Promise] = []
    for index, passage in enumerate(dialogue.passages):
        if passage.role is not Role.AGENT:
            continue
        written = as_written(passage.text)
        for sentence in _SENTENCE.finditer(written):
            said = sentence[0]
            if said.endswith(("?", "？")) or not _promised(said):
                continue
            turn = dialogue.turns[passage.turn_at(sentence.start())]
            who = _WHO.search(said) or _WE.search(said)
            text = passage.text[sentence.start() : sentence.end()].strip("，, ")
            made = Promise(turn.turn_id, turn.start_ms, turn.end_ms, text, who[0] if who else "", deadline(said), index, *sentence.span())
            if found and _continues(found[-1], made):
                made = _together(found.pop(), made, passage.text)
            found.append(made)
    return tuple(found[:MAX_PROMISES])


def _continues(before: Promise, promise: Promise) -> bool:
    """Whether a deadline follows at once on the promise it belongs to: 我为您安排工程师上门。24小时之内会联系您。"""
    return before.passage == promise.passage and promise.start - before.end <= 2 and before.deadline is None and promise.deadline is not None


def _together(before: Promise, promise: Promise, text: str) -> Promise:
    who = before.who if before.who and not _WE.fullmatch(before.who) else promise.who or before.who
    return replace(before, text=text[before.start : promise.end].strip("，, "), who=who, deadline=promise.deadline, end=promise.end)


def _promised(sentence: str) -> bool:
    """Whether a part of the sentence commits to something later, not to something done now or under a condition."""
    for part in _parts(sentence):
        match = _COMMITMENT.search(part)
        if match and not _IF.search(part[: match.end()]) and (deadline(part) is not None or not _NOW.search(part)):
            return True
    return False


def _parts(sentence: str) -> list[str]:
    """The clauses of a sentence, each with the next one it may run on into."""
    clauses = re.split("[，,]", sentence)
    return clauses + [f"{a}，{b}" for a, b in pairwise(clauses)]


def deadline(said: str) -> Deadline | None:
    """The first deadline in a sentence; words like 尽快 are none."""
    hour = _hour(said)
    day = _DAY.search(said)
    if day:
        return Deadline(_spoken(said, day), day_offset=_DAY_OFFSET[day[1]], hour=hour if hour is not None else _PART_OF_DAY.get(day[1]))
    weekday = _WEEKDAY.search(said)
    if weekday:
        number = _WEEKDAYS.index(weekday[2].replace("天", "日"))
        return Deadline(_spoken(said, weekday), weekday=number, next_week=(weekday[1] or "").startswith("下"), hour=hour)
    duration = _DURATION.search(said)
    if duration:
        amount = value_of(duration[2] or duration[1]) or value_of(duration[1])
        if amount is None:
            return None
        unit = duration[3]
        if unit == "工作日":
            return Deadline(duration[0], working_days=max(1, round(amount)))
        span = timedelta(hours=amount * _HOURS[unit]) if unit in _HOURS else timedelta(days=amount * _DAYS[unit])
        return Deadline(duration[0], span=span)
    if hour is not None:
        return Deadline(_CLOCK.search(said)[0], day_offset=0, hour=hour)  # type: ignore[index]
    return None


def _spoken(said: str, start: re.Match[str]) -> str:
    clock = _CLOCK.search(said, start.end(), start.end() + 12)
    return said[start.start() : clock.end() if clock else start.end()]


def _hour(said: str) -> float | None:
    clock = _CLOCK.search(said)
    if clock is None:
        part = next((p for p in _PART_OF_DAY if p in said), None)
        return None if part is None else float(_PART_OF_DAY[part])
    hour = value_of(clock[2])
    if hour is None or hour > 24:
        return None
    if clock[1] in ("下午", "晚上", "傍晚", "晚") and hour < 12:
        hour += 12
    return hour + (0.5 if clock[3] else 0)
