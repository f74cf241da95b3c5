"""Traces by OpenTelemetry, figures by Prometheus, logs as JSON lines: none of them carries what customers say."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Histogram, start_http_server

from chassis.settings import ServiceSettings

TRACES = TraceContextTextMapPropagator()
tracer = trace.get_tracer("mingjian")

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
RPC_SECONDS = Histogram("mingjian_rpc_seconds", "Time an RPC took at the server.", ["method", "code"], buckets=_SECONDS)
EVENT_SECONDS = Histogram("mingjian_event_seconds", "Time a consumer needed for an event.", ["consumer", "outcome"], buckets=_SECONDS)
EVENT_AGE = Histogram("mingjian_event_age_seconds", "Age of an event when its consumer began it.", ["consumer"], buckets=_SECONDS)
PUBLISHED = Counter("mingjian_events_published", "Events published.", ["type"])
DEFERRED = Counter("mingjian_events_deferred", "Events stored but left to the sweeper.", ["collection"])

# At DEBUG these write whole commands and requests, with what customers said in them.
_TALKATIVE = ("pymongo", "httpcore", "httpx", "hpack")

# What a LogRecord carries by itself; everything else was given with `extra=`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname, "service": self._service, "logger": record.name, "message": record.getMessage(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in _OWN}
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


@contextmanager
def telemetry(service: str, settings: ServiceSettings) -> Iterator[None]:
    """Logs, /metrics and traces of this process, up while the block runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(service))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
    provider = TracerProvider(resource=Resource.create({"service.name": settings.otel_service_name or service}))
    if settings.otel_exporter_otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=settings.otel_exporter_otlp_endpoint, insecure=settings.otel_exporter_otlp_endpoint.startswith("http://"))
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    metrics = None
    if settings.metrics_address:
        host, _, port = settings.metrics_address.rpartition(":")
        metrics, _thread = start_http_server(int(port), host.strip("[]"))
    try:
        yield
    finally:
        provider.shutdown()
        if metrics:
            metrics.shutdown()
            metrics.server_close()
