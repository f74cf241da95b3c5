"""The platform's JSON, as types. Times are RFC 3339 strings; a field that is not set may be absent; /openapi.json has every field."""

from typing import Literal, TypedDict

from client.figure_shapes import (
    Article,
    Found,
    Graph,
    GraphEdge,
    GraphNode,
    ItemRate,
    Kpi,
    KpiChange,
    KpiGroup,
    KpiUnit,
    Target,
    TargetSense,
)
from client.ticket_shapes import (
    AllowedTime,
    Attachment,
    DrillLine,
    EvidenceClip,
    HistoryEntry,
    LevelPolicy,
    PlannedAlarm,
    ProofCall,
    ProofStandard,
    Rectification,
    RectificationSum,
    RectificationTarget,
    RootCause,
    ServiceLevels,
    SpecialDay,
    Ticket,
    TicketClock,
    TicketField,
    TicketFinding,
    TicketState,
    WorkingCalendar,
)

__all__ = [
    "Alert", "AllowedTime", "ApiKey", "Article", "Attachment", "Audio", "AuditEntry", "Caller", "ChainLink", "Channels", "ChatTurn", "Dimension",
    "DrillLine", "Evaluation", "Evidence", "EvidenceClip", "Feedback", "Found", "Graph", "GraphEdge", "GraphNode", "HistoryEntry", "Imported",
    "Interaction", "ItemOutcome", "ItemRate", "ItemResult", "Kpi", "KpiChange", "KpiGroup", "KpiUnit", "LevelPolicy", "LiveComparison", "Metadata",
    "NewApiKey", "Outcome", "PlannedAlarm", "Promise", "ProofCall", "ProofStandard", "Provenance", "RaisedAlert", "Rectification", "RectificationSum",
    "RectificationTarget", "Redaction", "Role", "RootCause", "ScorecardRef", "ServiceLevels", "SpecialDay", "Status", "Target", "TargetSense",
    "Ticket", "TicketAction", "TicketClock", "TicketField", "TicketFinding", "TicketState", "TippingPoint", "Transcript", "Turn", "TurnEmotion",
    "Urgency", "WorkingCalendar",
]


Role = Literal["agent", "customer"]
Status = Literal["received", "transcribing", "scoring", "scored", "failed"]
ItemOutcome = Literal["pass", "fail", "na", "abstain"]
Urgency = Literal["normal", "high"]
TicketAction = Literal["assign", "start", "escalate", "comment", "resolve", "close", "reopen"]


class Channels(TypedDict, total=False):
    left: Role
    right: Role


class Metadata(TypedDict, total=False):
    """What the sender knows about a contact; `external_id` makes sending idempotent. `audio_format` is for files without a header."""

    tenant: str
    channel: Literal["hotline", "app", "wechat", "miniprogram", "online", "store", "enterprise"]
    direction: Literal["inbound", "outbound"]
    agent_id: str
    team_id: str
    customer_id: str
    customer_tier: str
    product: str
    industry: Literal["telecom", "appliance", "automotive", "electronics", "ecommerce", "bank", "insurance"]
    started_at: str
    external_id: str
    channels: Channels
    audio_format: Literal["alaw", "mulaw"]
    agent_kind: Literal["human", "bot"]
    queue: str
    hang_up: Literal["agent", "customer", "system"]


class _ChatTurnNeeds(TypedDict):
    role: Role
    text: str


class ChatTurn(_ChatTurnNeeds, total=False):
    """One written message; milliseconds since the contact began."""

    start_ms: int
    end_ms: int


class Audio(TypedDict, total=False):
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_ms: int
    size_bytes: int
    sha256: str


class Outcome(TypedDict, total=False):
    score: float
    fatal: bool
    ticket_type: str
    urgency: Urgency
    customer_emotion: str
    alerts: int


class _InteractionHas(TypedDict):
    interaction_id: str
    status: Status


class Interaction(_InteractionHas, total=False):
    tenant: str
    metadata: Metadata
    medium: Literal["call", "chat"]
    reason: str
    audio: Audio
    received_at: str
    updated_at: str
    outcome: Outcome
    notices: list[str]


class Turn(TypedDict, total=False):
    turn_id: str
    role: Role
    text: str
    start_ms: int
    end_ms: int
    confidence: float
    acoustics: dict[str, float]
    language: str


class Transcript(TypedDict, total=False):
    interaction_id: str
    turns: list[Turn]
    asr: dict[str, str]
    language: str
    duration_ms: int
    notices: list[str]


class Evidence(TypedDict, total=False):
    turn_id: str
    start_ms: int
    end_ms: int
    text: str
    rule_id: str
    confidence: float
    char_from: int
    char_to: int
    rule_text: str


class ItemResult(TypedDict, total=False):
    item_id: str
    title: str
    dimension: str
    result: ItemOutcome
    points: float
    max_points: float
    fatal: bool
    confidence: float
    evidence: list[Evidence]
    explanation: str
    rule_text: str
    option: str
    bonus: bool
    section: str
    reviewed: bool
    script: str


class Dimension(TypedDict, total=False):
    dimension: str
    score: float
    points: float
    max_points: float


class Alert(TypedDict, total=False):
    alert_id: str
    kind: str
    at_ms: int
    turn_id: str
    text: str
    message: str
    severity: Urgency


class RaisedAlert(TypedDict, total=False):
    alert: Alert
    interaction_id: str
    agent_id: str
    raised_at: str


class Promise(TypedDict, total=False):
    promise_id: str
    text: str
    what: str
    deadline_text: str
    deadline: str
    turn_id: str
    at_ms: int
    owner: str
    status: Literal["open", "kept", "late", "broken"]


class TurnEmotion(TypedDict, total=False):
    """The customer's emotion in one turn; `valence` -1 to 1, `arousal` in standard deviations of the speaker's own usual."""

    turn_id: str
    at_ms: int
    emotion: str
    valence: float
    arousal: float
    dissatisfaction: float


class TippingPoint(TypedDict, total=False):
    """Where the customer's mood turned for the worse."""

    turn_id: str
    at_ms: int
    after_turn_id: str
    recovered: bool


class Redaction(TypedDict, total=False):
    """A span that was masked, in characters of the unmasked turn; without its words."""

    turn_id: str
    role: Role
    kind: str
    char_from: int
    char_to: int
    start_ms: int
    end_ms: int


class Provenance(TypedDict, total=False):
    """Everything an evaluation was made with."""

    engine: str
    rules_sha256: str
    models: dict[str, str]
    asr: dict[str, str]
    turns_sha256: str


class ChainLink(TypedDict, total=False):
    """An evaluation's place in the company's chain."""

    sequence: int
    sha256: str
    previous_sha256: str


class LiveComparison(TypedDict, total=False):
    """How the live evaluation differed from the one over the recording."""

    score: float
    items_differing: list[str]
    alerts_live_only: list[str]
    alerts_final_only: list[str]


class ScorecardRef(TypedDict):
    id: str
    version: str


class Evaluation(TypedDict, total=False):
    evaluation_id: str
    interaction_id: str
    score: float
    fatal: bool
    scorecard: ScorecardRef
    items: list[ItemResult]
    dimensions: list[Dimension]
    customer_emotion: str
    emotion_course: list[TurnEmotion]
    ticket_type: str
    urgency: Urgency
    alerts: list[Alert]
    promises: list[Promise]
    risk_keywords: list[str]
    summary: str
    scored_at: str
    engine: str
    highlights: list[str]
    score_low: float
    score_high: float
    primary: bool
    reviewed_at: str
    redactions: list[Redaction]
    tipping_point: TippingPoint
    provenance: Provenance
    chain: ChainLink
    live: LiveComparison


class _FeedbackNeeds(TypedDict):
    feedback_id: str


class Feedback(_FeedbackNeeds, total=False):
    """A customer's answer: `csat` 1-5, `nps` 0-10; about an interaction, or about a customer alone."""

    interaction_id: str
    customer_id: str
    csat: int
    nps: int
    solved: bool
    comment: str
    given_at: str


class Imported(TypedDict):
    imported: int
    skipped: int


class ApiKey(TypedDict, total=False):
    key_id: str
    name: str
    role: Literal["admin", "supervisor", "inspector", "agent", "integrator", "viewer"]
    agent_id: str
    team_id: str
    extra_permissions: list[str]
    created_at: str
    revoked_at: str


class NewApiKey(TypedDict):
    """`secret` is shown this once."""

    key: ApiKey
    secret: str


class AuditEntry(TypedDict, total=False):
    """One thing somebody looked at or changed; `sequence` counts 1, 2, 3, … per tenant."""

    sequence: int
    at: str
    principal: str
    action: str
    object_id: str
    status: str
    hash: str


class Caller(TypedDict):
    tenant: str
    principal: str
    role: str
    permissions: list[str]
