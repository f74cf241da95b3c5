"""Transcripts, fetched from asr in the name of nlp itself: they are unmasked there."""

import grpc
from chassis.errors import NotFound
from chassis.identity import acting_as, service_identity
from mingjian.asr.v1 import asr_service_pb2 as pb
from mingjian.asr.v1.asr_service_pb2_grpc import AsrServiceStub

from nlp.adapters.protobuf_evaluations import asr_model, turns_from_transcript
from nlp.app import Transcript
from nlp.domain.dialogue import Turn


class GrpcAsr:
    """Satisfies app.Transcripts; failures of the line are passed on as they are, and whoever holds the message waits."""

    def __init__(self, channel: grpc.aio.Channel, *, timeout_s: float) -> None:
        self._stub = AsrServiceStub(channel)
        self._timeout_s = timeout_s

    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        """Raises NotFound."""
        found = await self._ask(tenant, interaction_id)
        return Transcript(turns_from_transcript(found), found.SerializeToString(), asr_model(found))

    async def so_far(self, tenant: str, interaction_id: str) -> tuple[Turn, ...]:
        """The turns of a call that still runs; satisfies app_live.LiveTranscripts. Raises NotFound."""
        found = await self._ask(tenant, interaction_id)
        if not found.live:
            raise NotFound("the call does not run any more", field="interaction_id")
        return turns_from_transcript(found)

    async def _ask(self, tenant: str, interaction_id: str) -> pb.Transcript:
        try:
            with acting_as(service_identity("nlp", tenant)):
                answer = await self._stub.GetTranscript(pb.GetTranscriptRequest(interaction_id=interaction_id), timeout=self._timeout_s)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.NOT_FOUND:
                raise NotFound("there is no transcript of this interaction", field="interaction_id") from failure
            raise
        return answer.transcript
