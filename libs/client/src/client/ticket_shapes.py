"""Tickets, rectifications and service levels as the REST API answers them."""

from typing import Literal, TypedDict

Urgency = Literal["normal", "high"]
TicketState = Literal["open", "assigned", "in_progress", "waiting", "resolved", "closed"]


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
