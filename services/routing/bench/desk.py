"""How long the desk takes among many tickets: python services/routing/bench/desk.py [tickets]; prints p50 and p95 in milliseconds.

Texts are drawn from syllables of customer service, so that some pairs of characters are everywhere and some are rare.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chassis.ids import derived_id, new_id
from chassis.messaging import connected
from chassis.mongo import database
from routing.adapters.mongo_contacts import MongoContacts
from routing.adapters.mongo_desk import MongoBulkRuns, MongoSavedFilters
from routing.adapters.mongo_tickets import MongoTickets, stored_new
from routing.adapters.mongo_versions import MongoVersions
from routing.app import Routing, TicketFilter, Who
from routing.app_desk import Bulk, BulkAction, Desk
from routing.app_levels import level_book
from routing.app_rules import rule_book
from routing.app_screen import NoCustomers, Screen, SeenContact
from routing.app_tables import Tables
from routing.domain.opening import Contact, Wanted, opened
from routing.domain.search import TicketWords, text_of
from routing.domain.tickets import Kind, State, Ticket, Urgency
from routing.settings import RULES
from testkit.processes import mongo_server, nats_server

CHIEF = Who("t1", "chief")
_COMMON = ("宽带断线", "账单异常", "套餐变更", "退费申请", "信号不好", "光猫红灯", "多扣费用", "工程师上门", "服务态度", "要求赔偿")
_RARE = [a + b for a in "澜漪潭沁溟泓滢漾澄湛" for b in "巍峨嵯岿峥嵘崔嵬巉岩"]


def _text(dice: random.Random, words: int) -> str:
    return "，".join(dice.choice(_COMMON) + "".join(chr(0x4E00 + int(dice.triangular(0, 4000, 200))) for _ in range(6)) for _ in range(words))


async def _timed(name: str, runs: int, call: Callable[[int], Awaitable[object]]) -> None:
    taken = []
    for number in range(runs):
        began = time.perf_counter()
        await call(number)
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    print(f"{name:<44} p50 {taken[len(taken) // 2]:8.1f}  p95 {taken[int(len(taken) * 0.95)]:8.1f} ms")


async def measure(count: int, nats_url: str, mongo_uri: str) -> None:
    """Fill a database and ask."""
    dice = random.Random(7)
    async with connected(nats_url, "routing") as events, database(mongo_uri, "routing") as db:
        tickets, contacts, runs = MongoTickets(db, events), MongoContacts(db), MongoBulkRuns(db)
        levels, rules = MongoVersions(db, "service_levels"), MongoVersions(db, "routing_rules")
        for store in (tickets, contacts, runs, levels, rules):
            await store.prepare()
        book = level_book(levels, (RULES / "service_levels.yaml").read_text("utf-8"), time.monotonic)
        ruled = rule_book(rules, (RULES / "departments.yaml").read_text("utf-8"), time.monotonic)
        routing = Routing(tickets, ruled, book, lambda: datetime.now(UTC), new_id, derived_id)
        current, table, now = await book.current("t1"), await ruled.current("t1"), datetime.now(UTC)

        def made(number: int) -> Ticket:
            contact = Contact("t1", new_id(), f"A{number % 500}", f"C{number % (count // 5)}", "vip" if number % 9 == 0 else "", "宽带", "telecom")
            title = dice.choice(_COMMON) + (_RARE[number % len(_RARE)] if number % 500 == 0 else "")
            wanted = Wanted(contact, Kind.SERVICE, "故障", Urgency.NORMAL, ("fault",), title, _text(dice, 5))
            at = now - timedelta(seconds=number * 30)
            ticket = opened(wanted, new_id(), table, current, at.replace(microsecond=0))
            return replace(ticket, state=State.RESOLVED, resolved_at=ticket.opened_at) if number % 3 == 0 else ticket

        began = time.perf_counter()
        kept = []
        for first in range(0, count, 500):
            batch = [made(number) for number in range(first, min(first + 500, count))]
            kept += batch
            await db["tickets"].insert_many([stored_new(ticket, None) for ticket in batch], ordered=False)
        print(f"{count} tickets stored in {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        for ticket in kept:
            text = text_of(ticket.title, ticket.description, ticket.resolution, ticket.customer_id, ticket.external_id)
            await tickets.search.write_down(TicketWords("t1", ticket.ticket_id, ticket.opened_at, 1, text))
        print(f"their words written down in {time.perf_counter() - began:.0f} s")
        for number in range(2000):
            await contacts.seen(SeenContact("t1", new_id(), f"C{number % 40}", "", "A1", "宽带", now - timedelta(hours=number), "故障", "断网"))

        async def find(query: str, **narrowed: object) -> None:
            await routing.page(CHIEF, TicketFilter(query=query, **narrowed), 50, "")  # type: ignore[arg-type]

        await _timed("search: words everywhere", 40, lambda n: find(_COMMON[n % 10]))
        await _timed("search: rare words", 40, lambda n: find(_RARE[n % len(_RARE)]))
        await _timed("search: two words and a filter", 40, lambda n: find(f"{_COMMON[n % 10]} {_COMMON[(n + 3) % 10]}", state=State.OPEN))
        await _timed("search: words of no ticket", 40, lambda n: find("鼹鼠打洞"))
        await _timed("search: beginning of an id", 40, lambda n: find(kept[n * 97 % len(kept)].ticket_id[:18]))
        screen = Screen(routing, contacts, NoCustomers())
        await _timed("screen-pop", 200, lambda n: screen.of(CHIEF, f"C{n % 40}", "", ""))
        desk = Desk(routing, MongoSavedFilters(db), runs, None, new_id, derived_id)
        ids = [document["ticket_id"] for document in await db["tickets"].find({"tenant": "t1"}, {"ticket_id": 1}).limit(1000).to_list(1000)]
        chosen = [tuple((ticket_id, 0) for ticket_id in ids[n * 200 : n * 200 + 200]) for n in range(5)]
        await _timed("bulk comment on 200 tickets", 5, lambda n: desk.bulk(CHIEF, Bulk(BulkAction.COMMENT, chosen[n], f"k{n}", note="统一回访")))
        tables = Tables(routing)
        began, size = time.perf_counter(), 0
        async for part in tables.export(CHIEF, TicketFilter(customer_id="") if count < 20_000 else TicketFilter(state=State.RESOLVED), ""):
            size += len(part)
        print(f"export: {size / 1e6:.1f} million characters in {time.perf_counter() - began:.1f} s")
        rows = "external_id,type,title,customer_id\n" + "".join(f"X{n},故障,断网,C{n}\n" for n in range(2000))
        for name in ("import of 2,000 new rows", "the same rows again"):
            began = time.perf_counter()
            done = await tables.take_in(CHIEF, rows.encode(), False)
            print(f"{name}: {time.perf_counter() - began:.1f} s ({done.opened} opened)")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, nats_server(Path(folder)) as nats, mongo_server(Path(folder) / "mongo") as mongo:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, nats, mongo))
