"""What is open to everybody: health, figures, and the description of the interface as JSON and as a page."""

import asyncio
import html
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "code{background:#eef2f6;padding:.1em .3em;border-radius:3px}details{border:1px solid #d5dde5;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}"
    "summary{cursor:pointer}b.verb{display:inline-block;width:4.5em;text-transform:uppercase}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;vertical-align:top;border-top:1px solid #e4e9ee;padding:.25rem .5rem}.about{white-space:pre-line}"
)
Check = Callable[[], Awaitable[str]]
_READY_S = 1.0


class Health:
    """`checks` by name; each returns "ok" or what is wrong. Answers are kept for a second, so that probes cost the same however many ask."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._answer: tuple[float, dict[str, str]] | None = None
        self._asking = asyncio.Lock()
        self.stopping = False

    async def live(self, request: Request) -> Response:
        return _json({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        async with self._asking:
            if self._answer is None or time.monotonic() - self._answer[0] > _READY_S:
                said = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
                self._answer = (time.monotonic(), dict(zip(self._checks, said, strict=True)))
        checks = self._answer[1]
        ready = not self.stopping and all(word == "ok" for word in checks.values())
        return _json({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    async def _ask(self, check: Check) -> str:
        try:
            async with asyncio.timeout(3.0):
                return await check()
        except Exception as e:
            return type(e).__name__


async def figures(request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def page(content: bytes, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for what never changes while the process runs."""

    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})

    return endpoint


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json", headers={"Cache-Control": "no-store"})


def docs(document: Mapping[str, Any]) -> bytes:
    """The OpenAPI document as one HTML page that needs nothing from elsewhere."""
    title = html.escape(document["info"]["title"])
    said = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>',
        f'<p>{html.escape(document["info"]["description"])} <a href="openapi.json">openapi.json</a></p><h2>Paths</h2>',
    ]
    for path, verbs in document["paths"].items():
        said.extend(_operation(path, verb, operation) for verb, operation in verbs.items())
    said.append("<h2>Messages</h2>")
    said.extend(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    return "".join(said).encode()


def _operation(path: str, verb: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(p['name'])}</code><td>{p['in']}<td>{_kind(p['schema'])}<td>{html.escape(p.get('description', ''))}"
        for p in operation.get("parameters", ())
    )
    bodies = "".join(
        f"<p>Body, {html.escape(kind)}: {_kind(content['schema'])}</p>" for kind, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(
        f"<p>{status}: {_kind(content.get('schema', {}))} {html.escape(kind)}</p>"
        for status, response in operation["responses"].items() for kind, content in response.get("content", {}).items()
    )
    table = f"<table><tr><th>name<th>in<th>type<th>meaning{rows}</table>" if rows else ""
    return (
        f'<details><summary><b class="verb">{verb}</b><code>{html.escape(path)}</code> {html.escape(operation["operationId"])}</summary>'
        f'<p class="about">{html.escape(operation["description"])}</p>{table}{bodies}{answers}</details>'
    )


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(field)}</code><td>{_kind(kind)}<td>{html.escape(kind.get('description', ''))}"
        for field, kind in schema.get("properties", {}).items()
    )
    words = f"<p>{html.escape(', '.join(schema['enum']))}</p>" if "enum" in schema else ""
    about = html.escape(schema.get("description", ""))
    return (
        f'<details id="{html.escape(name)}"><summary><code>{html.escape(name)}</code></summary><p class="about">{about}</p>{words}'
        f"{f'<table>{rows}</table>' if rows else ''}</details>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    kind = schema.get("type", "")
    return html.escape(str(schema.get("format") or (kind[0] if isinstance(kind, list) else kind)))
