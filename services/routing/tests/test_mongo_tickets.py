import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput, NotFound, Stale
from chassis.ids import derived_id, new_id
from chassis.messaging import ensure_stream
from chassis.mongo import LAST, encode_page_token
from mingjian.routing.v1.events_pb2 import TicketOpened, TicketOverdue
from routing.adapters.mongo_tickets import _INDEXED, MongoTickets, due_query_for, index_name, query_for
from routing.app import Happened, Routing, TicketFilter, Who
from routing.domain import tickets as steps
from routing.domain.clocks import Target
from routing.domain.tickets import Action, Kind, Promise, State, Urgency


async def stored_events(events, stream="routing"):
    """(subject's event name, ce-id) of all that was published, in order."""
    info = await events.js.stream_info(stream)
    messages = [await events.js.get_msg(stream, seq) for seq in range(1, info.state.messages + 1)]
    return [(m.headers["ce-type"].rpartition(".")[2], m.headers["ce-id"], m.data) for m in messages]


async def added(tickets, ticket):
    """Stored, with its timer at the opening: whoever looks finds what is due."""
    return await tickets.add(ticket, ticket.opened_at)


@pytest.fixture
async def tickets(db, events):
    await ensure_stream(events, "routing")
    made = MongoTickets(db, events)
    await made.prepare()
    return made


async def test_a_ticket_comes_back_as_it_was_stored(tickets, open_ticket):
    ticket = open_ticket(agent_id="A1", customer_id="C1", product="宽带", industry="telecom")
    ticket = replace(ticket, promises=(Promise("p1", "回电", ticket.opened_at + timedelta(hours=1), "王"), Promise("p2", "尽快", None)))
    assert await added(tickets, ticket) == (ticket, True)
    assert await tickets.get("t1", ticket.ticket_id) == ticket


async def test_adding_twice_keeps_the_first_and_tells_once(tickets, open_ticket, events):
    ticket = open_ticket()
    await added(tickets, ticket)
    again = replace(ticket, title="别的")
    assert await added(tickets, again) == (ticket, False)
    told = await stored_events(events)
    assert [name for name, _, _ in told] == ["TicketOpened"]
    opened = TicketOpened.FromString(told[0][2]).ticket
    assert opened.ticket_id == ticket.ticket_id and not opened.history


async def test_a_step_is_stored_with_its_history_and_told(tickets, open_ticket, events):
    ticket = open_ticket()
    await added(tickets, ticket)
    after = steps.assign(ticket, "wang", "chief", ticket.opened_at)
    await tickets.change(ticket, after, None, [Happened(Action.ASSIGNED, after)])
    assert await tickets.get("t1", ticket.ticket_id) == after
    assert [name for name, _, _ in await stored_events(events)] == ["TicketOpened", "TicketAssigned"]


async def test_of_two_writers_one_is_refused_and_nothing_is_told_of_it(tickets, open_ticket, events):
    ticket = open_ticket()
    await added(tickets, ticket)
    one, other = (steps.assign(ticket, name, "chief", ticket.opened_at) for name in ("wang", "zhao"))
    results = await asyncio.gather(
        *(tickets.change(ticket, after, None, [Happened(Action.ASSIGNED, after)]) for after in (one, other)), return_exceptions=True
    )
    assert sorted(type(r).__name__ for r in results) == ["NoneType", "Stale"]
    assert len(await stored_events(events)) == 2
    with pytest.raises(Stale):
        await tickets.change(ticket, one, None, ())


async def test_what_is_not_there_or_another_tenants_is_not_found(tickets, open_ticket):
    ticket = open_ticket()
    await added(tickets, ticket)
    with pytest.raises(NotFound):
        await tickets.get("t1", new_id())
    with pytest.raises(NotFound):
        await tickets.get("t2", ticket.ticket_id)


async def test_events_a_crash_left_behind_are_told_by_the_sweeper(tickets, open_ticket, events, monkeypatch):
    async def die(*args):
        raise KeyboardInterrupt  # a crash between storing and publishing

    ticket = open_ticket()
    with monkeypatch.context() as patch:
        patch.setattr(tickets.outbox, "flush", die)
        with pytest.raises(KeyboardInterrupt):
            await added(tickets, ticket)
    assert await stored_events(events) == []
    assert await tickets.outbox.sweep(older_than=timedelta(0)) == 1
    assert await tickets.outbox.sweep(older_than=timedelta(0)) == 0
    assert [name for name, _, _ in await stored_events(events)] == ["TicketOpened"]


async def test_pages_show_every_ticket_once_newest_first(tickets, open_ticket):
    made = [open_ticket(at=open_ticket().opened_at + timedelta(minutes=n // 2), customer_id="C1") for n in range(7)]
    for ticket in made:
        await added(tickets, ticket)
    await added(tickets, open_ticket(tenant="t2", customer_id="C1"))
    seen, token = [], ""
    while True:
        page = await tickets.page("t1", TicketFilter(customer_id="C1"), 3, token)
        seen += [t.ticket_id for t in page.tickets]
        assert all(not t.history for t in page.tickets)
        token = page.next_token
        if not token:
            break
    assert seen == [t.ticket_id for t in sorted(made, key=lambda t: (t.opened_at, t.ticket_id), reverse=True)]


@pytest.mark.parametrize("token", ["x", "bm90IGJzb24=", "AAAA", "ICI", encode_page_token("2026"), encode_page_token(7)])
async def test_a_token_of_another_make_is_refused(tickets, token):
    with pytest.raises(InvalidInput) as raised:
        await tickets.page("t1", TicketFilter(), 10, token)
    assert raised.value.field == "page_token"


async def test_a_list_reaches_back_over_years(tickets, open_ticket):
    made = [open_ticket(at=open_ticket().opened_at - timedelta(days=days)) for days in (0, 3, 40, 700, 5000)]
    for ticket in made:
        await added(tickets, ticket)
    page = await tickets.page("t1", TicketFilter(), 10, "")
    assert [t.ticket_id for t in page.tickets] == [t.ticket_id for t in made] and page.next_token == ""


async def test_each_filter_finds_what_it_names_and_no_other(tickets, open_ticket):
    mine = open_ticket(agent_id="A1", customer_id="C1", interaction_id="i1", kind=Kind.CALLBACK)
    await added(tickets, mine)
    await added(tickets, open_ticket(agent_id="A2", customer_id="C2", interaction_id="i2"))
    after = steps.assign(mine, "wang", "chief", mine.opened_at)
    after = replace(after, overdue=True)
    await tickets.change(mine, after, None, ())
    for narrowed in (
        TicketFilter(interaction_id="i1"), TicketFilter(customer_id="C1"), TicketFilter(assignee="wang"), TicketFilter(state=State.ASSIGNED),
        TicketFilter(overdue=True), TicketFilter(kind=Kind.CALLBACK), TicketFilter(visible_to="A1"), TicketFilter(visible_to="wang"),
        TicketFilter(department="客户关怀组", state=State.ASSIGNED), TicketFilter(kind=Kind.CALLBACK, customer_id="C1", overdue=True),
        TicketFilter(customer_id="C1", visible_to="wang", state=State.ASSIGNED), TicketFilter(department="客户关怀组", kind=Kind.CALLBACK),
    ):
        page = await tickets.page("t1", narrowed, 10, "")
        assert [t.ticket_id for t in page.tickets] == [mine.ticket_id], narrowed
    assert (await tickets.page("t1", TicketFilter(customer_id="C1", state=State.OPEN), 10, "")).tickets == ()


def stages(plan):
    """Every stage of a plan, with the index it uses."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"], plan.get("indexName", "")
        for value in plan.values():
            yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


EVERY_FILTER = [
    TicketFilter(**dict(given))
    for given in (
        {}, {"interaction_id": "i"}, {"customer_id": "c"}, {"assignee": "a"}, {"assignee": "a", "state": State.OPEN}, {"visible_to": "a"},
        {"visible_to": "a", "state": State.OPEN}, {"department": "d"}, {"department": "d", "state": State.OPEN}, {"overdue": True},
        {"kind": Kind.SERVICE}, {"kind": Kind.SERVICE, "state": State.OPEN}, {"state": State.OPEN},
    )
]


def test_what_no_index_binds_is_looked_for_beyond_the_narrowest():
    equal, beyond = query_for("t1", TicketFilter(kind=Kind.CALLBACK, customer_id="C1", visible_to="A1", state=State.OPEN))
    assert equal == {"tenant": "t1", "customer_id": "C1"}
    assert beyond == {"kind": "callback", "visible_to": "A1", "state": "open"}


@pytest.mark.parametrize("narrowed", EVERY_FILTER, ids=repr)
async def test_every_list_is_a_range_of_one_index_in_its_order(tickets, db, open_ticket, narrowed):
    await added(tickets, open_ticket())
    equal, beyond = query_for("t1", narrowed)
    assert not beyond
    query = equal | {"order": {"$gte": "0", "$lt": LAST}}
    plan = await db["tickets"].find(query).sort("order", -1).limit(10).explain()
    used = list(stages(plan["queryPlanner"]["winningPlan"]))
    asked = [field for field in query if field not in ("tenant", "order")]
    assert used[-1] == ("IXSCAN", index_name(asked)), used
    assert "COLLSCAN" not in {stage for stage, _ in used}  # the embedded server sorts after any compound index; MongoDB reads in its order


@pytest.mark.parametrize("narrowed", [{}, {"assignee": "a"}, {"department": "d"}, {"kind": Kind.SERVICE}, {"visible_to": "a"}], ids=repr)
async def test_what_is_due_soonest_is_a_range_of_one_index(tickets, db, open_ticket, narrowed):
    await added(tickets, open_ticket())
    query = due_query_for("t1", TicketFilter(due_first=True, **narrowed), "")
    plan = await db["tickets"].find(query).sort("due_order", 1).limit(10).explain()
    used = list(stages(plan["queryPlanner"]["winningPlan"]))
    assert used[-1] == ("IXSCAN", "_".join(("tenant", *narrowed, "due_order"))) and "COLLSCAN" not in {stage for stage, _ in used}


async def test_the_tickets_due_soonest_come_first_page_by_page(tickets, open_ticket):
    made = [open_ticket(at=open_ticket().opened_at - timedelta(minutes=n * 7 % 5), urgency=list(Urgency)[n % 2]) for n in range(9)]
    for ticket in made:
        await added(tickets, ticket)
    done = replace(made[0], due={}, state=State.RESOLVED, version=2)
    await tickets.change(made[0], done, None, ())
    seen, token = [], ""
    while True:
        page = await tickets.page("t1", TicketFilter(due_first=True), 3, token)
        seen += [min(t.due.values()) for t in page.tickets]
        if not (token := page.next_token):
            break
    assert seen == sorted(seen) and len(seen) == 8
    with pytest.raises(InvalidInput) as refused:
        await tickets.page("t1", TicketFilter(due_first=True, customer_id="C"), 3, "")
    assert refused.value.field == "order_by"


async def test_unfinished_tickets_are_found_by_the_service_levels_they_go_by(tickets, db, open_ticket, levels):
    await added(tickets, open_ticket())
    finished = open_ticket()
    await added(tickets, finished)
    await tickets.change(finished, replace(finished, state=State.CLOSED, version=2), None, ())
    assert len(await tickets.of_version("t1", levels.version, 10)) == 1
    plan = await db["tickets"].find({"tenant": "t1", "unfinished_by": levels.version}).limit(10).explain()
    assert ("IXSCAN", "tenant_unfinished_by") in list(stages(plan["queryPlanner"]["winningPlan"]))


async def test_the_timers_are_found_by_their_index(tickets, db, open_ticket):
    await added(tickets, open_ticket())
    plan = await db["tickets"].find({"next_timer_at": {"$lte": open_ticket().opened_at}}).sort("next_timer_at", 1).limit(10).explain()
    assert ("IXSCAN", "next_timer_at") in list(stages(plan["queryPlanner"]["winningPlan"]))


def test_the_index_of_a_list_names_its_fields():
    assert index_name(("department", "state")) == "tenant_department_state_order"
    assert len({index_name(fields) for fields in _INDEXED}) == len(_INDEXED)


async def test_two_replicas_fire_a_timer_once(db, events, rule_table, book, clock, tickets, open_ticket):
    made = [open_ticket() for _ in range(20)]
    for ticket in made:
        await added(tickets, ticket)
    clock.move(timedelta(hours=3))
    replicas = [Routing(MongoTickets(db, events), rule_table, book, clock, new_id, derived_id) for _ in range(3)]
    await asyncio.gather(*(replica.fire_due() for replica in replicas))
    names = [name for name, _, _ in await stored_events(events)]
    assert names.count("TicketDueSoon") == 6 * len(made) and names.count("TicketOverdue") == 2 * len(made)  # first response and diagnosis
    for ticket in made:
        actions = [e.action.value for e in (await tickets.get("t1", ticket.ticket_id)).history]
        assert actions.count("due_soon") == 6 and actions.count("overdue") == 2


async def test_after_an_hour_down_late_timers_go_off_once_and_in_order(db, events, rule_table, book, clock, tickets, open_ticket):
    for minutes in (30, 0, 15):
        await added(tickets, open_ticket(at=clock.at + timedelta(minutes=minutes), interaction_id=f"i{minutes:02}"))
    clock.move(timedelta(hours=3))
    again = Routing(MongoTickets(db, events), rule_table, book, clock, new_id, derived_id)  # a new process finds it all stored
    assert await again.fire_due() == 3
    assert await again.fire_due() == 0
    missed = [TicketOverdue.FromString(data) for name, _, data in await stored_events(events) if name == "TicketOverdue"]
    assert [told.ticket.interaction_id for told in missed if told.deadline == "first_response"] == ["i00", "i15", "i30"]


async def test_a_ticket_stored_before_there_were_clocks_can_still_be_worked_on(db, events, departments, book, clock, tickets, open_ticket):
    ticket = open_ticket(interaction_id="i1")
    await added(tickets, ticket)
    newer = ("clocks", "waiting", "due", "allowed_ms", "policy_id", "levels_version", "level", "team_id", "rectification", "interactions")
    hour = timedelta(hours=1)
    deadlines = {"first_response": ticket.opened_at + 2 * hour, "resolution": ticket.opened_at + 48 * hour}
    await db["tickets"].update_one({"ticket_id": ticket.ticket_id}, {"$unset": dict.fromkeys(newer, ""), "$set": {"deadlines": deadlines}})
    routing = Routing(tickets, departments, book, clock, new_id, derived_id)
    before = await routing.get(Who("t1", "chief"), ticket.ticket_id)
    assert before.due == {Target.FIRST_RESPONSE: deadlines["first_response"], Target.RESOLUTION: deadlines["resolution"]}
    clock.move(hour)
    after = await routing.comment(Who("t1", "chief"), ticket.ticket_id, 0, "跟进")
    assert after.clocks[Target.RESOLUTION].used == hour and after.levels_version == ticket.levels_version
