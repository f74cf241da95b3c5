from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.deadlines import Deadline, deadline

CHINA = timezone(timedelta(hours=8))
WEDNESDAY = datetime(2026, 9, 23, 14, 30, tzinfo=CHINA)  # before 中秋 (25-27 September) and 国庆 (1-7 October)


def due(words: str, at: datetime = WEDNESDAY) -> str:
    found = deadline(words)
    return found.due(at).strftime("%m-%d %H:%M") if found else ""


@pytest.mark.parametrize(("words", "falls_due"), [
    ("今天下班前给您回电", "09-23 18:00"), ("明天下班之前处理好", "09-24 18:00"), ("明天一上班就联系您", "09-24 10:00"),
    ("明天上午联系您", "09-24 12:00"), ("明天中午之前", "09-24 13:00"), ("明天下午三点半之前", "09-24 15:30"), ("今晚八点", "09-23 20:00"),
    ("今天晚上七点到九点师傅上门", "09-23 21:00"), ("三点给您回电", "09-23 15:00"), ("后天送到", "09-26 00:00"), ("第二天", "09-25 00:00"),
    ("下周三上门", "10-01 00:00"), ("下下周一处理", "10-06 00:00"), ("周五给您答复", "09-26 00:00"), ("本周五之前", "09-26 00:00"),
    ("这个周末", "09-28 00:00"), ("周末前", "09-26 00:00"), ("本周内", "09-28 00:00"), ("下周内", "10-05 00:00"),
    ("月底前到账", "10-01 00:00"), ("下个月初", "10-11 00:00"), ("下个月底", "11-01 00:00"), ("月中", "10-21 00:00"), ("本月内", "10-01 00:00"),
    ("年底前", "01-01 00:00"), ("这个月25号之前", "09-26 00:00"), ("10月12号", "10-13 00:00"), ("15号之前", "10-16 00:00"),
    ("三个工作日内", "09-29 14:30"), ("一到三个工作日", "09-29 14:30"), ("两三个工作日", "09-29 14:30"), ("3-5个工作日", "10-08 14:30"),
    ("下一个工作日", "09-25 00:00"), ("24小时内", "09-24 14:30"), ("四十八小时之内", "09-25 14:30"), ("半小时", "09-23 15:00"),
    ("半个小时后", "09-23 15:00"), ("一个半小时", "09-23 16:00"), ("两小时半", "09-23 17:00"), ("一刻钟后", "09-23 14:45"),
    ("三五天内", "09-28 14:30"), ("一两天", "09-25 14:30"), ("一周之内", "09-30 14:30"), ("半个月", "10-08 14:30"), ("三天后", "09-26 14:30"),
    ("国庆后", "10-09 00:00"), ("国庆节之前", "10-01 00:00"), ("中秋节后", "09-29 00:00"), ("节后第一时间处理", "09-29 00:00"),
])
def test_what_is_said_falls_due_at_a_moment(words, falls_due):
    assert due(words) == falls_due


@pytest.mark.parametrize("words", [
    "尽快", "马上", "第一时间", "快一点处理", "到底怎么回事", "每周一上门", "一周三次", "请拨打10086号码", "第三天", "两点要求", "三号线", "上周末", "去年底",
])
def test_what_says_no_time_is_no_deadline(words):
    assert deadline(words) is None


def test_days_worked_instead_of_a_holiday_count():
    friday = datetime(2026, 9, 18, 10, 0, tzinfo=CHINA)
    assert due("两个工作日", friday) == "09-21 10:00"  # Sunday the 20th is worked


def test_the_first_of_two_deadlines_counts():
    assert due("24小时内联系您，下周三之前处理完") == "09-24 14:30"


def test_a_weekday_already_over_is_next_weeks():
    assert due("周三上午", WEDNESDAY) == "09-30 12:00"


def test_three_oclock_in_the_afternoon_is_not_taken_for_the_night():
    assert due("三点", WEDNESDAY.replace(hour=9)) == "09-23 15:00"


WORDS = st.sampled_from([
    "今天下班前", "今天上午", "今晚八点", "当天", "明天下午三点", "三点", "十二点", "下周三", "周三上午", "周五下午两点", "本周", "周末前", "月底前", "月初",
    "31号", "2月30号", "15号上午", "三个工作日", "24小时", "半天", "国庆后", "春节前", "节前", "年底前", "年前", "一刻钟", "下个月底", "下一个工作日", "中秋后",
])


@given(WORDS, st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)))
def test_no_deadline_lies_before_the_words(words, at):
    found = deadline(words)
    assert found is not None
    at = at.replace(tzinfo=CHINA)
    assert at <= found.due(at) <= at + timedelta(days=400)


@given(
    st.text("今明后天下周一二三四五六日月底初号前内个工作小时点半刻钟国庆节年两0123456789到之以 ，", max_size=12),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
)
def test_whatever_is_said_falls_due_later_or_never(words, at):
    at = at.replace(tzinfo=CHINA)
    found = deadline(words)
    assert found is None or (found.due(at) >= at and found.text in words)


@given(st.integers(0, 30), st.datetimes(datetime(2026, 1, 1), datetime(2026, 11, 1)))
def test_more_working_days_never_fall_due_earlier(count, at):
    at = at.replace(tzinfo=CHINA)
    assert Deadline("", working_days=count).due(at) <= Deadline("", working_days=count + 1).due(at)
