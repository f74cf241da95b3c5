"""POST /v1/interactions: a recorded call as multipart, passed on while it arrives, or a chat as JSON."""

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Any

import orjson
from chassis.errors import InvalidInput, TooMuch
from chassis.json_writer import to_json
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response

from gateway.adapters.http_bodies import check_encoding, check_length, chunks, json_body, media_type
from gateway.adapters.http_multipart import Form
from gateway.adapters.http_problems import HttpProblem
from gateway.adapters.http_routes import HEADERS
from gateway.adapters.json_mapping import fill, loads
from gateway.adapters.public_calls import PublicCalls
from gateway.settings import Settings

UPLOAD = "mingjian.ingestion.v1.IngestionService/UploadInteraction"
CREATE = "mingjian.ingestion.v1.IngestionService/CreateInteraction"
_CHUNK = 256 * 1024
_IN_MEMORY = 1024 * 1024
_METADATA_MOST = 64 * 1024
_AROUND = 1024 * 1024  # what a multipart body may be larger than its audio


class Uploads:
    """The endpoint. Bytes of audio held at once: two chunks, however long the file is."""

    def __init__(self, calls: PublicCalls, settings: Settings) -> None:
        self._calls, self._settings = calls, settings
        self._upload, self._create = calls.by_name[UPLOAD], calls.by_name[CREATE]

    async def post(self, request: Request) -> Response:
        kind = media_type(request)
        if kind == "multipart/form-data":
            interaction = await self._recorded(request)
        elif kind == "application/json":
            interaction = await self._written(request)
        else:
            raise HttpProblem(415, "send multipart/form-data with the parts metadata and audio, or application/json with metadata and turns")
        return Response(
            orjson.dumps(to_json(interaction)), status_code=202, media_type="application/json",
            headers=HEADERS | {"Location": f"/v1/interactions/{interaction.interaction_id}"},
        )

    async def _written(self, request: Request) -> pb.Interaction:
        body = await json_body(request, self._settings.json_max_bytes, self._settings.read_timeout_s)
        chat = pb.CreateInteractionRequest()
        fill(chat, loads(body))
        answer: Any = await self._calls.unary(self._create, chat)
        created: pb.Interaction = answer.interaction
        return created

    async def _recorded(self, request: Request) -> pb.Interaction:
        check_encoding(request)
        check_length(request, self._settings.audio_max_bytes + _AROUND, field="audio")
        form = Form(request.headers["content-type"], chunks(request, self._settings.read_timeout_s))
        metadata: pb.InteractionMetadata | None = None
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as held:
            holds = False
            while (part := await form.next_part()) is not None:
                if part == "metadata" and metadata is None:
                    metadata = await _metadata(form)
                elif part == "audio" and metadata is not None and not holds:
                    return await self._send(metadata, self._to_the_end(form))
                elif part == "audio" and not holds:
                    await self._hold(form, held)
                    holds = True
                else:
                    raise _refused(part)
            if metadata is None or not holds:
                raise InvalidInput("metadata" if metadata is None else "audio", "this part is missing")
            held.seek(0)
            return await self._send(metadata, _from_file(held))

    async def _to_the_end(self, form: Form) -> AsyncIterator[bytes]:
        """The audio; it ends only when the whole body has been seen to be right, so that a wrong one stores nothing."""
        async for chunk in self._limited(form, self._settings.audio_max_bytes):
            yield chunk
        if (part := await form.next_part()) is not None:
            raise _refused(part)

    async def _limited(self, form: Form, most: int) -> AsyncIterator[bytes]:
        size, gathered = 0, bytearray()
        async for chunk in form.bytes_of_part():
            size += len(chunk)
            if size > most:
                raise HttpProblem(413, f"the audio has more than {most} bytes", field="audio")
            gathered += chunk
            if len(gathered) >= _CHUNK:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)

    async def _hold(self, form: Form, held: IO[bytes]) -> None:
        """Keep audio that came before its metadata. Raises HttpProblem where it is too much to keep, TooMuch where the disk is full."""
        most = self._settings.audio_held_max_bytes
        try:
            async for chunk in self._limited(form, most):
                await asyncio.to_thread(held.write, chunk)
        except HttpProblem as e:
            if e.status != 413:
                raise
            raise HttpProblem(413, f"audio of more than {most} bytes has to come after its metadata: send the part metadata first", field="metadata") from None
        except OSError as e:
            if e.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise TooMuch("there is no room to keep the audio until its metadata comes; send the part metadata first") from None

    async def _send(self, metadata: pb.InteractionMetadata, audio: AsyncIterator[bytes]) -> pb.Interaction:
        async def parts() -> AsyncIterator[pb.UploadInteractionRequest]:
            yield pb.UploadInteractionRequest(metadata=metadata)
            size = 0
            async for chunk in audio:
                yield pb.UploadInteractionRequest(chunk=chunk)
                size += len(chunk)
            yield pb.UploadInteractionRequest(size_bytes=size)

        answer: Any = await self._calls.send(self._upload, parts())
        uploaded: pb.Interaction = answer.interaction
        return uploaded


async def _metadata(form: Form) -> pb.InteractionMetadata:
    read = bytearray()
    async for chunk in form.bytes_of_part():
        read += chunk
        if len(read) > _METADATA_MOST:
            raise HttpProblem(413, f"the part metadata has more than {_METADATA_MOST} bytes", field="metadata")
    metadata = pb.InteractionMetadata()
    fill(metadata, loads(read, "metadata"), "metadata")
    return metadata


async def _from_file(held: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(held.read, _CHUNK):
        yield chunk


def _refused(part: str) -> InvalidInput:
    if part in ("metadata", "audio"):
        return InvalidInput(part, "this part is given more than once")
    return InvalidInput(part or "body", "is not a part that is taken here; there are metadata and audio")
