"""Interactions, turns and answers between their wire form and ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from chassis.errors import InvalidInput
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb

from ingestion.domain.audio import Audio
from ingestion.domain.chat import ChatTurn
from ingestion.domain.feedback import Feedback
from ingestion.domain.interaction import Interaction, Medium, Outcome, Status
from ingestion.domain.metadata import Direction, Metadata, Role

ROLES = {pb.ROLE_AGENT: Role.AGENT, pb.ROLE_CUSTOMER: Role.CUSTOMER}
DIRECTIONS = {pb.DIRECTION_INBOUND: Direction.INBOUND, pb.DIRECTION_OUTBOUND: Direction.OUTBOUND}
STATUSES = {
    pb.INTERACTION_STATUS_RECEIVED: Status.RECEIVED, pb.INTERACTION_STATUS_TRANSCRIBING: Status.TRANSCRIBING,
    pb.INTERACTION_STATUS_SCORING: Status.SCORING, pb.INTERACTION_STATUS_SCORED: Status.SCORED, pb.INTERACTION_STATUS_FAILED: Status.FAILED,
}
_ROLE_NUMBERS = {ours: number for number, ours in ROLES.items()}
_DIRECTION_NUMBERS = {ours: number for number, ours in DIRECTIONS.items()}
_STATUS_NUMBERS = {ours: number for number, ours in STATUSES.items()}
_MEDIUM_NUMBERS = {Medium.CALL: pb.MEDIUM_CALL, Medium.CHAT: pb.MEDIUM_CHAT}
_PLAIN = (
    "tenant", "channel", "agent_id", "team_id", "customer_id", "customer_tier", "product", "industry", "external_id", "audio_format", "agent_kind", "queue",
    "hang_up",
)

N = TypeVar("N", bound=int)
T = TypeVar("T")


def named(field: str, known: Mapping[N, T], number: N) -> T | None:
    """What the number stands for; None where it says nothing. Raises InvalidInput for a number nobody knows."""
    if not number:
        return None
    if number not in known:
        raise InvalidInput(field, "is not a known value")
    return known[number]


def moment(field: str, holder: pb.InteractionMetadata | pb.Feedback | pb.ListInteractionsRequest, name: str) -> datetime | None:
    """A timestamp in UTC to the millisecond, which is what the store keeps; None where unset. Raises InvalidInput."""
    if not holder.HasField(name):  # type: ignore[arg-type]
        return None
    stamp: Timestamp = getattr(holder, name)
    try:
        at = stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(field, "is not a time") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def metadata_from_wire(sent: pb.InteractionMetadata) -> Metadata:
    """Raises InvalidInput naming the field, for example "metadata.channels.left"."""
    return Metadata(
        **{name: getattr(sent, name) for name in _PLAIN},
        direction=named("metadata.direction", DIRECTIONS, sent.direction),
        started_at=moment("metadata.started_at", sent, "started_at"),
        left=named("metadata.channels.left", ROLES, sent.channels.left),
        right=named("metadata.channels.right", ROLES, sent.channels.right),
    )


def turn_from_wire(n: int, turn: pb.ChatTurn) -> ChatTurn:
    return ChatTurn(
        named(f"turns[{n}].role", ROLES, turn.role), turn.text,
        turn.start_ms if turn.HasField("start_ms") else None, turn.end_ms if turn.HasField("end_ms") else None,
    )


def turn_to_wire(turn: ChatTurn) -> pb.ChatTurn:
    return pb.ChatTurn(role=_ROLE_NUMBERS[turn.role] if turn.role else pb.ROLE_UNSPECIFIED, text=turn.text, start_ms=turn.start_ms, end_ms=turn.end_ms)


def feedback_from_wire(n: int, answer: pb.Feedback) -> Feedback:
    return Feedback(
        answer.feedback_id, answer.interaction_id, answer.customer_id,
        answer.csat if answer.HasField("csat") else None, answer.nps if answer.HasField("nps") else None,
        answer.solved if answer.HasField("solved") else None, answer.comment, moment(f"feedback[{n}].given_at", answer, "given_at"),
    )


def feedback_to_wire(answer: Feedback) -> pb.Feedback:
    return pb.Feedback(
        feedback_id=answer.feedback_id, interaction_id=answer.interaction_id, customer_id=answer.customer_id, csat=answer.csat, nps=answer.nps,
        solved=answer.solved, comment=answer.comment, given_at=_stamp(answer.given_at),
    )


def to_wire(interaction: Interaction) -> pb.Interaction:
    return pb.Interaction(
        interaction_id=interaction.interaction_id, tenant=interaction.tenant, metadata=_metadata_to_wire(interaction.metadata),
        medium=_MEDIUM_NUMBERS[interaction.medium], status=_STATUS_NUMBERS[interaction.status], reason=interaction.reason,
        audio=_audio_to_wire(interaction.audio) if interaction.audio else None,
        received_at=_stamp(interaction.received_at), updated_at=_stamp(interaction.updated_at),
        outcome=_outcome_to_wire(interaction.outcome) if interaction.outcome else None, notices=interaction.notices,
    )


def _metadata_to_wire(metadata: Metadata) -> pb.InteractionMetadata:
    made = pb.InteractionMetadata(
        **{name: getattr(metadata, name) for name in _PLAIN}, started_at=_stamp(metadata.started_at),
        direction=_DIRECTION_NUMBERS[metadata.direction] if metadata.direction else pb.DIRECTION_UNSPECIFIED,
    )
    if metadata.left and metadata.right:
        made.channels.left, made.channels.right = _ROLE_NUMBERS[metadata.left], _ROLE_NUMBERS[metadata.right]
    return made


def _audio_to_wire(audio: Audio) -> pb.Audio:
    return pb.Audio(
        container=audio.container, codec=audio.codec, sample_rate_hz=audio.sample_rate_hz, channels=audio.channels,
        duration_ms=audio.duration_ms, size_bytes=audio.size_bytes, sha256=audio.sha256,
    )


def _outcome_to_wire(outcome: Outcome) -> pb.Outcome:
    return pb.Outcome(
        score=outcome.score, fatal=outcome.fatal, ticket_type=outcome.ticket_type, urgency=outcome.urgency,
        customer_emotion=outcome.customer_emotion, alerts=outcome.alerts,
    )


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    made = Timestamp()
    made.FromDatetime(at)
    return made
