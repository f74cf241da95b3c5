import asyncio
import json

import grpc
import pytest
from chassis.messaging import ensure_stream
from jsonschema import Draft202012Validator
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import scorecard_service_pb2 as pb
from mingjian.nlp.v1.events_pb2 import ScorecardPublished
from mingjian.nlp.v1.scorecard_service_pb2_grpc import ScorecardServiceStub
from nlp.adapters.yaml_packs import load_packs
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp_scorecards import room_on, shop

SHOP_TALK = Dialogue(Interaction("i1", "shop"), (Turn("t1", Role.AGENT, "您好，谢谢光临。", 0, 2000),))


@pytest.fixture(scope="module")
def packs():
    return load_packs()


@pytest.fixture
async def room(packs, db, events):
    await ensure_stream(events, "nlp")
    async with room_on(packs, db, events) as made:
        yield made


def publish(source, **more):
    return pb.PublishScorecardRequest(source=source, note="试运行", **more)


async def refused(call, request):
    with pytest.raises(grpc.aio.AioRpcError) as problem:
        await call(request)
    return problem.value.code(), problem.value.details()


async def told(events):
    subscription = await events.js.subscribe("mingjian.nlp.v1.ScorecardPublished.>", ordered_consumer=True)
    found = []
    try:
        while True:
            message = await subscription.next_msg(timeout=0.3)
            found.append((message.subject.rpartition(".")[2], ScorecardPublished.FromString(message.data).version))
    except TimeoutError:
        return found
    finally:
        await subscription.unsubscribe()


async def test_a_published_scorecard_judges_its_own_tenant_at_once_and_nobody_else(room, events):
    async with room.stub() as channel:
        version = (await ScorecardServiceStub(channel).PublishScorecard(publish(shop()))).version
    assert (version.ref.id, version.ref.version, version.active, version.published_by, version.note) == ("shop", "1", True, "key:inspector", "试运行")
    assert version.source == ""
    own, others = await room.scorecards.engine("t1"), await room.scorecards.engine("t2")
    assert own.scorecard_for(SHOP_TALK.interaction).scorecard_id == "shop"
    assert others.scorecard_for(SHOP_TALK.interaction).scorecard_id == "common"
    assert others is await room.scorecards.engine("t3"), "tenants without scorecards of their own share one engine"
    thanks = next(item for item in own.assess(SHOP_TALK).judgement.items if item.item_id == "thanks")
    assert thanks.outcome == "pass"
    ((tenant, event),) = await told(events)
    assert (tenant, event.ref.version, event.active, event.sha256) == ("t1", "1", True, version.sha256)


async def test_another_replica_judges_by_it_within_its_freshness(room, packs, db, events):
    async with room_on(packs, db, events) as other:
        before = await other.scorecards.engine("t1")
        async with room.stub() as channel:
            await ScorecardServiceStub(channel).PublishScorecard(publish(shop()))
        after = await other.scorecards.engine("t1")
        assert "shop" in after.scorecards
        assert "shop" not in before.scorecards, "work under way keeps what it began with"
        assert after is await other.scorecards.engine("t1"), "compiled once for each revision"


async def test_an_earlier_version_can_judge_again_and_every_version_can_be_found(room, events):
    async with room.stub() as channel:
        scorecards = ScorecardServiceStub(channel)
        for version, phrases in (("1", "谢谢光临"), ("2", "欢迎下次光临")):
            await scorecards.PublishScorecard(publish(shop(version, phrases=phrases)))
        listed = (await scorecards.ListScorecardVersions(pb.ListScorecardVersionsRequest(scorecard_id="shop"))).versions
        assert [(v.ref.version, v.active, v.source) for v in listed] == [("2", True, ""), ("1", False, "")]
        activated = await scorecards.ActivateScorecard(pb.ActivateScorecardRequest(scorecard_id="shop", version="1", note="误判太多"))
        assert (activated.version.active, activated.version.note) == (True, "误判太多")
        got = (await scorecards.GetScorecardVersion(pb.GetScorecardVersionRequest(scorecard_id="shop", version="2"))).version
        assert (got.active, got.source, got.items) == (False, shop("2", phrases="欢迎下次光临"), listed[0].items)
        code, said = await refused(scorecards.ActivateScorecard, pb.ActivateScorecardRequest(scorecard_id="shop", version="1"))
        assert (code, said) == (grpc.StatusCode.INVALID_ARGUMENT, "is missing")
        code, _ = await refused(scorecards.GetScorecardVersion, pb.GetScorecardVersionRequest(scorecard_id="shop", version="3"))
        assert code is grpc.StatusCode.NOT_FOUND
    assert (await room.scorecards.engine("t1")).scorecards["shop"].version == "1"
    for version, outcome in (("1", "pass"), ("2", "fail")):
        engine = await room.scorecards.engine_for("t1", "shop", version)
        reading = engine.read(engine.scorecards["shop"], SHOP_TALK)
        assert engine.conclude(engine.scorecards["shop"], reading).judgement.items[-1].outcome == outcome
    assert [event.ref.version for _, event in await told(events)] == ["1", "2", "1"]


async def test_shipped_scorecards_are_versions_of_their_own(room, packs):
    async with room.stub() as channel:
        scorecards = ScorecardServiceStub(channel)
        (version,) = (await scorecards.ListScorecardVersions(pb.ListScorecardVersionsRequest(scorecard_id="telecom"))).versions
        assert (version.published_by, version.active, version.ref.version) == ("shipped", True, packs.cards["telecom"].version)
        source = (await scorecards.GetScorecardVersion(pb.GetScorecardVersionRequest(scorecard_id="telecom", version=version.ref.version))).version.source
        assert source == packs.files["telecom"].source
        own = source.replace("version: ", "version: 9", 1).replace("extends: common", "extends: telecom")
        own = own.split("rules:")[0] + "tests: {}\n"
        await scorecards.PublishScorecard(publish(own))
        pages, token = [], ""
        while True:
            page = await scorecards.ListScorecardVersions(pb.ListScorecardVersionsRequest(scorecard_id="telecom", page_size=1, page_token=token))
            pages.append([(v.published_by, v.active) for v in page.versions])
            if not (token := page.next_page_token):
                break
        assert pages == [[("key:inspector", True)], [("shipped", False)]]
    engine = await room.scorecards.engine("t1")
    assert [i.item_id for i in engine.scorecards["telecom"].items] == [i.item_id for i in packs.cards["telecom"].items]


async def test_changed_content_under_a_shipped_version_gets_a_name_of_its_own(packs, db, events):
    from dataclasses import replace

    await ensure_stream(events, "nlp")
    common = packs.files["common"]
    changed = replace(packs, files={**packs.files, "common": replace(common, source=common.source + "\n# changed\n")})
    async with room_on(packs, db, events), room_on(changed, db, events) as later:
        cards = (await later.scorecards.engine("t1")).scorecards
        for name in ("common", "telecom"):  # what it extends has changed too
            assert cards[name].version.startswith(f"{packs.cards[name].version}+")
        again = await later.scorecards.engine_for("t1", "common", packs.cards["common"].version)
        assert again.scorecards["common"].version == packs.cards["common"].version


async def test_the_engine_of_an_old_version_has_the_signals_of_its_time(packs, db, events):
    from dataclasses import replace

    from nlp.adapters.yaml_packs import YamlFiles

    await ensure_stream(events, "nlp")
    async with room_on(packs, db, events) as before:
        engine = await before.scorecards.engine("t1")
        card = engine.scorecards["telecom"]
        wanted = engine.rules_sha256(card)
    source = packs.signals_source.replace("weight: 1", "weight: 2", 1)
    assert source != packs.signals_source
    changed = replace(packs, signals=YamlFiles().read_signals(source), signals_source=source)
    async with room_on(changed, db, events) as later:
        now = await later.scorecards.engine("t1")
        assert now.rules_sha256(now.scorecards["telecom"]) != wanted
        then = await later.scorecards.engine_for("t1", "telecom", card.version, wanted)
        assert then.rules_sha256(then.scorecards["telecom"]) == wanted


@pytest.mark.parametrize(("source", "code", "says"), [
    (shop(extra="  bad: ["), grpc.StatusCode.INVALID_ARGUMENT, "15:1 "),
    (shop(extra="rulez: {}"), grpc.StatusCode.INVALID_ARGUMENT, "是不是“rules”"),
    (shop(extends="comon"), grpc.StatusCode.INVALID_ARGUMENT, "4:1 没有可继承的评分表“comon”"),
    (shop(phrases="谢谢, 光临]}\n  other: {word: [x"), grpc.StatusCode.INVALID_ARGUMENT, "8:11 不认识的键“word”，是不是“words”"),
    (shop(phrases="谢谢]}\n  two: {not: thankd}\n  three: {words: [x"), grpc.StatusCode.INVALID_ARGUMENT, "8:9 引用的规则“thankd”不存在"),
    (shop(phrases="谢谢]}\n  two: two\n  three: {words: [x"), grpc.StatusCode.INVALID_ARGUMENT, "two → two"),
    (shop(phrases="谢谢]}\n  two: {regex: '(a+)+(?!b)'}\n  three: {words: [x"), grpc.StatusCode.INVALID_ARGUMENT, "拖垮"),
    (shop(phrases="谢谢], range: {first_turns: 0}, unless: [x"), grpc.StatusCode.INVALID_ARGUMENT, "7:34 永远不会成立"),
    (shop() + "\n#" + "长" * 700_000, grpc.StatusCode.INVALID_ARGUMENT, "超过2 MB"),
    ("[" * 100_000, grpc.StatusCode.INVALID_ARGUMENT, "嵌套超过100层"),
    (shop(id="'a b'"), grpc.StatusCode.INVALID_ARGUMENT, "id must be"),
    (shop(version="一"), grpc.StatusCode.INVALID_ARGUMENT, "version must be"),
    (shop().replace("坐席：慢走", "坐席：谢谢光临"), grpc.StatusCode.FAILED_PRECONDITION, "第13行 tests.thanks.fail[0] 应为 fail，实际 pass"),
    ("", grpc.StatusCode.INVALID_ARGUMENT, "is missing"),
])
async def test_what_cannot_judge_is_not_published(room, db, source, code, says):
    async with room.stub() as channel:
        found, said = await refused(ScorecardServiceStub(channel).PublishScorecard, publish(source))
    assert found is code
    assert says in said
    assert await db.scorecard_versions.count_documents({"tenant": "t1"}) == 0


async def test_a_version_never_holds_other_content(room):
    async with room.stub() as channel:
        scorecards = ScorecardServiceStub(channel)
        first = await scorecards.PublishScorecard(publish(shop()))
        assert (await scorecards.PublishScorecard(publish(shop()))).version == first.version
        code, said = await refused(scorecards.PublishScorecard, publish(shop(phrases="谢谢惠顾")))
        assert code is grpc.StatusCode.ALREADY_EXISTS
        assert "version 1 of shop" in said
        shipped = shop(id="telecom", version=(await room.scorecards.engine("t2")).scorecards["telecom"].version)
        code, _ = await refused(scorecards.PublishScorecard, publish(shipped))
        assert code is grpc.StatusCode.ALREADY_EXISTS


async def test_two_who_publish_at_once_both_judge(room):
    sources = [shop(id=name, industries=f"[{name}]") for name in ("a1", "b1", "c1")]
    await asyncio.gather(*(room.publishing.publish("t1", source, note="", simulation_id="", by="p") for source in sources))
    assert (await room.versions.in_force("t1")).revision == 3
    assert {"a1", "b1", "c1"} <= set((await room.scorecards.engine("t1")).scorecards)


async def test_findings_and_the_scorecard_as_read_are_answered(room):
    async with room.stub(("scorecards:read",)) as channel:
        scorecards = ScorecardServiceStub(channel)
        source = shop(extra="rule_tests: {}").replace("rules:\n", "rules:\n  unused: [再见]\n")
        answer = await scorecards.LintScorecard(pb.LintScorecardRequest(source=source))
        (finding,) = answer.findings
        assert (finding.severity, finding.kind, finding.line, finding.column) == (pb.LINT_SEVERITY_WARNING, "dead", 7, 3)
        assert finding.example == "坐席：再见"
        assert answer.scorecard.items[-1].item_id == "thanks"
        unread = await scorecards.LintScorecard(pb.LintScorecardRequest(source="id: ["))
        assert not unread.HasField("scorecard")
        assert unread.findings[0].kind == "syntax"
        code, _ = await refused(scorecards.PublishScorecard, publish(shop()))
        assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_the_test_utterances_of_a_file_are_tried(room):
    async with room.stub() as channel:
        answer = await ScorecardServiceStub(channel).TestScorecard(pb.TestScorecardRequest(source=shop().replace("坐席：慢走", "坐席：谢谢光临")))
    assert [(case.name, case.expected, case.actual, case.passed) for case in answer.cases] == [
        ("13: tests.thanks.pass[0]", "thanks: pass", "thanks: pass", True), ("13: tests.thanks.fail[0]", "thanks: fail", "thanks: pass", False),
    ]
    assert answer.failed == 1


async def test_a_rule_is_tried_on_turns(room):
    turns = [
        ingestion.ChatTurn(role=ingestion.ROLE_AGENT, text="您好。"),
        ingestion.ChatTurn(role=ingestion.ROLE_CUSTOMER, text="我要投诉，电话13812345678。"),
        ingestion.ChatTurn(role=ingestion.ROLE_AGENT, text="非常抱歉。"),
    ]
    async with room.stub() as channel:
        scorecards = ScorecardServiceStub(channel)
        rule = "sequence:\n- {words: [投诉], role: customer}\n- apologised\n"
        answer = await scorecards.TestRule(pb.TestRuleRequest(rule=rule, turns=turns))
        assert (answer.holds, {hit.turn_id for hit in answer.hits}) == (True, {"t3"})
        assert "投诉" in answer.rule_text
        masked = await scorecards.TestRule(pb.TestRuleRequest(rule="words: [我要投诉]", turns=turns))
        assert "13812345678" not in masked.hits[0].text
        silent = await scorecards.TestRule(pb.TestRuleRequest(rule="silence: {longer_than_s: 5}", turns=turns))
        assert not silent.HasField("holds")
        for rule, says in (("apologized", "是不是“apologised”"), ("wordz: [x]", "是不是“words”"), ("tried", "不存在"), ("a: [", "2:1")):
            code, said = await refused(scorecards.TestRule, pb.TestRuleRequest(rule=rule, turns=turns))
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert says in said
        code, _ = await refused(scorecards.TestRule, pb.TestRuleRequest(rule="apologised", scorecard_id="nowhere", turns=turns))
        assert code is grpc.StatusCode.NOT_FOUND


async def test_the_schema_is_answered(room):
    async with room.stub() as channel:
        schema = (await ScorecardServiceStub(channel).GetRuleSchema(pb.GetRuleSchemaRequest())).schema
    Draft202012Validator.check_schema(json.loads(schema))
