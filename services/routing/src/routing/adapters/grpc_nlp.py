"""Contacts from nlp over gRPC: asked for as one who may read them and nothing else, so that all words come masked."""

import asyncio

import grpc
from chassis.errors import NotFound, Unavailable
from chassis.identity import Identity, acting_as
from chassis.transient import is_transient
from mingjian.ingestion.v1.ingestion_service_pb2 import ROLE_CUSTOMER
from mingjian.nlp.v1.nlp_service_pb2 import Evaluation, GetEvaluationRequest, GetTranscriptRequest
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceStub

from routing.adapters.protobuf_tickets import urgency_of
from routing.domain.consistency import Conversation
from routing.domain.fields import Turn
from routing.domain.opening import TYPES

_READS = frozenset({"interactions:read", "evaluations:read"})
_TIMEOUT_S = 5.0


class GrpcNlp:
    """Use a channel of its own: every call names who makes it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._nlp = NlpServiceStub(channel)

    async def get(self, tenant: str, interaction_id: str) -> Conversation:
        with acting_as(Identity(tenant, "service:routing", _READS)):
            try:
                transcript, evaluation = await asyncio.gather(self._transcript(interaction_id), self._evaluation(interaction_id))
            except grpc.aio.AioRpcError as e:
                if e.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):  # a ticket may name a contact nobody has
                    raise NotFound(f"no transcript of interaction {interaction_id}") from e
                if is_transient(e):
                    raise Unavailable("nlp is away") from e
                raise
        if evaluation is None or evaluation.ticket_type not in TYPES:
            return Conversation(transcript)
        return Conversation(transcript, evaluation.ticket_type, urgency_of(evaluation.urgency))

    async def _transcript(self, interaction_id: str) -> tuple[Turn, ...]:
        answer = await self._nlp.GetTranscript(GetTranscriptRequest(interaction_id=interaction_id), timeout=_TIMEOUT_S)
        if answer.transcript.live:
            raise NotFound(f"interaction {interaction_id} still runs")
        return tuple(Turn(turn.turn_id, turn.role == ROLE_CUSTOMER, turn.text) for turn in answer.transcript.turns)

    async def _evaluation(self, interaction_id: str) -> Evaluation | None:
        """None where it was not judged yet."""
        try:
            return (await self._nlp.GetEvaluation(GetEvaluationRequest(interaction_id=interaction_id), timeout=_TIMEOUT_S)).evaluation
        except grpc.aio.AioRpcError as e:
            if e.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
