"""A language model behind a real HTTP server: what it answers decides, what it does not answer is left to a person and says why."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from mingjian.nlp.v1 import nlp_service_pb2 as pb
from mingjian.nlp.v1 import nlp_service_pb2_grpc as pb_grpc
from nlp.adapters.mongo_replies import MongoReplies
from nlp.adapters.openai_judge import MAX_REPLY_BYTES, OpenAiJudge
from nlp.adapters.yaml_packs import load_packs, read_scorecard
from nlp.app_judge import TOO_MANY, LanguageModel
from nlp.domain.courses import Question
from nlp.domain.engine import QualityEngine
from nlp_contacts import said as spoken
from nlp_platform import Platform, interaction, nlp_on, stub, transcript
from openai_server import completion, endpoint, said
from review_platform import room_on

CARD = """
id: asks
version: 1.0.0
title: 提问
extends: common
applies_to: {industry: [telecom], customer_tier: [asks]}
sections:
  - dimension: 沟通效能
    items:
      - {id: understood, title: 听懂诉求, points: 5, rule: {judge: {question: 坐席是否听懂了客户的诉求？, examples: [复述了客户的问题]}}}
      - {id: no_blame, title: 不指责客户, points: 5, rule: {not: {judge: {question: 坐席是否指责了客户？}}}}
alerts:
  blamed: {judge: {question: 坐席是否指责了客户？}}
"""
QUESTION = Question("坐席是否听懂了客户的诉求？", ("复述了客户的问题",), ("t1", "t2"))
LINES = {"t1": "坐席：您好。", "t2": "客户：宽带坏了。", "t3": "坐席：再见。"}


@pytest.fixture(scope="module")
def asking_engine() -> QualityEngine:
    shipped = load_packs()
    files = {name: file.card for name, file in shipped.files.items()}
    card = read_scorecard(CARD, files).card
    return QualityEngine([*files.values(), card], shipped.signals)


@asynccontextmanager
async def judge_at(url, db, *, timeout_s=5.0, key=""):
    replies = MongoReplies(db)
    await replies.prepare()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        yield OpenAiJudge(http, replies, url=url, model="qwen", timeout_s=timeout_s)


def always(body, status=200):
    async def answer(path, asked):
        assert path == "/v1/chat/completions"
        return status, body

    return answer


async def answer_to(db, body, status=200):
    async with endpoint(always(body, status)) as server, judge_at(server.url, db) as judge:
        return (await judge.ask([QUESTION], LINES))[0]


async def test_an_answer_is_read_with_the_turns_it_names(db):
    asked = await answer_to(db, said(True, 0.9, (2, 9)))
    assert (asked.answer.holds, asked.answer.confidence, asked.answer.turn_ids, asked.answer.failure) == (True, 0.9, ("t2",), "")
    assert asked.model == "qwen"
    assert "坐席是否听懂了客户的诉求？" in asked.prompt
    assert "[2] 客户：宽带坏了。" in asked.prompt
    assert "再见" not in asked.prompt
    assert json.loads(asked.reply)["holds"] is True


async def test_what_is_sent_is_what_openai_documents(db):
    async with endpoint(always(said(False))) as server, judge_at(server.url, db, key="secret") as judge:
        await judge.ask([QUESTION], LINES)
    headers, body = server.asked[0]
    assert headers["authorization"] == "Bearer secret"
    assert body["model"] == "qwen"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["temperature"] == 0


@pytest.mark.parametrize(("body", "status", "failure"), [
    ({"error": {"message": "boom"}}, 500, "语言模型返回错误（HTTP 500）"),
    ({"error": {"message": "slow down"}}, 429, "语言模型返回错误（HTTP 429）"),
    (b"{\"choices\": [", 200, "语言模型的回答无法理解"),
    ({"choices": []}, 200, "语言模型的回答无法理解"),
    ([1], 200, "语言模型的回答无法理解"),
    (completion("我觉得可以。"), 200, "语言模型的回答无法理解"),
    (completion('{"holds": "yes"}'), 200, "语言模型的回答无法理解"),
    (completion('{"holds": true, "confidence": 7}'), 200, "语言模型的回答无法理解"),
    (completion(["x"]), 200, "语言模型的回答无法理解"),
    (completion(None, message={"refusal": "I cannot help with that."}), 200, "语言模型拒绝作答"),
    (completion("", finish_reason="content_filter"), 200, "语言模型拒绝作答"),
    (b" " * (MAX_REPLY_BYTES + 1), 200, "语言模型的回答过长"),
])
async def test_what_is_no_answer_says_why(db, body, status, failure):
    asked = await answer_to(db, body, status)
    assert (asked.answer.holds, asked.answer.failure) == (None, failure)
    assert asked.prompt


async def test_an_answer_within_other_words_is_understood(db):
    asked = await answer_to(db, completion('好的，结论如下：\n```json\n{"holds": null, "confidence": 0.2, "turns": "x"}\n```'))
    assert (asked.answer.holds, asked.answer.failure) == (None, "")


async def test_a_slow_model_is_not_waited_for(db):
    async def slow(path, asked):
        await asyncio.sleep(30)
        return 200, said(True)

    async with endpoint(slow) as server, judge_at(server.url, db, timeout_s=0.2) as judge:
        asked = (await asyncio.wait_for(judge.ask([QUESTION], LINES), 5))[0]
    assert asked.answer.failure == "语言模型未在0.2秒内作答"


async def test_an_endpoint_that_is_away_is_no_error(db):
    async with judge_at("http://127.0.0.1:9/v1", db) as judge:
        asked = (await judge.ask([QUESTION], LINES))[0]
    assert asked.answer.failure == "语言模型无法访问"


async def test_the_same_is_asked_once_and_other_words_anew(db):
    async with endpoint(always(said(True))) as server, judge_at(server.url, db) as judge:
        first = await judge.ask([QUESTION], LINES)
        assert await judge.ask([QUESTION], LINES) == first
        assert len(server.asked) == 1
        await judge.ask([QUESTION], LINES | {"t2": "客户：电视坏了。"})
        await judge.ask([replace(QUESTION, question="别的？")], LINES)
        assert len(server.asked) == 3


async def test_a_failure_is_asked_again(db):
    async with endpoint(always({}, 500)) as server, judge_at(server.url, db) as judge:
        await judge.ask([QUESTION], LINES)
        server.answer = always(said(True))
        assert (await judge.ask([QUESTION], LINES))[0].answer.holds is True


async def test_a_contact_too_long_for_the_model_is_not_sent(db):
    async with endpoint(always(said(True))) as server, judge_at(server.url, db) as judge:
        asked = (await judge.ask([QUESTION], {"t1": "坐席：" + "长" * 30_000, "t2": "客户：好。"}))[0]
        assert asked.answer.failure == "对话过长，未询问语言模型"
        assert server.asked == []


# -- and what is judged by it ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def asking_platform(engine, db, events, judge, most=10):
    async with nlp_on(engine, db, events) as platform:
        platform.scoring._asking = LanguageModel(judge, most=most)
        yield platform


async def scored(platform: Platform, interaction_id="i1"):
    from nlp.adapters.protobuf_evaluations import contact_from_wire

    platform.asr.transcripts[interaction_id] = transcript(interaction_id)
    await platform.scoring.score(contact_from_wire(interaction(interaction_id, customer_tier="asks"), "t1", 30_000))
    found = await platform.evaluations.find("t1", interaction_id)
    assert found is not None
    return found[0]


def by_question(understood, blamed):
    async def answer(path, asked):
        return 200, understood if "听懂" in asked["messages"][1]["content"] else blamed

    return answer


def results(evaluation) -> dict[str, str]:
    return {item.item_id: item.result for item in evaluation.items if item.item_id in ("understood", "no_blame")}


@pytest.mark.parametrize(("understood", "blamed", "expected"), [
    (said(True, 0.9, (3,)), said(False), ("pass", "pass")),
    (said(False, 0.9, (3,)), said(True, 0.9, (3,)), ("fail", "fail")),
    (said(None, 0.9), said(None, 0.9), ("abstain", "abstain")),
    (said(True, 0.4), said(True, 0.4), ("abstain", "abstain")),
    (completion("胡言乱语"), completion("胡言乱语"), ("abstain", "abstain")),
])
async def test_items_are_judged_by_the_answers(asking_engine, db, events, understood, blamed, expected):
    async with (
        endpoint(by_question(understood, blamed)) as server,
        judge_at(server.url, db) as judge,
        asking_platform(asking_engine, db, events, judge) as platform,
    ):
        evaluation = await scored(platform)
    assert tuple(results(evaluation).values()) == expected
    assert len(server.asked) == 2  # the alert asks the same as the item
    assert ("blamed" in [alert.kind for alert in evaluation.alerts]) == (expected[1] == "fail")


async def test_what_was_not_answered_is_left_to_a_person_with_the_reason(asking_engine, db, events):
    async with endpoint(always({}, 503)) as server, judge_at(server.url, db) as judge, asking_platform(asking_engine, db, events, judge) as platform:
        evaluation = await scored(platform)
    item = next(item for item in evaluation.items if item.item_id == "understood")
    assert item.result == "abstain"
    assert item.explanation.startswith("语言模型返回错误（HTTP 503），交人工判断")


async def test_only_masked_words_leave(asking_engine, db, events):
    async with endpoint(always(said(True))) as server, judge_at(server.url, db) as judge, asking_platform(asking_engine, db, events, judge) as platform:
        await scored(platform)
    sent = json.dumps([body for _, body in server.asked], ensure_ascii=False)
    assert "宽带坏了" in sent
    assert "13812345678" not in sent
    assert "张伟" not in sent


async def test_questions_beyond_the_limit_are_not_asked(asking_engine, db, events):
    async with (
        endpoint(always(said(True))) as server,
        judge_at(server.url, db) as judge,
        asking_platform(asking_engine, db, events, judge, most=1) as platform,
    ):
        evaluation = await scored(platform)
    assert len(server.asked) == 1
    assert [asked.answer.failure for asked in evaluation.provenance.asked] == ["", TOO_MANY]


async def test_a_scorecard_that_asks_nothing_costs_nothing(asking_engine):
    class Never:
        async def ask(self, questions, lines):
            raise AssertionError

    common = asking_engine.scorecards["common"]
    assert await LanguageModel(Never(), most=3).about(asking_engine, common, spoken("a: 您好。")) == []


async def test_answers_are_stored_as_evidence_and_verifying_does_not_ask_again(asking_engine, db, events):
    async with (
        endpoint(always(said(True, 0.9, (3,)))) as server,
        judge_at(server.url, db) as judge,
        asking_platform(asking_engine, db, events, judge) as platform,
    ):
        await scored(platform)
        asked = len(server.asked)
        room = await room_on(platform)
        while await room.chain.append_waiting():
            pass
        server.answer = always(said(False))
        await db.model_replies.delete_many({})
        verified = await room.judgement.verification.verify("t1", 1, 10, recompute=True)
        assert (verified.recomputed, verified.difference) == (1, None)
        assert len(server.asked) == asked
        await db.evaluations.update_one({"_id": {"$exists": True}}, {"$set": {"provenance.asked.0.answer.holds": False}})
        verified = await room.judgement.verification.verify("t1", 1, 10, recompute=False)
        assert verified.difference is not None
        assert verified.difference.path == "provenance.asked[0].answer.holds"


async def test_prompt_and_reply_are_shown_with_one_evaluation_and_in_no_list(asking_engine, db, events):
    async with (
        endpoint(always(said(True, 0.9, (3,)))) as server,
        judge_at(server.url, db) as judge,
        asking_platform(asking_engine, db, events, judge) as platform,
    ):
        await scored(platform)
        async with stub(platform) as channel:
            service = pb_grpc.NlpServiceStub(channel)
            one = (await service.GetEvaluation(pb.GetEvaluationRequest(interaction_id="i1"))).evaluation
            listed = (await service.ListEvaluations(pb.ListEvaluationsRequest())).evaluations
    assert [(asked.holds, asked.model, bool(asked.prompt)) for asked in one.provenance.asked] == [(True, "qwen", True)] * 2
    assert [len(evaluation.provenance.asked) for evaluation in listed] == [0]


async def test_without_an_endpoint_such_items_do_not_apply(asking_engine):
    found = asking_engine.assess(spoken("a: 您好。", "c: 宽带坏了。", industry="telecom", customer_tier="asks"))
    outcomes = {item.item_id: item.outcome.value for item in found.judgement.items}
    assert (outcomes["understood"], outcomes["no_blame"]) == ("na", "na")


def test_settings_are_off_by_default_and_hide_the_key(monkeypatch):
    from nlp.settings import Settings

    assert Settings().judge_url == ""
    monkeypatch.setenv("JUDGE_KEY", "secret")
    assert "secret" not in repr(Settings())


@pytest.mark.parametrize(("url", "model", "named"), [("http://127.0.0.1:8000/v1", "", "JUDGE_MODEL"), ("127.0.0.1:8000", "qwen", "judge_url")])
def test_settings_that_cannot_work_are_refused_by_name(monkeypatch, url, model, named):
    from nlp.settings import Settings

    monkeypatch.setenv("JUDGE_URL", url)
    monkeypatch.setenv("JUDGE_MODEL", model)
    with pytest.raises(ValueError, match=named):
        Settings()
