from datetime import timedelta

import pytest
from chassis.errors import InvalidInput, NotAllowedNow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing.domain import tickets as steps
from routing.domain.clocks import Target
from routing.domain.deadlines import fire_next
from routing.domain.tickets import STEPS, Action, State, replayed


def walked(ticket, *names, levels):
    at = ticket.opened_at
    for number, name in enumerate(names, 1):
        ticket = STEP[name](ticket, at + timedelta(minutes=number), levels)
    return ticket


STEP = {
    "assign": lambda t, at, levels: steps.assign(t, "wang", "chief", at),
    "start": lambda t, at, levels: steps.start(t, levels.terms_for(t), "wang", at),
    "escalate": lambda t, at, levels: steps.escalate(t, levels.terms_for(t), "wang", at, "需要二线专家"),
    "wait": lambda t, at, levels: steps.wait(t, levels.terms_for(t), "wang", at, "等客户提供照片"),
    "resume": lambda t, at, levels: steps.resume(t, levels.terms_for(t), "wang", at),
    "answer": lambda t, at, levels: steps.answer(t, levels.terms_for(t), "wang", at, "已回电"),
    "customer": lambda t, at, levels: steps.customer_said(t, levels.terms_for(t), "gateway", at, "照片发过来了"),
    "diagnose": lambda t, at, levels: steps.diagnose(t, levels.terms_for(t), "wang", at, "光猫故障"),
    "resolve": lambda t, at, levels: steps.resolve(t, levels.terms_for(t), "更换光猫后恢复", "wang", at),
    "close": lambda t, at, levels: steps.close(t, "chief", at),
    "reopen": lambda t, at, levels: steps.reopen(t, levels.terms_for(t), "chief", at, "又断了"),
    "comment": lambda t, at, levels: steps.comment(t, "wang", at, "已联系客户"),
    "fire": lambda t, at, levels: (fire_next(t, levels.terms_for(t), at + timedelta(days=9)) or (t, None))[0],
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.sampled_from(sorted(STEP)), max_size=25))
def test_whatever_is_tried_no_illegal_state_is_reached_and_the_history_replays_to_the_state(names, open_ticket, levels):
    ticket = open_ticket()
    for number, name in enumerate(names, 1):
        before = ticket
        try:
            ticket = STEP[name](ticket, ticket.opened_at + timedelta(minutes=number), levels)
        except NotAllowedNow:
            assert ticket is before
            continue
        if ticket is before:
            assert name == "fire"
            continue
        assert ticket.version == before.version + 1
        assert ticket.history[:-1] == before.history
        last = ticket.history[-1]
        if last.action in STEPS:
            allowed, to = STEPS[last.action]
            assert before.state in allowed and ticket.state is to
        else:
            assert ticket.state is before.state
        assert replayed(ticket.history) is ticket.state
        assert bool(ticket.assignee) is (ticket.state is not State.OPEN)
        assert (ticket.resolved_at is not None) is (ticket.state in (State.RESOLVED, State.CLOSED))


def test_a_ticket_goes_all_the_way_and_the_history_says_who_did_what(open_ticket, levels):
    ticket = walked(open_ticket(), "assign", "start", "resolve", "close", levels=levels)
    assert ticket.state is State.CLOSED
    assert [(e.by, e.action.value, e.to_state.value) for e in ticket.history] == [
        ("system", "opened", "open"),
        ("chief", "assigned", "assigned"),
        ("wang", "started", "in_progress"),
        ("wang", "resolved", "resolved"),
        ("chief", "closed", "closed"),
    ]
    assert ticket.history[3].note == "更换光猫后恢复"


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ((), "start"), ((), "resolve"), ((), "close"), ((), "reopen"),
        (("assign",), "resolve"), (("assign",), "close"), (("assign",), "reopen"),
        (("assign", "start"), "close"), (("assign", "start"), "start"),
        (("assign", "start", "resolve"), "assign"), (("assign", "start", "resolve"), "escalate"),
        (("assign", "start", "resolve", "close"), "close"), (("assign", "start", "resolve", "close"), "start"),
    ],
)
def test_an_illegal_step_is_refused_with_the_state_that_forbids_it(before, name, open_ticket, levels):
    ticket = walked(open_ticket(), *before, levels=levels)
    with pytest.raises(NotAllowedNow, match=ticket.state.value):
        walked(ticket, name, levels=levels)


def test_escalating_hands_the_ticket_over_and_is_possible_once(open_ticket, levels):
    ticket = walked(open_ticket(), "assign", "start", "escalate", levels=levels)
    assert (ticket.state, ticket.line, ticket.assignee) == (State.OPEN, 2, "")
    with pytest.raises(NotAllowedNow, match="second line"):
        walked(ticket, "escalate", levels=levels)


@pytest.mark.parametrize("closed", [False, True])
def test_a_reopened_ticket_is_open_again_and_goes_on_with_the_time_it_had_used(closed, open_ticket, levels):
    ticket = walked(open_ticket(), "assign", "start", "resolve", *(["close"] if closed else []), levels=levels)
    later = ticket.opened_at + timedelta(days=1)
    again = steps.reopen(ticket, levels.terms_for(ticket), "chief", later, "又断了")
    assert (again.state, again.assignee, again.resolved_at, again.closed_at) == (State.OPEN, "", None, None)
    assert again.due[Target.RESOLUTION] == later + again.allowed[Target.RESOLUTION] - timedelta(minutes=3)
    assert again.first_responded_at == ticket.first_responded_at
    assert "更换光猫后恢复" in [e.note for e in again.history]


def test_the_first_start_is_the_first_response_and_a_second_one_does_not_move_it(open_ticket, levels):
    ticket = walked(open_ticket(), "assign", "start", levels=levels)
    again = walked(walked(ticket, "assign", levels=levels), "start", levels=levels)
    assert again.first_responded_at == ticket.first_responded_at == ticket.opened_at + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (lambda t: steps.assign(t, " ", "chief", t.opened_at), "assignee"),
        (lambda t: steps.escalate(t, None, "wang", t.opened_at, ""), "note"),
        (lambda t: steps.comment(t, "wang", t.opened_at, "x" * 2001), "note"),
        (lambda t: steps.assign(t, "wang", "chief", t.opened_at, "x" * 2001), "note"),
    ],
)
def test_words_that_are_missing_or_too_long_are_named(step, field, open_ticket):
    with pytest.raises(InvalidInput) as raised:
        step(open_ticket())
    assert raised.value.field == field


def test_a_full_history_takes_no_more_comments(open_ticket, monkeypatch):
    monkeypatch.setattr(steps, "MAX_HISTORY", 3)
    ticket = open_ticket()
    for _ in range(2):
        ticket = steps.comment(ticket, "wang", ticket.opened_at, "跟进")
    with pytest.raises(NotAllowedNow, match="at most 3"):
        steps.comment(ticket, "wang", ticket.opened_at, "跟进")


def test_a_history_that_does_not_hang_together_is_not_replayed(open_ticket, levels):
    ticket = walked(open_ticket(), "assign", "start", levels=levels)
    with pytest.raises(ValueError, match="starts from"):
        replayed(ticket.history[:1] + ticket.history[2:])
    with pytest.raises(ValueError, match="never opened"):
        replayed(())


def test_only_the_known_actions_change_the_state():
    told = {
        Action.UPDATED, Action.FILLED, Action.CHECKED, Action.WATCHED, Action.UNWATCHED, Action.ATTACHED, Action.DETACHED,
        Action.COMMENTED, Action.ANSWERED, Action.CUSTOMER_SAID, Action.DIAGNOSED, Action.TERMS_CHANGED, Action.DUE_SOON, Action.OVERDUE,
    }
    assert {a for a in Action if a not in STEPS} == told | {Action.OPENED}


def test_a_ticket_that_waits_for_the_customer_has_no_deadline_and_goes_on_when_he_answers(open_ticket, levels):
    ticket = walked(open_ticket(), "assign", "start", "wait", levels=levels)
    assert ticket.state is State.WAITING and Target.RESOLUTION not in ticket.due
    again = STEP["customer"](ticket, ticket.opened_at + timedelta(days=5), levels)
    assert again.state is State.IN_PROGRESS
    assert again.due[Target.RESOLUTION] == ticket.opened_at + timedelta(days=5) + again.allowed[Target.RESOLUTION] - timedelta(minutes=3)
    assert again.due[Target.NEXT_RESPONSE] == ticket.opened_at + timedelta(days=5) + again.allowed[Target.NEXT_RESPONSE]


def test_other_terms_keep_the_time_used_and_say_so_in_the_history(open_ticket, levels):
    ticket = open_ticket()
    old, new = levels.terms_for(ticket), levels.terms_of("high")
    moved = steps.under_terms(ticket, old, new, "2027", ticket.opened_at + timedelta(hours=1))
    assert moved.due[Target.RESOLUTION] == ticket.opened_at + timedelta(hours=24)
    assert moved.clocks[Target.FIRST_RESPONSE].used == timedelta(hours=1)
    assert (moved.history[-1].action, moved.policy_id, moved.levels_version) == (Action.TERMS_CHANGED, "high", "2027")
