"""Which tickets a visitor wants to see: from the page's address, into the gateway's query, and by oneself where that cannot say it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from client.shapes import Ticket

VIEWS = ("board", "list")
_TEXTS = ("order_by", "state", "kind", "type", "urgency", "department", "assignee", "watcher", "query")
_TOLD = ("state", "kind", "department", "assignee", "watcher", "query", "overdue")
# The gateway looks for words of two characters or more.
LEAST_QUERY, MOST_QUERY = 2, 64


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """Empty texts ask for nothing."""

    view: str = "board"
    order_by: str = ""
    state: str = ""
    kind: str = ""
    type: str = ""
    urgency: str = ""
    department: str = ""
    assignee: str = ""
    watcher: str = ""
    query: str = ""
    overdue: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "TicketFilter":
        """From an address; what is not known there is left out."""
        texts = {k: query[k][:128] for k in _TEXTS if query.get(k)}
        view = query.get("view", "board")
        return cls(view=view if view in VIEWS else "board", overdue=query.get("overdue") == "true", **texts)

    def changed(self, name: str, value: Any) -> "TicketFilter":
        """With one thing other than before."""
        changed: Any = bool(value) if name == "overdue" else str(value or "").strip()
        if name == "query":
            changed = changed[:MOST_QUERY] if len(changed) >= LEAST_QUERY else ""
        return replace(self, **{name: changed})

    @property
    def narrows(self) -> bool:
        """Something is asked for beside view and order."""
        return any(v for k, v in asdict(self).items() if k not in ("view", "order_by"))

    @property
    def address(self) -> dict[str, str]:
        """What the page's address says."""
        given = {k: "true" if v is True else v for k, v in asdict(self).items() if v}
        return {k: v for k, v in given.items() if (k, v) != ("view", "board")}

    @property
    def asked(self) -> dict[str, str | bool]:
        """What the gateway can narrow by itself. In the order of due dates it takes one of three conditions, the sharpest here."""
        if self.order_by == "due":
            one = next((k for k in ("assignee", "department", "kind") if getattr(self, k)), "")
            return {"order_by": "due"} | ({one: getattr(self, one)} if one else {})
        return {k: getattr(self, k) for k in _TOLD if getattr(self, k)}

    @property
    def sieves(self) -> bool:
        """Some of it has to be picked out here."""
        told = {k for k, v in asdict(self).items() if v} - {"view", "order_by"}
        return bool(told - set(self.asked))

    def fits(self, ticket: Ticket) -> bool:
        """Whether it is asked for."""
        wanted = {k: v for k, v in asdict(self).items() if k not in ("view", "order_by", "overdue", "watcher", "query") and v}
        if self.watcher and self.watcher not in ticket.get("watchers", []):
            return False
        said = " ".join(str(ticket.get(k, "")) for k in ("title", "description", "resolution", "customer_id", "ticket_id")).lower()
        if any(part not in said for part in self.query.lower().split()):
            return False
        if self.overdue and not ticket.get("overdue"):
            return False
        if self.order_by == "due" and not ticket.get("next_due_at"):
            return False
        return all(ticket.get(k, "") == v for k, v in wanted.items())
