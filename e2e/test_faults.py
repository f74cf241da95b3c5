"""Processes are killed with calls in flight: each call ends scored, once, with nothing doubled."""

import asyncio
from collections import Counter

from chassis.messaging import connected
from mingjian.nlp.v1.events_pb2 import InteractionScored
from mingjian.routing.v1.events_pb2 import TicketOpened
from nats.js.api import AckPolicy, ConsumerConfig


async def stored(nats_url, stream, event):
    """Every event of a type that the stream holds."""
    async with connected(nats_url, "e2e", publishes=False) as events:
        subject = f"{event.DESCRIPTOR.full_name}.>"
        info = await events.js.stream_info(stream, subjects_filter=subject)
        count = sum((info.state.subjects or {}).values())
        subscription = await events.js.pull_subscribe(subject, stream=stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE))
        found = []
        while len(found) < count:
            found += [event.FromString(m.data) for m in await subscription.fetch(100, timeout=5)]
        await subscription.unsubscribe()
        return found


def test_calls_survive_the_death_of_asr_and_nlp(platform, admin, request):
    calls = request.getfixturevalue("seven_calls") if request.config.rootpath.parent.joinpath("shared/calls").exists() else request.getfixturevalue("calls") * 3
    sent = [admin.sent(c.audio, {**c.metadata, "external_id": f"fault-{n}-{c.name}"}) for n, c in enumerate(calls)]
    admin.until(sent[0], "transcribing", "scoring", "scored")
    platform.kill("asr")
    platform.restart("asr")
    admin.until(sent[1], "scoring", "scored")
    platform.kill("nlp")
    platform.kill("asr")
    platform.restart("nlp")
    platform.restart("asr")
    for interaction_id in sent:
        admin.until(interaction_id, "scored", within_s=240)
    scored = Counter(e.interaction.interaction_id for e in asyncio.run(stored(platform.nats_url, "nlp", InteractionScored)))
    assert {i: scored[i] for i in sent} == dict.fromkeys(sent, 1)
    opened = asyncio.run(stored(platform.nats_url, "routing", TicketOpened))
    causes = Counter((t.ticket.interaction_id, t.ticket.kind, tuple(t.ticket.causes)) for t in opened)
    assert [c for c, n in causes.items() if n > 1] == []


def test_a_call_sent_while_triton_is_away_is_scored_once_it_is_back(platform, admin, calls):
    platform.triton.stop()
    interaction_id = admin.sent(calls[1].audio, {**calls[1].metadata, "external_id": "without-triton"})
    admin.until(interaction_id, "transcribing")
    platform.triton.start()
    assert admin.scored(interaction_id)["items"]


def test_a_call_sent_while_the_broker_is_away_is_scored_once_it_is_back(platform, admin, calls):
    platform.kill("nats")
    answer = admin.upload(calls[1].audio, {**calls[1].metadata, "external_id": "without-nats"})
    platform.restart("nats")
    if answer.status_code != 202:  # refused is allowed, lost is not: the client repeats it under the same external_id
        answer = admin.upload(calls[1].audio, {**calls[1].metadata, "external_id": "without-nats"})
    assert admin.scored(answer.json()["interaction_id"])["items"]
