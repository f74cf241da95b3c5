"""The platform's JSON, as types. Times are RFC 3339 strings; a field that is not set may be absent; /openapi.json has every field."""

from typing import Literal, TypedDict

Role = Literal["agent", "customer"]
Status = Literal["received", "transcribing", "scoring", "scored", "failed"]
ItemOutcome = Literal["pass", "fail", "na", "abstain"]
Urgency = Literal["normal", "high"]
TicketState = Literal["open", "assigned", "in_progress", "waiting", "resolved", "closed"]
TicketAction = Literal["assign", "start", "escalate", "comment", "resolve", "close", "reopen"]
KpiUnit = Literal["ratio", "points", "minutes", "count", "nps"]
TargetSense = Literal["at_least", "at_most"]


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


class HistoryEntry(TypedDict, total=False):
    at: str
    by: str
    action: str
    from_state: TicketState
    to_state: TicketState
    note: str


class TicketClock(TypedDict, total=False):
    target: Literal["first_response", "next_response", "diagnosis", "resolution"]
    allowed_s: int
    used_s: int
    running: bool
    due_at: str
    met_at: str
    breached_at: str


class EvidenceClip(TypedDict, total=False):
    interaction_id: str
    turn_id: str
    start_ms: int
    end_ms: int
    text: str


class DrillLine(TypedDict, total=False):
    role: Literal["scene", "customer", "agent"]
    text: str


class ProofCall(TypedDict, total=False):
    interaction_id: str
    at: str
    failed: bool


class ProofStandard(TypedDict, total=False):
    """Shares and chances, 0 to 1."""

    mended_rate: float
    unmended_rate: float
    false_pass: float
    false_fail: float
    at_most: int


RootCause = Literal["unspecified", "training", "process", "system", "product"]
RectificationTarget = Literal["agent", "team", "product"]


class Rectification(TypedDict, total=False):
    """What has to be put right and how far its proof is."""

    target: RectificationTarget
    target_id: str
    item_id: str
    item_title: str
    script: str
    drill: list[DrillLine]
    evidence: list[EvidenceClip]
    failed_before: int
    judged_before: int
    fatal: bool
    suggested_cause: RootCause
    root_cause: RootCause
    action: str
    proof_since: str
    calls: list[ProofCall]
    verdict: Literal["not_yet", "passed", "failed"]
    still_needed: int
    standard: ProofStandard
    relapse_until: str
    relapses: int


class RectificationSum(TypedDict, total=False):
    """What became of the rectifications of one cause and item; shares 0 to 1, unset where none was judged."""

    root_cause: RootCause
    item_id: str
    item_title: str
    target: RectificationTarget
    opened: int
    running: int
    passed: int
    failed: int
    relapsed: int
    failing_before: float
    failing_after: float
    actions: list[str]


class Attachment(TypedDict, total=False):
    attachment_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    by: str
    at: str


class TicketField(TypedDict, total=False):
    field_id: str
    title: str
    value: str
    by: str
    turn_id: str
    text: str


class TicketFinding(TypedDict, total=False):
    """Something in which a ticket and its contact do not agree."""

    kind: str
    field_id: str
    ticket_says: str
    contact_says: str
    turn_id: str
    text: str


class SpecialDay(TypedDict, total=False):
    date: str
    periods: str


class WorkingCalendar(TypedDict, total=False):
    """`weekly` holds Monday to Sunday, each as "09:00-12:00 13:30-18:00"."""

    calendar_id: str
    title: str
    zone: str
    weekly: list[str]
    days: list[SpecialDay]


class AllowedTime(TypedDict, total=False):
    target: str
    seconds: int


class LevelPolicy(TypedDict, total=False):
    policy_id: str
    calendar_id: str
    kinds: list[str]
    types: list[str]
    urgencies: list[str]
    tiers: list[str]
    industries: list[str]
    causes: list[str]
    allowed: list[AllowedTime]
    warn_at: list[float]
    escalate_after_s: list[int]


class ServiceLevels(TypedDict, total=False):
    """One version of calendars and policies."""

    version: str
    active: bool
    published_by: str
    published_at: str
    note: str
    source: str
    calendars: list[WorkingCalendar]
    policies: list[LevelPolicy]


class PlannedAlarm(TypedDict, total=False):
    target: str
    at: str
    share: float
    level: int


class Ticket(TypedDict, total=False):
    ticket_id: str
    tenant: str
    interaction_id: str
    kind: Literal["service", "callback", "rectification"]
    type: str
    urgency: Urgency
    department: str
    line: int
    state: TicketState
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
    clocks: list[TicketClock]
    policy_id: str
    levels_version: str
    level: int
    next_due_at: str
    team_id: str
    interaction_ids: list[str]
    rectification: Rectification
    fields: list[TicketField]
    missing_fields: list[str]
    findings: list[TicketFinding]
    checked_at: str
    skill: str
    industry: str
    watchers: list[str]
    attachments: list[Attachment]
    external_id: str


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
    state: Literal["submitted", "published", "retired"]
    version: int
    updated_at: str


class Found(TypedDict, total=False):
    """An article with why it was found; `relevance` 0 to 1."""

    article: Article
    relevance: float
    because: str


class GraphNode(TypedDict, total=False):
    """A product, an issue or a solution; a solution names its article."""

    node_id: str
    kind: Literal["product", "issue", "solution"]
    name: str
    article_id: str


class GraphEdge(TypedDict):
    from_node_id: str
    to_node_id: str


class Graph(TypedDict, total=False):
    nodes: list[GraphNode]
    edges: list[GraphEdge]


class Kpi(TypedDict, total=False):
    kpi: str
    title: str
    unit: KpiUnit
    value: float
    numerator: float
    denominator: float
    target: float
    sense: TargetSense
    met: bool


class KpiGroup(TypedDict, total=False):
    key: str
    kpis: list[Kpi]


class KpiChange(TypedDict, total=False):
    """One figure in two spans of days; `change` and `better` are absent where there is nothing to compare."""

    current: Kpi
    baseline: Kpi
    change: float
    better: bool


class ItemRate(TypedDict, total=False):
    """How often one item was passed; `rate` is absent where nobody was judged by it."""

    item_id: str
    title: str
    dimension: str
    passed: int
    failed: int
    abstained: int
    rate: float


class Target(TypedDict, total=False):
    """A KPI with its definition; `target` is absent where there is none."""

    kpi: str
    title: str
    definition: str
    unit: KpiUnit
    target: float
    sense: TargetSense


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
