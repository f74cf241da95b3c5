"""One trace from upload to ticket, and the events that one angry complaint causes."""

import asyncio
import time

import httpx
import pytest
from chassis.messaging import connected
from expected import EDGES, EVENTS
from nats.js.api import AckPolicy, ConsumerConfig


def settled(condition, within_s=90):
    """Wait until the condition holds or time is up: the assertions say what is missing."""
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)


@pytest.fixture(scope="module")
def complaint(platform, admin, calls):
    """An angry call, scored and with its ticket."""
    # A customer of its own: a second contact of one who called before joins the ticket there is.
    interaction_id = admin.sent(calls[0].audio, {**calls[0].metadata, "external_id": "traced", "customer_id": "traced", "agent_id": "traced"})
    admin.until(interaction_id, "scored")
    settled(lambda: admin.get("/v1/tickets", interaction_id=interaction_id)["tickets"])
    return interaction_id


@pytest.fixture(scope="module")
def trace(complaint, collector):
    """Every span of its trace, waited for until each hop has come: services export once a second."""
    [upload] = [s for s in collector.spans if s.name == "POST /v1/interactions" and s.service == "gateway"][-1:]

    def spans():
        return [s for s in collector.spans if s.trace_id == upload.trace_id]

    settled(lambda: {span for hop in EDGES for span in hop} <= {(s.service, s.name) for s in spans()})
    return spans()


@pytest.mark.parametrize(("caller", "callee"), EDGES, ids=lambda e: f"{e[0]}: {e[1].rpartition('.')[2]}")
def test_the_trace_goes_over_this_hop(trace, caller, callee):
    by_id = {s.span_id: s for s in trace}
    assert any((s.service, s.name) == caller for s in trace), f"no span {caller}"
    for span in (s for s in trace if (s.service, s.name) == callee):
        above = span
        while above.parent_id in by_id:
            above = by_id[above.parent_id]
            if (above.service, above.name) == caller:
                return
    raise AssertionError(f"{callee} does not continue {caller}")


def test_no_span_carries_what_was_said(trace):
    carried = " ".join(v for s in trace for v in s.attributes.values())
    assert not any("\u4e00" <= c <= "\u9fff" for c in carried), carried


def test_every_expected_event_was_published(platform, complaint):
    async def count(event):
        async with connected(platform.nats_url, "e2e", publishes=False) as events:
            subscription = await events.js.pull_subscribe(f"{event}.>", stream=event.split(".")[1], config=ConsumerConfig(ack_policy=AckPolicy.NONE))
            try:
                messages = await subscription.fetch(1000, timeout=1)
            finally:
                await subscription.unsubscribe()
            return sum(complaint.encode() in m.data for m in messages)

    settled(lambda: all(asyncio.run(count(event)) for event in EVENTS))
    for event, expected in EVENTS.items():
        found = asyncio.run(count(event))
        assert found == expected if expected is not None else found >= 1, (event, found)


@pytest.mark.parametrize("service", ["ingestion", "asr", "nlp", "routing", "knowledge", "reporting", "gateway"])
def test_every_service_shows_its_figures(platform, complaint, service):
    figures = httpx.get(platform.describe()["metrics"][service], timeout=10).text
    assert "process_resident_memory_bytes" in figures
    if service not in ("gateway", "ingestion"):
        assert f'mingjian_event_seconds_count{{consumer="{service}-mingjian' in figures
    if service in ("ingestion", "asr", "nlp"):
        assert "mingjian_rpc_seconds_count{" in figures
    assert not any("\u4e00" <= c <= "\u9fff" for c in figures)
