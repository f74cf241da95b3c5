"""Around every HTTP request: a span, figures, and a last resort where something escaped. And who is asking."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from chassis.errors import Unauthenticated
from chassis.identity import acting_as
from chassis.telemetry import TRACES, tracer
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.adapters.http_problems import respond
from gateway.app import Keys
from gateway.domain.keys import ApiKey
from gateway.domain.limits import Buckets

log = logging.getLogger(__name__)

HTTP_SECONDS = Histogram(
    "mingjian_http_seconds", "Time until a response began.", ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
# Where the route that is found writes its label: the application works on copies of the scope.
FOUND = "mingjian.found"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CARRIED = {b"traceparent": "traceparent", b"tracestate": "tracestate"}

Endpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """The ASGI application that the server runs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "other"
        carried = {_CARRIED[k]: v.decode("latin-1") for k, v in scope["headers"] if k in _CARRIED}
        began, status, ready = time.perf_counter(), 0, 0.0
        found: dict[str, str] = {}
        scope[FOUND] = found

        async def watched(message: Message) -> None:
            nonlocal status, ready
            if message["type"] == "http.response.start":
                status, ready = message["status"], time.perf_counter()
            await send(message)

        with tracer.start_as_current_span(method, context=TRACES.extract(carried), kind=SpanKind.SERVER) as span:
            try:
                await self._app(scope, receive, watched)
            except Exception as e:
                # The application's own handler has answered and logged; what is left is a response that broke off midway.
                if not status:
                    await respond(Request(scope), e)(scope, receive, watched)
                elif status < 500:
                    log.warning("response broke off: %s", type(e).__name__)
                    raise
            finally:
                # Only templates, never paths as sent: those carry ids and would be labels without end.
                route = found.get("label", "none")
                span.update_name(f"{method} {route}")
                span.set_attribute("http.request.method", method)
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(StatusCode.ERROR)
                HTTP_SECONDS.labels(method, route, status).observe((ready or time.perf_counter()) - began)


class Admission:
    """Lets callers in by their API key, as fast as their rate allows."""

    def __init__(self, keys: Keys, buckets: Buckets) -> None:
        self._keys, self._buckets = keys, buckets

    async def key_of(self, authorization: str) -> ApiKey:
        """The key in an Authorization value; counts as a request. Raises Unauthenticated, TooFast."""
        key = await self.known(authorization)
        self._buckets.take(key.key_id, time.monotonic())
        return key

    async def known(self, authorization: str) -> ApiKey:
        """The key in an Authorization value. Raises Unauthenticated."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated("send an API key: Authorization: Bearer <key>")
        return await self._keys.authenticate(secret.strip())

    def admitted(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint in the caller's name; what it raises becomes a problem document."""

        async def admit(request: Request) -> Any:
            try:
                key = await self.key_of(request.headers.get("authorization", ""))
                with acting_as(key.identity()):
                    return await endpoint(request)
            except Exception as e:
                return respond(request, e)

        return admit
