from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chassis.errors import InvalidInput
from chassis.lifecycle import Life
from chassis.messaging import Delivery, consuming
from chassis.mongo import LAST
from hypothesis import given
from hypothesis import strategies as st
from routing.adapters.nats_words import HEARD, OnTicketWords
from routing.app import Routing, TicketFilter, Who
from routing.domain.search import grams_asked, grams_of, has_words, normal, words_in
from routing.domain.tickets import State, Urgency
from testkit.waiting import eventually

CHIEF = Who("t1", "chief")


def stages(plan):
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"], plan.get("indexName", "")
        for value in plan.values():
            yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


async def kept(routing: Routing, open_ticket, *, minutes=0, tenant="t1", **fields):
    ticket = open_ticket(tenant=tenant, at=open_ticket().opened_at + timedelta(minutes=minutes))
    ticket = replace(ticket, **fields)
    await routing.tickets.add(ticket, None)
    return ticket


async def written_down(routing, events, *, backwards=False):
    """What was told is heard, all of it, once more each time."""
    info = await events.js.stream_info("routing")
    messages = [await events.js.get_msg("routing", number) for number in range(1, info.state.messages + 1)]
    kinds = {event.DESCRIPTOR.full_name: event for event in HEARD}
    for message in reversed(messages) if backwards else messages:
        if (kind := kinds.get(message.headers["ce-type"])) is not None:
            delivery = Delivery(kind.FromString(message.data), message.subject.rpartition(".")[2], "e", datetime.now(UTC), 1)
            await OnTicketWords(routing.tickets.search)(delivery)


async def found(routing, query, **narrowed):
    seen, token = [], ""
    while True:
        page = await routing.page(CHIEF, TicketFilter(query=query, **narrowed), 3, token)
        seen += [t.ticket_id for t in page.tickets]
        if not (token := page.next_token):
            return seen


async def test_tickets_are_found_by_their_words_newest_first_and_every_one_once(routing, open_ticket, events):
    mine = [await kept(routing, open_ticket, minutes=n, title="【故障】光猫红灯闪烁", description=f"第{n}次报修 ＷＩＦＩ 断线") for n in range(8)]
    other = await kept(routing, open_ticket, minutes=3, title="咨询套餐", description="月租多少", customer_id="C-77031")
    theirs = await kept(routing, open_ticket, tenant="t2", title="【故障】光猫红灯闪烁")
    await written_down(routing, events)
    newest_first = [t.ticket_id for t in reversed(mine)]
    assert await found(routing, "光猫红灯") == newest_first
    assert await found(routing, "红灯 wifi") == newest_first
    assert await found(routing, "第5次") == [mine[5].ticket_id]
    assert await found(routing, "7703") == [other.ticket_id] == await found(routing, "月租")
    assert await found(routing, "光猫 月租") == [] == await found(routing, "灯红")
    assert await found(routing, "C-77031") == [other.ticket_id]
    assert theirs.ticket_id not in await found(routing, "光猫")


async def test_words_go_together_with_the_other_filters(routing, open_ticket, events):
    made = [
        await kept(routing, open_ticket, minutes=n, title="退费纠纷", urgency=Urgency.HIGH, assignee="wang" if n % 2 else "zhao", state=State.ASSIGNED)
        for n in range(6)
    ]
    await written_down(routing, events)
    assert await found(routing, "退费", assignee="wang") == [t.ticket_id for t in reversed(made) if t.assignee == "wang"]
    assert await found(routing, "退费", state=State.OPEN) == []
    with pytest.raises(InvalidInput) as refused:
        await routing.page(CHIEF, TicketFilter(query="退费", due_first=True), 3, "")
    assert refused.value.field == "order_by"


async def test_a_ticket_is_found_by_its_id_at_once_and_soon_by_its_beginning(routing, open_ticket, events):
    ticket = await kept(routing, open_ticket, title="x")
    assert await found(routing, ticket.ticket_id) == [ticket.ticket_id]
    await written_down(routing, events)
    assert await found(routing, ticket.ticket_id[:20]) == [ticket.ticket_id]


async def test_new_words_are_found_in_whatever_order_the_events_come(routing, open_ticket, events):
    ticket = await kept(routing, open_ticket, title="宽带断线")
    for step in (routing.assign(CHIEF, ticket.ticket_id, 0, "wang", ""), routing.start(CHIEF, ticket.ticket_id, 0, ""),
                 routing.resolve(CHIEF, ticket.ticket_id, 0, "更换了分光器", "")):
        await step
    await written_down(routing, events, backwards=True)
    assert await found(routing, "分光器") == [ticket.ticket_id] == await found(routing, "断线")
    await routing.reopen(CHIEF, ticket.ticket_id, 0, "又断了")
    await written_down(routing, events)
    assert await found(routing, "分光器") == []


async def test_the_process_writes_words_down_by_the_events_it_told(routing, open_ticket, events):
    ticket = await kept(routing, open_ticket, title="宽带断线")
    life = Life()
    async with AsyncExitStack() as up:
        for event in HEARD:
            await up.enter_async_context(consuming(events, life, "words", event, OnTicketWords(routing.tickets.search)))
        await eventually(lambda: found(routing, "断线"))
    assert await found(routing, "断线") == [ticket.ticket_id]


async def test_every_look_for_words_is_a_range_of_one_index(routing, open_ticket, events, db):
    await kept(routing, open_ticket, title="宽带断线")
    await written_down(routing, events)
    query = {"tenant": "t1", "grams": "宽带", "order": {"$gte": "0", "$lt": LAST}}
    plan = await db["ticket_words"].find(query).sort("order", -1).limit(10).explain()
    used = list(stages(plan["queryPlanner"]["winningPlan"]))
    assert used[-1] == ("IXSCAN", "tenant_grams_order") and "COLLSCAN" not in {stage for stage, _ in used}
    plan = await db["ticket_words"].find({"tenant": "t1", "ticket_id": {"$gte": "a", "$lt": "a~"}}).limit(10).explain()
    assert ("IXSCAN", "tenant_ticket_id") in list(stages(plan["queryPlanner"]["winningPlan"]))


@pytest.mark.parametrize("query", ["宽", "a", " ", "，。", "x" * 65])
def test_a_query_that_finds_nothing_by_any_index_is_refused(query):
    with pytest.raises(InvalidInput) as refused:
        words_in(query)
    assert refused.value.field == "query"


def test_chinese_goes_by_pairs_and_latin_by_threes():
    assert grams_of(normal("宽带ＡＢＣ123，5G")) == {"宽带", "带a", "abc", "bc1", "c12", "123", "5g"}


@given(st.text(alphabet="宽带断线网速abc12 ，.", max_size=40), st.text(alphabet="宽带断线网速abc12 ，.", min_size=3, max_size=8))
def test_whatever_has_the_words_has_every_gram_that_is_asked(text, query):
    text, words = normal(text), tuple(normal(query).split())
    asked = [gram for gram in grams_asked(words) if len(gram) > 2 or not gram.isascii()]
    if has_words(text, words):
        assert set(asked) <= grams_of(text)
