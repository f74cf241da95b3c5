"""The routes that are no pages: health, figures, sign-in and sign-out, the recording, the list as CSV."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
from chassis.errors import Problem, Unauthenticated
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from console.adapters.csv_export import interactions_csv
from console.adapters.entrance import COOKIE, Entrance
from console.adapters.httpx_gateway import HttpxGateway, path
from console.adapters.sign_in_page import sign_in_page

_HTTP = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "RESOURCE_EXHAUSTED": 429, "UNAVAILABLE": 503, "INVALID_ARGUMENT": 400}
_PASSED = ("content-type", "content-length", "content-range", "accept-ranges", "etag", "last-modified")


def local_target(target: str) -> str:
    """Where to go after signing in: a path of this console, nothing else."""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\", "/sign")) and not parts.scheme and not parts.netloc
    return target if inside and target.isprintable() else "/"


def add_routes(app: FastAPI, entrance: Entrance) -> None:
    """Add them to `app`, before the pages are mounted under it."""
    settings = entrance.settings

    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> PlainTextResponse:
        # Ready without the gateway as well: pages then say that it is away and offer a retry, which helps more than no page.
        return PlainTextResponse("ok\n")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/sign-in")
    async def show_sign_in(next: str = "/") -> Response:
        return HTMLResponse(sign_in_page(local_target(next))) if entrance.asks_for_key else RedirectResponse("/", 303)

    @app.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=10)
        target = local_target(form.get("next", ["/"])[0])
        try:
            cookie = await entrance.sign_in(form.get("api_key", [""])[0])
        except Unauthenticated:
            return HTMLResponse(sign_in_page(target, "密钥不正确或已被吊销，请检查后重试。"), 401)
        except Problem as e:
            return HTMLResponse(sign_in_page(target, f"暂时无法登录，请稍后重试。（{e.message}）"), 503)
        response = RedirectResponse(target, 303)
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", secure=settings.cookie_secure)
        return response

    @app.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        entrance.sessions.end(request.cookies.get(COOKIE))
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE)
        return response

    @app.get("/audio/{interaction_id}")
    async def audio(interaction_id: str, request: Request) -> Response:
        try:
            session = await entrance.session(request.cookies.get(COOKIE))
            if session is None or not isinstance(session.gateway, HttpxGateway):
                raise Unauthenticated("请先登录")
            wanted = request.headers.get("range")
            response = await session.gateway.stream(path("interactions", interaction_id, "audio"), {"Range": wanted} if wanted else {})
        except Problem as e:
            return PlainTextResponse(e.message, _HTTP.get(e.code, 502))
        headers = {k: v for k, v in response.headers.items() if k in _PASSED} | {"cache-control": "private, no-store"}
        return StreamingResponse(_passed(response), response.status_code, headers)

    @app.get("/export/interactions.csv")
    async def export(request: Request) -> Response:
        try:
            session = await entrance.session(request.cookies.get(COOKIE))
            if session is None:
                raise Unauthenticated("请先登录")
            rows = await interactions_csv(session.gateway, dict(request.query_params), most=settings.max_export_rows)
        except Problem as e:
            return PlainTextResponse(e.message, _HTTP.get(e.code, 502))
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers={"content-disposition": 'attachment; filename="interactions.csv"'})


async def _passed(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()
