"""Routing rules as people change them: tried on a described ticket, simulated on past ones, published."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from chassis.errors import InvalidInput

from routing.app import TicketFilter, Tickets
from routing.app_versions import VersionBook, VersionStore
from routing.domain.departments import DepartmentRules, department_rules_in, matter_of

RuleBook = VersionBook[DepartmentRules]
MOST_SIMULATED = 5_000
_PAGE = 200
_EXAMPLES = 20


def rule_book(store: VersionStore, shipped: str, monotonic: Callable[[], float], *, keep_s: float = 2.0) -> RuleBook:
    """The routing rules of every tenant: its own, or those shipped; tickets that are there stay where they are."""
    return VersionBook(store, shipped, department_rules_in, monotonic, what="routing rules", keep_s=keep_s)


@dataclass(frozen=True, slots=True)
class Moved:
    """A ticket that would go elsewhere."""

    ticket_id: str
    title: str
    before: str
    after: str
    routed_by: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a table would have changed; `departments` says for each what it has had and would have had, the largest change first."""

    looked_at: int
    moved: int
    departments: tuple[tuple[str, int, int], ...]
    examples: tuple[Moved, ...]


async def simulate(tickets: Tickets, tenant: str, rules: DepartmentRules, limit: int) -> Simulation:
    """Route the newest `limit` tickets again, by the words they have now. Raises InvalidInput."""
    if not 1 <= limit <= MOST_SIMULATED:
        raise InvalidInput("limit", f"must be between 1 and {MOST_SIMULATED}")
    before, after = Counter[str](), Counter[str]()
    examples: list[Moved] = []
    looked_at = moved = 0
    token = ""
    while looked_at < limit:
        page = await tickets.page(tenant, TicketFilter(), min(_PAGE, limit - looked_at), token)
        for ticket in page.tickets:
            routed = rules.route(matter_of(ticket))
            before[ticket.department] += 1
            after[routed.department] += 1
            looked_at += 1
            if routed.department != ticket.department:
                moved += 1
                if len(examples) < _EXAMPLES:
                    examples.append(Moved(ticket.ticket_id, ticket.title, ticket.department, routed.department, routed.routed_by))
        token = page.next_token
        if not token:
            break
    names = sorted(before | after, key=lambda name: (-abs(after[name] - before[name]), name))
    return Simulation(looked_at, moved, tuple((name, before[name], after[name]) for name in names), tuple(examples))
