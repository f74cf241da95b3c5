import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from chassis.errors import InvalidInput
from routing.domain.calendars import Period, WorkingCalendar, around_the_clock
from routing.domain.clocks import Clocks, Policy, Target, alarms, gone_off
from sla_oracle import disagreements

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE_TO_SIX = (Period(9 * 60, 18 * 60),)
SPLIT = (Period(8 * 60, 12 * 60), Period(13 * 60 + 30, 18 * 60))
OFFICE = WorkingCalendar("office", "工作日", "Asia/Shanghai", (NINE_TO_SIX,) * 5 + ((), ()))
ALWAYS = around_the_clock()
CASES = int(os.environ.get("MINGJIAN_SLA_CASES", "4000"))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def policy(**allowed: float) -> Policy:
    return Policy("p", "1", {Target(name): hours(amount) for name, amount in allowed.items()})


def due(clocks: Clocks, given: Policy, target: Target, calendar: WorkingCalendar = OFFICE) -> datetime | None:
    return clocks[target].due_at(given.allowed.get(target), calendar)


MONDAY = at("09-07 09:00")


def test_interval_arithmetic_agrees_with_counting_minute_by_minute():
    each = 100
    found = [line for seed in range(CASES // each) for line in disagreements(seed, each)]
    assert found == []


# One test for each report about clocks that are wrong elsewhere.


def test_zammad_5177_a_shorter_next_response_does_not_overrule_the_first_response():
    given = policy(first_response=4, next_response=1)
    clocks = Clocks().opened(MONDAY)
    assert due(clocks, given, Target.FIRST_RESPONSE) == at("09-07 13:00")
    assert due(clocks, given, Target.NEXT_RESPONSE) is None
    assert {alarm.target for alarm in alarms(clocks, given, OFFICE)} == {Target.FIRST_RESPONSE}
    still = clocks.customer_said(at("09-07 09:30"), OFFICE)  # a second message before the first answer changes nothing
    assert alarms(still, given, OFFICE) == alarms(clocks, given, OFFICE)


def test_zammad_3140_what_was_answered_does_not_escalate():
    given = policy(first_response=1, next_response=1)
    clocks = Clocks().opened(MONDAY).answered(at("09-07 09:20"), OFFICE)
    clocks = clocks.customer_said(at("09-07 10:00"), OFFICE).answered(at("09-07 10:10"), OFFICE)
    assert alarms(clocks, given, OFFICE) == ()


def test_zammad_1322_a_customers_note_restarts_the_clock_while_we_wait_for_him():
    given = policy(first_response=1, next_response=2, resolution=8)
    clocks = Clocks().opened(MONDAY).answered(at("09-07 09:20"), OFFICE).waits_for_customer(at("09-07 10:00"), OFFICE)
    assert alarms(clocks, given, OFFICE) == ()
    clocks = clocks.customer_said(at("09-08 11:00"), OFFICE)
    assert due(clocks, given, Target.NEXT_RESPONSE) == at("09-08 13:00")
    assert due(clocks, given, Target.RESOLUTION) == at("09-08 18:00")  # one of eight hours was used


def test_zammad_4432_nothing_goes_off_at_midnight_or_on_a_weekend():
    given = policy(first_response=2, resolution=20)
    friday = at("09-11 17:00")
    for alarm in alarms(Clocks().opened(friday), given, OFFICE):
        local = alarm.at.astimezone(SHANGHAI)
        assert local.weekday() < 5, alarm
        assert 9 <= local.hour < 18 or (local.hour, local.minute) == (18, 0), alarm


def test_zammad_2157_what_has_come_due_unnoticed_is_told_in_the_morning_and_not_at_two_in_the_night():
    long, short = policy(resolution=40), policy(resolution=4)
    clocks = Clocks().opened(MONDAY)
    night = at("09-08 02:00")
    clocks = clocks.moved(night, OFFICE).under(short, night, OFFICE)  # nine hours are used, four allowed
    assert min(alarm.at for alarm in alarms(clocks, short, OFFICE)) == at("09-08 09:00")
    assert alarms(Clocks().opened(MONDAY), long, OFFICE)[0].at == at("09-09 11:00")


def test_zammad_390_twelve_hours_a_day_make_four_days_of_forty_eight_and_holidays_are_left_out():
    twelve = (Period(9 * 60, 21 * 60),)
    days = {at(f"11-{day} 00:00").date(): () for day in (11, 13)}
    given = policy(resolution=48)
    opened = Clocks().opened(at("11-09 23:00"))
    assert due(opened, given, Target.RESOLUTION, WorkingCalendar("a", "a", "Asia/Shanghai", (twelve,) * 7)) == at("11-13 21:00")
    assert due(opened, given, Target.RESOLUTION, WorkingCalendar("a", "a", "Asia/Shanghai", (twelve,) * 7, days)) == at("11-15 21:00")


def test_chatwoot_10178_nothing_runs_on_after_it_is_resolved_whoever_had_the_last_word():
    given = policy(first_response=1, next_response=1)
    clocks = Clocks().opened(MONDAY).answered(at("09-07 09:10"), OFFICE)
    clocks = clocks.customer_said(at("09-07 09:30"), OFFICE).resolved(at("09-07 09:40"), OFFICE)
    assert alarms(clocks, given, OFFICE) == ()
    assert alarms(clocks.customer_said(at("09-07 09:45"), OFFICE), given, OFFICE) == ()  # an eternal goodbye


def test_chatwoot_14009_several_periods_a_day_leave_the_midday_break_out():
    split = WorkingCalendar("split", "早晚班", "Asia/Shanghai", (SPLIT,) * 7)
    given = policy(first_response=1)
    assert due(Clocks().opened(at("09-07 12:30")), given, Target.FIRST_RESPONSE, split) == at("09-07 14:30")
    assert due(Clocks().opened(at("09-07 11:30")), given, Target.FIRST_RESPONSE, split) == at("09-07 14:00")


def test_chatwoot_13392_a_breach_is_reckoned_in_business_hours():
    nine_to_five = WorkingCalendar("5x8", "5x8", "Asia/Shanghai", ((Period(540, 1020),),) * 5 + ((), ()))
    clocks, given = Clocks().opened(at("09-11 16:30")), policy(first_response=1)
    assert due(clocks, given, Target.FIRST_RESPONSE, nine_to_five) == at("09-14 09:30")
    breach = next(alarm for alarm in alarms(clocks, given, nine_to_five) if alarm.level == 1)
    assert gone_off(clocks, breach)[Target.FIRST_RESPONSE].breached_at == at("09-14 09:30")


def test_chatwoot_11057_the_time_used_that_is_written_out_is_working_time():
    clocks = Clocks().opened(at("09-11 17:00")).answered(at("09-14 10:00"), OFFICE)
    assert clocks[Target.FIRST_RESPONSE].used == hours(2)
    assert Clocks().opened(at("09-11 17:00")).answered(at("09-14 10:00"), ALWAYS)[Target.FIRST_RESPONSE].used == hours(65)


# What else must be true of it.


def test_pauses_add_up_over_any_number_of_stops_and_reopenings():
    given, clocks = policy(resolution=8), Clocks().opened(MONDAY)
    for day in range(8, 12):
        clocks = clocks.waits_for_customer(at(f"09-{day:02} 10:00"), ALWAYS).resumed(at(f"09-{day:02} 16:00"))
    clocks = clocks.resolved(at("09-11 17:00"), ALWAYS)
    used = clocks[Target.RESOLUTION].used
    assert used == (at("09-11 17:00") - MONDAY) - 4 * hours(6)
    again = clocks.reopened(at("09-20 09:00"))
    assert again[Target.RESOLUTION].used_by(at("09-20 10:00"), ALWAYS) == used + hours(1)
    assert due(again, given, Target.RESOLUTION, ALWAYS) == at("09-20 09:00")  # nothing was left of the eight hours


def test_another_policy_keeps_the_time_used_and_may_warn_again_at_its_own_limits():
    clocks, old, new = Clocks().opened(MONDAY), policy(resolution=4), policy(resolution=8)
    for alarm in alarms(clocks, old, OFFICE):
        clocks = gone_off(clocks, alarm)
    five = at("09-07 14:00")
    clocks = clocks.under(new, five, OFFICE)
    assert due(clocks, new, Target.RESOLUTION) == at("09-07 17:00") + hours(0)
    assert [(a.share, a.level) for a in alarms(clocks, new, OFFICE)] == [(0.75, 0), (0.9, 0), (1.0, 1)]
    assert clocks[Target.RESOLUTION].breached_at is None


def test_another_calendar_keeps_what_was_used_by_the_old_one():
    clocks = Clocks().opened(MONDAY).moved(at("09-07 18:00"), OFFICE)
    assert clocks[Target.RESOLUTION].used == hours(9)
    assert due(clocks, policy(resolution=10), Target.RESOLUTION, ALWAYS) == at("09-07 19:00")


def test_a_policy_that_comes_later_finds_the_time_already_used():
    assert due(Clocks().opened(MONDAY), policy(diagnosis=1), Target.DIAGNOSIS) == at("09-07 10:00")


def test_warnings_the_breach_and_each_level_go_off_once_and_in_order():
    given = Policy("p", "1", {Target.RESOLUTION: hours(4)}, escalate_after=(hours(1), hours(9)))
    clocks, told = Clocks().opened(MONDAY), []
    while pending := alarms(clocks, given, OFFICE):
        clocks = gone_off(clocks, pending[0])
        told.append((pending[0].share, pending[0].level, pending[0].at))
    assert told == [
        (0.5, 0, at("09-07 11:00")), (0.75, 0, at("09-07 12:00")), (0.9, 0, at("09-07 12:36")), (1.0, 1, at("09-07 13:00")),
        (1.0, 2, at("09-07 14:00")), (1.0, 3, at("09-08 13:00")),
    ]


def test_each_next_response_has_its_own_warnings():
    given, clocks = policy(next_response=1), Clocks().opened(MONDAY).answered(MONDAY + hours(0.1), OFFICE)
    clocks = clocks.customer_said(at("09-07 10:00"), OFFICE)
    for alarm in alarms(clocks, given, OFFICE):
        clocks = gone_off(clocks, alarm)
    clocks = clocks.answered(at("09-07 13:00"), OFFICE).customer_said(at("09-07 14:00"), OFFICE)
    assert [alarm.at for alarm in alarms(clocks, given, OFFICE)][-1] == at("09-07 15:00")


def test_a_second_message_before_the_answer_gives_no_more_time():
    given, clocks = policy(next_response=1), Clocks().opened(MONDAY).answered(at("09-07 09:10"), OFFICE)
    clocks = clocks.customer_said(at("09-07 10:00"), OFFICE).customer_said(at("09-07 10:50"), OFFICE)
    assert due(clocks, given, Target.NEXT_RESPONSE) == at("09-07 11:00")


def test_a_clock_set_back_takes_no_time_away():
    clocks = Clocks().opened(MONDAY).waits_for_customer(at("09-07 08:00"), ALWAYS).resumed(at("09-07 07:00"))
    assert clocks[Target.RESOLUTION].used == timedelta(0)


@pytest.mark.parametrize(
    ("made", "field"),
    [
        ({"allowed": {Target.RESOLUTION: timedelta(0)}}, "allowed.resolution"),
        ({"allowed": {}, "warn_at": (0.9, 0.5)}, "warn_at"),
        ({"allowed": {}, "warn_at": (1.5,)}, "warn_at"),
        ({"allowed": {}, "escalate_after": (hours(2), hours(1))}, "escalate_after"),
    ],
)
def test_what_is_no_policy_is_refused_by_the_fields_name(made, field):
    with pytest.raises(InvalidInput) as refused:
        Policy("p", "1", **made)
    assert refused.value.field == field
