from datetime import timedelta

import pytest
from chassis.errors import AlreadyExists, InvalidInput, NotFound
from chassis.ids import derived_id, new_id
from chassis.messaging import ensure_stream
from routing.adapters.mongo_tickets import MongoTickets
from routing.adapters.mongo_versions import MongoVersions
from routing.app import Routing, Who
from routing.app_levels import follow, level_book
from routing.domain.clocks import Target
from routing.domain.opening import Contact, Wanted
from routing.domain.tickets import Kind, State, Urgency
from routing.settings import RULES

SHIPPED = (RULES / "service_levels.yaml").read_text("utf-8")
STRICTER = SHIPPED.replace('version: "2026-11-22"', 'version: "strict"').replace("resolution: 48h", "resolution: 8h")
CHIEF = Who("t1", "chief")


@pytest.fixture
async def store(db):
    made = MongoVersions(db, "service_levels")
    await made.prepare()
    return made


@pytest.fixture
def book(store, clock):
    return level_book(store, SHIPPED, lambda: clock.at.timestamp(), keep_s=0.0)


@pytest.fixture
async def routing(db, events, rule_table, book, clock):
    await ensure_stream(events, "routing")
    tickets = MongoTickets(db, events)
    await tickets.prepare()
    return Routing(tickets, rule_table, book, clock, new_id, derived_id)


def inquiry(**changes):
    return Wanted(Contact("t1", "", **changes), Kind.SERVICE, "咨询", Urgency.NORMAL, (), "套餐", "")


async def test_a_tenant_that_has_published_nothing_has_the_shipped_ones(book):
    assert (await book.current("t1")).version == "2026-11-22"
    published, _, active = await book.described("t1", "")
    assert (published.published_by, active) == ("shipped", True)


async def test_unfinished_tickets_follow_what_is_published_and_keep_the_time_they_have_used(routing, book, store, clock):
    ticket = await routing.open_by_hand(CHIEF, inquiry(), "")
    finished = await routing.open_by_hand(CHIEF, inquiry(), "")
    await routing.assign(CHIEF, finished.ticket_id, 0, "wang", "")
    await routing.start(CHIEF, finished.ticket_id, 0, "")
    await routing.resolve(CHIEF, finished.ticket_id, 0, "好了", "")
    clock.move(timedelta(hours=3))
    await book.publish("t1", STRICTER, "收紧时限", "chief", clock.at)
    assert await follow(store, routing) == 1
    assert await follow(store, routing) == 0
    after = await routing.get(CHIEF, ticket.ticket_id)
    assert after.levels_version == "strict"
    assert after.due[Target.RESOLUTION] == ticket.opened_at + timedelta(hours=8)
    assert after.clocks[Target.RESOLUTION].used == timedelta(hours=3)
    assert (await routing.get(CHIEF, finished.ticket_id)).state is State.RESOLVED


async def test_a_ticket_that_is_touched_before_it_has_followed_follows_at_once(routing, book, clock):
    ticket = await routing.open_by_hand(CHIEF, inquiry(), "")
    await book.publish("t1", STRICTER, "收紧时限", "chief", clock.at)
    after = await routing.comment(CHIEF, ticket.ticket_id, 0, "已联系")
    assert (after.levels_version, after.due[Target.RESOLUTION]) == ("strict", ticket.opened_at + timedelta(hours=8))


async def test_what_one_tenant_publishes_counts_for_nobody_else(book, clock):
    await book.publish("t1", STRICTER, "收紧时限", "chief", clock.at)
    assert (await book.current("t1")).version == "strict"
    assert (await book.current("t2")).version == "2026-11-22"
    with pytest.raises(NotFound):
        await book.version("t2", "strict")


async def test_a_version_is_published_once_and_never_changed(book, clock):
    await book.publish("t1", STRICTER, "收紧时限", "chief", clock.at)
    for source in (STRICTER, STRICTER.replace("8h", "9h"), SHIPPED):
        with pytest.raises(AlreadyExists):
            await book.publish("t1", source, "又一次", "chief", clock.at)


async def test_what_is_wrong_is_named_and_nothing_is_published(book, clock):
    with pytest.raises(InvalidInput) as refused:
        await book.publish("t1", STRICTER, " ", "chief", clock.at)
    assert refused.value.field == "note"
    with pytest.raises(InvalidInput) as refused:
        await book.publish("t1", STRICTER.replace("office", "x", 1), "错", "chief", clock.at)
    assert refused.value.field == "policies[0].calendar"
    assert (await book.current("t1")).version == "2026-11-22"


async def test_every_version_is_listed_newest_first_and_can_be_read_again(book, clock):
    await book.publish("t1", STRICTER, "收紧时限", "chief", clock.at)
    assert [published.version for published in await book.versions("t1")] == ["strict", "2026-11-22"]
    old, levels, active = await book.described("t1", "2026-11-22")
    assert (old.source, levels.version, active) == (SHIPPED, "2026-11-22", False)
