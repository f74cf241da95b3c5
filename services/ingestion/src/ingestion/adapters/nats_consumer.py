"""What asr and nlp have done with an interaction, as events."""

from contextlib import AsyncExitStack
from datetime import UTC

from chassis.lifecycle import Life
from chassis.messaging import Delivery, Events, consuming
from mingjian.asr.v1.events_pb2 import TranscriptCompleted, TranscriptionFailed, TranscriptionStarted
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import InteractionScored, ScoringFailed

from ingestion.adapters.protobuf_interactions import ROLES
from ingestion.app import Interactions
from ingestion.domain.interaction import Outcome, Report, Status
from ingestion.domain.silence import SilentSpan


class OnProgress:
    """One handler per event; each notes how far the interaction has come."""

    def __init__(self, interactions: Interactions) -> None:
        self._interactions = interactions

    async def started(self, delivery: Delivery[TranscriptionStarted]) -> None:
        await self._interactions.advance(delivery.tenant, delivery.event.interaction_id, Report(Status.TRANSCRIBING, delivery.at))

    async def transcribed(self, delivery: Delivery[TranscriptCompleted]) -> None:
        await self._interactions.advance(delivery.tenant, delivery.event.interaction.interaction_id, Report(Status.SCORING, delivery.at))

    async def failed(self, delivery: Delivery[TranscriptionFailed] | Delivery[ScoringFailed]) -> None:
        report = Report(Status.FAILED, delivery.at, delivery.event.reason)
        await self._interactions.advance(delivery.tenant, delivery.event.interaction.interaction_id, report)

    async def scored(self, delivery: Delivery[InteractionScored]) -> None:
        report = Report(Status.SCORED, delivery.at, outcome=_outcome(delivery.event.evaluation), silences=_silences(delivery.event.evaluation))
        await self._interactions.advance(delivery.tenant, delivery.event.interaction.interaction_id, report)


async def follow(up: AsyncExitStack, events: Events, life: Life, interactions: Interactions, *, concurrency: int) -> None:
    """Consume every event that tells how far an interaction has come, until `up` is closed."""
    on = OnProgress(interactions)
    await up.enter_async_context(consuming(events, life, "ingestion", TranscriptionStarted, on.started, concurrency=concurrency))
    await up.enter_async_context(consuming(events, life, "ingestion", TranscriptCompleted, on.transcribed, concurrency=concurrency))
    await up.enter_async_context(consuming(events, life, "ingestion", TranscriptionFailed, on.failed, concurrency=concurrency))
    await up.enter_async_context(consuming(events, life, "ingestion", InteractionScored, on.scored, concurrency=concurrency))
    await up.enter_async_context(consuming(events, life, "ingestion", ScoringFailed, on.failed, concurrency=concurrency))


def _silences(evaluation: nlp.Evaluation) -> tuple[SilentSpan, ...]:
    return tuple(SilentSpan(r.start_ms, r.end_ms, ROLES[r.role]) for r in evaluation.redactions if r.end_ms > r.start_ms and r.role in ROLES)


def _outcome(evaluation: nlp.Evaluation) -> Outcome:
    at = evaluation.scored_at.ToDatetime(UTC)
    return Outcome(
        evaluation.score, evaluation.fatal, evaluation.ticket_type, "high" if evaluation.urgency == nlp.URGENCY_HIGH else "normal",
        evaluation.customer_emotion, len(evaluation.alerts), at.replace(microsecond=at.microsecond // 1000 * 1000),
    )
