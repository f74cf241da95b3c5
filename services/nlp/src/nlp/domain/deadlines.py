"""Until when something is said to be done: deadlines as people say them, and the moment at which each falls due."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from nlp.domain.calendar import HOLIDAYS, WORK_ENDS, holiday, next_working, working_days_after
from nlp.domain.numerals import value_of
from nlp.domain.recent import recent

# A figure of a deadline, never longer than people say: a million digits in a row must not be tried in every way.
_NUMBER = r"(?:[0-9０-９]{1,5}(?:\.[0-9]{1,2})?|[零〇一二两三四五六七八九十百千半]{1,7})"
_A_DAY = timedelta(days=1)
_DAY_ENDS = 24.0
_AFTERNOON_FROM = 12.0
LONG_AFTER = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when, as said: a `span` from the words, `working_days`, a day so many days away, a weekday, a day of the calendar or a holiday.

    Exactly one of these is set; `hour` (24 where none was said) is the time of that day, `weeks` how many weeks ahead the weekday is
    meant (None: whichever comes next). `month_day` has month 0 where only the day was said, and day 0 for the last of the month,
    `months` ahead. `after_holiday` says the first working day after it, otherwise it is the last day before it. `half_day` says that the
    hour is of this half of the day and no other.
    """

    text: str
    span: timedelta | None = None
    working_days: int | None = None
    day_offset: int | None = None
    weekday: int | None = None
    weeks: int | None = None
    month_day: tuple[int, int] | None = None
    months: int = 0
    holiday: str | None = None
    after_holiday: bool = False
    hour: float | None = None
    half_day: bool = False

    def due(self, said_at: datetime) -> datetime:
        """The moment it falls due when said at `said_at` (in the company's time zone), never before it."""
        if self.span is not None:
            return said_at + self.span
        if self.working_days is not None and self.hour is None:
            return _at(working_days_after(said_at.date(), self.working_days), said_at.timetz())
        day = self._day(said_at)
        found = self._moment(day, said_at)
        if found >= said_at:
            return found
        # What lies before the words was not meant: three o'clock in the morning of a day that has gone on to noon is three in the afternoon.
        if self.hour is not None and self.hour < _AFTERNOON_FROM and not self.half_day:
            afternoon = _on(day, self.hour + 12, said_at)
            if afternoon >= said_at:
                return afternoon
        later = self._again(day)
        return self._moment(later, said_at) if later > day else max(_on(day, _DAY_ENDS, said_at), said_at)

    def _moment(self, day: date, said_at: datetime) -> datetime:
        return _on(day, _DAY_ENDS if self.hour is None else self.hour, said_at)

    def _day(self, said_at: datetime) -> date:
        today = said_at.date()
        if self.working_days is not None:
            return working_days_after(today, self.working_days)
        if self.weekday is not None:
            ahead = self.weekday - today.weekday() + 7 * (self.weeks or 0)
            return today + _A_DAY * (ahead + 7 if ahead < 0 else ahead)
        if self.month_day is not None:
            return self._calendar_day(today)
        if self.holiday is not None:
            found = holiday(self.holiday, today)
            if found is None:  # it moves with the moon, and nobody has announced it yet: late enough for any of them
                return today + LONG_AFTER
            return next_working(found[1] + _A_DAY) if self.after_holiday else max(today, found[0] - _A_DAY)
        return today + _A_DAY * (self.day_offset or 0)

    def _calendar_day(self, today: date) -> date:
        month, day = self.month_day or (0, 0)
        first = today.replace(day=1)
        if month:
            found = _in_month(first.replace(month=month), day)
            return found if found >= today else _in_month(first.replace(year=today.year + 1, month=month), day)
        for _ in range(self.months):
            first = _next_month(first)
        found = _in_month(first, day)
        return found if found >= today else _in_month(_next_month(first), day)

    def _again(self, day: date) -> date:
        """The same said of the next time round; the same day where there is none (今天, 明天, 国庆后)."""
        return day + timedelta(days=7) if self.weekday is not None and self.weeks is None else day


def _on(day: date, hour: float, said_at: datetime) -> datetime:
    return datetime.combine(day, time(0), said_at.tzinfo) + timedelta(hours=hour)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock)


def _in_month(first: date, day: int) -> date:
    last = monthrange(first.year, first.month)[1]
    return first.replace(day=min(day, last) if day else last)


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


_HOURS = {"分钟": 1 / 60, "刻钟": 0.25, "小时": 1.0, "钟头": 1.0}
_DAYS = {"天": 1, "日": 1, "自然日": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30}
_WEEKDAYS = "一二三四五六日"
_PARTS = {
    "凌晨": 6, "清晨": 9, "早上": 12, "早晨": 12, "上午": 12, "中午": 13, "下午": 18, "傍晚": 19, "晚上": 22, "夜里": 24,
    "今晚": 22, "明晚": 22, "明早": 12, "今早": 12, "下班": WORK_ENDS, "上班": 10,
}
_PM = ("下午", "晚上", "傍晚", "今晚", "明晚", "夜里", "晚")
_OFFSETS = {
    "今天": 0, "今日": 0, "今晚": 0, "今早": 0, "当天": 0, "当日": 0, "当晚": 0,
    "明天": 1, "明日": 1, "明早": 1, "明晚": 1, "次日": 1, "第二天": 1, "隔天": 1, "后天": 2, "大后天": 3,
}
_SPAN = re.compile(
    rf"(?<![第0-9一二三四五六七八九十])({_NUMBER})(?:到|至|-|~|、)?({_NUMBER})?(个半|个|来|几)?(?:多)?"
    r"(分钟|刻钟|小时|钟头|工作日|自然日|天(?!然)|日(?!期)|周(?![一二三四五六日末])|星期(?![一二三四五六日天])|礼拜(?![一二三四五六日天])|(?<=个)月)(半)?"
)
_HALF_DAY = re.compile("半天|半日")
_NEXT_WORKING = re.compile("(?:下一?个?|次|第二个?|隔)工作日")
_DAY = re.compile("(大后天|今天|今日|今晚|今早|当天|当日|当晚|明天|明日|明早|明晚|次日|第二天|隔天|后天)")
_WEEKDAY = re.compile("(?<![每一二三四五六七八九十两几上])(下下|下|本|这)?个?(?:周|星期|礼拜)([一二三四五六日天])(?![0-9到至])")
_WEEK = re.compile("(下下|下|本|这)个?(?:周|星期|礼拜)(末)?|(?<![上个])周末")
_MONTH = re.compile(
    "(?:(下个?|本|这个?|当)月|(?<!个)月)(底|末|初|中旬?|上旬|下旬)|(下个?|本|这个?|当)月(?:份|之?内|以内)"
    "|(?<![去前])年底|(?<![0-9一二三四五两几半多去每])年(?:末|内|前(?!有))"
)
_DATE = re.compile(rf"(?<![第尾])(?:({_NUMBER})月份?)?({_NUMBER})[号日](?![线楼门院店柜内后]|之内|以内|以后|左右|码)")
_HOLIDAY = re.compile("(" + "|".join(HOLIDAYS) + "|年|节|假期|节假日|放假|长假)(?:节|假期|长假|放假)*(?:结束|回来|上班|完|过)?(?:之|以)?(前|后)")
_CLOCK = re.compile(
    rf"(凌晨|清晨|早上|早晨|上午|中午|下午|晚上|傍晚|夜里|今晚|明晚|明早|今早|晚)?的?({_NUMBER})点(?!钱|儿|都|也|不|击|评|餐|名|建议|要求|问题|说明|注意|意见|原因|情况)(?:(半)|(一刻)|(三刻)|({_NUMBER})分?)?(?:钟|整)?"
    rf"(?:[到至-]({_NUMBER})点(半)?)?"
)
_PART = re.compile("下班(?=之?以?前|时|后)|上班(?=之?以?[前后]|时|就)|凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里")
_BY_THE_CLOCK = re.compile("左右|之?前|以前|之?后|以后")  # a little (快一点) is no time
_MOST_DAYS = 3_650


@recent
def deadline(said: str) -> Deadline | None:
    """The first deadline in a sentence; words like 尽快 are none."""
    read = [found for reader in _READERS if (found := reader(said)) is not None]
    return min(read, key=lambda found: said.find(found.text), default=None)


def _day(said: str) -> Deadline | None:
    found = _DAY.search(said)
    if not found:
        return None
    hour, part = _hour(said, found.start())
    if hour is None:
        hour = _PARTS.get(found[1])
        part = hour is not None
    return Deadline(_spoken(said, found), day_offset=_OFFSETS[found[1]], hour=hour, half_day=part)


def _weekday(said: str) -> Deadline | None:
    found = _WEEKDAY.search(said)
    if not found:
        return None
    hour, part = _hour(said, found.start())
    number = _WEEKDAYS.index(found[2].replace("天", "日"))
    return Deadline(_spoken(said, found), weekday=number, weeks=_weeks(found[1]), hour=hour, half_day=part)


def _weeks(said: str | None) -> int | None:
    return {"下下": 2, "下": 1}.get(said or "")


def _week(said: str) -> Deadline | None:
    """A week or its end: 周末前 is Friday, 周末 and 本周内 are Sunday."""
    found = _WEEK.search(said)
    if not found:
        return None
    before = re.match("之?以?前", said[found.end() :]) and "末" in found[0]
    return Deadline(found[0], weekday=4 if before else 6, weeks=_weeks(found[1]))


def _span(said: str) -> Deadline | None:
    if next_one := _NEXT_WORKING.search(said):
        hour, part = _hour(said, next_one.start())
        return Deadline(_spoken(said, next_one), working_days=1, hour=_DAY_ENDS if hour is None else hour, half_day=part)
    found = _SPAN.search(said)
    if not found:
        return Deadline("半天", span=timedelta(hours=12)) if _HALF_DAY.search(said) else None
    first, second, unit = found[1], found[2], found[4]
    amount = _most(first, second)
    if amount is None:
        return None
    amount += 0.5 if found[5] or found[3] == "个半" else 0.0
    if unit == "工作日":
        return Deadline(found[0], working_days=min(_MOST_DAYS, max(1, round(amount))))
    hours = amount * _HOURS[unit] if unit in _HOURS else amount * _DAYS[unit] * 24
    return Deadline(found[0], span=timedelta(hours=min(hours, _MOST_DAYS * 24.0)))


def _most(first: str, second: str | None) -> float | None:
    """The larger of 一到三; of 三五 and 一两, which are no thirty-five, the last."""
    said = second or first
    if len(said) == 2 and all(c in "一两二三四五六七八九" for c in said):
        said = said[-1]
    return value_of(said) or value_of(first)


def _month(said: str) -> Deadline | None:
    found = _MONTH.search(said)
    if not found:
        return None
    text = found[0]
    months = int(bool(re.match("下", text)))
    if text.startswith("年前"):
        return Deadline(text, holiday="春节")
    if text.startswith("年"):
        return Deadline(text, month_day=(12, 31))
    day = next((number for word, number in (("初", 10), ("上旬", 10), ("中", 20), ("下旬", 0)) if word in text), 0)
    return Deadline(text, month_day=(0, day), months=months)


def _date(said: str) -> Deadline | None:
    found = _DATE.search(said)
    if not found:
        return None
    month, day = value_of(found[1]) if found[1] else 0, value_of(found[2])
    if month is None or day is None or not 1 <= day <= 31 or not 0 <= month <= 12 or day % 1 or month % 1:
        return None
    hour, part = _hour(said, found.start())
    months = int(said[: found.start()].endswith(("下月", "下个月")))
    return Deadline(_spoken(said, found), month_day=(int(month), int(day)), months=months, hour=hour, half_day=part)


def _holiday(said: str) -> Deadline | None:
    found = _HOLIDAY.search(said)
    if not found or (found[1] == "年" and found.start() and said[found.start() - 1] not in "，,、过到在等"):
        return None
    name = {"年": "春节"}.get(found[1], found[1])
    return Deadline(found[0], holiday=name if name in HOLIDAYS else "", after_holiday=found[2] == "后")


def _clock(said: str) -> Deadline | None:
    hour, part = _hour(said, 0)
    if hour is None:
        return None
    found = _CLOCK.search(said) or _PART.search(said)
    return Deadline(found[0], day_offset=0, hour=hour, half_day=part) if found else None


_READERS: tuple[Callable[[str], Deadline | None], ...] = (_holiday, _day, _weekday, _date, _month, _week, _span, _clock)


def _spoken(said: str, start: re.Match[str]) -> str:
    clock = _CLOCK.search(said, start.end(), start.end() + 12) or _PART.match(said, start.end())
    return said[start.start() : clock.end() if clock else start.end()]


def _hour(said: str, start: int) -> tuple[float | None, bool]:
    """The time of day said from a place on, and whether it says which half of the day is meant."""
    clock = _CLOCK.search(said, start)
    if clock is None:
        part = _PART.search(said, start)
        return (float(_PARTS[part[0]]), True) if part else (None, False)
    hour = value_of(clock[2])
    if hour is None or not 0 <= hour <= 24 or (clock[0] == "一点" and not _BY_THE_CLOCK.match(said, clock.end())):
        return None, False
    if clock[7] and (last := value_of(clock[7])) is not None and last <= 24:  # from seven to nine: by nine
        hour = last
    minutes = (30 if clock[8] else 0) if clock[7] else 30 if clock[3] else 15 if clock[4] else 45 if clock[5] else (value_of(clock[6]) or 0) if clock[6] else 0
    hour += minutes / 60 if minutes < 60 else 0
    near = clock[1] or next((word for word in _PM if word in said[max(0, clock.start() - 6) : clock.start()]), "")
    if (near in _PM and hour < 12) or (near == "中午" and hour < 3):
        hour += 12
    return hour, bool(near)
