from contextlib import asynccontextmanager

from chassis.lifecycle import Life
from chassis.messaging import consuming, ensure_stream, wrap
from chassis.messaging.deadletters import dead_letters
from knowledge.adapters.nats_consumer import OnInteractionScored
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction, InteractionMetadata
from mingjian.knowledge.v1.events_pb2 import SolutionSuggested
from mingjian.nlp.v1.events_pb2 import InteractionScored
from mingjian.nlp.v1.nlp_service_pb2 import Evaluation
from testkit.waiting import eventually


def scored(interaction_id="i1"):
    metadata = InteractionMetadata(agent_id="A1", product="宽带", industry="telecom")
    interaction = Interaction(interaction_id=interaction_id, tenant="t2", metadata=metadata)
    return InteractionScored(interaction=interaction, evaluation=Evaluation(interaction_id=interaction_id, summary="宽带坏了"))


@asynccontextmanager
async def listening(knowledge, events, **how):
    await ensure_stream(events, "nlp")
    async with consuming(events, Life(), "knowledge", InteractionScored, OnInteractionScored(knowledge), **how):
        yield


async def suggested_events(events):
    info = await events.js.stream_info("knowledge")
    messages = [await events.js.get_msg("knowledge", n) for n in range(1, info.state.messages + 1)]
    return [m for m in messages if m.headers["ce-type"].endswith("SolutionSuggested")]


async def all_acked(events):
    info = await events.js.consumer_info("nlp", "knowledge-mingjian-nlp-v1-InteractionScored")
    return info.num_pending == 0 and info.num_ack_pending == 0


async def test_a_scored_contact_is_suggested_for_once_however_often_it_comes(knowledge, transcripts, events):
    transcripts.said["i1"] = ["宽带坏了三天，报修两次没人来修"]
    async with listening(knowledge, events):
        for key in ("e1", "e2", "e3"):
            await events.publish(wrap(scored(), tenant="t1", key=key))
        await eventually(lambda: suggested_events(events))
        await eventually(lambda: all_acked(events))
    (message,) = await suggested_events(events)
    event = SolutionSuggested.FromString(message.data)
    first_two = {suggestion.article.article_id for suggestion in event.suggestions[:2]}
    assert first_two == {"telecom-broadband-down", "telecom-broadband-repair-delayed"}
    assert event.interaction.metadata.agent_id == "A1"
    assert message.subject.endswith(".t1") and not await knowledge.suggested("t2", "i1", "")


async def test_a_transcript_that_comes_late_is_waited_for_by_redelivery(knowledge, transcripts, events):
    async with listening(knowledge, events):
        await events.publish(wrap(scored(), tenant="t1", key="e1"))

        async def tried():
            info = await events.js.consumer_info("nlp", "knowledge-mingjian-nlp-v1-InteractionScored")
            return info.num_redelivered or info.num_ack_pending

        await eventually(tried)
        transcripts.said["i1"] = ["宽带坏了三天，报修两次没人来修"]
        assert await eventually(lambda: knowledge.suggested("t1", "i1", ""))


async def test_an_event_that_never_can_be_handled_ends_with_the_dead_letters(knowledge, events):
    async with listening(knowledge, events, max_deliver=1):
        await events.publish(wrap(InteractionScored(), tenant="t1", key="e1"))

        async def letters():
            return [letter async for letter in dead_letters(events)]

        (letter,) = await eventually(letters)
    assert "interaction" in letter.reason or "InvalidInput" in letter.reason
