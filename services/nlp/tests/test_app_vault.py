import grpc
import pytest
from mingjian.nlp.v1 import nlp_service_pb2 as pb
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceStub
from nlp_platform import named, scored, stub, transcript

READER = named(("evaluations:read", "interactions:read", "pii:read"))


async def test_originals_are_the_words_the_masked_transcript_hides(platform):
    await scored(platform)
    async with stub(platform, READER) as channel:
        found = (await NlpServiceStub(channel).GetOriginals(pb.GetOriginalsRequest(interaction_id="i1"))).originals
    assert [(o.redaction.turn_id, o.redaction.kind, o.text) for o in found] == [("t2", "name", "张伟"), ("t4", "mobile", "13812345678")]
    raw = {turn.turn_id: turn for turn in transcript("i1").turns}
    for original in found:
        place, turn = original.redaction, raw[original.redaction.turn_id]
        assert turn.text[place.char_from : place.char_to] == original.text
        assert turn.start_ms <= place.start_ms < place.end_ms <= turn.end_ms


@pytest.mark.parametrize(("identity", "code"), [
    (named(("evaluations:read", "interactions:read")), "PERMISSION_DENIED"),
    (named(("pii:read",), agent_id="A9"), "NOT_FOUND"),
])
async def test_originals_are_for_those_who_may_read_them(platform, identity, code):
    await scored(platform)
    async with stub(platform, identity) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await NlpServiceStub(channel).GetOriginals(pb.GetOriginalsRequest(interaction_id="i1"))
    assert refused.value.code().name == code


async def test_evidence_is_in_its_own_words_for_those_who_may_read_them(platform):
    await scored(platform)
    found = {}
    for identity in (named(), READER):
        async with stub(platform, identity) as channel:
            evaluation = (await NlpServiceStub(channel).GetEvaluation(pb.GetEvaluationRequest(interaction_id="i1"))).evaluation
        words = [e.text for item in evaluation.items for e in item.evidence] + [alert.text for alert in evaluation.alerts]
        found[identity] = [text for text in words if "我要投诉" in text]
        assert "13812345678" not in evaluation.summary
    masked, opened = found.values()
    assert masked and all("***********" in text for text in masked if "电话" in text)
    assert any("13812345678" in text for text in opened)
    assert [len(text) for text in masked] == [len(text) for text in opened]


async def test_an_evaluation_outlives_its_transcript(platform):
    await scored(platform)
    platform.asr.transcripts.clear()
    async with stub(platform, READER) as channel:
        assert (await NlpServiceStub(channel).GetEvaluation(pb.GetEvaluationRequest(interaction_id="i1"))).evaluation.items


async def test_what_was_masked_is_kept_with_the_evaluation_and_told(platform):
    await scored(platform)
    evaluation, _ = await platform.evaluations.find("t1", "i1")
    assert [(r.turn_id, r.role, r.kind) for r in evaluation.redactions] == [("t2", "customer", "name"), ("t4", "customer", "mobile")]
