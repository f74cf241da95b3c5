"""Request bodies: limited in size, limited in silence, and of a kind that is taken."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from gateway.adapters.http_problems import HttpProblem


def check_length(request: Request, most: int, *, field: str = "") -> None:
    """Raises HttpProblem 413 where the body says by itself that it is too large: none of it is read."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise HttpProblem(413, f"the body has {length} bytes, at most {most} are taken", field=field)


def check_encoding(request: Request) -> None:
    """Raises HttpProblem 415."""
    if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise HttpProblem(415, "compressed bodies are not taken", headers={"Accept-Encoding": "identity"})


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def chunks(request: Request, silence_s: float) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises HttpProblem 408 where the client stops sending, ClientDisconnect where it is gone."""
    more = True
    while more:
        try:
            async with asyncio.timeout(silence_s):
                message = await request.receive()
        except TimeoutError:
            raise HttpProblem(408, f"nothing came for {silence_s:g} s in the middle of the body", headers={"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        if body := message.get("body", b""):
            yield body


async def whole(request: Request, most: int, silence_s: float) -> bytes:
    """The whole body. Raises HttpProblem 413 as soon as it is known to be larger than `most` bytes."""
    check_length(request, most)
    read = bytearray()
    async for chunk in chunks(request, silence_s):
        read += chunk
        if len(read) > most:
            raise HttpProblem(413, f"the body has more than {most} bytes")
    return bytes(read)


async def json_body(request: Request, most: int, silence_s: float) -> bytes:
    """A body of JSON as bytes; b"" where there is none. Raises HttpProblem 413, 415."""
    check_encoding(request)
    kind = media_type(request)
    check_length(request, most)
    if kind not in ("", "application/json") and not kind.endswith("+json"):
        raise HttpProblem(415, f"the body must be application/json, not {kind[:100]}")
    return await whole(request, most, silence_s)
