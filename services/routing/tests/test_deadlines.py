from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing.domain import tickets as steps
from routing.domain.clocks import Target
from routing.domain.deadlines import fire_next, next_timer_at, timers
from routing.domain.service_levels import service_levels_in
from routing.domain.tickets import Action, Kind, Promise, Urgency
from routing.settings import RULES

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SHIPPED = (RULES / "service_levels.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "urgency", "first", "solved"),
    [
        (Kind.SERVICE, Urgency.HIGH, 15 * MINUTE, 24 * HOUR),
        (Kind.SERVICE, Urgency.NORMAL, 2 * HOUR, 24 * HOUR),
        (Kind.CALLBACK, Urgency.HIGH, 15 * MINUTE, 24 * HOUR),
        (Kind.CALLBACK, Urgency.NORMAL, 2 * HOUR, 24 * HOUR),
    ],
)
def test_deadlines_follow_from_kind_and_urgency(kind, urgency, first, solved, open_ticket):
    ticket = open_ticket(kind=kind, urgency=urgency)
    assert ticket.due[Target.FIRST_RESPONSE] - ticket.opened_at == first
    assert ticket.due[Target.RESOLUTION] - ticket.opened_at == solved


def test_an_agent_has_three_working_days_to_mend_a_fault(open_ticket, levels):
    friday = open_ticket().opened_at + timedelta(days=4)  # Friday 2026-11-06, 17:00 in Shanghai
    ticket = open_ticket(kind=Kind.RECTIFICATION, at=friday)
    assert ticket.due[Target.RESOLUTION] == friday + timedelta(days=5)  # Wednesday 17:00: the weekend does not count


def fired(ticket, levels, now):
    names, terms = [], levels.terms_of(ticket.policy_id)
    while (one := fire_next(ticket, terms, now)) is not None:
        ticket, timer = one
        names.append(timer.name)
    return ticket, names


def test_late_timers_go_off_in_order_and_once(open_ticket, levels):
    ticket, names = fired(open_ticket(), levels, open_ticket().opened_at + timedelta(days=30))
    first, diagnosis, resolution = (
        [f"{target}:0:warning:50%", f"{target}:0:warning:75%", f"{target}:0:warning:90%", f"{target}:0:breach", f"{target}:0:level:2"]
        for target in ("first_response", "diagnosis", "resolution")
    )
    assert set(names) == {*first, *diagnosis, *resolution}
    for each in (first, diagnosis, resolution):
        assert [name for name in names if name in each] == each
    assert ticket.overdue and ticket.level == 2 and next_timer_at(ticket, levels.terms_for(ticket)) is None
    assert {e.action for e in ticket.history[1:]} == {Action.DUE_SOON, Action.OVERDUE}
    assert fired(ticket, levels, ticket.opened_at + timedelta(days=60)) == (ticket, [])


def test_a_warning_does_not_make_a_ticket_overdue(open_ticket, levels):
    ticket, names = fired(open_ticket(), levels, open_ticket().opened_at + 61 * MINUTE)
    assert names == ["first_response:0:warning:50%"] and not ticket.overdue


def test_who_answered_in_time_hears_nothing_of_the_first_response(open_ticket, levels):
    ticket = open_ticket()
    terms = levels.terms_for(ticket)
    ticket = steps.start(steps.assign(ticket, "wang", "chief", ticket.opened_at), terms, "wang", ticket.opened_at + MINUTE)
    assert {t.deadline for t in timers(ticket, terms)} == {"diagnosis", "resolution"}


def test_a_resolved_ticket_has_no_timers_and_a_reopened_one_those_it_has_not_had(open_ticket, levels):
    ticket = open_ticket()
    terms, at = levels.terms_for(ticket), ticket.opened_at + HOUR
    ticket = steps.resolve(steps.start(steps.assign(ticket, "wang", "c", at), terms, "wang", at), terms, "好了", "wang", at)
    assert next_timer_at(ticket, terms) is None
    again = steps.reopen(ticket, terms, "c", at + timedelta(days=31), "又断了")
    assert {t.deadline for t in timers(again, terms)} == {"resolution"}
    assert timers(again, terms)[0].at == at + timedelta(days=31) + 11 * HOUR


def test_a_promise_that_runs_out_unkept_is_named_and_makes_the_matter_urgent(open_ticket, levels):
    ticket = open_ticket()
    ticket = replace(ticket, promises=(Promise("p1", "工程师上门检修", ticket.opened_at + 10 * MINUTE),))
    after, names = fired(ticket, levels, ticket.opened_at + 10 * MINUTE)
    assert names == ["overdue:promise:p1"]
    assert "broken_promise" in after.causes and after.urgency is Urgency.HIGH and after.overdue
    assert "工程师上门检修" in after.history[-1].note


def test_a_promise_that_had_run_out_before_the_ticket_was_opened_has_no_timer(open_ticket, levels):
    ticket = open_ticket()
    ticket = replace(ticket, promises=(Promise("p1", "回电", ticket.opened_at - HOUR), Promise("p2", "尽快处理", None)))
    assert not [t for t in timers(ticket, levels.terms_for(ticket)) if t.deadline == "promise"]


def test_a_promise_that_runs_out_at_night_is_told_in_the_morning_where_nobody_works_at_night(open_ticket, levels):
    ticket = open_ticket(kind=Kind.RECTIFICATION)  # Monday 17:00 in Shanghai
    ticket = replace(ticket, promises=(Promise("p1", "回电", ticket.opened_at + 9 * HOUR),))
    (timer,) = [t for t in timers(ticket, levels.terms_for(ticket)) if t.deadline == "promise"]
    assert timer.at == ticket.opened_at + 16 * HOUR


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.integers(0, 60 * 60), min_size=1, max_size=20))
def test_however_rarely_one_looks_the_same_timers_go_off_in_the_same_order(looks, open_ticket, levels):
    ticket = open_ticket()
    ticket = replace(ticket, promises=(Promise("p1", "回电", ticket.opened_at + 5 * HOUR),))
    seen = []
    for minutes in sorted(looks):
        ticket, names = fired(ticket, levels, ticket.opened_at + minutes * MINUTE)
        seen += names
    _, at_once = fired(replace(open_ticket(), promises=ticket.promises), levels, ticket.opened_at + max(looks) * MINUTE)
    assert seen == at_once and len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda text: text.replace("[0.5, 0.75, 0.9]", "[0.5, 1.5]"), "policies[0].warn_at"),
        (lambda text: text.replace("first_response: 15m, next_response: 2h", "first_response: 25h, next_response: 2h"), "policies[2].allowed"),
        (lambda text: text.replace("24h}", "0h}"), "policies[2].allowed.resolution"),
        (lambda text: text.replace("kinds: [callback]}", "kinds: [visit]}"), "policies[3].when.kinds"),
        (lambda text: text.replace("id: normal", "id: fault"), "policies"),
        (lambda text: text.replace("calendar: office", "calendar: holiday"), "policies[0].calendar"),
        (lambda text: text.replace("mon-fri", "mon-xyz"), "calendars.office.weekly.mon-xyz"),
        (lambda text: text.replace('["09:00-12:00", "13:30-18:00"]', "[]"), "calendars.office.weekly"),
        (lambda text: text.replace("zone: Asia/Shanghai", "zone: Asia/Nowhere"), "calendars.always.zone"),
        (lambda text: text.replace("when: {types: [故障]}", "when: {}"), "policies[6].when"),
        (lambda text: text.replace("holidays: china", "holidays: mars"), "calendars.office.holidays"),
        (lambda text: text.replace("version:", "verison:"), "source.verison"),
        (lambda text: "{", "source"),
    ],
)
def test_service_levels_that_make_no_sense_are_refused_by_name(change, field):
    with pytest.raises(InvalidInput) as raised:
        service_levels_in(change(SHIPPED))
    assert raised.value.field == field


def test_the_shipped_office_knows_the_holidays_and_the_days_worked_instead(levels):
    days = levels.calendars["office"].days
    assert days and any(days.values()) and not all(days.values())
