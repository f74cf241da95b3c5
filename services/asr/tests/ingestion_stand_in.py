"""A gRPC server that answers what asr asks of ingestion, from a dictionary: another service may not be imported."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
from chassis.errors import NotFound
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from mingjian.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceServicer, add_IngestionServiceServicer_to_server

SERVICE = "mingjian.ingestion.v1.IngestionService"
CHUNK = 64 * 1024


@dataclass
class IngestionStandIn(IngestionServiceServicer):
    """`audio` and `chats` by interaction id; `downloads` counts."""

    audio: dict[str, bytes] = field(default_factory=dict)
    chats: dict[str, list[pb.ChatTurn]] = field(default_factory=dict)
    downloads: int = 0

    async def DownloadAudio(self, request: pb.DownloadAudioRequest, context: object) -> AsyncIterator[pb.DownloadAudioResponse]:
        self.downloads += 1
        if request.interaction_id not in self.audio:
            raise NotFound("no such recording")
        content = self.audio[request.interaction_id]
        for at in range(0, len(content), CHUNK):
            yield pb.DownloadAudioResponse(chunk=content[at : at + CHUNK])

    async def GetChatTurns(self, request: pb.GetChatTurnsRequest, context: object) -> pb.GetChatTurnsResponse:
        if request.interaction_id not in self.chats:
            raise NotFound("no such chat")
        return pb.GetChatTurnsResponse(turns=self.chats[request.interaction_id])

    def register(self, server: grpc.aio.Server) -> None:
        add_IngestionServiceServicer_to_server(self, server)
