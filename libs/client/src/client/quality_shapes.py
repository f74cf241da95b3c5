"""The platform's JSON about quality, as types: what people say about evaluations, and what evaluations are made by. As in `client.shapes`."""

from typing import Literal, TypedDict

from client.shapes import Evaluation, Evidence, ItemOutcome, Promise, Redaction, ScorecardRef


class Original(TypedDict, total=False):
    """What a redaction hides."""

    redaction: Redaction
    text: str


class StoredPromise(TypedDict, total=False):
    """A promise with where it was made and what became of it."""

    promise: Promise
    interaction_id: str
    agent_id: str
    team_id: str
    customer_id: str
    made_at: str
    settled_at: str
    settled_by: str


class ReviewedItem(TypedDict, total=False):
    """A person's answer to one item; `before` is what the machine had said."""

    item_id: str
    result: ItemOutcome
    before: ItemOutcome
    note: str


class Review(TypedDict, total=False):
    review_id: str
    interaction_id: str
    evaluation_id: str
    reviewer: str
    at: str
    items: list[ReviewedItem]
    note: str
    appeal_id: str
    agent_id: str


class ReviewCandidate(TypedDict, total=False):
    """An evaluation that a person should look at, and why."""

    evaluation: Evaluation
    agent_id: str
    team_id: str
    reasons: list[Literal["abstained", "fatal", "low_score", "sample"]]


class Appeal(TypedDict, total=False):
    appeal_id: str
    interaction_id: str
    evaluation_id: str
    agent_id: str
    team_id: str
    item_ids: list[str]
    reason: str
    state: Literal["open", "accepted", "rejected"]
    opened_at: str
    due_at: str
    decided_by: str
    decided_at: str
    decisions: list[ReviewedItem]
    note: str
    opened_by: str


class CalibrationAnswers(TypedDict, total=False):
    inspector: str
    interaction_id: str
    items: list[ReviewedItem]


class Agreement(TypedDict, total=False):
    """How far people agree on an item (on all where `item_id` is empty); `kappa` is absent where it has no meaning."""

    item_id: str
    kappa: float
    agreement: float
    with_machine: float
    answers: int


class Calibration(TypedDict, total=False):
    calibration_id: str
    title: str
    interaction_ids: list[str]
    inspectors: list[str]
    created_by: str
    created_at: str
    answers: list[CalibrationAnswers]
    agreement: list[Agreement]
    done: int
    total: int


class ItemOption(TypedDict, total=False):
    title: str
    points: float


class ScorecardItem(TypedDict, total=False):
    item_id: str
    title: str
    dimension: str
    max_points: float
    fatal: bool
    description: str
    section: str
    bonus: bool
    applies_when: str
    rule_text: str
    options: list[ItemOption]


class Scorecard(TypedDict, total=False):
    """One in force."""

    ref: ScorecardRef
    title: str
    industries: list[str]
    items: list[ScorecardItem]


class ScorecardVersion(TypedDict, total=False):
    """One published version; `source` is absent in lists."""

    ref: ScorecardRef
    title: str
    active: bool
    published_by: str
    published_at: str
    note: str
    source: str
    sha256: str
    items: int
    simulation_id: str


class LintFinding(TypedDict, total=False):
    """One thing found in a scorecard file; line and column from 1, 0 where unknown."""

    severity: Literal["error", "warning"]
    kind: str
    path: str
    line: int
    column: int
    message: str
    suggestion: str
    example: str


class TriedCase(TypedDict, total=False):
    """One test utterance with what had to come and what came."""

    name: str
    expected: str
    actual: str
    passed: bool


class TriedRule(TypedDict, total=False):
    """`holds` is absent where the turns lack what the rule needs."""

    holds: bool
    confidence: float
    hits: list[Evidence]
    rule_text: str


class Gate(TypedDict, total=False):
    """What a candidate must reach; what is absent is not checked."""

    min_precision: float
    min_recall: float
    max_fatal_flips: int
    max_mean_change: float


class GroupChange(TypedDict, total=False):
    id: str
    interactions: int
    mean_before: float
    mean_after: float


class ItemChange(TypedDict, total=False):
    """What changes for an item; precision and recall are absent without reviewed answers."""

    item_id: str
    title: str
    pass_to_fail: int
    fail_to_pass: int
    other_changes: int
    reviewed: int
    precision: float
    recall: float
    examples: list[str]


class Simulation(TypedDict, total=False):
    """A replay of stored interactions; `gate_passed` is absent while it runs."""

    simulation_id: str
    candidate: ScorecardRef
    baseline: ScorecardRef
    state: Literal["running", "done", "cancelled", "failed"]
    done: int
    total: int
    started_by: str
    started_at: str
    ended_at: str
    reason: str
    mean_before: float
    mean_after: float
    became_fatal: int
    ceased_fatal: int
    items: list[ItemChange]
    agents: list[GroupChange]
    teams: list[GroupChange]
    gate: Gate
    gate_passed: bool
    gate_reasons: list[str]
    source_sha256: str
    skipped: int
