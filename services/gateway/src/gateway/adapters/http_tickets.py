"""Tables and files of tickets: GET /v1/tickets:export, POST /v1/tickets:import, GET /v1/tickets/{id}/attachments/{id}."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import grpc
import orjson
from chassis.errors import InvalidInput, NotFound, Unavailable
from chassis.json_writer import to_json
from mingjian.routing.v1 import desk_service_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.adapters.http_bodies import check_encoding, media_type, whole
from gateway.adapters.http_problems import HttpProblem
from gateway.adapters.http_routes import HEADERS
from gateway.adapters.json_mapping import set_from_text
from gateway.adapters.public_calls import PublicCalls
from gateway.settings import Settings

_DESK = "mingjian.routing.v1.DeskService"
EXPORT, IMPORT, DOWNLOAD = f"{_DESK}/ExportTickets", f"{_DESK}/ImportTickets", f"{_DESK}/DownloadAttachment"
_TABLE_MOST = 10 * 1024 * 1024


class TicketFiles:
    """The endpoints. The first bytes are there before anything is answered, so that what is refused has its status."""

    def __init__(self, calls: PublicCalls, settings: Settings) -> None:
        self._calls, self._settings = calls, settings

    async def export(self, request: Request) -> Response:
        asked = pb.ExportTicketsRequest()
        for name in dict.fromkeys(request.query_params.keys()):
            texts = request.query_params.getlist(name)
            set_from_text(asked if name == "zone" else asked.criteria, name[:100], texts)
        parts: AsyncIterator[Any] = self._calls.receive(self._calls.by_name[EXPORT], asked)
        begin = await anext(parts, None)
        return StreamingResponse(
            _chunks(begin, parts), media_type="text/csv; charset=utf-8",
            headers=HEADERS | {"Content-Disposition": 'attachment; filename="tickets.csv"', "X-Content-Type-Options": "nosniff"},
        )

    async def take_in(self, request: Request) -> Response:
        check_encoding(request)
        if media_type(request) != "text/csv":
            raise HttpProblem(415, "the body must be text/csv in UTF-8")
        dry_run = request.query_params.get("dry_run", "false")
        if dry_run not in ("true", "false"):
            raise InvalidInput("dry_run", "must be true or false")
        content = await whole(request, _TABLE_MOST, self._settings.read_timeout_s)
        asked = pb.ImportTicketsRequest(content=content, dry_run=dry_run == "true")
        answer = await self._calls.unary(self._calls.by_name[IMPORT], asked, within_s=self._settings.stream_timeout_s)
        return Response(orjson.dumps(to_json(answer)), media_type="application/json", headers=HEADERS)

    async def attachment(self, request: Request) -> Response:
        asked = pb.DownloadAttachmentRequest(ticket_id=request.path_params["p0"], attachment_id=request.path_params["p1"])
        parts: AsyncIterator[Any] = self._calls.receive(self._calls.by_name[DOWNLOAD], asked)
        begin = await anext(parts, None)
        if begin is None or not begin.attachment.attachment_id:
            raise NotFound("there is no such attachment")
        file = begin.attachment
        # Always saved, never shown: what somebody attached runs nowhere in the platform's name.
        return StreamingResponse(_chunks(begin, parts), media_type=file.media_type, headers={
            "Cache-Control": "private, no-store", "Content-Length": str(file.size_bytes), "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}", "Content-Security-Policy": "sandbox; default-src 'none'",
        })


async def _chunks(begin: Any, rest: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    if begin is None:
        return
    yield begin.chunk
    try:
        async for part in rest:
            yield part.chunk
    except grpc.aio.AioRpcError as e:
        raise Unavailable(f"it broke off: {e.code().name}") from None
