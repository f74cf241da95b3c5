import pytest
from chassis.messaging import spans as events_spans
from chassis.messaging import wrap
from chassis.messaging.spans import EventSpan, EventSpans
from chassis.telemetry import TRACES, tracer
from mingjian.asr.v1.events_pb2 import TranscriptionStarted
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

ATTRIBUTES = {"messaging.system": "nats", "messaging.consumer.name": "x"}


def by_the_sdk(headers):
    return tracer.start_span("consume", TRACES.extract(headers), SpanKind.CONSUMER, ATTRIBUTES)


def told(span):
    return (
        span.name, span.kind, dict(span.attributes), span.parent, span.context.trace_id if span.parent else None, span.context.trace_flags,
        span.context.is_remote, span.status.status_code, [(e.name, sorted(e.attributes)) for e in span.events], span.resource, span.instrumentation_scope.name,
        span.dropped_attributes, span.dropped_events,
    )


def lived(span):
    span.set_attribute("a", 1)
    span.add_event("happened", {"b": 2})
    span.record_exception(ValueError("no"))
    span.set_status(StatusCode.ERROR, "no")
    span.end()
    span.set_attribute("late", 1)
    span.end()


@pytest.mark.parametrize("published_in_a_trace", [True, False])
def test_the_span_of_an_event_says_what_the_sdks_own_would(spans, published_in_a_trace):
    headers = {}
    if published_in_a_trace:
        with tracer.start_as_current_span("upload"):
            headers = wrap(TranscriptionStarted(interaction_id="i1"), tenant="t1", key="i1").headers
    spans.clear()
    ours = EventSpans("consume", ATTRIBUTES).begin(headers)
    assert isinstance(ours, EventSpan)
    lived(ours)
    lived(by_the_sdk(headers))
    first, second = spans.get_finished_spans()
    assert told(first) == told(second)
    assert first.context.span_id != second.context.span_id
    assert first.end_time >= first.start_time
    encoded = [s for r in encode_spans([first, second]).resource_spans for scope in r.scope_spans for s in scope.spans]
    assert [s.kind for s in encoded] == [encoded[1].kind] * 2
    assert sorted(a.key for a in encoded[0].attributes) == sorted(a.key for a in encoded[1].attributes)


def test_two_events_share_no_attributes(spans):
    made = EventSpans("consume", ATTRIBUTES)
    first, second = made.begin({}), made.begin({})
    first.set_attribute("a", 1)
    second.end()
    assert dict(spans.get_finished_spans()[-1].attributes) == ATTRIBUTES


def test_what_its_publisher_did_not_sample_is_not_recorded(spans):
    span = EventSpans("consume", ATTRIBUTES).begin({"traceparent": f"00-{7:032x}-{9:016x}-00"})
    assert not span.is_recording()
    assert span.get_span_context().trace_id == 7
    assert not span.get_span_context().trace_flags.sampled


@pytest.mark.parametrize("traceparent", [
    "", "00", f"00-{0:032x}-{9:016x}-01", f"00-{'g' * 32}-{9:016x}-01", f"00-{7:032x}-{0:016x}-01", f"ff-{7:032x}-{9:016x}-01",
    f"00-{7:032x}-{9:016x}--1", f"00-+{7:031x}-{9:016x}-01",
])
def test_a_broken_parent_begins_a_trace(spans, traceparent):
    span = EventSpans("consume", ATTRIBUTES).begin({"traceparent": traceparent})
    assert span.is_recording()
    assert span.parent is None
    span.end()


def test_a_sampler_of_somebodys_own_decides(monkeypatch):
    provider = TracerProvider(sampler=ALWAYS_OFF)
    monkeypatch.setattr(events_spans.trace, "get_tracer_provider", lambda: provider)
    assert not EventSpans("consume", ATTRIBUTES).begin({}).is_recording()


def test_the_state_of_another_vendor_goes_along(spans):
    span = EventSpans("consume", ATTRIBUTES).begin({"traceparent": f"00-{7:032x}-{9:016x}-01", "tracestate": "other=1"})
    assert span.get_span_context().trace_state["other"] == "1"
    with trace.use_span(span):
        assert wrap(TranscriptionStarted(), tenant="t1", key="k").headers["tracestate"] == "other=1"
