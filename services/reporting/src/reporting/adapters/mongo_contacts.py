"""What is known of a contact as a document, and back."""

import json
from datetime import datetime
from typing import Any

from chassis.mongo import Document

from reporting.domain.contacts import Cell, Contact, Issue, Position, Ticket


def contact_key(tenant: str, interaction_id: str) -> str:
    return json.dumps([tenant, interaction_id], ensure_ascii=False)


def issue_key(issue: Issue) -> str:
    return json.dumps([issue.tenant, issue.customer_id, issue.product, issue.ticket_type], ensure_ascii=False)


def place_of(issue: Issue, at: datetime, interaction_id: str = "") -> str:
    """Issue, milliseconds of the beginning, id: sorts as the positions on an issue do, in one field, so that one index is range and order."""
    return f"{issue_key(issue)} {max(0, round(at.timestamp() * 1000)):015d} {interaction_id}"


def place(position: Position) -> str:
    return place_of(position.issue, position.at, position.interaction_id)


def contact_to(contact: Contact) -> Document:
    document: Document = {
        "_id": contact_key(contact.tenant, contact.interaction_id), "tenant": contact.tenant, "interaction_id": contact.interaction_id,
        "suggested": contact.suggested, "repeat": contact.repeat, "followed": contact.followed,
    }
    if contact.cell:
        document["cell"] = {"day": contact.cell.day, "agent_id": contact.cell.agent_id, "team_id": contact.cell.team_id}
        document |= {"evaluation_id": contact.evaluation_id, "scored_at": contact.scored_at, "figures": [[k, n] for k, n in contact.figures.items()]}
    if contact.position:
        issue = contact.position.issue
        document |= {
            "place": place(contact.position), "began_at": contact.position.at, "customer_id": issue.customer_id, "product": issue.product,
            "ticket_type": issue.ticket_type,
        }
    if contact.tickets:
        document["tickets"] = [
            {"id": k, "agent_id": t.agent_id, "day": t.day, "version": t.version, "resolved": t.resolved, "reopened": t.reopened, "overdue": t.overdue}
            for k, t in contact.tickets.items()
        ]
    return document


def contact_from(document: Document) -> Contact:
    tenant, interaction_id = document["tenant"], document["interaction_id"]
    cell: dict[str, str] | None = document.get("cell")
    position = None
    if "began_at" in document:
        issue = Issue(tenant, document["customer_id"], document["product"], document["ticket_type"])
        position = Position(issue, document["began_at"], interaction_id)
    return Contact(
        tenant, interaction_id, Cell(tenant, **cell) if cell else None, document.get("evaluation_id", ""), document.get("scored_at"), position,
        dict(document.get("figures", ())), document.get("suggested", False), document.get("repeat", False), document.get("followed", False),
        {t["id"]: _ticket(t) for t in document.get("tickets", ())},
    )


def _ticket(document: dict[str, Any]) -> Ticket:
    return Ticket(**{k: v for k, v in document.items() if k != "id"})
