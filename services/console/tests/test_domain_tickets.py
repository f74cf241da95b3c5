"""Clocks in working time, steps and filters of tickets."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from client.shapes import ServiceLevels, Ticket, TicketClock, WorkingCalendar
from console.domain.deadlines import Calendars, countdown, countdowns, counted, lasting, next_due
from console.domain.ticket_filter import TicketFilter
from console.domain.ticket_steps import STEPS, possible, why_not
from console.domain.words import SHANGHAI, cause
from console.domain.working_time import AROUND_THE_CLOCK, calendar_of, periods_in
from hypothesis import given
from hypothesis import strategies as st

OFFICE: WorkingCalendar = {
    "calendar_id": "office", "title": "工作日", "zone": "Asia/Shanghai", "weekly": ["09:00-12:00 13:30-18:00"] * 5 + ["", ""],
    "days": [{"date": "2026-10-01", "periods": ""}, {"date": "2026-10-10", "periods": "09:00-12:00 13:30-18:00"}],
}
CALENDAR = calendar_of(OFFICE)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def wire(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- working time


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        ("2026-11-20 11:00", "2026-11-20 14:30", 2),  # over lunch
        ("2026-11-20 17:00", "2026-11-23 10:00", 2),  # over a weekend
        ("2026-09-30 17:00", "2026-10-02 09:30", 1.5),  # over a holiday on a Thursday
        ("2026-10-10 00:00", "2026-10-11 00:00", 7.5),  # a Saturday worked instead
        ("2026-11-21 00:00", "2026-11-23 00:00", 0),
        ("2026-11-20 11:00", "2026-11-20 10:00", -1),
    ],
)
def test_only_working_time_counts(begin: str, end: str, hours: float) -> None:
    assert CALENDAR.between(at(begin), at(end)) == hours * 3600


@given(st.integers(0, 60 * 24 * 60), st.integers(0, 60 * 24 * 14))
def test_working_time_is_what_counting_minutes_gives(start: int, length: int) -> None:
    begin = at("2026-09-25 00:00") + timedelta(minutes=start)
    worked = 0
    for minute in range(length):
        moment = begin + timedelta(minutes=minute)
        worked += any(low <= moment < high for low, high in CALENDAR.periods(moment.date()))
    assert CALENDAR.between(begin, begin + timedelta(minutes=length)) == worked * 60


def test_a_period_is_the_one_that_runs_or_the_next() -> None:
    assert CALENDAR.period_at(at("2026-11-20 10:00")) == (at("2026-11-20 09:00"), at("2026-11-20 12:00"))
    assert CALENDAR.period_at(at("2026-11-20 18:00")) == (at("2026-11-23 09:00"), at("2026-11-23 12:00"))


def test_a_calendar_without_work_is_not_searched_for_ever() -> None:
    idle = calendar_of({"weekly": [""] * 7})
    begins, ends = idle.period_at(at("2026-11-20 10:00"))
    assert begins < at("2026-11-20 10:00") < ends


def test_what_is_no_period_is_left_out() -> None:
    assert periods_in("09:00-12:00 nonsense 13:30-18:00") == ((540, 720), (810, 1080))


# ---- clocks


def clock(**given: Any) -> TicketClock:
    return cast("TicketClock", {"target": "resolution", "allowed_s": 36_000, "used_s": 0, "running": True} | given)


@pytest.mark.parametrize(("left_h", "tone"), [(6, "good"), (5, "good"), (4.9, "watch"), (2.5, "watch"), (2.4, "warn"), (0.1, "warn"), (-0.1, "bad")])
def test_a_clock_turns_yellow_at_half_orange_at_three_quarters_and_red_when_late(left_h: float, tone: str) -> None:
    now = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
    assert countdown(clock(due_at=wire(now + timedelta(hours=left_h))), AROUND_THE_CLOCK, now).tone == tone


def test_a_clock_counts_working_time_and_stands_at_night() -> None:
    night = at("2026-11-20 22:00")
    shown = countdown(clock(due_at=wire(at("2026-11-23 11:00"))), CALENDAR, night)
    assert (shown.left_s, shown.working) == (7_200, False)
    # The browser begins to count when work does.
    assert (shown.left_from_s, shown.begins) == (7_200, at("2026-11-23 09:00").timestamp())
    assert shown.attributes["data-left"] == "7200"


def test_a_late_clock_counts_how_late_in_working_time() -> None:
    shown = countdown(clock(due_at=wire(at("2026-11-20 17:30"))), CALENDAR, at("2026-11-23 09:30"))
    assert (shown.left_s, shown.words, shown.share) == (-3_600, "超时 1:00:00", 1.0)


def test_what_the_browser_counts_from_stays_the_same_within_a_period() -> None:
    due = clock(due_at=wire(at("2026-11-23 11:00")))
    shown = [countdown(due, CALENDAR, at(f"2026-11-20 {time}")).attributes for time in ("09:10", "10:00", "11:59")]
    assert shown[0] == shown[1] == shown[2]
    assert countdown(due, CALENDAR, at("2026-11-20 13:31")).attributes != shown[0]


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        ({"running": False, "used_s": 9_000}, "paused", "已暂停 · 剩 7 小时 30 分"),
        ({"running": False, "used_s": 37_800}, "paused", "已暂停 · 已超时 30 分钟"),
        ({"running": False, "met_at": "2026-11-21T05:00:00Z", "used_s": 60}, "met", "已按时完成"),
        ({"running": False, "met_at": "2026-11-21T05:00:00Z", "breached_at": "2026-11-21T04:00:00Z", "used_s": 39_600}, "late", "超时 1 小时 完成"),
        ({"allowed_s": 0}, "off", "不要求"),
    ],
)
def test_a_clock_that_does_not_run_says_why(given: Any, state: str, words: str) -> None:
    shown = countdown(clock(**given), AROUND_THE_CLOCK, datetime(2026, 11, 21, 6, 0, tzinfo=UTC))
    assert (shown.state, shown.words, shown.attributes) == (state, words, {})


def test_the_clock_that_matters_is_the_running_one_due_first() -> None:
    now = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
    ticket: Ticket = {"clocks": [
        clock(due_at=wire(now + timedelta(hours=9))), clock(target="first_response", due_at=wire(now + timedelta(hours=2))),
        clock(target="diagnosis", running=False, used_s=1), clock(target="next_response", allowed_s=0),
    ]}
    first = next_due(ticket, Calendars(), now)
    assert first is not None
    assert first.target == "first_response"
    assert [c.target for c in countdowns(ticket, Calendars(), now)] == ["first_response", "diagnosis", "resolution"]
    assert next_due({"clocks": [clock(running=False, met_at=wire(now))]}, Calendars(), now) is None


def test_a_policy_counts_in_its_own_calendar() -> None:
    levels: ServiceLevels = {"calendars": [OFFICE], "policies": [{"policy_id": "rectification", "calendar_id": "office"}]}
    assert Calendars(levels).of({"policy_id": "rectification"}).title == "工作日"
    assert Calendars(levels).of({"policy_id": "of an old version"}) is AROUND_THE_CLOCK


@pytest.mark.parametrize(("left", "words"), [(3_849, "剩 1:04:09"), (183_600, "剩 2 天 03:00:00"), (-720, "超时 0:12:00"), (0, "剩 0:00:00")])
def test_seconds_are_written_as_the_browser_does(left: float, words: str) -> None:
    assert counted(left) == words


@pytest.mark.parametrize(("seconds", "words"), [(20, "不到 1 分钟"), (3_600, "1 小时"), (171_900, "47 小时 45 分"), (900, "15 分钟")])
def test_working_time_is_told_in_hours_because_its_days_have_no_length(seconds: float, words: str) -> None:
    assert lasting(seconds) == words


# ---- steps


@pytest.mark.parametrize(
    ("ticket", "verbs"),
    [
        ({"state": "open", "line": 1}, {"assign", "escalate", "answer", "diagnose", "customer-said", "comment"}),
        ({"state": "assigned", "line": 2}, {"start", "assign", "answer", "diagnose", "customer-said", "comment"}),
        ({"state": "in_progress", "line": 1}, {"resolve", "assign", "escalate", "answer", "wait", "diagnose", "customer-said", "comment"}),
        ({"state": "waiting", "line": 1}, {"resume", "resolve", "assign", "escalate", "answer", "diagnose", "customer-said", "comment"}),
        ({"state": "resolved"}, {"close", "reopen", "customer-said", "comment"}),
        ({"state": "resolved", "kind": "rectification"}, {"reopen", "customer-said", "comment"}),
        ({"state": "closed"}, {"reopen", "comment"}),
    ],
)
def test_only_what_a_ticket_allows_is_offered(ticket: Any, verbs: set[str]) -> None:
    assert {step.verb for step in possible(ticket)} == verbs


def test_every_step_that_is_not_possible_says_what_must_come_first() -> None:
    for state in ("open", "assigned", "in_progress", "waiting", "resolved", "closed"):
        for step in STEPS:
            reason = why_not(step, {"state": state, "line": 1})  # type: ignore[typeddict-item]
            assert not reason or (reason.startswith("现在是“") and not reason.endswith("："))


# ---- filters and words


def test_a_filter_survives_the_address() -> None:
    wanted = TicketFilter(view="list", order_by="due", kind="service", urgency="high", department="网维部", overdue=True)
    assert TicketFilter.of(wanted.address) == wanted
    assert TicketFilter.of({"view": "nonsense"}) == TicketFilter()


def test_in_the_order_of_due_dates_one_condition_is_sent_and_the_rest_picked_out() -> None:
    wanted = TicketFilter(order_by="due", kind="service", assignee="王工")
    assert wanted.asked == {"order_by": "due", "assignee": "王工"}
    assert wanted.sieves
    assert not TicketFilter(order_by="due", assignee="王工").sieves
    assert TicketFilter(type="投诉").sieves
    assert not TicketFilter(kind="callback", overdue=True).sieves


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("fatal_item:no_shirking", "致命项 no_shirking"), ("repeated_item:apology", "反复未通过 apology"),
        ("product_issue:唤醒失灵", "产品问题集中 唤醒失灵"), ("repeat_contact", "重复来电"), ("of tomorrow", "of tomorrow"),
    ],
)
def test_causes_speak_chinese(key: str, words: str) -> None:
    assert cause(key) == words


def test_words_are_looked_for_in_what_a_ticket_says() -> None:
    ticket: Ticket = {"title": "宽带断网四天", "customer_id": "C9001", "watchers": ["A1"]}
    assert TicketFilter(query="断网 c9001").fits(ticket)
    assert not TicketFilter(query="断网 退款").fits(ticket)
    assert TicketFilter(watcher="A1").fits(ticket)
    assert not TicketFilter(watcher="A2").fits(ticket)
    assert TicketFilter().changed("query", "网").query == ""  # the gateway takes two characters or more
