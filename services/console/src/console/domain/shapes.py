"""The gateway's JSON as it is read here; proto/ explains every field. Times are RFC 3339 strings, unset fields may be missing."""

from typing import Any, TypedDict


class Caller(TypedDict, total=False):
    tenant: str
    principal: str
    role: str
    permissions: list[str]


class Metadata(TypedDict, total=False):
    tenant: str
    channel: str
    direction: str
    agent_id: str
    team_id: str
    customer_id: str
    customer_tier: str
    product: str
    industry: str
    started_at: str
    external_id: str
    channels: dict[str, str]


class Audio(TypedDict, total=False):
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_ms: int
    size_bytes: int


class Outcome(TypedDict, total=False):
    score: float
    fatal: bool
    ticket_type: str
    urgency: str
    customer_emotion: str
    alerts: int


class Interaction(TypedDict, total=False):
    interaction_id: str
    metadata: Metadata
    medium: str
    status: str
    reason: str
    audio: Audio
    received_at: str
    updated_at: str
    outcome: Outcome


class Turn(TypedDict, total=False):
    turn_id: str
    role: str
    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Transcript(TypedDict, total=False):
    turns: list[Turn]
    asr: dict[str, str]
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


class ItemResult(TypedDict, total=False):
    item_id: str
    title: str
    dimension: str
    result: str
    points: float
    max_points: float
    fatal: bool
    confidence: float
    evidence: list[Evidence]
    explanation: str


class DimensionScore(TypedDict, total=False):
    dimension: str
    score: float | None
    points: float
    max_points: float


class Alert(TypedDict, total=False):
    alert_id: str
    kind: str
    at_ms: int
    turn_id: str
    text: str
    message: str
    severity: str


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


class TurnEmotion(TypedDict, total=False):
    turn_id: str
    at_ms: int
    emotion: str
    valence: float


class Evaluation(TypedDict, total=False):
    evaluation_id: str
    score: float
    fatal: bool
    scorecard: dict[str, str]
    items: list[ItemResult]
    dimensions: list[DimensionScore]
    customer_emotion: str
    emotion_course: list[TurnEmotion]
    ticket_type: str
    urgency: str
    alerts: list[Alert]
    promises: list[Promise]
    risk_keywords: list[str]
    summary: str
    scored_at: str
    engine: str
    highlights: list[str]


class HistoryEntry(TypedDict, total=False):
    at: str
    by: str
    action: str
    from_state: str
    to_state: str
    note: str


class Ticket(TypedDict, total=False):
    ticket_id: str
    interaction_id: str
    kind: str
    type: str
    urgency: str
    department: str
    line: int
    state: str
    title: str
    description: str
    causes: list[str]
    customer_id: str
    customer_tier: str
    agent_id: str
    product: str
    assignee: str
    opened_at: str
    first_response_due_at: str
    resolution_due_at: str
    first_responded_at: str
    resolved_at: str
    closed_at: str
    overdue: bool
    resolution: str
    version: int
    history: list[HistoryEntry]
    routed_by: str


class Article(TypedDict, total=False):
    article_id: str
    title: str
    questions: list[str]
    answer: str
    script: str
    industry: str
    product: str
    issue: str
    tags: list[str]
    state: str
    version: int
    updated_at: str


class Found(TypedDict, total=False):
    article: Article
    relevance: float
    because: str


class GraphNode(TypedDict, total=False):
    node_id: str
    kind: str
    name: str
    article_id: str


class Graph(TypedDict, total=False):
    nodes: list[GraphNode]
    edges: list[dict[str, str]]


class KpiValue(TypedDict, total=False):
    kpi: str
    title: str
    unit: str
    value: float | None
    numerator: float
    denominator: float
    target: float | None
    sense: str
    met: bool | None


class KpiGroup(TypedDict, total=False):
    key: str
    kpis: list[KpiValue]


class KpiChange(TypedDict, total=False):
    current: KpiValue
    baseline: KpiValue
    change: float | None
    better: bool | None


class ItemRate(TypedDict, total=False):
    item_id: str
    title: str
    dimension: str
    passed: int
    failed: int
    abstained: int
    rate: float | None


class Target(TypedDict, total=False):
    kpi: str
    title: str
    definition: str
    unit: str
    target: float | None
    sense: str


class ApiKey(TypedDict, total=False):
    key_id: str
    name: str
    role: str
    agent_id: str
    extra_permissions: list[str]
    created_at: str
    revoked_at: str


class AuditEntry(TypedDict, total=False):
    sequence: int
    at: str
    principal: str
    action: str
    object_id: str
    status: str
    hash: str


Json = dict[str, Any]
