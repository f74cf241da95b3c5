import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput, NotAllowedNow, NotFound, Stale
from chassis.ids import derived_id, new_id
from routing.adapters.mongo_staff import MongoQueue, MongoStaff, candidates_query, queue_query
from routing.app import Routing, Who
from routing.app_staff import Staffing, Workload
from routing.domain.opening import Contact, Wanted
from routing.domain.staff import Person, Presence
from routing.domain.tickets import Kind, State, Urgency
from routing_start import START

CHIEF = Who("t1", "chief")
DEPARTMENT = "网维部"


@pytest.fixture
async def staff(db):
    made = MongoStaff(db)
    await made.prepare()
    return made


@pytest.fixture
async def staffing(routing, db, staff, clock):
    queue = MongoQueue(db)
    await queue.prepare()
    workload = Workload(staff, clock)
    whole = Routing(routing.tickets, routing.rules, routing.levels, clock, new_id, derived_id, workload)
    return Staffing(whole, staff, queue, workload)


async def online(staffing, agent_id, **changes):
    person = Person("t1", agent_id, agent_id, **{"departments": (DEPARTMENT,), "capacity": 3} | changes)
    await staffing.put(person)
    return await staffing.set_presence("t1", agent_id, Presence.ONLINE, 3600)


async def opened(staffing, urgency=Urgency.NORMAL, **contact):
    about = Contact("t1", "", industry="telecom", **contact)
    return await staffing.routing.open_by_hand(CHIEF, Wanted(about, Kind.SERVICE, "故障", urgency, (), "断网", ""), "")


async def load_of(staffing, agent_id):
    return (await staffing.store.get("t1", agent_id)).load


async def test_an_opened_ticket_is_given_to_who_is_there_and_has_least(staffing):
    await online(staffing, "busy", capacity=1)
    await online(staffing, "free", capacity=4)
    tickets = [await opened(staffing) for _ in range(3)]
    assert await staffing.work() == 3
    taken = [await staffing.routing.get(CHIEF, t.ticket_id) for t in tickets]
    assert sorted(t.assignee for t in taken) == ["busy", "free", "free"]
    assert all(t.state is State.ASSIGNED and "负载" in t.history[-1].note for t in taken)
    assert (await load_of(staffing, "busy"), await load_of(staffing, "free")) == (1, 2)


async def test_what_waits_is_handed_out_when_somebody_comes_the_urgent_first(staffing):
    normal, valued, urgent = await opened(staffing), await opened(staffing, customer_tier="vip"), await opened(staffing, Urgency.HIGH)
    assert await staffing.work() == 0
    await online(staffing, "one", capacity=2)
    assert await staffing.work() == 2
    states = [(await staffing.routing.get(CHIEF, t.ticket_id)).assignee for t in (urgent, valued, normal)]
    assert states == ["one", "one", ""]


async def test_what_is_finished_makes_room_for_what_waits(staffing):
    await online(staffing, "one", capacity=1)
    first, second = await opened(staffing), await opened(staffing)
    await staffing.work()
    await staffing.routing.start(CHIEF, first.ticket_id, 0, "")
    await staffing.routing.resolve(CHIEF, first.ticket_id, 0, "修好了", "")
    assert await load_of(staffing, "one") == 0
    assert await staffing.work() == 1
    assert (await staffing.routing.get(CHIEF, second.ticket_id)).assignee == "one"


async def test_the_second_line_takes_what_is_escalated_and_the_first_has_room_again(staffing):
    await online(staffing, "first")
    await online(staffing, "expert", level=2)
    ticket = await opened(staffing)
    await staffing.work()
    assert (await staffing.routing.get(CHIEF, ticket.ticket_id)).assignee == "first"
    await staffing.routing.escalate(CHIEF, ticket.ticket_id, 0, "线路问题")
    assert await staffing.work() == 1
    assert (await staffing.routing.get(CHIEF, ticket.ticket_id)).assignee == "expert"
    assert (await load_of(staffing, "first"), await load_of(staffing, "expert")) == (0, 1)


async def test_a_presence_that_ended_by_itself_is_given_nothing(staffing, clock):
    await online(staffing, "one")
    clock.move(timedelta(hours=2))
    ticket = await opened(staffing)
    assert await staffing.work() == 0
    with pytest.raises(NotAllowedNow, match="1 absent"):
        await staffing.auto_assign(CHIEF, ticket.ticket_id, 0)


async def test_somebody_unknown_is_refused_by_name_once_there_is_staff(staffing):
    ticket = await opened(staffing)
    await staffing.routing.assign(CHIEF, ticket.ticket_id, 0, "whoever", "")
    await online(staffing, "one")
    with pytest.raises(InvalidInput, match="nobody zhang") as raised:
        await staffing.routing.assign(CHIEF, ticket.ticket_id, 0, "zhang", "")
    assert raised.value.field == "assignee"
    await staffing.put(Person("t1", "one", "one", (DEPARTMENT,), retired=True))
    with pytest.raises(InvalidInput):
        await staffing.routing.assign(CHIEF, ticket.ticket_id, 0, "one", "")
    with pytest.raises(NotFound):
        await staffing.set_presence("t1", "zhang", Presence.ONLINE, 0)


async def test_asked_for_a_ticket_goes_to_another_than_who_has_it_and_the_reasons_are_told(staffing):
    await online(staffing, "a")
    await online(staffing, "b")
    ticket = await opened(staffing)
    first, choice = await staffing.auto_assign(CHIEF, ticket.ticket_id, ticket.version)
    second, _ = await staffing.auto_assign(CHIEF, ticket.ticket_id, first.version)
    assert {first.assignee, second.assignee} == {"a", "b"} and choice.because[0] == f"部门：{DEPARTMENT}"
    assert (await load_of(staffing, first.assignee), await load_of(staffing, second.assignee)) == (0, 1)
    with pytest.raises(Stale):
        await staffing.auto_assign(CHIEF, ticket.ticket_id, first.version)


async def test_many_handed_out_at_once_by_several_replicas_go_to_one_person_each_and_nobody_gets_too_many(staffing):
    for number in range(4):
        await online(staffing, f"p{number}", capacity=5)
    tickets = [await opened(staffing) for _ in range(24)]
    await asyncio.gather(*(staffing.hand_out("t1", DEPARTMENT) for _ in range(4)))
    await staffing.hand_out("t1", DEPARTMENT)
    taken = [await staffing.routing.get(CHIEF, t.ticket_id) for t in tickets]
    having = [sum(t.assignee == f"p{n}" for t in taken) for n in range(4)]
    assert having == [5, 5, 5, 5] == [await load_of(staffing, f"p{n}") for n in range(4)]
    assert all(len([e for e in t.history if e.action.value == "assigned"]) <= 1 for t in taken)
    for n in range(4):
        assert await staffing.store.holding("t1", f"p{n}") == await staffing.queue.held_by("t1", f"p{n}")


async def test_a_load_that_went_astray_is_counted_again(staffing):
    await online(staffing, "one")
    ticket = await opened(staffing)
    await staffing.work()
    await staffing.store.release("t1", "one", ticket.ticket_id)
    await staffing.store.hold("t1", "one", "gone", START)
    doubted = await staffing.reconcile(frozenset())
    assert doubted == {("t1", "one", "gone")} and await load_of(staffing, "one") == 2
    assert await staffing.reconcile(doubted) == frozenset()
    assert await staffing.store.holding("t1", "one") == {ticket.ticket_id}


async def test_counting_the_same_twice_changes_nothing(staffing):
    await online(staffing, "one")
    for _ in range(2):
        assert await staffing.store.hold("t1", "one", "x", START, below=1)
    assert not await staffing.store.hold("t1", "one", "y", START, below=1)
    for _ in range(2):
        await staffing.store.release("t1", "one", "x")
    assert await load_of(staffing, "one") == 0


async def test_without_being_asked_nothing_is_handed_out_where_that_is_switched_off(staffing):
    await online(staffing, "one")
    await opened(staffing)
    assert await replace(staffing, automatic=False).work() == 0


async def test_looking_around_finds_what_nobody_told_of(staffing, clock):
    await online(staffing, "one")
    ticket = await opened(staffing)
    await staffing.workload.take_stirred()  # as if the process that heard of it had died
    assert await staffing.work() == 0
    await staffing.look_around()
    assert await staffing.work() == 1
    assert (await staffing.routing.get(CHIEF, ticket.ticket_id)).assignee == "one"


async def test_people_are_listed_by_id_in_pages_and_by_presence(staffing, clock):
    for number in range(5):
        await online(staffing, f"p{number}", departments=(DEPARTMENT, "市场部") if number % 2 else (DEPARTMENT,))
    await staffing.set_presence("t1", "p3", Presence.BUSY, 60)
    first, after = await staffing.page("t1", "", None, 2, "")
    second, _ = await staffing.page("t1", "", None, 2, after)
    assert [p.agent_id for p in (*first, *second)] == ["p0", "p1", "p2", "p3"]
    assert [p.agent_id for p in (await staffing.page("t1", "市场部", None, 50, ""))[0]] == ["p1", "p3"]
    assert [p.agent_id for p in (await staffing.page("t1", "", Presence.BUSY, 50, ""))[0]] == ["p3"]
    clock.move(timedelta(minutes=2))
    assert [p.agent_id for p in (await staffing.page("t1", "", Presence.OFFLINE, 50, ""))[0]] == ["p3"]
    assert await staffing.page("t2", "", None, 50, "") == ([], "")


@pytest.mark.parametrize(
    ("collection", "query", "sort", "index"),
    [
        ("staff", candidates_query("t1", DEPARTMENT), "load", "tenant_department_said_load"),
        ("tickets", queue_query("t1", DEPARTMENT), "queue_order", "tenant_department_queue"),
        ("staff", {"tenant": "t1", "agent_id": {"$gt": ""}}, "agent_id", "tenant_agent"),
        ("staff", {"tenant": "t1", "departments": DEPARTMENT, "agent_id": {"$gt": ""}}, "agent_id", "tenant_department_agent"),
    ],
)
async def test_every_reading_is_one_range_of_an_index(staffing, db, collection, query, sort, index):
    await online(staffing, "one")
    await opened(staffing)
    plan = await db[collection].find(query).sort(sort, 1).explain()
    assert index in str(plan["queryPlanner"]["winningPlan"]) and "COLLSCAN" not in str(plan)
