import asyncio
from datetime import UTC, datetime

import grpc
import pytest
from chassis.identity import Identity
from chassis.rpc_status import violated_field
from google.protobuf.timestamp_pb2 import Timestamp
from ingestion.adapters.grpc_server import NAME
from ingestion.domain.interaction import Report, Status
from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from mingjian.ingestion.v1.events_pb2 import FeedbackReceived, InteractionReceived
from testkit.waiting import eventually

AGENT, CUSTOMER = pb.ROLE_AGENT, pb.ROLE_CUSTOMER
CHAT = [pb.ChatTurn(role=AGENT, text="您好，请问有什么可以帮您？", start_ms=0), pb.ChatTurn(role=CUSTOMER, text="宽带断了。", start_ms=4000)]


def told(**said):
    return pb.InteractionMetadata(**({"agent_id": "a1", "industry": "telecom", "product": "宽带"} | said))


def parts(metadata, content, chunk=100_000):
    yield pb.UploadInteractionRequest(metadata=metadata)
    for begin in range(0, len(content), chunk):
        yield pb.UploadInteractionRequest(chunk=content[begin:begin + chunk])
    yield pb.UploadInteractionRequest(size_bytes=len(content))


async def upload(stub, content, **said):
    return (await stub.UploadInteraction(parts(told(**said), content))).interaction


async def chat(stub, turns=CHAT, **said):
    return (await stub.CreateInteraction(pb.CreateInteractionRequest(metadata=told(**said), turns=turns))).interaction


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, violated_field(caught.value)


async def received(events, event=InteractionReceived):
    """What lies in the stream, oldest first."""
    from nats.js.errors import NotFoundError

    found = []
    for n in range(1, (await events.js.stream_info("ingestion")).state.last_seq + 1):
        try:
            message = await events.js.get_msg("ingestion", n)
        except NotFoundError:
            continue
        if message.subject.startswith(event.DESCRIPTOR.full_name + "."):
            found.append(event.FromString(message.data))
    return found


async def test_a_recording_is_stored_announced_and_given_back_byte_by_byte(platform, events, recorded, db):
    content = recorded(seconds=3)
    async with platform.stub() as stub:
        made = await upload(stub, content, channels=pb.Channels(left=CUSTOMER))
        assert (await stub.GetInteraction(pb.GetInteractionRequest(interaction_id=made.interaction_id))).interaction == made
        given = b"".join([m.chunk async for m in stub.DownloadAudio(pb.DownloadAudioRequest(interaction_id=made.interaction_id))])
    assert given == content
    assert (made.tenant, made.medium, made.status) == ("t1", pb.MEDIUM_CALL, pb.INTERACTION_STATUS_RECEIVED)
    assert (made.audio.container, made.audio.sample_rate_hz, made.audio.channels, made.audio.duration_ms) == ("wav", 8000, 2, 3000)
    assert made.audio.size_bytes == len(content)
    assert (made.metadata.channel, made.metadata.direction) == ("hotline", pb.DIRECTION_INBOUND)
    assert (made.metadata.channels.left, made.metadata.channels.right) == (CUSTOMER, AGENT)
    assert made.metadata.started_at == made.received_at
    assert [e.interaction for e in await received(events)] == [made]
    assert await db.interactions.count_documents({"outbox": {"$exists": True}}) == await db.uploads.count_documents({}) == 0


async def test_a_chat_is_stored_announced_and_read_by_the_platform_alone(platform, events):
    async with platform.stub() as stub:
        made = await chat(stub)
        turns = (await stub.GetChatTurns(pb.GetChatTurnsRequest(interaction_id=made.interaction_id))).turns
        no_audio = await refused(anext(aiter(stub.DownloadAudio(pb.DownloadAudioRequest(interaction_id=made.interaction_id)))))
    assert list(turns) == CHAT
    assert made.medium == pb.MEDIUM_CHAT
    assert [e.interaction for e in await received(events)] == [made]
    assert no_audio == ("NOT_FOUND", "interaction_id")
    async with platform.stub(Identity("t1", "key:1", frozenset({"interactions:read", "pii:read"}))) as stub:
        assert await refused(stub.GetChatTurns(pb.GetChatTurnsRequest(interaction_id=made.interaction_id))) == ("PERMISSION_DENIED", "")


@pytest.mark.parametrize(
    ("content", "said", "status", "field"),
    [
        (b"", {}, "INVALID_ARGUMENT", "audio"),
        (b"no audio at all\n" * 100, {}, "INVALID_ARGUMENT", "audio"),
        (None, {"industry": "farming"}, "INVALID_ARGUMENT", "metadata.industry"),
        (None, {"tenant": "t2"}, "PERMISSION_DENIED", "metadata.tenant"),
        (None, {"direction": 9}, "INVALID_ARGUMENT", "metadata.direction"),
        (None, {"channels": pb.Channels(left=7)}, "INVALID_ARGUMENT", "metadata.channels.left"),
        (None, {"started_at": Timestamp(seconds=-(10**15))}, "INVALID_ARGUMENT", "metadata.started_at"),
        (bytes(9 * 2**20), {}, "INVALID_ARGUMENT", "audio"),
    ],
)
async def test_a_bad_upload_is_refused_by_field_and_leaves_nothing(platform, events, db, recorded, content, said, status, field):
    async with platform.stub() as stub:
        assert await refused(upload(stub, recorded() if content is None else content, **said)) == (status, field)
    assert platform.files() == []
    assert await received(events) == []
    assert await db.interactions.count_documents({}) == await db.uploads.count_documents({}) == 0


@pytest.mark.parametrize(
    ("requests", "field"),
    [
        ([], "metadata"),
        ([pb.UploadInteractionRequest(chunk=b"x")], "metadata"),
        ([pb.UploadInteractionRequest(metadata=told()), pb.UploadInteractionRequest(metadata=told())], "chunk"),
        ([pb.UploadInteractionRequest(metadata=told()), pb.UploadInteractionRequest(chunk=bytes(2 * 2**20))], "chunk"),
        ([pb.UploadInteractionRequest(metadata=told()), pb.UploadInteractionRequest(chunk=b"x")], "size_bytes"),
        ([pb.UploadInteractionRequest(metadata=told()), pb.UploadInteractionRequest(chunk=b"x"), pb.UploadInteractionRequest(size_bytes=2)], "size_bytes"),
    ],
    ids=["nothing", "no metadata", "metadata twice", "chunk too large", "broken off", "bytes missing"],
)
async def test_an_upload_out_of_order_is_refused(platform, requests, field):
    async with platform.stub() as stub:
        assert await refused(stub.UploadInteraction(iter(requests))) == ("INVALID_ARGUMENT", field)
    assert platform.files() == []


@pytest.mark.parametrize(
    ("turns", "field"),
    [
        ([], "turns"), ([pb.ChatTurn(role=AGENT, text=" ")], "turns[0].text"), ([*CHAT, pb.ChatTurn(text="x")], "turns[2].role"),
        ([pb.ChatTurn(role=8, text="x")], "turns[0].role"), ([*CHAT, pb.ChatTurn(role=AGENT, text="x", start_ms=3999)], "turns[2].start_ms"),
    ],
)
async def test_a_bad_chat_is_refused_by_turn(platform, turns, field):
    async with platform.stub() as stub:
        assert await refused(chat(stub, turns)) == ("INVALID_ARGUMENT", field)


async def test_one_channel_announced_as_two_is_accepted_with_a_notice(platform, recorded):
    async with platform.stub() as stub:
        made = await upload(stub, recorded(channels=1), channels=pb.Channels(left=AGENT, right=CUSTOMER))
    assert made.audio.channels == 1
    assert "声道" in made.notices[0]


async def test_headerless_a_law_is_accepted_where_it_is_announced(platform, recorded):
    async with platform.stub() as stub:
        made = await upload(stub, recorded("alaw", "pcm_alaw", 8000, 1, 2), audio_format="alaw")
    assert (made.audio.container, made.audio.codec, made.audio.duration_ms) == ("alaw", "pcm_alaw", 2000)


async def test_sending_again_returns_the_first_and_stores_nothing_more(platform, events, recorded):
    content = recorded()
    async with platform.stub() as stub:
        first = await upload(stub, content, external_id="e1")
        assert await upload(stub, content, external_id="e1") == first
        one = await chat(stub, external_id="e2")
        assert await chat(stub, external_id="e2") == one
    assert len(platform.files()) == 1
    assert len(await received(events)) == 2


async def test_a_used_external_id_is_refused_for_other_content(platform, events, recorded):
    content = recorded()
    async with platform.stub() as stub:
        await upload(stub, content, external_id="e1")
        conflict = ("ALREADY_EXISTS", "metadata.external_id")
        assert await refused(upload(stub, recorded(seconds=2), external_id="e1")) == conflict
        assert await refused(upload(stub, content, external_id="e1", product="手机")) == conflict
        assert await refused(chat(stub, external_id="e1")) == conflict
        await chat(stub, external_id="e2")
        assert await refused(chat(stub, CHAT[:1], external_id="e2")) == conflict
        assert await refused(upload(stub, content, external_id="e2")) == conflict
    async with platform.stub(Identity("t2", "key:1", frozenset({"interactions:write"}))) as stub:
        assert (await upload(stub, content, external_id="e1")).tenant == "t2"
    assert len(platform.files()) == 2
    assert len(await received(events)) == 3


@pytest.mark.parametrize("same", [True, False])
async def test_of_uploads_that_race_one_is_stored_and_announced(platform, events, db, recorded, same):
    contents = [recorded(seconds=1 if same else 1 + n) for n in range(4)]

    together = asyncio.Event()

    async def all_have_looked_for_a_first_one_and_found_none():
        if await db.uploads.count_documents({}) == len(contents):
            together.set()  # seen by all, also by one that looks again only after the quickest has ended
        return together.is_set()

    async def slowly(content):
        yield pb.UploadInteractionRequest(metadata=told(external_id="e1"))
        await eventually(all_have_looked_for_a_first_one_and_found_none)
        yield pb.UploadInteractionRequest(chunk=content)
        yield pb.UploadInteractionRequest(size_bytes=len(content))

    async with platform.stub() as stub:
        answers = await asyncio.gather(*(stub.UploadInteraction(slowly(c)) for c in contents), return_exceptions=True)
    won = [a for a in answers if not isinstance(a, BaseException)]
    assert len(won) == (4 if same else 1), answers
    assert len({a.interaction.interaction_id for a in won}) == 1
    assert all(a.code() is grpc.StatusCode.ALREADY_EXISTS for a in answers if isinstance(a, BaseException))
    assert len(platform.files()) == 1
    assert len(await received(events)) == 1
    assert await db.interactions.count_documents({}) == 1
    assert await db.uploads.count_documents({}) == 0


async def test_a_sender_that_hangs_up_leaves_nothing(platform, db, recorded):
    async def endless():
        yield pb.UploadInteractionRequest(metadata=told())
        yield pb.UploadInteractionRequest(chunk=recorded(seconds=60)[: 2**20 - 1])
        await asyncio.Event().wait()

    async def begun():
        return await db.uploads.count_documents({})

    async def ended():
        return not await db.uploads.count_documents({})

    async with platform.stub() as stub:
        call = stub.UploadInteraction(endless())
        await eventually(begun)
        call.cancel()
        await eventually(ended)
    assert platform.files() == []


async def test_another_companys_interaction_is_not_there(platform, recorded):
    async with platform.stub() as stub:
        made = await upload(stub, recorded())
    other = Identity("t2", "key:1", frozenset({"interactions:read", "audio:read"}))
    async with platform.stub(other) as stub:
        missing = ("NOT_FOUND", "interaction_id")
        assert await refused(stub.GetInteraction(pb.GetInteractionRequest(interaction_id=made.interaction_id))) == missing
        assert await refused(anext(aiter(stub.DownloadAudio(pb.DownloadAudioRequest(interaction_id=made.interaction_id))))) == missing
        assert not (await stub.ListInteractions(pb.ListInteractionsRequest())).interactions


async def test_an_agents_key_sees_the_agents_own_alone(platform):
    async with platform.stub() as stub:
        own, others = await chat(stub, agent_id="a1"), await chat(stub, agent_id="a2")
    async with platform.stub(Identity("t1", "key:2", frozenset({"interactions:read"}), agent_id="a1")) as stub:
        assert [i.interaction_id for i in (await stub.ListInteractions(pb.ListInteractionsRequest())).interactions] == [own.interaction_id]
        assert (await stub.GetInteraction(pb.GetInteractionRequest(interaction_id=own.interaction_id))).interaction == own
        assert await refused(stub.GetInteraction(pb.GetInteractionRequest(interaction_id=others.interaction_id))) == ("NOT_FOUND", "interaction_id")
        assert await refused(stub.ListInteractions(pb.ListInteractionsRequest(agent_id="a2"))) == ("PERMISSION_DENIED", "agent_id")


async def test_a_list_is_paged_newest_first_without_gaps_or_repeats(platform):
    async with platform.stub() as stub:
        made = [(await chat(stub, agent_id=f"a{n % 2}")).interaction_id for n in range(7)]
        seen, token = [], ""
        while True:
            page = await stub.ListInteractions(pb.ListInteractionsRequest(agent_id="a0", page_size=2, page_token=token))
            seen += [i.interaction_id for i in page.interactions]
            assert len(page.interactions) <= 2
            if not (token := page.next_page_token):
                break
            foreign = token
        assert seen == sorted(made[0::2], reverse=True)
        assert await refused(stub.ListInteractions(pb.ListInteractionsRequest(page_token=foreign))) == ("INVALID_ARGUMENT", "page_token")
        assert await refused(stub.ListInteractions(pb.ListInteractionsRequest(page_token="made up"))) == ("INVALID_ARGUMENT", "page_token")
        assert await refused(stub.ListInteractions(pb.ListInteractionsRequest(page_size=201))) == ("INVALID_ARGUMENT", "page_size")
        assert await refused(stub.ListInteractions(pb.ListInteractionsRequest(status=77))) == ("INVALID_ARGUMENT", "status")


async def test_a_list_is_filtered_by_status_and_time(platform):
    async with platform.stub() as stub:
        made = [await chat(stub) for _ in range(3)]
        await platform.interactions.advance("t1", made[1].interaction_id, Report(Status.SCORED, datetime(2026, 1, 1, tzinfo=UTC)))

        async def ids(**asked):
            return [i.interaction_id for i in (await stub.ListInteractions(pb.ListInteractionsRequest(**asked))).interactions]

        assert await ids(status=pb.INTERACTION_STATUS_SCORED) == [made[1].interaction_id]
        newest = made[2].received_at
        assert made[2].interaction_id in await ids(**{"from": newest})
        assert made[2].interaction_id not in await ids(to=newest)
        assert await ids(**{"from": newest, "to": newest}) == []
        assert await refused(ids(**{"from": newest, "to": Timestamp(seconds=1)})) == ("INVALID_ARGUMENT", "to")


async def test_feedback_is_imported_once_and_announced_with_its_interaction(platform, events):
    async with platform.stub() as stub:
        made = await chat(stub, customer_id="c1")
        answers = [
            pb.Feedback(feedback_id="f1", interaction_id=made.interaction_id, csat=2, solved=False),
            pb.Feedback(feedback_id="f2", customer_id="c2", nps=0, comment="太慢了"),
            pb.Feedback(feedback_id="f2", customer_id="c2", nps=0, comment="太慢了"),
        ]
        first = await stub.ImportFeedback(pb.ImportFeedbackRequest(feedback=answers))
        again = await stub.ImportFeedback(pb.ImportFeedbackRequest(feedback=[*answers, pb.Feedback(feedback_id="f3", customer_id="c3", csat=5)]))
    assert (first.imported, first.skipped) == (2, 1)
    assert (again.imported, again.skipped) == (1, 3)
    told_ = {e.feedback.feedback_id: e for e in await received(events, FeedbackReceived)}
    assert sorted(told_) == ["f1", "f2", "f3"]
    assert told_["f1"].interaction == made
    assert told_["f1"].feedback.customer_id == "c1"
    assert told_["f2"].feedback.nps == 0 and told_["f2"].feedback.HasField("nps") and not told_["f2"].feedback.HasField("csat")
    assert not told_["f2"].HasField("interaction")


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({"customer_id": "c1", "csat": 5}, "feedback_id"), ({"feedback_id": "f", "csat": 5}, "interaction_id"),
        ({"feedback_id": "f", "customer_id": "c", "csat": 6}, "csat"), ({"feedback_id": "f", "customer_id": "c", "nps": -1}, "nps"),
        ({"feedback_id": "f", "interaction_id": "nobody knows", "csat": 5}, "interaction_id"),
    ],
)
async def test_wrong_feedback_is_refused_by_field_and_none_is_stored(platform, events, answer, field):
    async with platform.stub() as stub:
        both = pb.ImportFeedbackRequest(feedback=[pb.Feedback(feedback_id="good", customer_id="c1", csat=5), pb.Feedback(**answer)])
        assert await refused(stub.ImportFeedback(both)) == ("INVALID_ARGUMENT", f"feedback[1].{field}")
    assert await received(events, FeedbackReceived) == []


async def test_spans_say_what_was_called_and_nothing_a_customer_said(platform, spans, recorded):
    async with platform.stub() as stub:
        made = await chat(stub, customer_id="c-13800138000", external_id="e1")
        await upload(stub, recorded(), customer_id="c-13800138000")
        await refused(upload(stub, b"no audio", customer_id="c-13800138000", product="宽带"))
        await refused(chat(stub, CHAT[:1], external_id="e1"))
        await stub.GetChatTurns(pb.GetChatTurnsRequest(interaction_id=made.interaction_id))
    found = spans.get_finished_spans()
    assert {f"{NAME}/{m}" for m in ("CreateInteraction", "UploadInteraction", "GetChatTurns")} <= {s.name for s in found}
    said = " ".join(s.to_json() for s in found)
    for words in ("13800138000", "宽带", CHAT[0].text):
        assert words not in said and words.encode("unicode_escape").decode() not in said
