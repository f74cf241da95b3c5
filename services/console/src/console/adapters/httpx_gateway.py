"""The gateway's REST API over httpx: one pool of connections, each call in one key's name."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
from chassis.errors import (
    AlreadyExists,
    Denied,
    InvalidInput,
    NotAllowedNow,
    NotFound,
    Problem,
    Stale,
    TooMuch,
    Unauthenticated,
    Unavailable,
)

from console.app import Query

_KNOWN: tuple[type[Problem], ...] = (AlreadyExists, Denied, InvalidInput, NotAllowedNow, NotFound, Stale, TooMuch, Unauthenticated, Unavailable)
_BY_CODE: dict[str, type[Problem]] = {kind.code: kind for kind in _KNOWN} | {"OUT_OF_RANGE": InvalidInput, "DEADLINE_EXCEEDED": Unavailable}
_BY_STATUS: dict[int, type[Problem]] = {
    400: InvalidInput, 401: Unauthenticated, 403: Denied, 404: NotFound, 409: Stale, 412: NotAllowedNow, 413: TooMuch, 415: InvalidInput, 422: InvalidInput,
    429: TooMuch, 502: Unavailable, 503: Unavailable, 504: Unavailable,
}
MAX_ANSWER_BYTES = 32 * 1024 * 1024


def path(*parts: str) -> str:
    """A path from its parts, each quoted: `path("tickets", id) + ":assign"`."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def problem(status: int, content: bytes) -> Problem:
    """What the gateway's problem document says, as our own error. The gRPC status inside decides before the HTTP status."""
    try:
        said = json.loads(content)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    code = str(said.get("grpc_status", "")).upper()
    message = str(said.get("detail") or said.get("title") or f"HTTP {status}")
    field = str(said.get("field") or "")
    kind = _BY_CODE.get(code) or (Problem if code else _BY_STATUS.get(status, Problem))
    return InvalidInput(field, message) if kind is InvalidInput else kind(message, field=field)


class HttpxGateway:
    """The gateway in one key's name; satisfies console.app.Asking."""

    def __init__(self, http: httpx.AsyncClient, api_key: str, *, timeout_s: float, upload_timeout_s: float) -> None:
        self._http, self._timeout_s, self._upload_timeout_s = http, timeout_s, upload_timeout_s
        self._headers = {"Authorization": f"Bearer {api_key}"}

    async def get(self, path: str, query: Query | None = None) -> Any:
        given = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in (query or {}).items() if v not in (None, "", False, 0)}
        return await self._ask(self._http.build_request("GET", path, params=given, headers=self._headers), self._timeout_s)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await self._ask(self._http.build_request("POST", path, json=dict(body or {}), headers=self._headers), self._timeout_s)

    async def upload(self, metadata: Mapping[str, Any], name: str, media_type: str, size: int, chunks: AsyncIterator[bytes]) -> str:
        boundary = secrets.token_hex(16)
        safe = "".join(c for c in name if c.isprintable() and c not in '"\\')[:200]
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="metadata"\r\nContent-Type: application/json\r\n\r\n'
            f'{json.dumps(metadata, ensure_ascii=False)}\r\n--{boundary}\r\nContent-Disposition: form-data; name="audio"; filename="{safe}"\r\n'
            f"Content-Type: {media_type or 'application/octet-stream'}\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()

        async def body() -> AsyncIterator[bytes]:
            yield head
            async for chunk in chunks:
                yield chunk
            yield tail

        headers = self._headers | {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(len(head) + size + len(tail))}
        request = self._http.build_request("POST", "/v1/interactions", content=body(), headers=headers)
        answer = await self._ask(request, self._upload_timeout_s)
        return str(answer.get("interaction_id") or answer.get("interaction", {}).get("interaction_id", ""))

    async def stream(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        """An open response whose body is read by the caller, who closes it. Raises as Asking does."""
        request = self._http.build_request("GET", path, headers=self._headers | dict(headers))
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.send(request, stream=True)
        except (httpx.HTTPError, TimeoutError) as e:
            raise Unavailable("网关暂时无法访问") from e
        if response.status_code >= 400 and response.status_code != 416:
            content = (await response.aread())[:65536]
            await response.aclose()
            raise problem(response.status_code, content)
        return response

    async def _ask(self, request: httpx.Request, within_s: float) -> Any:
        try:
            async with asyncio.timeout(within_s):
                response = await self._http.send(request, stream=True)
                try:
                    content = await _limited(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as e:
            raise Unavailable("网关暂时无法访问") from e
        if response.status_code >= 400:
            raise problem(response.status_code, content)
        try:
            return json.loads(content) if content else {}
        except ValueError as e:
            raise Unavailable("网关的答复不是 JSON") from e


async def _limited(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise TooMuch("网关的答复过大")
    return bytes(content)
