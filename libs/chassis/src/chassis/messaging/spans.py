"""The span of handling one event, at a fraction of what the SDK's own costs: it is the largest single cost of consuming.

The SDK's span guards every field with a lock and copies itself when it ends, because anyone may share it; the span of an event
belongs to the one task that handles it. It goes through the same processors and exporters as all others. Only the SDK's default
sampler is decided here; with any other, or without the SDK, the tracer makes the span.
"""

import re
import time
import traceback
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan, Tracer
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import Attributes, AttributeValue

from chassis.telemetry import TRACES

_TRACEPARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_FLAGS = tuple(TraceFlags(n) for n in range(256))
_SAMPLED, _RANDOM = TraceFlags.SAMPLED, TraceFlags.RANDOM_TRACE_ID


class EventSpan(ReadableSpan, trace.Span):
    """A span for one task alone: recorded by whoever handles the event, handed to the processors when it ends."""

    def __init__(self, tracer: Tracer, name: str, context: SpanContext, parent: SpanContext | None, attributes: Mapping[str, AttributeValue]) -> None:
        super().__init__(
            name, context, parent, tracer.resource, attributes, kind=SpanKind.CONSUMER, start_time=time.time_ns(),
            instrumentation_scope=tracer._instrumentation_scope,
        )
        self._own, self._processor = context, tracer.span_processor

    def get_span_context(self) -> SpanContext:
        return self._own

    def is_recording(self) -> bool:
        return self._end_time is None

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        if self.is_recording():
            self._attributes = {**(self._attributes or {}), **attributes}  # those given at first are shared by all of a consumer's spans

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.set_attributes({key: value})

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        if self.is_recording():
            self._events = (*self._events, Event(name, attributes, timestamp or time.time_ns()))

    def update_name(self, name: str) -> None:
        if self.is_recording():
            self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        wanted = status if isinstance(status, Status) else Status(status, description)
        if self.is_recording() and self._status.status_code is not StatusCode.OK and wanted.status_code is not StatusCode.UNSET:
            self._status = wanted

    def record_exception(
        self, exception: BaseException, attributes: Attributes = None, timestamp: int | None = None, escaped: bool = False,
    ) -> None:
        kind = type(exception)
        told: dict[str, AttributeValue] = {
            "exception.type": f"{kind.__module__}.{kind.__qualname__}", "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)), "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**told, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        if self.is_recording():
            self._end_time = end_time or time.time_ns()
            self._processor.on_end(self)


class EventSpans:
    """Makes the spans of one consumer."""

    def __init__(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        self._name, self._attributes = name, dict(attributes)
        self._provider: Any = None
        self._tracer: trace.Tracer = trace.NoOpTracer()

    def begin(self, headers: dict[str, str]) -> trace.Span:
        """A span whose parent is the one that published the event, if any."""
        provider = trace.get_tracer_provider()
        if provider is not self._provider:
            self._provider, self._tracer = provider, provider.get_tracer("mingjian")
        tracer = self._tracer
        if type(tracer) is not Tracer or tracer.sampler is not DEFAULT_ON or "tracestate" in headers or not tracer._is_enabled():
            return tracer.start_span(self._name, TRACES.extract(headers, Context()), SpanKind.CONSUMER, self._attributes)
        ids = tracer.id_generator
        parent = _published_by(headers)
        if parent is None:
            flags = _FLAGS[_SAMPLED | _RANDOM if ids.is_trace_id_random() else _SAMPLED]
            return EventSpan(tracer, self._name, SpanContext(ids.generate_trace_id(), ids.generate_span_id(), False, flags), None, self._attributes)
        own = SpanContext(parent.trace_id, ids.generate_span_id(), False, _FLAGS[parent.trace_flags & (_SAMPLED | _RANDOM)])
        return EventSpan(tracer, self._name, own, parent, self._attributes) if own.trace_flags.sampled else NonRecordingSpan(own)


def _published_by(headers: dict[str, str]) -> SpanContext | None:
    """The parent in `traceparent` (W3C Trace Context, version 00); any other is left to the propagator."""
    if whole := _TRACEPARENT.fullmatch(headers.get("traceparent", "")):
        trace_id, span_id, flags = int(whole[1], 16), int(whole[2], 16), int(whole[3], 16)
        return SpanContext(trace_id, span_id, True, _FLAGS[flags]) if trace_id and span_id else None
    found = trace.get_current_span(TRACES.extract(headers, Context())).get_span_context()
    return found if found.is_valid else None
