"""Contacts, turns and evaluations between the wire and the domain."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime

from chassis.errors import InvalidInput
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.asr.v1 import asr_service_pb2 as asr
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import nlp_service_pb2 as pb

from nlp.app import Contact, StoredAlert
from nlp.domain.courses import Asked
from nlp.domain.dialogue import Acoustics, Role, Turn
from nlp.domain.evaluations import Evaluation, Evidence, KeptPromise, RaisedAlert, ScoredItem
from nlp.domain.pii.redactions import Original, RedactedSpan
from nlp.domain.provenance import AsrModel, Provenance
from nlp.domain.rule_texts import RuleTexts
from nlp.domain.scorecards import Scorecard

OUTCOMES = {
    "pass": pb.ITEM_OUTCOME_PASS, "fail": pb.ITEM_OUTCOME_FAIL, "na": pb.ITEM_OUTCOME_NA, "abstain": pb.ITEM_OUTCOME_ABSTAIN,
}
_ROLES = {ingestion.ROLE_AGENT: Role.AGENT, ingestion.ROLE_CUSTOMER: Role.CUSTOMER}
_ROLE_NUMBERS = {ours: number for number, ours in _ROLES.items()}
CHAT_MODEL = "chat"


def stamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at.astimezone(UTC))
    return made


def moment(request: object, field: str) -> datetime | None:
    """A request's optional time. Raises InvalidInput naming the field."""
    if not request.HasField(field):  # type: ignore[attr-defined]
        return None
    try:
        return getattr(request, field).ToDatetime(UTC)  # type: ignore[no-any-return]
    except (ValueError, OverflowError):
        raise InvalidInput(field, "is not a time") from None


def contact_from_wire(interaction: ingestion.Interaction, tenant: str, duration_ms: int = 0) -> Contact:
    """`tenant` is whose event or call it is; what the interaction says of itself does not count."""
    spoken = interaction.medium != ingestion.MEDIUM_CHAT
    contact = contact_of_metadata(interaction.metadata, tenant, spoken=spoken, interaction_id=interaction.interaction_id)
    return replace(contact, duration_ms=duration_ms, received=interaction.SerializeToString(deterministic=True))


def contact_of_metadata(metadata: ingestion.InteractionMetadata, tenant: str, *, spoken: bool, interaction_id: str = "") -> Contact:
    started = metadata.started_at.ToDatetime(UTC) if metadata.HasField("started_at") else None
    attributes = {"product": metadata.product, "customer_tier": metadata.customer_tier.lower(), "agent_kind": metadata.agent_kind or "human"}
    attributes |= {name: said for name in ("queue", "hang_up") if (said := getattr(metadata, name))}
    direction = "outbound" if metadata.direction == ingestion.DIRECTION_OUTBOUND else "inbound"
    return Contact(
        tenant, interaction_id, metadata.industry, metadata.channel or "hotline", direction, metadata.agent_id, metadata.team_id, attributes, spoken, started,
        customer_id=metadata.customer_id,
    )


def turns_from_transcript(transcript: asr.Transcript) -> tuple[Turn, ...]:
    """Turns whose role is not known are the customer's; a turn that does not end after its start has no times."""
    return tuple(turn_from_wire(turn) for turn in transcript.turns)


def asr_model(transcript: asr.Transcript) -> AsrModel:
    return AsrModel(transcript.asr.model, transcript.asr.version)


def turn_from_wire(turn: asr.Turn) -> Turn:
    timed = turn.end_ms > turn.start_ms
    acoustics = None
    if turn.HasField("acoustics"):
        sound = turn.acoustics
        acoustics = Acoustics(sound.rms_dbfs or None, sound.pitch_median_hz or None, sound.chars_per_second or None)
    return Turn(
        turn.turn_id, _ROLES.get(turn.role, Role.CUSTOMER), turn.text, turn.start_ms if timed else None, turn.end_ms if timed else None,
        min(1.0, max(0.0, turn.confidence)), acoustics,
    )


def turns_from_chat(turns: Iterable[ingestion.ChatTurn]) -> list[Turn]:
    """Raises InvalidInput naming the turn's field."""
    made = []
    for number, turn in enumerate(turns):
        if turn.role not in _ROLES:
            raise InvalidInput(f"turns[{number}].role", "must be agent or customer")
        start = turn.start_ms if turn.HasField("start_ms") else None
        end = turn.end_ms if turn.HasField("end_ms") else None
        if (start is not None and start < 0) or (start is not None and end is not None and end < start):
            raise InvalidInput(f"turns[{number}].end_ms", "must not be before start_ms, nor start_ms before 0")
        timed = start is not None and end is not None and end > start
        made.append(Turn(f"t{number + 1}", _ROLES[turn.role], turn.text, start if timed else None, end if timed else None))
    return made


def evaluation_to_wire(evaluation: Evaluation) -> pb.Evaluation:
    return pb.Evaluation(
        evaluation_id=evaluation.evaluation_id,
        interaction_id=evaluation.interaction_id,
        score=evaluation.score,
        fatal=evaluation.fatal,
        score_low=evaluation.score_low,
        score_high=evaluation.score_high,
        primary=evaluation.primary,
        scorecard=pb.ScorecardRef(id=evaluation.scorecard_id, version=evaluation.scorecard_version),
        items=[_item(item) for item in evaluation.items],
        dimensions=[
            pb.DimensionScore(dimension=d.dimension, points=d.points, max_points=d.max_points, **({} if d.score is None else {"score": d.score}))
            for d in evaluation.dimensions
        ],
        customer_emotion=evaluation.customer_emotion,
        emotion_course=[pb.TurnEmotion(**asdict(point)) for point in evaluation.emotion_course],
        ticket_type=evaluation.ticket_type,
        urgency=_urgency(evaluation.urgent),
        alerts=[alert_to_wire(alert) for alert in evaluation.alerts],
        promises=[promise_to_wire(promise) for promise in evaluation.promises],
        risk_keywords=evaluation.risk_keywords,
        summary=evaluation.summary,
        scored_at=stamp(evaluation.scored_at),
        engine=evaluation.engine,
        highlights=evaluation.highlights,
        redactions=[redaction_to_wire(span) for span in evaluation.redactions],
        provenance=_provenance(evaluation.provenance) if evaluation.provenance else None,
        chain=pb.ChainLink(**asdict(evaluation.chain)) if evaluation.chain else None,
        reviewed_at=stamp(evaluation.reviewed_at) if evaluation.reviewed_at else None,
        tipping_point=pb.TippingPoint(**asdict(evaluation.tipping_point)) if evaluation.tipping_point else None,
        live=pb.LiveComparison(**asdict(evaluation.live)) if evaluation.live else None,
    )


def _provenance(made_with: Provenance) -> pb.Provenance:
    return pb.Provenance(
        engine=made_with.engine, rules_sha256=made_with.rules_sha256, models=made_with.models,
        asr=asr.AsrModel(model=made_with.asr.model, version=made_with.asr.version), turns_sha256=made_with.turns_sha256,
        looked_up=made_with.looked_up,
    )


def asked_to_wire(asked: Asked) -> pb.AskedQuestion:
    question, answer = asked.question, asked.answer
    return pb.AskedQuestion(
        question=question.question, examples=question.examples, turn_ids=question.turn_ids, holds=answer.holds, confidence=answer.confidence,
        named_turn_ids=answer.turn_ids, failure=answer.failure, model=asked.model, prompt=asked.prompt, reply=asked.reply,
    )


def _item(item: ScoredItem) -> pb.ItemResult:
    return pb.ItemResult(
        item_id=item.item_id, title=item.title, dimension=item.dimension, result=OUTCOMES[item.result], points=item.points,
        max_points=item.max_points, fatal=item.fatal, confidence=item.confidence, evidence=[_evidence(e) for e in item.evidence],
        explanation=item.explanation, reviewed=item.reviewed, rule_text=item.rule_text, option=item.option, bonus=item.bonus, section=item.section,
    )


def _evidence(evidence: Evidence) -> pb.Evidence:
    return pb.Evidence(
        turn_id=evidence.turn_id, start_ms=evidence.start_ms, end_ms=evidence.end_ms, text=evidence.text, rule_id=evidence.rule_id,
        confidence=evidence.confidence, char_from=evidence.char_from, char_to=evidence.char_to, rule_text=evidence.rule_text,
    )


def _urgency(urgent: bool) -> "pb.Urgency.ValueType":
    return pb.URGENCY_HIGH if urgent else pb.URGENCY_NORMAL


def alert_to_wire(alert: RaisedAlert) -> pb.Alert:
    return pb.Alert(
        alert_id=alert.alert_id, kind=alert.kind, at_ms=alert.at_ms, turn_id=alert.turn_id, text=alert.text, message=alert.message,
        severity=_urgency(alert.urgent),
    )


def stored_alert_to_wire(stored: StoredAlert) -> pb.RaisedAlert:
    return pb.RaisedAlert(
        alert=alert_to_wire(stored.alert), interaction_id=stored.interaction_id, agent_id=stored.agent_id, raised_at=stamp(stored.raised_at)
    )


def promise_to_wire(promise: KeptPromise) -> pb.Promise:
    return pb.Promise(
        promise_id=promise.promise_id, text=promise.text, what=promise.what, deadline_text=promise.deadline_text,
        deadline=stamp(promise.deadline) if promise.deadline else None, turn_id=promise.turn_id, at_ms=promise.at_ms, owner=promise.owner,
    )


def redaction_to_wire(span: RedactedSpan) -> pb.Redaction:
    return pb.Redaction(
        turn_id=span.turn_id, role=_ROLE_NUMBERS[Role(span.role)], kind=span.kind, char_from=span.char_from, char_to=span.char_to,
        start_ms=span.start_ms, end_ms=span.end_ms,
    )


def original_to_wire(original: Original) -> pb.Original:
    return pb.Original(redaction=redaction_to_wire(original.span), text=original.text)


def scorecard_to_wire(card: Scorecard) -> pb.Scorecard:
    texts = RuleTexts(card, card.rules)
    return pb.Scorecard(
        ref=pb.ScorecardRef(id=card.scorecard_id, version=card.version),
        title=card.title,
        industries=card.industries,
        items=[
            pb.ScorecardItem(
                item_id=item.item_id, title=item.title, dimension=item.dimension, max_points=item.points, fatal=item.fatal,
                description=item.guidance.why or item.title, section=item.section, bonus=item.bonus,
                rule_text=texts.of_item(item.item_id), applies_when=texts.applies(item.item_id),
                options=[pb.ItemOption(title=option.title, points=option.points) for option in item.options],
            )
            for item in card.items
        ],
    )
