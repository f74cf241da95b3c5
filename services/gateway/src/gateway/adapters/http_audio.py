"""GET /v1/interactions/{id}/audio: the recording or its redacted copy, whole or a range of its bytes, written down in the audit log each time."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from chassis.errors import InvalidInput, NotFound, Unavailable
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.adapters.http_problems import HttpProblem
from gateway.adapters.public_calls import PublicCalls
from gateway.domain.ranges import NoSuchBytes, wanted

DOWNLOAD = "mingjian.ingestion.v1.IngestionService/DownloadAudio"
# By PyAV's names of containers; several names of one family are joined by commas.
_MEDIA_TYPES = {
    "wav": "audio/wav", "w64": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac", "aac": "audio/aac", "amr": "audio/amr",
    "mov": "audio/mp4", "matroska": "audio/webm", "webm": "audio/webm", "au": "audio/basic", "aiff": "audio/aiff",
}


def media_type_of(container: str) -> str:
    """"audio/wav" for "wav", "audio/mp4" for "mov,mp4,m4a,3gp,3g2,mj2"."""
    return _MEDIA_TYPES.get(container.partition(",")[0], "application/octet-stream")


class Recordings:
    """The endpoint. Needs audio:read; which file the caller gets is for ingestion to say, in the first part of its answer."""

    def __init__(self, calls: PublicCalls) -> None:
        self._calls = calls
        self._download = calls.by_name[DOWNLOAD]

    async def get(self, request: Request) -> Response:
        asked_for = pb.DownloadAudioRequest(interaction_id=request.path_params["p0"], redacted=_redacted(request.query_params.get("redacted", "")))
        parts: AsyncIterator[Any] = self._calls.receive(self._download, asked_for)
        # The first bytes are here, and the audit log has its entry, before anything is answered.
        begin = await anext(parts, None)
        if begin is None or begin.file.size_bytes <= 0:
            raise NotFound("this interaction has no recording")
        file: pb.AudioFile = begin.file
        size, tag = file.size_bytes, f'"{file.tag}"'
        headers = {
            "Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "ETag": tag, "X-Content-Type-Options": "nosniff",
            "Content-Disposition": "inline", "X-Redacted": "true" if file.redacted else "false",
        }
        asked = request.headers.get("range", "")
        if request.headers.get("if-range", tag) != tag:
            asked = ""  # the client knows another file: it gets all of this one
        try:
            span = wanted(asked, size)
        except NoSuchBytes:
            raise HttpProblem(416, f"the recording has {size} bytes", headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}) from None
        first, last = span or (0, size - 1)
        headers["Content-Length"] = str(last - first + 1)
        if span:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        body = _cut(_from(begin, parts), first, last)
        begun = await anext(body, None)
        if begun is None:
            raise Unavailable("the recording is shorter than it should be")
        return StreamingResponse(
            _none() if request.method == "HEAD" else _joined(begun, body), status_code=206 if span else 200, headers=headers,
            media_type=media_type_of(file.container),
        )


def _redacted(asked: str) -> bool:
    if asked not in ("", "true", "false"):
        raise InvalidInput("redacted", "must be true or false")
    return asked == "true"


async def _from(begin: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    yield begin
    async for part in rest:
        yield part


async def _cut(parts: AsyncIterator[Any], first: int, last: int) -> AsyncIterator[bytes]:
    """Bytes first to last of a file that comes in parts."""
    at = 0
    async for part in parts:
        chunk = part.chunk
        begin, end = max(first - at, 0), min(last + 1 - at, len(chunk))
        if begin < end:
            yield chunk[begin:end]
        at += len(chunk)
        if at > last:
            return


async def _joined(begun: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    try:
        async for chunk in rest:
            yield chunk
    except grpc.aio.AioRpcError as e:
        raise Unavailable(f"the recording broke off: {e.code().name}") from None


async def _none() -> AsyncIterator[bytes]:
    return
    yield b""
