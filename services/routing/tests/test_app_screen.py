import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import orjson
import pytest
from chassis.errors import InvalidInput, NotFound
from chassis.ids import new_id
from http_receiver import receiving
from routing.adapters.httpx_customers import HttpxCustomers
from routing.adapters.mongo_contacts import MongoContacts
from routing.app import Who
from routing.app_screen import CrmCustomer, NoCustomers, Screen, SeenContact
from routing.domain.tickets import Promise

CHIEF = Who("t1", "chief")
PHONE = "a" * 64
KNOWN = {
    "customer_id": "C1", "name": "王女士", "tier": "vip", "since": "2020-01-01T00:00:00+08:00", "tags": ["携号转网"], "unheard": 1,
    "orders": [
        {"order_id": f"O{n}", "product": "宽带", "status": "已完成", "amount": "199.00", "ordered_at": f"2026-10-{n:02d}T10:00:00+08:00"}
        for n in range(1, 13)
    ],
}


class Ticks:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
async def contacts(db):
    made = MongoContacts(db)
    await made.prepare()
    return made


def seen(clock, interaction_id, *, hours=0, **fields):
    about = {"customer_id": "C1", "customer_tier": "gold", "agent_id": "A1", "product": "宽带"} | fields
    return SeenContact(tenant="t1", interaction_id=interaction_id, at=clock.at - timedelta(hours=hours), **about)


def crm_answering(status, said):
    async def answer(request):
        return status, said if isinstance(said, bytes) else orjson.dumps(said)

    return answer


async def test_one_call_shows_who_the_customer_is_and_what_is_going_on(routing, contacts, open_ticket, clock):
    made = replace(
        open_ticket(customer_id="C1"), causes=("fault", "repeat_contact"),
        promises=(
            Promise("p1", "今天回电", clock.at - timedelta(hours=1)), Promise("p2", "上门", clock.at + timedelta(hours=5)),
            Promise("p3", "已做", None, outcome="kept"),
        ),
    )
    await routing.tickets.add(made, None)
    await routing.tickets.add(open_ticket(customer_id="C2"), None)
    for n, hours in enumerate((1, 30, 24 * 20)):
        await contacts.seen(seen(clock, f"i{n}", hours=hours))
    await contacts.seen(seen(clock, "i0", type="故障", summary="断网", emotion="angry", hours=1))  # scored later: adds to what was known
    async with receiving(crm_answering(200, KNOWN)) as crm, httpx.AsyncClient(base_url=crm.url + "/", trust_env=False) as client:
        screen = Screen(routing, contacts, HttpxCustomers(client))
        pop = await screen.of(CHIEF, "C1", "", "")
        assert await screen.of(CHIEF, "", "", "i1") == pop
        assert await screen.of(CHIEF, "", PHONE, "") == pop
        assert [got.path for got in crm.got] == ["/customers/C1", f"/customers?phone_hash={PHONE}"]  # the second time it was known
        assert crm.got[0].headers["mingjian-tenant"] == "t1"
    assert (pop.customer_tier, pop.crm.name, [o.order_id for o in pop.crm.orders][:2], len(pop.crm.orders)) == ("vip", "王女士", ["O12", "O11"], 10)
    assert [c.interaction_id for c in pop.contacts] == ["i0", "i1", "i2"] and pop.contacts_in_week == 2
    assert (pop.contacts[0].type, pop.contacts[0].summary, pop.contacts[0].emotion) == ("故障", "断网", "angry")
    assert [t.ticket_id for t in pop.open_tickets] == [made.ticket_id] and pop.open_tickets[0].due and pop.repeat_contacts == 1
    assert [(p.promise.promise_id, p.overdue) for p in pop.promises] == [("p1", True), ("p2", False)]


async def test_what_was_heard_in_any_order_is_the_same(contacts, clock):
    await contacts.seen(seen(clock, "i", type="投诉", summary="多扣费"))
    await contacts.seen(seen(clock, "i"))
    assert (await contacts.get("t1", "i")).type == "投诉" and await contacts.get("t2", "i") is None


@pytest.mark.parametrize(
    ("given", "field"),
    [(("", "", ""), "customer_id"), (("C1", PHONE, ""), "phone_hash"), (("", "13800138000", ""), "phone_hash"), (("C" * 201, "", ""), "customer_id")],
)
async def test_the_customer_is_named_in_exactly_one_way(routing, contacts, given, field):
    with pytest.raises(InvalidInput) as refused:
        await Screen(routing, contacts, NoCustomers()).of(CHIEF, *given)
    assert refused.value.field == field


async def test_an_agent_sees_the_customer_of_its_own_interaction_alone(routing, contacts, clock):
    await contacts.seen(seen(clock, "mine"))
    await contacts.seen(seen(clock, "other", agent_id="A2"))
    screen, agent = Screen(routing, contacts, NoCustomers()), Who("t1", "key:1", "A1")
    assert (await screen.of(agent, "", "", "mine")).customer_id == "C1"
    for interaction in ("other", new_id()):
        with pytest.raises(NotFound):
            await screen.of(agent, "", "", interaction)
    with pytest.raises(InvalidInput):
        await screen.of(agent, "C1", "", "")


async def test_somebody_nobody_knows_is_an_empty_screen(routing, contacts):
    screen = Screen(routing, contacts, NoCustomers())
    assert (await screen.of(CHIEF, "", "", new_id())).customer_id == "" and (await screen.of(CHIEF, "", PHONE, "")).crm.status == "off"
    pop = await screen.of(CHIEF, "C-new", "", "")
    assert (pop.customer_id, pop.contacts, pop.open_tickets, pop.crm.status) == ("C-new", (), (), "off")


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (404, b"", "unknown"), (500, b"", "away"), (200, b"not json", "away"), (200, {"name": "no id"}, "away"), (200, b"x" * 300_000, "away"),
        (302, b"", "away"), (200, {"customer_id": "C1", "orders": [{"order_id": 7}]}, "away"), (200, KNOWN, "ok"),
    ],
)
async def test_a_crm_that_answers_badly_never_breaks_the_screen(routing, contacts, status, said, expected):
    async with receiving(crm_answering(status, said)) as crm, httpx.AsyncClient(base_url=crm.url + "/", trust_env=False) as client:
        assert (await Screen(routing, contacts, HttpxCustomers(client)).of(CHIEF, "C1", "", "")).crm.status == expected


async def test_a_crm_that_hangs_is_waited_for_no_longer_than_its_time(routing, contacts):
    async def never(request):
        await asyncio.sleep(60)
        return 200, b""

    async with receiving(never) as crm, httpx.AsyncClient(base_url=crm.url + "/", timeout=0.2, trust_env=False) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await Screen(routing, contacts, HttpxCustomers(client)).of(CHIEF, "C1", "", "")).crm == CrmCustomer("away")
        assert loop.time() - began < 2


async def test_a_crm_that_is_down_is_left_alone_for_a_while_and_then_tried_once():
    ticks, status = Ticks(), [500]

    async def answer(request):
        return status[0], orjson.dumps(KNOWN)

    async with receiving(answer) as crm, httpx.AsyncClient(base_url=crm.url + "/", trust_env=False) as client:
        customers = HttpxCustomers(client, monotonic=ticks)
        for n in range(8):
            assert (await customers.by_id("t1", f"C{n}")).status == "away"
        assert len(crm.got) == 5
        ticks.now += 16
        assert (await customers.by_id("t1", "C")).status == "away" and len(crm.got) == 6
        assert (await customers.by_id("t1", "C")).status == "away" and len(crm.got) == 6
        ticks.now += 16
        status[0] = 200
        assert (await customers.by_id("t1", "C")).status == "ok" and (await customers.by_id("t1", "D")).status == "ok"


async def test_an_answer_is_kept_for_a_minute_and_for_its_own_company():
    ticks = Ticks()
    async with receiving(crm_answering(200, KNOWN)) as crm, httpx.AsyncClient(base_url=crm.url + "/crm/", trust_env=False) as client:
        customers = HttpxCustomers(client, monotonic=ticks)
        for _ in range(3):
            await customers.by_id("t1", "C/1?x")
        await customers.by_id("t2", "C/1?x")
        ticks.now += 61
        await customers.by_id("t1", "C/1?x")
        assert [got.path for got in crm.got] == ["/crm/customers/C%2F1%3Fx"] * 3
