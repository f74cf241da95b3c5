import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import Stale
from routing.adapters.mongo_intake import MongoMatters
from routing.app import TicketFilter, Who
from routing.app_intake import Matter
from routing.domain.clocks import Target
from routing.domain.opening import Contact, Feedback, Scored
from routing.domain.tickets import Action, Kind, Promise, State, Urgency

CHIEF = Who("t1", "chief")


def contact(interaction_id, **changes):
    return Contact("t1", interaction_id, **{"agent_id": "A1", "customer_id": "C1", "product": "宽带", "industry": "telecom"} | changes)


def fault(interaction_id, **changes):
    return Scored(contact(interaction_id), "故障", Urgency.NORMAL, "neutral", "断网", **changes)


async def tickets(routing, **narrowed):
    return (await routing.page(CHIEF, TicketFilter(**narrowed), 50, "")).tickets


async def only(routing, **narrowed):
    (ticket,) = await tickets(routing, **narrowed)
    return await routing.get(CHIEF, ticket.ticket_id)


async def test_the_same_customers_matter_again_is_linked_and_not_opened_again(intake, routing, clock):
    await intake.on_scored(fault("i1"))
    clock.move(timedelta(hours=5))
    for _ in range(2):  # the second time it is the same event again
        await intake.on_scored(fault("i2"))
    ticket = await only(routing)
    assert ticket.interactions == ("i1", "i2") and "repeat_contact" in ticket.causes
    assert [e.action for e in ticket.history].count(Action.CUSTOMER_SAID) == 1
    assert (await only(routing, interaction_id="i2")).ticket_id == ticket.ticket_id


async def finish(routing, ticket):
    await routing.assign(CHIEF, ticket.ticket_id, 0, "wang", "")
    await routing.start(CHIEF, ticket.ticket_id, 0, "")
    return await routing.resolve(CHIEF, ticket.ticket_id, 0, "换了光猫", "")


async def test_a_matter_that_comes_back_after_it_was_resolved_is_taken_up_again(intake, routing, clock):
    await intake.on_scored(fault("i1"))
    await finish(routing, await only(routing))
    clock.move(timedelta(days=6))
    await intake.on_scored(fault("i2"))
    assert (await only(routing)).state is State.OPEN


async def test_after_the_window_it_is_a_new_matter(intake, routing, clock):
    await intake.on_scored(fault("i1"))
    await finish(routing, await only(routing))
    clock.move(timedelta(days=8))
    await intake.on_scored(fault("i2"))
    await intake.on_scored(fault("i3"))
    assert sorted(t.interactions for t in await tickets(routing)) == [("i1",), ("i2", "i3")]


@pytest.mark.parametrize("other", [{"customer_id": "C2"}, {"customer_id": ""}, {"product": "电视"}])
async def test_another_customer_or_another_product_is_another_matter(intake, routing, other):
    await intake.on_scored(fault("i1"))
    await intake.on_scored(replace(fault("i2"), contact=contact("i2", **other)))
    assert len(await tickets(routing)) == 2


async def test_of_two_contacts_at_the_same_moment_one_opens_and_the_other_is_linked(intake, routing):
    await asyncio.gather(*(intake.on_scored(fault(f"i{n}")) for n in range(6)))
    assert sorted((await only(routing)).interactions) == [f"i{n}" for n in range(6)]


async def test_two_writers_cannot_both_have_a_customers_matter(db):
    matters = MongoMatters(db)
    await matters.keep(Matter("k", "a", 1))
    with pytest.raises(Stale):
        await matters.keep(Matter("k", "b", 1))
    await matters.keep(Matter("k", "b", 2))
    with pytest.raises(Stale):
        await matters.keep(Matter("k", "c", 2))


async def angry(intake, interaction_id="i1"):
    await intake.on_scored(Scored(contact(interaction_id), "咨询", Urgency.NORMAL, "angry", "太差了"))


async def test_a_call_to_the_customer_answers_the_callback(intake, routing, clock):
    await angry(intake)
    clock.move(timedelta(hours=3))
    await intake.on_scored(Scored(contact("i2"), "咨询", Urgency.NORMAL, "satisfied", "", outbound=True))
    ticket = await only(routing, kind=Kind.CALLBACK)
    assert (ticket.state, ticket.interactions, ticket.history[-1].action) == (State.RESOLVED, ("i1", "i2"), Action.CALLED_BACK)
    assert ticket.clocks[Target.RESOLUTION].met_at == clock.at and not ticket.overdue


async def test_a_customer_who_is_still_angry_has_been_answered_but_not_settled(intake, routing, clock):
    await angry(intake)
    clock.move(timedelta(hours=1))
    await intake.on_scored(Scored(contact("i2"), "咨询", Urgency.NORMAL, "angry", "", outbound=True))
    ticket = next(t for t in await tickets(routing, kind=Kind.CALLBACK) if "i1" in t.interactions)
    assert ticket.state is State.OPEN and ticket.first_responded_at == clock.at


async def test_a_customer_who_calls_in_has_not_been_called_back(intake, routing, clock):
    await angry(intake)
    await intake.on_scored(Scored(contact("i2"), "咨询", Urgency.NORMAL, "neutral", ""))
    assert (await only(routing, kind=Kind.CALLBACK)).state is State.OPEN


async def test_a_complaint_that_was_handled_is_followed_up_within_three_days(intake, routing, clock):
    await intake.on_scored(Scored(contact("i1"), "投诉", Urgency.HIGH, "neutral", "扣费"))
    resolved = await finish(routing, await only(routing))
    for _ in range(2):
        await intake.on_resolved(resolved)
    followup = await only(routing, kind=Kind.CALLBACK)
    assert (followup.causes, followup.policy_id) == (("complaint_followup",), "callback-followup")
    assert followup.due[Target.RESOLUTION] == clock.at + timedelta(days=3)


async def test_an_urgent_alert_of_a_running_call_opens_its_ticket_and_the_evaluation_finds_it(intake, routing, clock):
    await intake.on_alert(contact("i1"), "complaint_keyword", "我要投诉到工信部")
    assert await tickets(routing) == ()
    clock.move(timedelta(seconds=6))
    await intake.settle()
    ticket = await only(routing)
    assert (ticket.type, ticket.urgency) == ("投诉", Urgency.HIGH)
    await intake.on_scored(Scored(contact("i1"), "投诉", Urgency.HIGH, "neutral", "扣费", urgent_alerts=True))
    assert (await only(routing)).ticket_id == ticket.ticket_id


@pytest.mark.parametrize("late", [False, True])
async def test_of_a_contact_that_was_scored_the_evaluation_alone_decides(intake, routing, clock, late):
    scored = Scored(contact("i1"), "咨询", Urgency.NORMAL, "neutral", "问一下12315", urgent_alerts=True)
    if late:
        await intake.on_scored(scored)
    await intake.on_alert(contact("i1"), "complaint_keyword", "12315")
    if not late:
        await intake.on_scored(scored)
    clock.move(timedelta(seconds=6))
    await intake.settle()
    assert await tickets(routing) == ()


@pytest.mark.parametrize(
    ("marks", "opens"), [({"csat": 2}, True), ({"csat": 3}, False), ({"nps": 6}, True), ({"nps": 7}, False), ({"solved": False}, True), ({}, False)],
)
async def test_who_gives_bad_marks_is_called_back_once(intake, routing, marks, opens):
    for _ in range(2):
        await intake.on_feedback(Feedback("f1", contact("i1"), **marks))
    assert [t.causes for t in await tickets(routing)] == [("feedback",)] * opens


async def test_what_the_customer_says_is_not_solved_is_taken_up_again(intake, routing):
    await intake.on_scored(fault("i1"))
    await finish(routing, await only(routing))
    await intake.on_feedback(Feedback("f1", contact("i1"), solved=False))
    assert (await only(routing, kind=Kind.SERVICE)).state is State.OPEN


async def test_a_promise_that_was_kept_does_not_run_out(intake, routing, clock):
    await intake.on_scored(fault("i1", promises=(Promise("p1", "师傅上门", clock.at + timedelta(minutes=10)),)))
    assert await intake.on_promise_settled(Contact("t1", "i1"), "p1", "kept") == 1
    assert await intake.on_promise_settled(Contact("t1", "i1"), "p1", "kept") == 0
    clock.move(timedelta(minutes=11))
    await routing.fire_due()
    ticket = await only(routing)
    assert "broken_promise" not in ticket.causes and ticket.promises[0].outcome == "kept"


async def test_a_broken_promise_goes_to_the_second_line(intake, routing, clock):
    await intake.on_scored(fault("i1", promises=(Promise("p1", "师傅上门", clock.at + timedelta(minutes=10)),)))
    clock.move(timedelta(minutes=11))
    await routing.fire_due()
    ticket = await only(routing)
    assert ticket.line == 2 and "broken_promise" in ticket.causes
