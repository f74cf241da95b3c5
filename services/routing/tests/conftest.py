"""What routing's tests share: the shipped rules, a clock that is set by hand, tickets as the rules would open them; and sla_oracle made importable."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from chassis.errors import NotFound
from chassis.ids import derived_id, new_id
from chassis.messaging import Events, ensure_stream
from chassis.mongo import Database
from routing.adapters.mongo_intake import MongoMatters, MongoWaiting
from routing.adapters.mongo_tickets import MongoTickets
from routing.app import Routing
from routing.app_intake import Intake
from routing.domain.departments import DepartmentRules, department_rules_in
from routing.domain.opening import Contact, Wanted, opened
from routing.domain.service_levels import ServiceLevels, service_levels_in
from routing.domain.tickets import Kind, Ticket, Urgency
from routing.settings import RULES

sys.path.insert(0, str(Path(__file__).parent))
from routing_start import START


@dataclass
class Clock:
    """Stands still until moved."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


@pytest.fixture(scope="session")
def departments() -> DepartmentRules:
    return department_rules_in((RULES / "departments.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def levels() -> ServiceLevels:
    return service_levels_in((RULES / "service_levels.yaml").read_text("utf-8"))


class OneTable:
    """The same service levels for every tenant, and no other version."""

    def __init__(self, levels: ServiceLevels) -> None:
        self.levels = levels

    async def current(self, tenant: str) -> ServiceLevels:
        return self.levels

    async def version(self, tenant: str, version: str) -> ServiceLevels:
        raise NotFound(version)


class OneRuleTable:
    """The same routing rules for every tenant."""

    def __init__(self, rules: DepartmentRules) -> None:
        self.rules = rules

    async def current(self, tenant: str) -> DepartmentRules:
        return self.rules


@pytest.fixture
def rule_table(departments: DepartmentRules) -> OneRuleTable:
    return OneRuleTable(departments)


@pytest.fixture
def book(levels: ServiceLevels) -> OneTable:
    return OneTable(levels)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_ticket(departments: DepartmentRules, levels: ServiceLevels) -> Callable[..., Ticket]:
    def make(*, tenant: str = "t1", at: datetime = START, urgency: Urgency = Urgency.NORMAL, kind: Kind = Kind.SERVICE, **contact: str) -> Ticket:
        about = Contact(tenant, contact.pop("interaction_id", new_id()), **contact)
        wanted = Wanted(about, kind, "故障", urgency, ("fault",), "【故障】宽带", "上不了网")
        return opened(wanted, new_id(), departments, levels, at)

    return make


@pytest.fixture
async def routing(db: Database, events: Events, rule_table: OneRuleTable, book: OneTable, clock: Clock) -> Routing:
    """The whole of routing on real servers, with a clock set by hand."""
    await ensure_stream(events, "routing")
    tickets = MongoTickets(db, events)
    await tickets.prepare()
    return Routing(tickets, rule_table, book, clock, new_id, derived_id)


@pytest.fixture
async def intake(routing: Routing, db: Database) -> Intake:
    waiting = MongoWaiting(db)
    await waiting.prepare()
    return Intake(routing, waiting, MongoMatters(db))
