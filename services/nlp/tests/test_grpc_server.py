import grpc
import pytest
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import nlp_service_pb2 as pb
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceStub
from nlp_platform import named, scored, stub


async def test_an_evaluation_is_answered_with_its_evidence(platform):
    await scored(platform)
    async with stub(platform) as channel:
        found = (await NlpServiceStub(channel).GetEvaluation(pb.GetEvaluationRequest(interaction_id="i1"))).evaluation
    item = next(i for i in found.items if i.item_id == "no_shirking")
    assert item.result == pb.ITEM_OUTCOME_FAIL
    evidence = item.evidence[0]
    assert (evidence.turn_id, evidence.rule_id, evidence.text[evidence.text.index("您的") :]) == ("t3", "shirked", "您的个人问题。")
    assert (item.section, item.bonus, item.option) == ("问题解决", False, "")
    assert item.rule_text
    assert evidence.rule_text
    assert (found.score, found.score_low, found.score_high, found.primary) == (0, 0, 0, True)  # a fatal item failed
    assert found.customer_emotion == "angry"
    assert {d.dimension for d in found.dimensions} == {"流程规范", "沟通效能", "问题解决", "客户体验", "合规安全"}


async def test_the_course_of_emotion_and_where_it_tipped_are_answered(platform):
    await scored(platform)
    async with stub(platform) as channel:
        found = (await NlpServiceStub(channel).GetEvaluation(pb.GetEvaluationRequest(interaction_id="i1"))).evaluation
    worst = max(found.emotion_course, key=lambda point: point.dissatisfaction)
    assert worst.emotion == "angry"
    assert worst.dissatisfaction > 0.6 > 0 > worst.valence
    tipped = next(point for point in found.emotion_course if point.turn_id == found.tipping_point.turn_id)
    assert found.tipping_point.at_ms == tipped.at_ms
    assert found.tipping_point.after_turn_id
    assert not found.tipping_point.recovered
    assert found.provenance.models["emotion"].startswith("mingjian-emotion-1/sha256:")


async def test_the_transcript_is_masked_unless_the_caller_may_read_what_was_said(platform):
    await scored(platform)
    async with stub(platform) as channel:
        masked = (await NlpServiceStub(channel).GetTranscript(pb.GetTranscriptRequest(interaction_id="i1"))).transcript
    async with stub(platform, named(("interactions:read", "pii:read"))) as channel:
        open_text = (await NlpServiceStub(channel).GetTranscript(pb.GetTranscriptRequest(interaction_id="i1"))).transcript
    assert "13812345678" not in str([t.text for t in masked.turns])
    assert "张伟" not in str([t.text for t in masked.turns])
    assert "13812345678" in open_text.turns[3].text
    assert [len(t.text) for t in masked.turns] == [len(t.text) for t in open_text.turns]
    assert masked.asr.model == "whisper-base"


@pytest.mark.parametrize("identity", [named(tenant="t2"), named(agent_id="A9")])
async def test_another_tenant_or_agent_finds_nothing(platform, identity):
    await scored(platform)
    async with stub(platform, identity) as channel:
        for call, request in (
            ("GetEvaluation", pb.GetEvaluationRequest(interaction_id="i1")), ("GetTranscript", pb.GetTranscriptRequest(interaction_id="i1")),
        ):
            if identity.tenant == "t2" and call == "GetTranscript":
                continue  # asr keeps tenants apart itself; the one of this test does not
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await getattr(NlpServiceStub(channel), call)(request)
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert not (await NlpServiceStub(channel).ListEvaluations(pb.ListEvaluationsRequest())).evaluations
        assert not (await NlpServiceStub(channel).ListAlerts(pb.ListAlertsRequest())).alerts


async def test_an_agent_sees_its_own_and_may_not_ask_for_another(platform):
    await scored(platform)
    async with stub(platform, named(agent_id="A1")) as channel:
        nlp = NlpServiceStub(channel)
        assert len((await nlp.ListEvaluations(pb.ListEvaluationsRequest())).evaluations) == 1
        assert (await nlp.GetTranscript(pb.GetTranscriptRequest(interaction_id="i1"))).transcript.turns
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await nlp.ListEvaluations(pb.ListEvaluationsRequest(agent_id="A2"))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_caller_without_the_permission_is_refused(platform):
    async with stub(platform, named(("interactions:read",))) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await NlpServiceStub(channel).GetEvaluation(pb.GetEvaluationRequest(interaction_id="i1"))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_lists_are_paged_newest_first(platform):
    for n in range(5):
        await scored(platform, f"i{n}")
    async with stub(platform) as channel:
        nlp = NlpServiceStub(channel)
        seen, token = [], ""
        while True:
            page = await nlp.ListEvaluations(pb.ListEvaluationsRequest(page_size=2, page_token=token))
            seen += [e.interaction_id for e in page.evaluations]
            token = page.next_page_token
            if not token:
                break
        assert sorted(seen) == [f"i{n}" for n in range(5)]
        assert not any(item.evidence for e in page.evaluations for item in e.items)
        assert len((await nlp.ListAlerts(pb.ListAlertsRequest(interaction_id="i3", kind="forbidden_phrase"))).alerts) == 1


@pytest.mark.parametrize(("request_", "field"), [
    (pb.ListEvaluationsRequest(page_size=500), "page_size"),
    (pb.ListEvaluationsRequest(page_token="nonsense"), "page_token"),
])
async def test_a_wrong_list_is_refused_naming_the_field(platform, request_, field):
    async with stub(platform) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await NlpServiceStub(channel).ListEvaluations(request_)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(refused.value.trailing_metadata())


async def test_turns_can_be_tried_without_keeping_anything(platform):
    turns = [
        ingestion.ChatTurn(role=ingestion.ROLE_AGENT, text="您好，很高兴为您服务。"),
        ingestion.ChatTurn(role=ingestion.ROLE_CUSTOMER, text="我的电话是13812345678，宽带坏了。"),
    ]
    async with stub(platform) as channel:
        request = pb.EvaluateRequest(metadata=ingestion.InteractionMetadata(industry="telecom"), turns=turns)
        found = (await NlpServiceStub(channel).Evaluate(request)).evaluation
    assert found.ticket_type == "故障"
    assert "13812345678" not in str(found)
    assert await platform.db.evaluations.count_documents({}) == 0


@pytest.mark.parametrize(("turns", "field"), [
    ([], "turns"),
    ([ingestion.ChatTurn(role=ingestion.ROLE_AGENT, text=" ")], "turns"),
    ([ingestion.ChatTurn(text="您好")], "turns[0].role"),
    ([ingestion.ChatTurn(role=ingestion.ROLE_AGENT, text="您好", start_ms=500, end_ms=100)], "turns[0].end_ms"),
])
async def test_turns_that_cannot_be_tried_are_refused_naming_the_field(platform, turns, field):
    async with stub(platform) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await NlpServiceStub(channel).Evaluate(pb.EvaluateRequest(turns=turns))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(refused.value.trailing_metadata())


async def test_scorecards_are_listed_with_their_items(platform):
    async with stub(platform) as channel:
        nlp = NlpServiceStub(channel)
        every = (await nlp.ListScorecards(pb.ListScorecardsRequest())).scorecards
        bank = (await nlp.ListScorecards(pb.ListScorecardsRequest(industry="bank"))).scorecards
    assert [card.ref.id for card in every] == sorted(card.ref.id for card in every)
    assert len(every) == 8
    assert "no_proxy_operation" in {item.item_id for item in bank[0].items}
    apology = next(item for item in bank[0].items if item.item_id == "apology")
    assert apology.section == "客户体验"
    assert "抱歉" in apology.rule_text
    assert apology.applies_when
