"""Whatever went wrong, as one problem document (RFC 9457) with the gRPC status inside."""

import logging
from collections.abc import Mapping
from typing import Any

import grpc
import orjson
from chassis.errors import Problem
from chassis.rpc_status import DETAILS_KEY
from chassis.transient import is_transient
from google.rpc import error_details_pb2, status_pb2
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.domain.limits import TooFast

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_STATUS = {
    "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404, "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403, "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 409, "ABORTED": 409, "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500, "UNAUTHENTICATED": 401,
}
_CODE = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "UNIMPLEMENTED", 408: "DEADLINE_EXCEEDED",
    413: "RESOURCE_EXHAUSTED", 415: "INVALID_ARGUMENT", 416: "OUT_OF_RANGE", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE",
}
_TITLE = {
    400: "The request is not right", 401: "Nobody knows the caller", 403: "The caller may not do this", 404: "There is no such thing",
    405: "This path is not for this method", 408: "The client was silent for too long", 409: "This cannot be done as things are",
    413: "The body is too large", 415: "The body is of a kind that is not taken here", 416: "There are no such bytes",
    429: "Too much, or too fast", 499: "The call was given up", 500: "This failed on our side", 501: "This is not offered",
    503: "Something this needs is away", 504: "This took too long",
}
# What a service says with these is for its operators: addresses, names of libraries.
_KEPT_BACK = {500: "this failed on our side and was logged", 503: "something this needs is away; try again", 504: "this took too long; try again"}


class HttpProblem(Exception):
    """A problem that gRPC has no status for, such as a body that is too large."""

    def __init__(self, status: int, detail: str, *, field: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.field, self.headers = status, detail, field, dict(headers or {})


def respond(request: Request, failure: Exception) -> Response:
    """The problem document for whatever was raised. What nobody foresaw is logged and told to nobody."""
    headers: dict[str, str] = {}
    errors: list[dict[str, str]] = []
    code = ""
    if isinstance(failure, HttpProblem):
        status, detail, field, headers = failure.status, failure.detail, failure.field, failure.headers
    elif isinstance(failure, Problem):
        code, detail, field = failure.code, failure.message, failure.field
        status = _http_status(code, field)
        if isinstance(failure, TooFast):
            headers["Retry-After"] = str(failure.retry_after_s)
    elif isinstance(failure, grpc.aio.AioRpcError):
        code, detail, errors = failure.code().name, failure.details() or "", _violations(failure)
        field = errors[0]["field"] if errors else ""
        status = _http_status(code, field)
        if status == 500:
            log.error("a service failed: %s %s", code, detail)  # a service keeps its insides out of what it says
    elif isinstance(failure, HTTPException):
        status, field, headers = failure.status_code, "", dict(failure.headers or {})
        detail = _about(request, status)
    elif isinstance(failure, ClientDisconnect):
        status, detail, field = 499, "the client hung up", ""  # for the figures: nobody reads it
    elif is_transient(failure):
        status, detail, field = 503, "", ""
        log.warning("dependency away: %s", type(failure).__name__)
    else:
        status, detail, field = 500, "", ""
        log.error("request failed", exc_info=failure)
    if status in _KEPT_BACK and not isinstance(failure, HttpProblem):
        detail = _KEPT_BACK[status]
    if status == 503:
        headers.setdefault("Retry-After", "1")
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return document(request, status, detail, code=code, field=field, errors=errors, headers=headers)


def document(
    request: Request, status: int, detail: str, *, code: str = "", field: str = "", errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    code = code or _CODE.get(status, "UNKNOWN")
    said: dict[str, Any] = {
        "type": f"urn:mingjian:problem:{code.lower().replace('_', '-')}", "title": _TITLE.get(status, "The request failed"), "status": status,
        "detail": detail, "instance": request.url.path, "grpc_status": code,
    }
    if field:
        said["field"] = field
        said["errors"] = errors or [{"field": field, "message": detail}]
    return Response(orjson.dumps(said), status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _http_status(code: str, field: str) -> int:
    # A limit that a field has gone over is not cured by waiting.
    return 413 if code == "RESOURCE_EXHAUSTED" and field else _STATUS.get(code, 500)


def _violations(failure: grpc.aio.AioRpcError) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                bad = error_details_pb2.BadRequest()
                if detail.Unpack(bad):
                    found.extend({"field": v.field, "message": v.description} for v in bad.field_violations)
    return found


def _about(request: Request, status: int) -> str:
    if status == 404:
        return "there is nothing under this path; /openapi.json lists what there is"
    return f"{request.method} is not answered under this path" if status == 405 else "the request cannot be answered"
