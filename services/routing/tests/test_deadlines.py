from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing.domain import tickets as steps
from routing.domain.deadlines import fire_next, next_timer_at, service_levels_in, timers
from routing.domain.tickets import Action, Kind, Promise, Urgency
from routing.settings import RULES

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("kind", "urgency", "first", "solved"),
    [
        (Kind.SERVICE, Urgency.HIGH, 15 * MINUTE, 24 * HOUR),
        (Kind.SERVICE, Urgency.NORMAL, 2 * HOUR, 48 * HOUR),
        (Kind.CALLBACK, Urgency.HIGH, 15 * MINUTE, 24 * HOUR),
        (Kind.CALLBACK, Urgency.NORMAL, 2 * HOUR, 24 * HOUR),
        (Kind.RECTIFICATION, Urgency.NORMAL, 24 * HOUR, 72 * HOUR),
    ],
)
def test_deadlines_follow_from_kind_and_urgency(kind, urgency, first, solved, open_ticket):
    ticket = open_ticket(kind=kind, urgency=urgency)
    assert ticket.deadlines.first_response - ticket.opened_at == first
    assert ticket.deadlines.resolution - ticket.opened_at == solved
    assert ticket.deadlines.first_response_warning - ticket.opened_at == first * 0.75


def fired(ticket, now):
    names = []
    while (one := fire_next(ticket, now)) is not None:
        ticket, timer = one
        names.append(timer.name)
    return ticket, names


def test_late_timers_go_off_in_order_and_once(open_ticket):
    ticket, names = fired(open_ticket(), open_ticket().opened_at + timedelta(days=30))
    assert names == ["due_soon:first_response", "overdue:first_response", "due_soon:resolution", "overdue:resolution"]
    assert ticket.overdue and next_timer_at(ticket) is None
    assert [e.action for e in ticket.history[1:]] == [Action.DUE_SOON, Action.OVERDUE, Action.DUE_SOON, Action.OVERDUE]
    assert fired(ticket, ticket.opened_at + timedelta(days=60)) == (ticket, [])


def test_a_warning_does_not_make_a_ticket_overdue(open_ticket):
    ticket, names = fired(open_ticket(), open_ticket().opened_at + 100 * MINUTE)
    assert names == ["due_soon:first_response"] and not ticket.overdue


def test_who_answered_in_time_hears_nothing_of_the_first_response(open_ticket):
    ticket = open_ticket()
    ticket = steps.start(steps.assign(ticket, "wang", "chief", ticket.opened_at), "wang", ticket.opened_at + MINUTE)
    assert [t.name for t in timers(ticket)] == ["due_soon:resolution", "overdue:resolution"]


def test_a_resolved_ticket_has_no_timers_and_a_reopened_one_has_them_again(open_ticket, levels):
    ticket, _ = fired(open_ticket(), open_ticket().opened_at + timedelta(days=30))
    at = ticket.opened_at + timedelta(days=31)
    ticket = steps.resolve(steps.start(steps.assign(ticket, "wang", "c", at), "wang", at), "好了", "wang", at)
    assert next_timer_at(ticket) is None
    again = steps.reopen(ticket, levels.deadlines(ticket.kind, ticket.urgency, at), "c", at, "又断了")
    assert [t.name for t in timers(again)] == ["due_soon:resolution", "overdue:resolution"]


def test_a_promise_that_runs_out_unkept_is_named_and_makes_the_matter_urgent(open_ticket):
    ticket = open_ticket()
    ticket = replace(ticket, promises=(Promise("p1", "工程师上门检修", ticket.opened_at + HOUR),))
    after, names = fired(ticket, ticket.opened_at + HOUR)
    assert names == ["overdue:promise:p1"]
    assert "broken_promise" in after.causes and after.urgency is Urgency.HIGH and after.overdue
    assert "工程师上门检修" in after.history[-1].note


def test_a_promise_that_had_run_out_before_the_ticket_was_opened_has_no_timer(open_ticket):
    ticket = open_ticket()
    ticket = replace(ticket, promises=(Promise("p1", "回电", ticket.opened_at - HOUR), Promise("p2", "尽快处理", None)))
    assert not [t for t in timers(ticket) if t.deadline == "promise"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.integers(0, 60 * 60), min_size=1, max_size=20))
def test_however_rarely_one_looks_the_same_timers_go_off_in_the_same_order(looks, open_ticket):
    ticket = open_ticket()
    ticket = replace(ticket, promises=(Promise("p1", "回电", ticket.opened_at + 5 * HOUR),))
    seen = []
    for minutes in sorted(looks):
        ticket, names = fired(ticket, ticket.opened_at + minutes * MINUTE)
        seen += names
    _, at_once = fired(replace(open_ticket(), promises=ticket.promises), ticket.opened_at + max(looks) * MINUTE)
    assert seen == at_once and len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda text: text.replace("warn_at: 0.75", "warn_at: 1.5"), "warn_at"),
        (lambda text: text.replace("callback:", "callbacks:"), "callback"),
        (lambda text: text.replace("first_response_minutes: 15, resolution_minutes: 1440", "first_response_minutes: 15, resolution_minutes: 1", 1),
         "kinds.service.high"),
    ],
)
def test_service_levels_that_make_no_sense_are_refused_by_name(change, field):
    with pytest.raises(InvalidInput) as raised:
        service_levels_in(change((RULES / "service_levels.yaml").read_text("utf-8")))
    assert raised.value.field == field
