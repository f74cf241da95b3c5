"""Transcripts, fetched from asr in the name of nlp itself: they are unmasked there."""

import grpc
from chassis.errors import NotFound
from chassis.identity import acting_as, service_identity
from mingjian.asr.v1 import asr_service_pb2 as pb
from mingjian.asr.v1.asr_service_pb2_grpc import AsrServiceStub

from nlp.adapters.protobuf_evaluations import asr_model, turns_from_transcript
from nlp.app import Transcript


class GrpcAsr:
    """Satisfies app.Transcripts; failures of the line are passed on as they are, and whoever holds the message waits."""

    def __init__(self, channel: grpc.aio.Channel, *, timeout_s: float) -> None:
        self._stub = AsrServiceStub(channel)
        self._timeout_s = timeout_s

    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        """Raises NotFound."""
        try:
            with acting_as(service_identity("nlp", tenant)):
                answer = await self._stub.GetTranscript(pb.GetTranscriptRequest(interaction_id=interaction_id), timeout=self._timeout_s)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.NOT_FOUND:
                raise NotFound("there is no transcript of this interaction", field="interaction_id") from failure
            raise
        return Transcript(turns_from_transcript(answer.transcript), answer.transcript.SerializeToString(), asr_model(answer.transcript))
