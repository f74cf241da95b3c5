"""What an event from the gateway changes in what a page already shows, so that it need not ask again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from client.shapes import Evaluation, Interaction, RaisedAlert, Status, Ticket

from console.domain.words import moment

_ORDER = {"received": 0, "transcribing": 1, "scoring": 2, "scored": 3, "failed": 3}
_STATUS: Mapping[str, Status] = {
    "TranscriptionStarted": "transcribing", "TranscriptCompleted": "scoring", "InteractionScored": "scored",
    "TranscriptionFailed": "failed", "ScoringFailed": "failed",
}
TICKET_EVENTS = frozenset({
    "TicketOpened", "TicketAssigned", "TicketStarted", "TicketEscalated", "TicketCommented", "TicketResolved", "TicketClosed", "TicketReopened",
    "TicketChanged", "TicketDueSoon", "TicketOverdue",
})


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `name` without its package, "InteractionScored", and its JSON."""

    name: str
    body: Mapping[str, Any]
    time: str = ""

    @property
    def interaction_id(self) -> str:
        """The interaction it is about; empty where about none."""
        inside = self.body.get("interaction") or self.body.get("ticket") or {}
        return str(self.body.get("interaction_id") or inside.get("interaction_id") or "")


@dataclass(frozen=True, slots=True)
class Hinted:
    """Something an agent was told while the contact ran; `at_ms` since it began."""

    hint_id: str
    kind: str
    message: str
    at_ms: int
    turn_id: str
    interaction_id: str
    agent_id: str
    time: str


# Told to listeners after the connection was away: what they show may be old.
RESUMED = Event("Resumed", {})


def changed(interaction: Interaction, event: Event) -> Interaction:
    """The interaction after an event about it. Events may arrive in any order; a status never goes back."""
    status = _STATUS.get(event.name)
    if status is None or _ORDER[status] < _ORDER.get(interaction.get("status", ""), 0):
        return interaction
    after = interaction.copy()
    after["status"] = status
    if event.body.get("reason"):
        after["reason"] = str(event.body["reason"])
    if event.name == "InteractionScored":
        evaluation = cast("Evaluation", event.body.get("evaluation") or {})
        after["outcome"] = {
            "score": evaluation.get("score", 0.0), "fatal": evaluation.get("fatal", False), "ticket_type": evaluation.get("ticket_type", ""),
            "customer_emotion": evaluation.get("customer_emotion", ""), "alerts": len(evaluation.get("alerts", [])),
        }
        if "urgency" in evaluation:
            after["outcome"]["urgency"] = evaluation["urgency"]
    return after


def received(event: Event) -> Interaction | None:
    """The interaction that has just come in; None for other events."""
    if event.name != "InteractionReceived" or not event.body.get("interaction"):
        return None
    interaction = cast("Interaction", dict(event.body["interaction"]))
    interaction.setdefault("status", "received")
    return interaction


def ticket_of(event: Event) -> Ticket | None:
    """The ticket after an event about one."""
    return cast("Ticket", event.body["ticket"]) if event.name in TICKET_EVENTS and event.body.get("ticket") else None


def alert_of(event: Event) -> RaisedAlert | None:
    """The alert just raised."""
    if event.name != "AlertRaised" or not event.body.get("alert"):
        return None
    interaction = event.body.get("interaction") or {}
    return {
        "alert": event.body["alert"], "interaction_id": str(interaction.get("interaction_id", "")),
        "agent_id": str((interaction.get("metadata") or {}).get("agent_id", "")), "raised_at": event.time,
    }


def hint_of(event: Event) -> Hinted | None:
    """The hint an agent was just given."""
    hint = event.body.get("hint")
    if event.name != "HintSuggested" or not hint:
        return None
    metadata = (event.body.get("interaction") or {}).get("metadata") or {}
    return Hinted(
        str(hint.get("hint_id", "")), str(hint.get("kind", "")), str(hint.get("message", "")), int(hint.get("at_ms") or 0), str(hint.get("turn_id", "")),
        event.interaction_id, str(metadata.get("agent_id", "")), event.time,
    )


def fits(interaction: Interaction, query: Mapping[str, str]) -> bool:
    """Whether a list asked for with this query shows the interaction."""
    known = {"status": interaction.get("status", ""), **interaction.get("metadata", {})}
    if any(query[k] != known.get(k, "") for k in ("status", "industry", "agent_id") if query.get(k)):
        return False
    at, begins, ends = (moment(t) for t in (interaction.get("received_at"), query.get("from"), query.get("to")))
    return at is None or ((begins is None or at >= begins) and (ends is None or at < ends))
