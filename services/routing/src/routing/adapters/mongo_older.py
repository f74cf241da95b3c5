"""Tickets stored before they had clocks, read as if they had: their service levels were round the clock."""

from datetime import datetime, timedelta

from chassis.mongo import Document


def with_clocks(document: Document) -> Document:
    """The document as it would be stored now; the very same where it is."""
    if "clocks" in document:
        return document
    opened: datetime = document["opened_at"]
    answered, resolved = document.get("first_responded_at"), document.get("resolved_at")
    due = {name: document["deadlines"][name] for name in ("first_response", "resolution")}
    return document | {
        "clocks": {"first_response": _clock(opened, answered or resolved), "resolution": _clock(opened, resolved)},
        "waiting": False, "due": due, "allowed_ms": {name: (at - opened) // timedelta(milliseconds=1) for name, at in due.items()},
        "policy_id": "", "levels_version": "", "level": int(document["overdue"]), "team_id": "", "rectification": None,
        "interactions": [document["interaction_id"]] if document["interaction_id"] else [],
        "promises": [{"outcome": ""} | promise for promise in document["promises"]],
        "fired": [name for name in document["fired"] if name.startswith("overdue:promise:")],
    }


def _clock(opened: datetime, met: datetime | None) -> Document:
    used = (met - opened) // timedelta(milliseconds=1) if met else 0
    return {"used_ms": used, "since": None if met else opened, "met_at": met, "breached_at": None, "round": 0, "fired": []}
