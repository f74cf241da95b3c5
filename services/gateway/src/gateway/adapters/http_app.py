"""The HTTP application: derived and hand-written routes on one FastAPI app, behind the door."""

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gateway.adapters.http_audio import Recordings
from gateway.adapters.http_door import Admission, Door
from gateway.adapters.http_events import EventStreams
from gateway.adapters.http_pages import Health, docs, figures, page
from gateway.adapters.http_problems import respond
from gateway.adapters.http_routes import Labelled, derived_routes
from gateway.adapters.http_tickets import TicketFiles
from gateway.adapters.http_uploads import Uploads
from gateway.adapters.nats_events import EventHub
from gateway.adapters.openapi import openapi
from gateway.adapters.proto_comments import comments
from gateway.adapters.proto_methods import event_classes
from gateway.adapters.public_calls import PublicCalls
from gateway.settings import Settings


def http_app(calls: PublicCalls, admission: Admission, hub: EventHub, health: Health, settings: Settings) -> ASGIApp:
    """Everything the edge answers over HTTP."""
    methods = list(calls.by_name.values())
    document = openapi(methods, comments())
    uploads, recordings, files = Uploads(calls, settings), Recordings(calls), TicketFiles(calls, settings)
    streams = EventStreams(hub, frozenset(event_classes()), admission, settings)
    routes = [
        *derived_routes(methods, calls, admission, settings),
        Labelled("/v1/interactions", admission.admitted(uploads.post), verb="post"),
        Labelled("/v1/interactions/{interaction_id}/audio", admission.admitted(recordings.get), verb="get"),
        Labelled("/v1/tickets:export", admission.admitted(files.export), verb="get"),
        Labelled("/v1/tickets:import", admission.admitted(files.take_in), verb="post"),
        Labelled("/v1/tickets/{ticket_id}/attachments/{attachment_id}", admission.admitted(files.attachment), verb="get"),
        Labelled("/v1/events", admission.admitted(streams.get), verb="get"),
        Labelled("/healthz", health.live, verb="get"),
        Labelled("/readyz", health.ready, verb="get"),
        Labelled("/metrics", figures, verb="get"),
        Labelled("/openapi.json", page(orjson.dumps(document), "application/json"), verb="get"),
        Labelled("/docs", page(docs(document), "text/html"), verb="get"),
    ]
    _share_methods(routes)
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        exception_handlers={HTTPException: _problem, Exception: _problem},
        # FastAPI's own spans carry paths and queries as sent, and so ids and customers' words; the door makes ours.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.routes[:] = routes
    return Door(app)


def _share_methods(routes: list[Labelled]) -> None:
    """Tell each route what its siblings on the same path answer, for 405."""
    allowed: dict[str, set[str]] = {}
    for route in routes:
        allowed.setdefault(route.path_regex.pattern, set()).update(route.methods or ())
    for route in routes:
        route.allowed = frozenset(allowed[route.path_regex.pattern])


async def _problem(request: Request, failure: Exception) -> Response:
    return respond(request, failure)
