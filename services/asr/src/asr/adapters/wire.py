"""Between the domain's nouns and their protobuf messages."""

from mingjian.asr.v1 import asr_service_pb2 as pb
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion

from asr.app import Work
from asr.domain.acoustics import Acoustics
from asr.domain.transcript import Model, Role, Transcript, Turn

_ROLES = {Role.AGENT: ingestion.ROLE_AGENT, Role.CUSTOMER: ingestion.ROLE_CUSTOMER}
_FROM_WIRE = {v: k for k, v in _ROLES.items()}


def role_of(role: ingestion.Role.ValueType) -> Role | None:
    """None where nothing was said of it."""
    return _FROM_WIRE.get(role)


def work_of(interaction: ingestion.Interaction, tenant: str) -> Work:
    """What there is to do for an interaction as it was received."""
    channels = interaction.metadata.channels
    return Work(
        interaction_id=interaction.interaction_id,
        tenant=tenant,
        written=interaction.medium == ingestion.MEDIUM_CHAT,
        container=interaction.metadata.audio_format or interaction.audio.container,
        left=role_of(channels.left),
        right=role_of(channels.right),
        outbound=interaction.metadata.direction == ingestion.DIRECTION_OUTBOUND,
        received=interaction.SerializeToString(),
    )


def interaction_of(work: Work) -> ingestion.Interaction:
    """The interaction as it was received."""
    return ingestion.Interaction.FromString(work.received)


def transcript_to_wire(transcript: Transcript) -> pb.Transcript:
    """The message for a transcript."""
    return pb.Transcript(
        interaction_id=transcript.interaction_id,
        turns=[
            pb.Turn(
                turn_id=t.turn_id,
                role=_ROLES[t.role],
                text=t.text,
                start_ms=t.start_ms,
                end_ms=t.end_ms,
                confidence=t.confidence,
                language=t.language,
                acoustics=_acoustics_to_wire(t.acoustics) if t.acoustics else None,
            )
            for t in transcript.turns
        ],
        asr=pb.AsrModel(model=transcript.model.name, version=transcript.model.version),
        language=transcript.language,
        duration_ms=transcript.duration_ms,
        notices=transcript.notices,
    )


def transcript_from_wire(message: pb.Transcript, speech_ms: int) -> Transcript:
    """The transcript in a message, which does not hold the time spoken."""
    return Transcript(
        interaction_id=message.interaction_id,
        turns=tuple(
            Turn(t.turn_id, _FROM_WIRE[t.role], t.text, t.start_ms, t.end_ms, t.confidence, t.language, _acoustics_from_wire(t))
            for t in message.turns
        ),
        model=Model(message.asr.model, message.asr.version),
        language=message.language,
        duration_ms=message.duration_ms,
        speech_ms=speech_ms,
        notices=tuple(message.notices),
    )


def _acoustics_to_wire(acoustics: Acoustics) -> pb.Acoustics:
    return pb.Acoustics(
        rms_dbfs=acoustics.rms_dbfs, peak_dbfs=acoustics.peak_dbfs, pitch_median_hz=acoustics.pitch_hz, chars_per_second=acoustics.speech_rate
    )


def _acoustics_from_wire(turn: pb.Turn) -> Acoustics | None:
    if not turn.HasField("acoustics"):
        return None
    a = turn.acoustics
    return Acoustics(a.rms_dbfs, a.peak_dbfs, a.pitch_median_hz, a.chars_per_second)
