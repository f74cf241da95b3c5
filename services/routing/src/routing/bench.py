"""Measures routing in this process and prints one JSON object; `mingjian bench` runs it beside real servers.

`opening NATS_URL MONGO_URI` opens tickets through events and inserts documents as large as tickets, `open MONGO_URI` reads and assigns among many open
tickets, `timers MONGO_URI` lets many go off, `departments FILE` routes described matters by the shipped rules.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from chassis.ids import derived_id, new_id
from chassis.lifecycle import Life
from chassis.messaging import connected, consuming, ensure_stream, wrap
from chassis.mongo import Database, Document, database
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction, InteractionMetadata
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import InteractionScored

from routing.adapters.mongo_intake import MongoMatters, MongoWaiting
from routing.adapters.mongo_rectification import MongoRecords
from routing.adapters.mongo_staff import MongoQueue, MongoStaff, candidates_query
from routing.adapters.mongo_tickets import MongoTickets, due_query_for, query_for, stored_new
from routing.adapters.mongo_versions import MongoVersions
from routing.adapters.nats_consumer import OnInteractionScored
from routing.app import Routing, TicketFilter, Who
from routing.app_intake import Intake
from routing.app_levels import level_book
from routing.app_rectification import Rectifying
from routing.app_rules import rule_book
from routing.app_staff import Staffing, Workload
from routing.domain.deadlines import next_timer_at
from routing.domain.departments import DepartmentRules, Matter, department_rules_in
from routing.domain.opening import Contact, Wanted, opened
from routing.domain.service_levels import ServiceLevels, service_levels_in
from routing.domain.staff import Person, Presence
from routing.domain.tickets import Kind, State, Ticket, Urgency
from routing.settings import RULES

TENANT = "bench"
EVENTS = 1_000
OPEN_TICKETS = 100_000
PEOPLE = 200
ASKED = 100
WORDS = ("宽带断网三天了没有人来修", "上个月多扣了我二十块钱话费", "你们的客服态度太差了", "手机信号一直不好")


class _Nowhere:
    """Stands for the broker where only the database is measured: takes events, and tells when."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    async def publish(self, *envelopes: Any) -> None:
        for envelope in envelopes:
            self.at.setdefault(envelope.headers["ce-subject"], time.time())


class _Bench:
    """Routing as `__main__` makes it, without servers and loops."""

    def __init__(self, db: Database, events: Any, now: Callable[[], datetime]) -> None:
        self.tickets, self.waiting, self.staff, self.queue = MongoTickets(db, events), MongoWaiting(db), MongoStaff(db), MongoQueue(db)
        levels, rules = MongoVersions(db, "service_levels"), MongoVersions(db, "routing_rules")
        self.stores = (self.tickets, self.waiting, self.staff, self.queue, levels, rules)
        workload = Workload(self.staff, now)
        self.routing = Routing(
            self.tickets, rule_book(rules, (RULES / "departments.yaml").read_text("utf-8"), time.monotonic),
            level_book(levels, (RULES / "service_levels.yaml").read_text("utf-8"), time.monotonic), now, new_id, derived_id, workload,
        )
        self.staffing = Staffing(self.routing, self.staff, self.queue, workload)
        self.intake = Intake(self.routing, self.waiting, MongoMatters(db))
        self.rectifying = Rectifying(self.routing, MongoRecords(db))

    async def prepare(self) -> None:
        for store in self.stores:
            await store.prepare()


async def opening(nats_url: str, mongo_uri: str, count: int = EVENTS) -> dict[str, float]:
    """Tickets a second through InteractionScored, 16 at a time, against insert_one of the same documents: bare, and with the indexes of tickets."""
    async with connected(nats_url, "nlp") as publisher, connected(nats_url, "routing") as events, database(mongo_uri, "bench", name="opening") as db:
        bench = _Bench(db, events, _now)
        await bench.prepare()
        await ensure_stream(publisher, "nlp")
        await ensure_stream(events, "routing")
        for number in range(count):
            await publisher.publish(wrap(_scored(number), tenant=TENANT, key=f"i{number}", about=f"i{number}"))
        life = Life()
        began = time.perf_counter()
        async with consuming(events, life, "routing", InteractionScored, OnInteractionScored(bench.intake, bench.rectifying)):
            while await db["tickets"].estimated_document_count() < count:
                await asyncio.sleep(0.25)  # counting costs the server what opening needs
            seconds = time.perf_counter() - began
            while await db["tickets"].find_one({"outbox_since": {"$gt": datetime(2000, 1, 1, tzinfo=UTC)}}, {"_id": 1}):
                await asyncio.sleep(0.02)
            told = time.perf_counter() - began
        documents = await db["tickets"].find().limit(count).to_list(count)
        bare = await _inserted(db, "bare", documents)
        indexed = MongoTickets(_Renamed(db), events)  # type: ignore[arg-type]
        await indexed.prepare()
        return {
            "tickets": float(count), "opened_per_s": count / seconds, "opened_and_told_per_s": count / told, "insert_per_s": bare,
            "insert_indexed_per_s": await _inserted(db, "indexed", documents),
        }


class _Renamed:
    """The database with `tickets` under another name, so that its indexes can be made there."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def __getitem__(self, name: str) -> Any:
        return self._db["indexed"]


async def _inserted(db: Database, collection: str, documents: list[Document]) -> float:
    await db[collection].insert_one({"_id": "first"})
    left = iter(deepcopy(documents))

    async def insert() -> None:
        for document in left:
            await db[collection].insert_one(document)

    began = time.perf_counter()
    await asyncio.gather(*(insert() for _ in range(16)))
    return len(documents) / (time.perf_counter() - began)


async def among_open(mongo_uri: str, count: int = OPEN_TICKETS) -> dict[str, Any]:
    """95th percentiles in milliseconds of the next 50 due, one agent's list and one assignment, and the indexes they read."""
    events = _Nowhere()
    async with database(mongo_uri, "bench", name="among_open") as db:
        bench = _Bench(db, events, _now)
        await bench.prepare()
        people = [f"agent{number:03d}" for number in range(PEOPLE)]
        departments = sorted({ticket.department for ticket in _tickets(len(WORDS), _now())})
        for number, agent_id in enumerate(people):
            await bench.staffing.put(Person(TENANT, agent_id, agent_id, (departments[number % len(departments)],), capacity=200, senior=number % 5 == 0))
            await bench.staffing.set_presence(TENANT, agent_id, Presence.ONLINE, 86_400)
        await _fill(db, (replace(t, assignee=people[n % PEOPLE]) if n // len(WORDS) % 2 else t for n, t in enumerate(_tickets(count, _now()))))
        who = Who(TENANT, "bench")
        due = await _timed(lambda n: bench.routing.page(who, TicketFilter(due_first=True), 50, ""))
        own = await _timed(lambda n: bench.routing.page(who, TicketFilter(assignee=people[n % PEOPLE]), 50, ""))
        waiting = [t.ticket_id for d in departments for t in await bench.queue.head(TENANT, d, ASKED // len(departments) + 1)]
        assigned = await _timed(lambda n: bench.staffing.auto_assign(who, waiting[n], 0))
        head = await _timed(lambda n: bench.queue.head(TENANT, departments[n % len(departments)], 200))
        queries = {
            "next 50 due": db["tickets"].find(due_query_for(TENANT, TicketFilter(due_first=True), "")).sort("due_order", 1).limit(51),
            "one agent's list": db["tickets"].find(query_for(TENANT, TicketFilter(assignee=people[0]))[0]).sort("order", -1).limit(51),
            "who can be given it": db["staff"].find(candidates_query(TENANT, departments[0])).sort("load", 1).limit(500),
        }
        plans = {name: str((await query.explain())["queryPlanner"]["winningPlan"]) for name, query in queries.items()}
        return {
            "tickets": count, "due_ms": due, "own_ms": own, "assigned_ms": assigned, "queue_head_ms": head,
            "indexes": {name: _index_of(plan) for name, plan in plans.items()},
        }


async def timers(mongo_uri: str, count: int = OPEN_TICKETS, due: int = 1_000, over_s: float = 20.0) -> dict[str, float]:
    """99th percentile of how late, in seconds, timers go off that fall due over `over_s` seconds among `count` that are pending."""
    events = _Nowhere()
    async with database(mongo_uri, "bench", name="timers") as db:
        bench = _Bench(db, events, _now)
        await bench.prepare()
        await _fill(db, _tickets(count - due, _now()))
        rules, levels = _tables()
        allowed = levels.terms(kind=Kind.SERVICE, type_="故障", urgency=Urgency.NORMAL).policy.allowed
        half = min(allowed.values()) / 2  # the first warning
        begin = _now() + timedelta(seconds=8)
        wanted = [_wanted(number) for number in range(due)]
        at = {new_id(): begin + timedelta(seconds=over_s * number / due) for number in range(due)}
        soon = [opened(replace(w, type="故障"), ticket_id, rules, levels, moment - half) for w, (ticket_id, moment) in zip(wanted, at.items(), strict=True)]
        await _fill(db, soon)
        poll = asyncio.create_task(_fire(bench.routing))
        while len(events.at.keys() & at.keys()) < due and _now() < begin + timedelta(seconds=over_s + 60):
            await asyncio.sleep(0.2)
        poll.cancel()
        late = [events.at[ticket_id] - moment.timestamp() for ticket_id, moment in at.items() if ticket_id in events.at]
        return {
            "pending": float(count), "due": float(due), "per_s": due / over_s, "fired": float(len(late)), "p50_s": _share(late, 50), "p99_s": _share(late, 99),
        }


async def _fire(routing: Routing) -> None:
    """As `asyncio_timers` does with the standard TIMER_POLL_S."""
    while True:
        if not await routing.fire_due():
            await asyncio.sleep(0.5)


def departments(matters: list[dict[str, str]]) -> list[str]:
    """The department of each {type, industry, text} by the shipped rules."""
    rules, _ = _tables()
    return [rules.route(Matter(Kind.SERVICE, m["type"], m["industry"], "", m["text"])).department for m in matters]


async def _timed(step: Callable[[int], Awaitable[object]]) -> float:
    spent = []
    for number in range(ASKED):
        began = time.perf_counter()
        await step(number)
        spent.append((time.perf_counter() - began) * 1_000)
    return _share(spent, 95)


def _share(values: list[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _tables() -> tuple[DepartmentRules, ServiceLevels]:
    return department_rules_in((RULES / "departments.yaml").read_text("utf-8")), service_levels_in((RULES / "service_levels.yaml").read_text("utf-8"))


def _wanted(number: int) -> Wanted:
    words = WORDS[number % len(WORDS)]
    contact = Contact(TENANT, new_id(), f"a{number % 300}", f"c{number}", "vip" if number % 10 == 0 else "", "宽带", "telecom", f"team{number % 300 % 15}")
    return Wanted(contact, Kind.SERVICE, ("故障", "投诉")[number % 2], Urgency.HIGH if number % 7 == 0 else Urgency.NORMAL, ("fault",), words, words * 4)


def _tickets(count: int, at: datetime) -> Iterator[Ticket]:
    rules, levels = _tables()
    for number in range(count):
        yield opened(_wanted(number), new_id(), rules, levels, at - timedelta(seconds=number % 60))


async def _fill(db: Database, tickets: Iterable[Ticket]) -> None:
    _, levels = _tables()
    batch: list[Document] = []
    for ticket in tickets:
        batch.append(stored_new(_held(ticket), next_timer_at(ticket, levels.terms_for(ticket))))
        if len(batch) == 1_000:
            await db["tickets"].insert_many(batch)
            batch = []
    if batch:
        await db["tickets"].insert_many(batch)


def _held(ticket: Ticket) -> Ticket:
    return replace(ticket, state=State.ASSIGNED) if ticket.assignee else ticket


def _scored(number: int) -> InteractionScored:
    wanted = _wanted(number)
    contact = wanted.contact
    metadata = InteractionMetadata(
        agent_id=contact.agent_id, customer_id=contact.customer_id, product=contact.product, industry=contact.industry, team_id=contact.team_id,
    )
    items = [nlp.ItemResult(item_id=f"item{n}", result=nlp.ITEM_OUTCOME_PASS) for n in range(20)]
    evaluation = nlp.Evaluation(ticket_type=wanted.type, urgency=nlp.URGENCY_NORMAL, customer_emotion="neutral", summary=wanted.description, items=items)
    return InteractionScored(interaction=Interaction(interaction_id=contact.interaction_id, metadata=metadata), evaluation=evaluation)


def _index_of(plan: str) -> str:
    return "COLLSCAN" if "COLLSCAN" in plan else plan.partition("'indexName': '")[2].partition("'")[0]


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def main(name: str = "", *given: str) -> object:
    """One measurement by name."""
    match name:
        case "opening":
            return asyncio.run(opening(given[0], given[1]))
        case "open":
            return asyncio.run(among_open(given[0]))
        case "timers":
            return asyncio.run(timers(given[0]))
        case "departments":
            return departments(json.loads(Path(given[0]).read_text(encoding="utf-8")))
        case _:
            raise SystemExit(f"{name}: opening, open, timers or departments")


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
    print()
