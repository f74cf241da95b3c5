"""The evaluation as it is kept and told: every text masked, every finding with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nlp.domain.chain import ChainLink
from nlp.domain.dialogue import Dialogue
from nlp.domain.emotion.course import Tipping, TurnEmotion
from nlp.domain.engine import ENGINE, Alert, Assessment, customer_matter
from nlp.domain.judged import ItemResult, Outcome
from nlp.domain.live_outcomes import LiveComparison
from nlp.domain.pii.masking import Redaction
from nlp.domain.pii.redactions import RedactedSpan, redacted_spans
from nlp.domain.provenance import Provenance
from nlp.domain.scoring import DimensionResult
from nlp.domain.wording import alert_message, explanation, masked_passage, quote, undertaking, words_of

SUMMARY_CHARS = 200
DeriveId = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place in the transcript; `char_from` and `char_to` are both 0 for a whole turn or a silence."""

    turn_id: str
    start_ms: int
    end_ms: int
    text: str
    rule_id: str
    confidence: float
    char_from: int
    char_to: int
    rule_text: str = ""


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One item with its reason; `result` is pass, fail, na or abstain, and a person's where `reviewed`."""

    item_id: str
    title: str
    dimension: str
    result: str
    points: float
    max_points: float
    fatal: bool
    confidence: float
    evidence: tuple[Evidence, ...]
    explanation: str
    reviewed: bool = False
    section: str = ""
    bonus: bool = False
    fatal_to_section: bool = False
    option: str = ""
    rule_text: str = ""


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """What a supervisor must know; `urgent` asks for somebody at once."""

    alert_id: str
    kind: str
    at_ms: int
    turn_id: str
    text: str
    message: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class KeptPromise:
    """An undertaking of the agent; `deadline` is None where none was said."""

    promise_id: str
    text: str
    what: str
    deadline_text: str
    deadline: datetime | None
    turn_id: str
    at_ms: int
    owner: str


@dataclass(frozen=True, slots=True)
class EmotionPoint:
    """The customer in one turn; `valence` from -1 (worst) to 1, `arousal` and `dissatisfaction` as in a TurnEmotion."""

    turn_id: str
    at_ms: int
    emotion: str
    valence: float
    arousal: float = 0.0
    dissatisfaction: float = 0.0


@dataclass(frozen=True, slots=True)
class TippingPoint:
    """Where the customer's mood turned for the worse; `after_turn_id` is the agent's turn before, empty where there is none."""

    turn_id: str
    at_ms: int
    after_turn_id: str
    recovered: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One contact judged by one version of a scorecard; `unkept` is the turn in which the customer says that something was not done."""

    evaluation_id: str
    interaction_id: str
    scorecard_id: str
    scorecard_version: str
    engine: str
    score: float
    fatal: bool
    items: tuple[ScoredItem, ...]
    dimensions: tuple[DimensionResult, ...]
    customer_emotion: str
    emotion_course: tuple[EmotionPoint, ...]
    ticket_type: str
    urgent: bool
    alerts: tuple[RaisedAlert, ...]
    promises: tuple[KeptPromise, ...]
    risk_keywords: tuple[str, ...]
    summary: str
    highlights: tuple[str, ...]
    scored_at: datetime
    redactions: tuple[RedactedSpan, ...] = ()
    provenance: Provenance | None = None
    chain: ChainLink | None = None
    reviewed_at: datetime | None = None
    score_low: float = 0.0
    score_high: float = 0.0
    primary: bool = True
    live: LiveComparison | None = None
    tipping_point: TippingPoint | None = None
    unkept: str = ""

    @property
    def abstained_items(self) -> tuple[str, ...]:
        """Ids of the items left to a person."""
        return tuple(item.item_id for item in self.items if item.result == Outcome.ABSTAIN)

    @property
    def failed_items(self) -> tuple[str, ...]:
        """Ids of the items that failed."""
        return tuple(item.item_id for item in self.items if item.result == Outcome.FAIL)


def evaluation_of(
    assessment: Assessment, dialogue: Dialogue, *, tenant: str, started_at: datetime, scored_at: datetime, derive_id: DeriveId
) -> Evaluation:
    """Write an assessment down; `started_at` carries the company's time zone, in which deadlines are resolved."""
    interaction_id = dialogue.interaction.interaction_id
    card, judgement = assessment.scorecard, assessment.judgement
    at = {turn.turn_id: turn.start_ms or 0 for turn in dialogue.turns}
    highlights = [item.highlight for item in judgement.items if item.highlight and item.outcome is Outcome.PASS]
    if assessment.mood.worst != assessment.customer_emotion:
        highlights.append("客户情绪由负转好")
    return Evaluation(
        evaluation_id=derive_id("evaluation", tenant, interaction_id, card.scorecard_id, card.version),
        interaction_id=interaction_id,
        scorecard_id=card.scorecard_id,
        scorecard_version=card.version,
        engine=ENGINE,
        score=judgement.score,
        fatal=judgement.fatal,
        score_low=judgement.score_low,
        score_high=judgement.score_high,
        primary=not card.additional,
        items=tuple(_item(item, assessment, dialogue) for item in judgement.items),
        dimensions=judgement.dimensions,
        customer_emotion=assessment.customer_emotion,
        emotion_course=tuple(_point(turn, at) for turn in assessment.mood.course),
        ticket_type=assessment.ticket_type,
        urgent=assessment.urgent,
        alerts=tuple(
            raised_alert(alert, dialogue, assessment.redaction, assessment.mood.worst, derive_id("alert", tenant, interaction_id, alert.kind))
            for alert in assessment.alerts
        ),
        promises=_promises(assessment, dialogue, tenant, started_at, derive_id),
        risk_keywords=assessment.risk_keywords,
        summary=_summary(assessment, dialogue),
        highlights=tuple(highlights),
        scored_at=scored_at,
        redactions=redacted_spans(dialogue, assessment.redaction),
        tipping_point=_tipping_point(assessment.mood.tipping, at),
        unkept=assessment.unkept.turn_id if assessment.unkept else "",
    )


def _item(item: ItemResult, assessment: Assessment, dialogue: Dialogue) -> ScoredItem:
    evidence = []
    for hit in item.evidence:
        words = quote(hit, dialogue, assessment.redaction)
        evidence.append(
            Evidence(
                hit.turn_id, hit.start_ms or 0, hit.end_ms or 0, words.text, hit.rule_id, round(hit.confidence, 3), words.char_from, words.char_to,
                assessment.texts.of_rule(hit.rule_id),
            )
        )
    quoted = words_of(item.evidence[0], dialogue, assessment.redaction) if item.evidence else ""
    return ScoredItem(
        item.item_id, item.title, item.dimension, item.outcome.value, item.points, item.max_points, item.fatal, item.confidence,
        tuple(evidence), explanation(item, quoted, dialogue, assessment.texts.applies(item.item_id)),
        section=item.section, bonus=item.bonus, fatal_to_section=item.fatal_to_section, option=item.option, rule_text=assessment.texts.of_item(item.item_id),
    )


def _point(turn: TurnEmotion, at: dict[str, int]) -> EmotionPoint:
    return EmotionPoint(turn.turn_id, at[turn.turn_id], turn.emotion, turn.valence, turn.arousal, turn.dissatisfaction)


def _tipping_point(found: Tipping | None, at: dict[str, int]) -> TippingPoint | None:
    return TippingPoint(found.turn_id, at[found.turn_id], found.after_turn_id, found.recovered) if found else None


def raised_alert(alert: Alert, dialogue: Dialogue, redaction: Redaction, worst: str, alert_id: str) -> RaisedAlert:
    """An alert as it is told, its words masked; `worst` is the customer's emotion."""
    hit = alert.hit
    message = alert_message(alert.kind, words_of(hit, dialogue, redaction), worst)
    urgent = alert.urgent or alert.kind == "forbidden_phrase"
    return RaisedAlert(alert_id, alert.kind, hit.start_ms or 0, hit.turn_id, quote(hit, dialogue, redaction).text, message, urgent)


def _promises(
    assessment: Assessment, dialogue: Dialogue, tenant: str, started_at: datetime, derive_id: DeriveId
) -> tuple[KeptPromise, ...]:
    kept = []
    for number, promise in enumerate(assessment.promises):
        passage = dialogue.passages[promise.passage]
        masked = masked_passage(passage, dialogue, assessment.redaction)
        at_ms = promise.start_ms or 0
        due = promise.deadline.due(started_at + timedelta(milliseconds=at_ms)) if promise.deadline else None
        promise_id = derive_id("promise", tenant, dialogue.interaction.interaction_id, promise.turn_id, str(number))
        kept.append(
            KeptPromise(
                promise_id, masked[promise.start : promise.end].strip("，, "),
                undertaking(promise, masked), promise.deadline.text if promise.deadline else "", due, promise.turn_id, at_ms, promise.who
            )
        )
    return tuple(kept)


def _summary(assessment: Assessment, dialogue: Dialogue) -> str:
    said = [assessment.redaction.masked[turn_id] for turn_id, _ in customer_matter(dialogue, SUMMARY_CHARS)]
    return " ".join(said)[:SUMMARY_CHARS]
