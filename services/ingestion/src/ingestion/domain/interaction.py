"""An interaction, how far it has come, and which of two reports about it stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.errors import AlreadyExists, Denied, InvalidInput, NotFound

from ingestion.domain.audio import Audio
from ingestion.domain.metadata import Caller, Metadata, check_name
from ingestion.domain.silence import SilentSpan


class Medium(StrEnum):
    CALL = "call"
    CHAT = "chat"


class Status(StrEnum):
    RECEIVED = "received"
    TRANSCRIBING = "transcribing"
    SCORING = "scoring"
    SCORED = "scored"
    FAILED = "failed"


# Reports arrive in any order and more than once. Failed stands below scored: what failed and was mended later ends scored,
# and a late report of an earlier failure does not take an evaluation away.
_RANK = {Status.RECEIVED: 0, Status.TRANSCRIBING: 1, Status.SCORING: 2, Status.FAILED: 3, Status.SCORED: 4}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the evaluation said. `score` 0-100, `urgency` high or normal, `scored_at` tells a later evaluation from an earlier."""

    score: float
    fatal: bool
    ticket_type: str
    urgency: str
    customer_emotion: str
    alerts: int
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """An event's word on an interaction: it has come this far, at this time. `silences` belong to the outcome."""

    status: Status
    at: datetime
    reason: str = ""
    outcome: Outcome | None = None
    silences: tuple[SilentSpan, ...] = ()

    @property
    def progress(self) -> int:
        """A report stands against one of lower progress: a later status, or a later evaluation."""
        return _RANK[self.status] + (int(self.outcome.scored_at.timestamp() * 1000) if self.outcome else 0)


@dataclass(frozen=True, slots=True)
class Interaction:
    """One contact. `content` is the hash by which a repeated sending is known."""

    interaction_id: str
    metadata: Metadata
    medium: Medium
    received_at: datetime
    updated_at: datetime
    content: str
    status: Status = Status.RECEIVED
    reason: str = ""
    audio: Audio | None = None
    outcome: Outcome | None = None
    notices: tuple[str, ...] = ()

    @property
    def tenant(self) -> str:
        return self.metadata.tenant


@dataclass(frozen=True, slots=True)
class Filters:
    """Which interactions; None and empty are all. `since` is included, `until` is not."""

    status: Status | None = None
    agent_id: str = ""
    team_id: str = ""
    customer_id: str = ""
    industry: str = ""
    since: datetime | None = None
    until: datetime | None = None


def check_same(first: Interaction, content: str) -> None:
    """Raises AlreadyExists where the external_id was used for other content."""
    if first.content != content:
        raise AlreadyExists("this external_id was used for other audio, turns or metadata", field="metadata.external_id")


def check_seen_by(caller: Caller, interaction: Interaction) -> None:
    """Raises NotFound for another company's interaction and, for an agent's key, another agent's: no word on whether there is one."""
    if interaction.tenant != caller.tenant or (caller.agent_id and interaction.metadata.agent_id != caller.agent_id):
        raise NotFound("no such interaction", field="interaction_id")


def narrowed(filters: Filters, caller: Caller) -> str:
    """The agent_id to list for. Raises InvalidInput and, where an agent's key asks for another agent, Denied."""
    for name in ("agent_id", "team_id", "customer_id", "industry"):
        check_name(name, getattr(filters, name))
    if filters.since and filters.until and filters.since > filters.until:
        raise InvalidInput("to", "is before from")
    if caller.agent_id and filters.agent_id not in ("", caller.agent_id):
        raise Denied("the key is for one agent's own interactions", field="agent_id")
    return caller.agent_id or filters.agent_id
