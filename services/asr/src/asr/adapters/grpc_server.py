"""AsrService on the wire: unpack, call the app, pack."""

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from chassis.ids import is_id
from mingjian.asr.v1 import asr_service_pb2 as pb
from mingjian.asr.v1 import asr_service_pb2_grpc as pb_grpc

from asr.adapters.wire import transcript_to_wire
from asr.app import Asr

SERVICE = pb.DESCRIPTOR.services_by_name["AsrService"].full_name


class AsrServicer(pb_grpc.AsrServiceServicer):
    """Answers for the caller's own tenant."""

    def __init__(self, asr: Asr) -> None:
        self._asr = asr

    async def GetTranscript(
        self, request: pb.GetTranscriptRequest, context: grpc.aio.ServicerContext[pb.GetTranscriptRequest, pb.GetTranscriptResponse]
    ) -> pb.GetTranscriptResponse:
        """Raises InvalidInput, NotFound."""
        if not is_id(request.interaction_id):
            raise InvalidInput("interaction_id", "must be a UUID")
        transcript = await self._asr.get(caller().tenant, request.interaction_id)
        return pb.GetTranscriptResponse(transcript=transcript_to_wire(transcript))
