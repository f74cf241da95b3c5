"""REST as the descriptors say it: one plain Starlette route per google.api.http binding."""

import re
from collections.abc import Iterable
from typing import Any

import orjson
from chassis.errors import InvalidInput
from chassis.json_writer import to_json, writer_of
from google.protobuf.message import Message
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.adapters.http_bodies import json_body
from gateway.adapters.http_door import FOUND, Admission, Endpoint
from gateway.adapters.json_mapping import fill, fill_field, loads, set_from_text
from gateway.adapters.proto_methods import HttpRule, PublicMethod, descriptor_of, in_order_of_precedence, template_parts
from gateway.adapters.public_calls import PublicCalls
from gateway.settings import Settings

HEADERS = {"Cache-Control": "no-store"}


class Labelled(Route):
    """A route that figures and spans name by its template."""

    def __init__(self, template: str, endpoint: Any, *, verb: str) -> None:
        parts = template_parts(template)
        # Starlette's own parameter takes everything up to the next slash; here a colon ends it too, where the verb begins.
        super().__init__("".join(f"{{p{n // 2}}}" if n % 2 else part for n, part in enumerate(parts)), endpoint, methods=[verb.upper()])
        self.label = template
        pattern = "".join(f"(?P<p{n // 2}>[^/:]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts))
        self.path_regex = re.compile(f"^{pattern}$")
        self.allowed = frozenset(self.methods or ())

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.get(FOUND, {})["label"] = self.label
        if scope["method"] not in (self.methods or ()):
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(self.allowed))})
        await super().handle(scope, receive, send)


def derived_routes(methods: Iterable[PublicMethod], calls: PublicCalls, admission: Admission, settings: Settings) -> list[Labelled]:
    """A route for every binding of every method."""
    pairs = [(method, rule) for method in methods for rule in method.rules]
    return [
        Labelled(rule.path, admission.admitted(_endpoint(method, rule, calls, settings)), verb=rule.verb)
        for method, rule in in_order_of_precedence(pairs)
    ]


def _endpoint(method: PublicMethod, rule: HttpRule, calls: PublicCalls, settings: Settings) -> Endpoint:
    variables = [(f"p{n}", name) for n, name in enumerate(rule.variables)]
    write = writer_of(descriptor_of(method.response))
    inner = rule.response_body
    most, silence_s = settings.json_max_bytes, settings.read_timeout_s

    async def endpoint(request: Request) -> Response:
        message = method.request()
        if rule.body:
            _read_body(message, rule, await json_body(request, most, silence_s))
        _read_query(message, rule, request)
        for group, name in variables:
            _read_variable(message, name, request.path_params[group])
        answer: Any = await calls.unary(method, message)
        return Response(orjson.dumps(_inner(answer, inner) if inner else write(answer)), media_type="application/json", headers=HEADERS)

    return endpoint


def _inner(answer: Message, field: str) -> Any:
    value = getattr(answer, field)
    return to_json(value) if isinstance(value, Message) else to_json(answer)[field]


def _read_body(message: Message, rule: HttpRule, body: bytes) -> None:
    value = loads(body) if body else {}
    if rule.body == "*":
        fill(message, value)
    else:
        fill_field(message, rule.body, value)


def _read_query(message: Message, rule: HttpRule, request: Request) -> None:
    if not request.scope["query_string"]:
        return
    given: dict[str, list[str]] = {}
    for name, text in request.query_params.multi_items():
        given.setdefault(name, []).append(text)
    for name, texts in given.items():
        if rule.body == "*" or name == rule.body or name in rule.variables:
            raise InvalidInput(name[:100], "is not a query parameter here; it belongs into the body or the path")
        set_from_text(message, name[:100], texts)


def _read_variable(message: Any, path: str, text: str) -> None:
    """The path decides; a body that says otherwise is refused."""
    *parents, last = path.split(".")
    target = message
    for parent in parents:
        target = getattr(target, parent)
    said = getattr(target, last)
    set_from_text(message, path, [text])
    if said and said != getattr(target, last):
        raise InvalidInput(path, "is not what the path says")
