"""Running calls over a real broker, on a real store, with an asr that answers over gRPC."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput
from chassis.ids import derived_id
from chassis.lifecycle import Life
from chassis.messaging import Delivery, consuming, ensure_stream, wrap
from chassis.messaging.deadletters import dead_letters
from chassis.transient import is_transient
from mingjian.asr.v1.events_pb2 import TranscriptCompleted, TurnTranscribed
from mingjian.ingestion.v1.events_pb2 import CallEnded
from mingjian.nlp.v1.events_pb2 import AlertRaised, HintSuggested, InteractionScored
from nlp.adapters.mongo_live import DISAGREED, MongoLiveNews, MongoLiveOutcomes
from nlp.adapters.nats_consumer import OnTranscriptCompleted
from nlp.adapters.nats_turns import OnCallEnded, OnTurnTranscribed
from nlp.app import AlertFilters, SameEngine, Scoring, utc_now
from nlp.app_live import LiveAgreement, LiveCalls, LiveLimits
from nlp_live import ANGRY, end_event, running, turn_events
from nlp_platform import interaction, transcript
from test_nats_consumer import published
from testkit.waiting import eventually

ALERTS = {"complaint_keyword", "negative_emotion", "forbidden_phrase"}
KEPT = timedelta(days=1)


@pytest.fixture
async def replica(platform, engine):
    """Makes live replicas on one platform, as many as are asked for."""
    await ensure_stream(platform.events, "ingestion")
    news, outcomes = MongoLiveNews(platform.db, platform.events, kept=KEPT), MongoLiveOutcomes(platform.db, kept=KEPT)
    await news.prepare()
    await outcomes.prepare()
    platform.outcomes = outcomes
    transcripts = platform.scoring._transcripts

    def made():
        return LiveCalls(
            SameEngine(engine), transcripts, news, outcomes, derive_id=derived_id, now=utc_now, clock=time.monotonic, limits=LiveLimits(),
            is_transient=is_transient,
        )

    return made


@asynccontextmanager
async def listening(platform, calls, **options):
    async with (
        consuming(platform.events, Life(), "nlp", TurnTranscribed, OnTurnTranscribed(calls), concurrency=16, **options),
        consuming(platform.events, Life(), "nlp", CallEnded, OnCallEnded(calls)),
    ):
        yield


def told(platform, kind, count):
    async def reached():
        found = await published(platform.events, kind)
        return found if len(found) >= count else None

    return eventually(reached)


async def settled(platform, count, stream="asr", event=TurnTranscribed):
    async def done():
        info = await platform.events.js.consumer_info(stream, f"nlp-{event.DESCRIPTOR.full_name.replace('.', '-')}")
        return info.num_ack_pending == 0 and info.num_pending == 0 and info.delivered.stream_seq >= count

    await eventually(done)


async def test_alerts_and_hints_are_told_while_the_call_runs_and_masked(platform, replica):
    call = running("i1")
    platform.asr.transcripts["i1"] = call
    async with listening(platform, replica()):
        for event in turn_events(call):
            await platform.events.publish(event)
        raised = await told(platform, AlertRaised, 3)
        hints = await told(platform, HintSuggested, 3)
    assert {event.alert.kind for event in raised} == ALERTS
    assert {"missing_apology", "calm_down", "forbidden_phrase"} <= {event.hint.kind for event in hints}
    assert all(event.hint.message for event in hints)
    assert raised[0].interaction.metadata.agent_id == "A1"
    said = b"".join(event.SerializeToString() for event in (*raised, *hints))
    assert b"13812345678" not in said
    assert "张伟".encode() not in said
    page = await platform.findings._evaluations.alerts("t1", AlertFilters(interaction_id="i1"), size=10, token="")
    assert {stored.alert.alert_id for stored in page.alerts} == {event.alert.alert_id for event in raised}


async def test_the_recording_tells_no_alert_again_and_says_how_the_live_evaluation_differed(platform, replica, engine):
    live = running("i1")
    platform.asr.transcripts["i1"] = live
    async with listening(platform, replica()):
        for event in turn_events(live):
            await platform.events.publish(event)
        await told(platform, AlertRaised, 3)
        await platform.events.publish(end_event(live))
        await eventually(lambda: platform.outcomes.find("t1", "i1"))
    # Heard again from the whole recording, the agent said nothing wrong.
    platform.asr.transcripts["i1"] = transcript("i1", *(line.replace("这是您的个人问题", "我来帮您看看") for line in ANGRY))
    before = DISAGREED.labels("alert_live_only", "forbidden_phrase")._value.get()
    scoring = Scoring(
        SameEngine(engine), platform.scoring._transcripts, platform.evaluations, platform.scoring._announcements, derive_id=derived_id, now=utc_now,
        utc_offset=timedelta(hours=8), live=LiveAgreement(platform.outcomes),
    )
    async with consuming(platform.events, Life(), "nlp", TranscriptCompleted, OnTranscriptCompleted(scoring)):
        await platform.events.publish(wrap(TranscriptCompleted(interaction=interaction("i1")), tenant="t1", key="i1"))
        scored = (await told(platform, InteractionScored, 1))[0]
    assert list(scored.evaluation.live.alerts_live_only) == ["forbidden_phrase"]
    assert list(scored.evaluation.live.alerts_final_only) == []
    assert "no_shirking" in scored.evaluation.live.items_differing
    assert scored.evaluation.live.score == 0
    assert len(await published(platform.events, AlertRaised)) == 3
    kept = await platform.findings._evaluations.find("t1", "i1")
    assert kept[0].live.alerts_live_only == ("forbidden_phrase",)
    assert DISAGREED.labels("alert_live_only", "forbidden_phrase")._value.get() == before + 1


async def test_two_replicas_that_share_a_call_tell_everything_once(platform, replica):
    call = running("i1")
    platform.asr.transcripts["i1"] = call
    first, second = OnTurnTranscribed(replica()), OnTurnTranscribed(replica())
    await _through(platform, turn_events(call), [first, second])
    assert {event.alert.kind for event in await published(platform.events, AlertRaised)} == ALERTS
    assert len(await published(platform.events, AlertRaised)) == 3
    given = [(event.hint.kind, event.hint.turn_id) for event in await published(platform.events, HintSuggested)]
    assert len(given) == len(set(given))


async def test_many_calls_side_by_side_each_come_to_their_own_end(platform, replica):
    calls = [running(f"i{n}", *(ANGRY if n % 2 else ("a: 您好，请问有什么可以帮您？", "c: 我想查一下话费。", "a: 一共五十元。"))) for n in range(20)]
    for call in calls:
        platform.asr.transcripts[call.interaction_id] = call
    rows = [turn_events(call) for call in calls]
    async with listening(platform, replica()):
        for number in range(max(map(len, rows))):
            await platform.events.publish(*(row[number] for row in rows if number < len(row)))
        await settled(platform, sum(map(len, rows)))  # an end may be heard before the last turn: then asr is asked
        for call in calls:
            await platform.events.publish(end_event(call))

        async def all_kept():
            return await platform.db.live_evaluations.count_documents({}) == len(calls)

        await eventually(all_kept)
    assert len(await published(platform.events, AlertRaised)) == 3 * 10
    assert platform.asr.asked == 0
    outcomes = [await platform.outcomes.find("t1", f"i{n}") for n in range(20)]
    assert [set(outcome.alerts) for outcome in outcomes] == [ALERTS if n % 2 else set() for n in range(20)]


@pytest.mark.parametrize(("field", "change"), [
    ("turn.turn_id", lambda event: event.turn.ClearField("turn_id")), ("sequence", lambda event: event.ClearField("sequence")),
    ("turn.text", lambda event: setattr(event.turn, "text", "字" * 20_001)),
    ("interaction.interaction_id", lambda event: event.interaction.ClearField("interaction_id")),
])
async def test_a_turn_that_is_none_lies_with_the_dead_letters_and_names_the_field(platform, replica, field, change):
    call = running("i1")
    event = TurnTranscribed(interaction=interaction("i1"), turn=call.turns[0], sequence=1)
    change(event)
    async with listening(platform, replica(), max_deliver=1):
        await platform.events.publish(wrap(event, tenant="t1", key="bad"))

        async def laid():
            return [letter async for letter in dead_letters(platform.events)]

        assert "InvalidInput" in (await eventually(laid))[0].reason
    with pytest.raises(InvalidInput) as refused:
        await OnTurnTranscribed(replica())(Delivery(event, "t1", "e1", utc_now(), 1))
    assert refused.value.field == field


async def _through(platform, envelopes, handlers):
    """Each event through another handler, two at a time: as replicas that share one consumer do."""
    deliveries = [Delivery(TurnTranscribed.FromString(e.data), "t1", e.id, utc_now(), 1) for e in envelopes]
    for number in range(0, len(deliveries), 2):
        pair = deliveries[number : number + 2]
        await asyncio.gather(*(handlers[n](delivery) for n, delivery in enumerate(pair)))
