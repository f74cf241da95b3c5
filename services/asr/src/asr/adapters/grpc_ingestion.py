"""Recordings and chats, fetched from ingestion."""

import tempfile
from typing import BinaryIO, cast

import grpc
from chassis.errors import NotFound
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from mingjian.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub

from asr.adapters.spool import room_is_needed
from asr.adapters.wire import role_of
from asr.app import UndecodableAudio, WrittenTurn
from asr.domain.transcript import Role

IN_MEMORY = 8 << 20  # bytes; a larger file goes to disk


class GrpcIngestion:
    """Failures of the line are passed on as they are: whoever holds the message waits and asks again."""

    def __init__(self, channel: grpc.aio.Channel, *, max_bytes: int, timeout_s: float) -> None:
        self._stub = IngestionServiceStub(channel)
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def audio(self, interaction_id: str) -> BinaryIO:
        """The whole file, a large one on disk. Raises NotFound, UndecodableAudio, Unavailable."""
        file: BinaryIO = cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 (the caller closes it)
        try:
            await self._download(interaction_id, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    async def _download(self, interaction_id: str, file: BinaryIO) -> None:
        call = self._stub.DownloadAudio(pb.DownloadAudioRequest(interaction_id=interaction_id), timeout=self._timeout_s)
        try:
            async for part in call:
                with room_is_needed():
                    file.write(part.chunk)
                if file.tell() > self._max_bytes:
                    call.cancel()
                    raise UndecodableAudio(f"录音文件超过{self._max_bytes >> 20} MB，无法转写。")
        except grpc.aio.AioRpcError as failure:
            raise _known(failure) from failure

    async def written_turns(self, interaction_id: str) -> list[WrittenTurn]:
        """The messages of a chat. Raises NotFound."""
        try:
            answer = await self._stub.GetChatTurns(pb.GetChatTurnsRequest(interaction_id=interaction_id), timeout=self._timeout_s)
        except grpc.aio.AioRpcError as failure:
            raise _known(failure) from failure
        return [
            WrittenTurn(
                role_of(t.role) or Role.CUSTOMER,
                t.text,
                t.start_ms if t.HasField("start_ms") else None,
                t.end_ms if t.HasField("end_ms") else None,
            )
            for t in answer.turns
        ]


def _known(failure: grpc.aio.AioRpcError) -> Exception:
    return NotFound(failure.details() or "not found") if failure.code() is grpc.StatusCode.NOT_FOUND else failure
