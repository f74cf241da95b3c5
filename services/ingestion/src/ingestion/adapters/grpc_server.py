"""IngestionService over gRPC."""

from collections.abc import AsyncIterator, Callable

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from mingjian.ingestion.v1 import ingestion_service_pb2_grpc as pb_grpc

from ingestion.adapters.protobuf_interactions import STATUSES, feedback_from_wire, metadata_from_wire, moment, named, to_wire, turn_from_wire, turn_to_wire
from ingestion.app import Archive, Intake, Survey
from ingestion.app_playback import Playback
from ingestion.domain.interaction import Filters
from ingestion.domain.metadata import Caller

NAME = "mingjian.ingestion.v1.IngestionService"
READ_PII = "pii:read"
MAX_CHUNK_BYTES = 1024 * 1024


def registered(intake: Intake, archive: Archive, playback: Playback, survey: Survey) -> Callable[[grpc.aio.Server], None]:
    """What chassis.grpc_server.serving registers."""
    def register(server: grpc.aio.Server) -> None:
        pb_grpc.add_IngestionServiceServicer_to_server(_Servicer(intake, archive, playback, survey), server)

    return register


class _Servicer(pb_grpc.IngestionServiceServicer):
    def __init__(self, intake: Intake, archive: Archive, playback: Playback, survey: Survey) -> None:
        self._intake, self._archive, self._playback, self._survey = intake, archive, playback, survey

    async def UploadInteraction(self, request_iterator: AsyncIterator[pb.UploadInteractionRequest], context: object) -> pb.UploadInteractionResponse:
        requests = aiter(request_iterator)
        first = await anext(requests, pb.UploadInteractionRequest())
        if first.WhichOneof("part") != "metadata":
            raise InvalidInput("metadata", "must be the first message of an upload")
        interaction = await self._intake.upload(metadata_from_wire(first.metadata), _chunks(requests), _caller())
        return pb.UploadInteractionResponse(interaction=to_wire(interaction))

    async def CreateInteraction(self, request: pb.CreateInteractionRequest, context: object) -> pb.CreateInteractionResponse:
        turns = [turn_from_wire(n, turn) for n, turn in enumerate(request.turns)]
        interaction = await self._intake.create(metadata_from_wire(request.metadata), turns, _caller())
        return pb.CreateInteractionResponse(interaction=to_wire(interaction))

    async def GetInteraction(self, request: pb.GetInteractionRequest, context: object) -> pb.GetInteractionResponse:
        return pb.GetInteractionResponse(interaction=to_wire(await self._archive.get(request.interaction_id, _caller())))

    async def ListInteractions(self, request: pb.ListInteractionsRequest, context: object) -> pb.ListInteractionsResponse:
        filters = Filters(
            named("status", STATUSES, request.status), request.agent_id, request.team_id, request.customer_id, request.industry,
            moment("from", request, "from"), moment("to", request, "to"),
        )
        page = await self._archive.page(filters, _caller(), size=request.page_size, token=request.page_token)
        return pb.ListInteractionsResponse(interactions=[to_wire(i) for i in page.interactions], next_page_token=page.next_token)

    async def DownloadAudio(self, request: pb.DownloadAudioRequest, context: object) -> AsyncIterator[pb.DownloadAudioResponse]:
        found = await self._playback.file(request.interaction_id, _caller(), redacted=request.redacted)
        file: pb.AudioFile | None = pb.AudioFile(size_bytes=found.size_bytes, tag=found.tag, container=found.container, redacted=found.redacted)
        async for chunk in found.chunks:
            yield pb.DownloadAudioResponse(chunk=chunk, file=file)
            file = None

    async def GetChatTurns(self, request: pb.GetChatTurnsRequest, context: object) -> pb.GetChatTurnsResponse:
        turns = await self._archive.turns(request.interaction_id, _caller())
        return pb.GetChatTurnsResponse(turns=[turn_to_wire(t) for t in turns])

    async def ImportFeedback(self, request: pb.ImportFeedbackRequest, context: object) -> pb.ImportFeedbackResponse:
        imported, skipped = await self._survey.take([feedback_from_wire(n, f) for n, f in enumerate(request.feedback)], _caller())
        return pb.ImportFeedbackResponse(imported=imported, skipped=skipped)


def _caller() -> Caller:
    identity = caller()
    return Caller(identity.tenant, identity.agent_id, identity.may(READ_PII))


async def _chunks(requests: AsyncIterator[pb.UploadInteractionRequest]) -> AsyncIterator[bytes]:
    """The audio, up to the size that ends it: to a server, a client that gives up half-way looks like one that has finished."""
    received = 0
    async for request in requests:
        if request.WhichOneof("part") == "size_bytes":
            if request.size_bytes != received:
                raise InvalidInput("size_bytes", f"says {request.size_bytes}, but {received} bytes of audio came")
            return
        if request.WhichOneof("part") != "chunk":
            raise InvalidInput("chunk", "every message between the first and the last carries audio")
        if len(request.chunk) > MAX_CHUNK_BYTES:
            raise InvalidInput("chunk", f"is larger than {MAX_CHUNK_BYTES} bytes")
        received += len(request.chunk)
        yield request.chunk
    raise InvalidInput("size_bytes", "is missing: the upload broke off")
