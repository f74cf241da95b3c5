"""What is known of one contact, whatever the order in which it was told, and the figures that follow from it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reporting.domain.days import day_of
from reporting.domain.figures import Figures, ItemJudged

REPEAT_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Cell:
    """Where figures are counted: one tenant, day (YYYY-MM-DD), agent and team; agent and team are "" where not known."""

    tenant: str
    day: str
    agent_id: str = ""
    team_id: str = ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """What the sender of a contact knew of it."""

    tenant: str
    interaction_id: str
    agent_id: str
    team_id: str
    customer_id: str
    product: str
    inbound: bool
    started_at: datetime

    @property
    def cell(self) -> Cell:
        return Cell(self.tenant, day_of(self.started_at), self.agent_id, self.team_id)


@dataclass(frozen=True, slots=True)
class Scored:
    """Event: the contact was judged. `figures` are those of the evaluation alone, `items` their titles."""

    event_id: str
    interaction: Interaction
    evaluation_id: str
    scored_at: datetime
    ticket_type: str
    figures: Figures
    items: tuple[ItemJudged, ...] = ()


@dataclass(frozen=True, slots=True)
class SolutionFound:
    """Event: an article was found for the contact."""

    event_id: str
    interaction: Interaction


@dataclass(frozen=True, slots=True)
class TicketChanged:
    """Event: `change` (opened, resolved, reopened or overdue) made the ticket's `version`."""

    event_id: str
    tenant: str
    ticket_id: str
    interaction_id: str
    agent_id: str
    opened_at: datetime
    version: int
    change: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Event whose figures hang on nothing else: an alert, a promise, a customer's answer."""

    event_id: str
    cell: Cell
    figures: Figures


Fact = Scored | SolutionFound | TicketChanged | Counted


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as far as it counts. `version` is that of its last resolving or reopening."""

    agent_id: str
    day: str
    version: int = 0
    resolved: bool = False
    reopened: bool = False
    overdue: bool = False

    def after(self, fact: TicketChanged) -> "Ticket":
        if fact.change == "overdue":
            return replace(self, overdue=True)
        if fact.change not in ("resolved", "reopened"):
            return self
        ticket = replace(self, reopened=self.reopened or fact.change == "reopened")
        if fact.version > ticket.version:
            ticket = replace(ticket, version=fact.version, resolved=fact.change == "resolved")
        return ticket


@dataclass(frozen=True, slots=True)
class Issue:
    """The same matter of the same customer: what a repeat contact repeats."""

    tenant: str
    customer_id: str
    product: str
    ticket_type: str


@dataclass(frozen=True, slots=True)
class Position:
    """A contact's place among those on its issue; contacts that began together are ordered by id."""

    issue: Issue
    at: datetime
    interaction_id: str


@dataclass(frozen=True, slots=True)
class Contact:
    """All that was told of one contact. `repeat`: another on its issue came within 7 days before; `followed`: one came after.

    Tickets opened by hand without an interaction are kept each under an interaction id of its own, "ticket:<id>".
    """

    tenant: str
    interaction_id: str
    cell: Cell | None = None
    evaluation_id: str = ""
    scored_at: datetime | None = None
    position: Position | None = None
    figures: Figures = field(default_factory=dict)
    suggested: bool = False
    repeat: bool = False
    followed: bool = False
    tickets: Mapping[str, Ticket] = field(default_factory=dict)

    def after(self, fact: Scored | SolutionFound | TicketChanged) -> "Contact":
        """With what the event adds; telling it twice, or late, changes nothing more. `repeat` and `followed` stay as they are."""
        match fact:
            case SolutionFound():
                return replace(self, suggested=True)
            case TicketChanged():
                known = self.tickets.get(fact.ticket_id) or Ticket(fact.agent_id, day_of(fact.opened_at))
                return replace(self, tickets={**self.tickets, fact.ticket_id: known.after(fact)})
            case Scored():
                if self.scored_at is not None and (self.scored_at, self.evaluation_id) >= (fact.scored_at, fact.evaluation_id):
                    return self  # judged again since, by a newer scorecard
                return replace(
                    self, cell=fact.interaction.cell, evaluation_id=fact.evaluation_id, scored_at=fact.scored_at,
                    position=_position(fact), figures=fact.figures,
                )

    def contribution(self) -> dict[Cell, Counter[str]]:
        """The figures this contact gives, by where they count."""
        made: dict[Cell, Counter[str]] = {}
        if self.cell:
            own = made[self.cell] = Counter(self.figures)
            own["f.suggested"] += self.suggested
            if self.position:
                own["f.identified"] += 1
                own["f.repeats"] += self.repeat
                own["f.issues"] += not self.repeat
                own["f.issues_resolved"] += not self.repeat and not self.followed
        for ticket in self.tickets.values():
            agent_id, team_id = (self.cell.agent_id, self.cell.team_id) if self.cell else (ticket.agent_id, "")
            there = made.setdefault(Cell(self.tenant, ticket.day, agent_id, team_id), Counter())
            there["f.tickets"] += 1
            there["f.tickets_resolved"] += ticket.resolved
            there["f.tickets_reopened"] += ticket.reopened
            there["f.tickets_overdue"] += ticket.overdue
        return made


def _position(fact: Scored) -> Position | None:
    """None where nobody can say whether it repeats: the customer is not known, or the company called."""
    contact = fact.interaction
    if not contact.customer_id or not contact.inbound:
        return None
    issue = Issue(contact.tenant, contact.customer_id, contact.product.strip(), fact.ticket_type)
    return Position(issue, contact.started_at, contact.interaction_id)


def near(earlier: Position | None, later: Position | None) -> bool:
    """The later contact repeats the earlier one: within 7 days."""
    return earlier is not None and later is not None and later.at - earlier.at <= REPEAT_WITHIN


def tenant_of(fact: Fact) -> str:
    match fact:
        case Counted():
            return fact.cell.tenant
        case TicketChanged():
            return fact.tenant
        case _:
            return fact.interaction.tenant


def contact_of(fact: Scored | SolutionFound | TicketChanged) -> tuple[str, str]:
    """Tenant and interaction id of the contact that an event tells of."""
    if isinstance(fact, TicketChanged):
        return fact.tenant, fact.interaction_id or f"ticket:{fact.ticket_id}"
    return fact.interaction.tenant, fact.interaction.interaction_id
