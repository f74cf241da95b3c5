from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import NotFound, Stale
from chassis.ids import derived_id, new_id
from routing.app import Page, Routing, TicketFilter, Who
from routing.app_intake import Intake, Matter
from routing.domain.clocks import Target
from routing.domain.opening import Contact, Scored
from routing.domain.tickets import Action, Promise, State, Urgency

CHIEF = Who("t1", "chief")
CONTACT = Contact("t1", "i1", agent_id="A1", product="宽带", industry="telecom")


class DictTickets:
    """Tickets in a dict, with what was told of them in a list."""

    def __init__(self):
        self.by_key, self.told, self.races = {}, [], []

    async def add(self, ticket, timer_at):
        key = ticket.tenant, ticket.ticket_id
        if key in self.by_key:
            return self.by_key[key], False
        self.by_key[key] = ticket
        self.told.append((Action.OPENED, ""))
        return ticket, True

    async def get(self, tenant, ticket_id):
        try:
            return self.by_key[tenant, ticket_id]
        except KeyError:
            raise NotFound(ticket_id) from None

    async def change(self, before, after, timer_at, happened):
        key = before.tenant, before.ticket_id
        if self.races:
            self.by_key[key] = self.races.pop()(self.by_key[key])
        if self.by_key[key].version != before.version:
            raise Stale(before.ticket_id)
        self.by_key[key] = after
        self.told += [(h.action, h.deadline) for h in happened]

    async def page(self, tenant, narrowed, size, token):
        return Page((), narrowed.visible_to)

    async def due(self, now, limit):
        return list(self.by_key.values())[:limit]

    async def of_version(self, tenant, levels_version, limit):
        return [t for t in self.by_key.values() if t.levels_version == levels_version][:limit]


class DictWaiting:
    """What waits, in a dict."""

    def __init__(self):
        self.watched = {}

    async def watch(self, watched):
        self.watched.setdefault(self.key(watched), watched)

    async def scored(self, contact):
        self.watched = {key: w for key, w in self.watched.items() if w.promise or w.contact.interaction_id != contact.interaction_id}

    async def to_settle(self, now, limit):
        return [w for w in self.watched.values() if w.settle_at <= now][:limit]

    async def settled(self, watched):
        del self.watched[self.key(watched)]

    def key(self, watched):
        return watched.promise.promise_id if watched.promise else (watched.contact.interaction_id, watched.alert)


class DictMatters:
    """Customers' matters in a dict."""

    def __init__(self):
        self.by_key = {}

    async def get(self, key):
        return self.by_key.get(key, Matter(key))

    async def keep(self, matter):
        self.by_key[matter.key] = matter


@pytest.fixture
def routing(rule_table, book, clock):
    return Routing(DictTickets(), rule_table, book, clock, new_id, derived_id)


@pytest.fixture
def intake(routing):
    return Intake(routing, DictWaiting(), DictMatters())


async def opened_one(intake, **changes):
    await intake.on_scored(replace(Scored(CONTACT, "故障", Urgency.NORMAL, "neutral", "断网"), **changes))
    return next(iter(intake.routing.tickets.by_key.values()))


async def test_the_same_evaluation_twice_opens_one_ticket(routing, intake):
    await opened_one(intake)
    await opened_one(intake)
    assert len(routing.tickets.by_key) == 1 and routing.tickets.told == [(Action.OPENED, "")]


async def test_the_tickets_of_one_contact_open_in_a_fixed_order(routing, intake):
    await opened_one(intake, type="投诉", customer_emotion="angry")
    kinds = [t.kind.value for t in sorted(routing.tickets.by_key.values(), key=lambda t: t.opened_at, reverse=True)]
    assert kinds == ["service", "callback"]


async def test_a_stale_version_is_refused_with_the_current_one(routing, intake):
    ticket = await opened_one(intake)
    await routing.comment(CHIEF, ticket.ticket_id, 1, "已联系")
    with pytest.raises(Stale, match="current version is 2, not 1"):
        await routing.assign(CHIEF, ticket.ticket_id, 1, "wang", "")


async def test_who_names_no_version_wins_over_a_race_and_who_names_one_does_not(routing, intake):
    ticket = await opened_one(intake)
    faster = lambda t: replace(t, version=t.version + 1)  # noqa: E731
    routing.tickets.races = [faster]
    assert (await routing.assign(CHIEF, ticket.ticket_id, 0, "wang", "")).version == 3
    routing.tickets.races = [faster]
    with pytest.raises(Stale, match="current version is 4, not 3"):
        await routing.start(CHIEF, ticket.ticket_id, 3, "")


async def test_a_promise_waits_for_the_evaluation_and_then_has_a_ticket(routing, intake, clock):
    promise = Promise("p1", "回电", clock.at + timedelta(hours=2))
    for _ in range(2):
        await intake.on_promise(CONTACT, promise)
    assert await intake.settle() == 0
    clock.move(timedelta(seconds=6))
    assert await intake.settle() == 1
    (ticket,) = routing.tickets.by_key.values()
    assert ticket.causes == ("promise",) and ticket.promises == (promise,)


async def test_a_promise_joins_the_ticket_its_contact_already_has(routing, intake, clock):
    promise = Promise("p1", "师傅上门", clock.at + timedelta(hours=2))
    await opened_one(intake)
    await intake.on_promise(CONTACT, promise)
    clock.move(timedelta(seconds=6))
    await intake.settle()
    (ticket,) = routing.tickets.by_key.values()
    assert ticket.causes == ("fault", "promise") and routing.tickets.told == [(Action.OPENED, ""), (Action.COMMENTED, "")]


async def test_a_missed_deadline_is_told_once(routing, intake, clock):
    await opened_one(intake)
    clock.move(timedelta(hours=3))
    await routing.fire_due()
    await routing.fire_due()
    assert routing.tickets.told.count((Action.DUE_SOON, "first_response")) == 3
    assert routing.tickets.told.count((Action.OVERDUE, "first_response")) == 1


async def test_an_agent_sees_only_what_is_his_own(routing, intake):
    ticket = await opened_one(intake)
    assert (await routing.get(Who("t1", "a", "A1"), ticket.ticket_id)).ticket_id == ticket.ticket_id
    with pytest.raises(NotFound):
        await routing.get(Who("t1", "b", "A2"), ticket.ticket_id)
    assert (await routing.page(Who("t1", "b", "A2"), TicketFilter(), 10, "")).next_token == "A2"


async def test_another_tenants_ticket_is_not_found(routing, intake):
    ticket = await opened_one(intake)
    with pytest.raises(NotFound):
        await routing.close(Who("t2", "chief"), ticket.ticket_id, 0, "")


async def test_every_step_goes_through_and_is_told(routing, intake):
    ticket = await opened_one(intake)
    i = ticket.ticket_id
    await routing.assign(CHIEF, i, 1, "wang", "")
    await routing.escalate(CHIEF, i, 2, "需要二线")
    await routing.assign(CHIEF, i, 3, "zhao", "")
    await routing.start(CHIEF, i, 4, "")
    await routing.resolve(CHIEF, i, 5, "换了光猫", "")
    await routing.close(CHIEF, i, 6, "")
    ticket = await routing.reopen(CHIEF, i, 7, "又断了")
    assert ticket.state is State.OPEN and ticket.version == 8
    assert [a.value for a, _ in routing.tickets.told] == ["opened", "assigned", "escalated", "assigned", "started", "resolved", "closed", "reopened"]


async def test_a_broken_promise_makes_the_matter_urgent_and_its_times_shorter(routing, intake, clock):
    promise = Promise("p1", "回电", clock.at + timedelta(minutes=10))
    ticket = await opened_one(intake, type="故障", promises=(promise,))
    clock.move(timedelta(minutes=10))
    await routing.fire_due()
    after = await routing.get(CHIEF, ticket.ticket_id)
    assert (after.urgency, after.policy_id) == (Urgency.HIGH, "high")
    assert after.due[Target.FIRST_RESPONSE] == ticket.opened_at + timedelta(minutes=15)
