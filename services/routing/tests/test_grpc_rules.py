import grpc
import pytest
from chassis.identity import Identity
from chassis.rpc_status import violated_field
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import rule_service_pb2 as pb
from mingjian.routing.v1.rule_service_pb2_grpc import RuleServiceStub, add_RuleServiceServicer_to_server
from routing.adapters.grpc_rules import NAME, RuleServicer
from routing.adapters.mongo_versions import MongoVersions
from routing.app import Routing, Who
from routing.app_rules import rule_book
from routing.domain.opening import Contact, Wanted
from routing.domain.tickets import Kind, Urgency
from routing.settings import RULES
from testkit.grpc_server import served

SHIPPED = (RULES / "departments.yaml").read_text("utf-8")
CANDIDATE = """
version: "2027"
otherwise: 客户服务中心
rules:
  - id: urgent-vip
    department: 大客户部
    skill: 大客户
    when: {urgencies: [high], tiers: [vip]}
  - id: money
    department: 计费部
    when: {types: [投诉], words: [扣费, 话费]}
"""
ADMIN = Identity("t1", "admin", frozenset({"tickets:read", "levels:write"}))
CHIEF = Who("t1", "chief")


@pytest.fixture
async def store(db):
    made = MongoVersions(db, "routing_rules")
    await made.prepare()
    return made


@pytest.fixture
def rules(store, clock):
    return rule_book(store, SHIPPED, lambda: clock.at.timestamp(), keep_s=0.0)


@pytest.fixture
def ruled(routing, rules):
    return Routing(routing.tickets, rules, routing.levels, routing.now, routing.new_id, routing.derived_id)


@pytest.fixture
async def stub(rules, ruled, clock):
    servicer = RuleServicer(rules, ruled.tickets, clock)
    async with served(lambda server: add_RuleServiceServicer_to_server(servicer, server), NAME, identity=lambda: ADMIN) as channel:
        yield RuleServiceStub(channel)


def wanted(type_, title, urgency=Urgency.NORMAL, **contact):
    return Wanted(Contact("t1", "", industry="telecom", **contact), Kind.SERVICE, type_, urgency, (), title, "")


async def test_a_test_says_which_rule_fires_and_why_those_before_it_do_not(stub):
    asked = pb.TestRoutingRequest(source=CANDIDATE, type="投诉", text="莫名扣费")
    tried = await stub.TestRouting(asked)
    assert (tried.department, tried.rule_id, tried.version, tried.skill) == ("计费部", "money", "2027", "")
    assert [(t.rule_id, t.matched, list(t.because)) for t in tried.trials] == [
        ("urgent-vip", False, ["urgencies"]), ("money", True, ["types=投诉", "words=扣费"]),
    ]
    asked.urgency, asked.customer_tier = nlp.URGENCY_HIGH, "vip"
    tried = await stub.TestRouting(asked)
    assert (tried.department, tried.skill, len(tried.trials)) == ("大客户部", "大客户", 1)
    rest = await stub.TestRouting(pb.TestRoutingRequest(source=CANDIDATE, type="咨询", text="几点上班"))
    assert (rest.department, rest.rule_id) == ("客户服务中心", "otherwise") and not any(t.matched for t in rest.trials)


async def test_without_a_table_the_one_that_counts_is_tried(stub):
    tried = await stub.TestRouting(pb.TestRoutingRequest(type="投诉", industry="telecom", text="莫名扣费"))
    assert (tried.department, tried.rule_id) == ("市场部", "telecom-tariff")


async def test_what_is_published_counts_for_new_tickets_and_moves_none_that_is_there(stub, ruled):
    before = await ruled.open_by_hand(CHIEF, wanted("投诉", "莫名扣费"), "")
    published = (await stub.PublishRoutingRules(pb.PublishRoutingRulesRequest(source=CANDIDATE, note="计费部成立"))).rules
    assert (published.version, published.active, published.published_by, published.rules[0].skill) == ("2027", True, "admin", "大客户")
    after = await ruled.open_by_hand(CHIEF, wanted("投诉", "莫名扣费", Urgency.HIGH, customer_tier="vip"), "")
    assert (before.department, after.department, after.skill) == ("市场部", "大客户部", "大客户")
    assert (await ruled.get(CHIEF, before.ticket_id)).department == "市场部"
    assert (await ruled.get(CHIEF, after.ticket_id)).skill == "大客户"
    versions = (await stub.ListRoutingRules(pb.ListRoutingRulesRequest())).versions
    assert [(v.version, v.active) for v in versions] == [("2027", True), ("2026-11-01", False)]
    shipped = (await stub.GetRoutingRules(pb.GetRoutingRulesRequest(version="2026-11-01"))).rules
    assert (shipped.source, shipped.active) == (SHIPPED, False)


async def test_another_company_keeps_the_shipped_rules(stub, ruled):
    await stub.PublishRoutingRules(pb.PublishRoutingRulesRequest(source=CANDIDATE, note="计费部成立"))
    theirs = Wanted(Contact("t2", "", industry="telecom"), Kind.SERVICE, "投诉", Urgency.NORMAL, (), "扣费", "")
    other = await ruled.open_by_hand(Who("t2", "chief"), theirs, "")
    assert other.department == "市场部"


async def test_a_simulation_counts_what_would_go_elsewhere_and_changes_nothing(stub, ruled, clock):
    moving = [await ruled.open_by_hand(CHIEF, wanted("投诉", f"话费扣了{n}元"), "") for n in range(3)]
    staying = await ruled.open_by_hand(CHIEF, wanted("咨询", "几点上班"), "")
    found = await stub.SimulateRouting(pb.SimulateRoutingRequest(source=CANDIDATE))
    assert (found.version, found.looked_at, found.moved) == ("2027", 4, 3)
    assert {(d.department, d.before, d.after) for d in found.departments} == {("市场部", 3, 0), ("计费部", 0, 3), ("客户服务中心", 1, 1)}
    assert {m.ticket_id for m in found.examples} == {t.ticket_id for t in moving}
    assert found.examples[0].routed_by.startswith("money@2027 (types=投诉")
    assert (await ruled.get(CHIEF, staying.ticket_id)).version == 1
    assert (await stub.SimulateRouting(pb.SimulateRoutingRequest(source=CANDIDATE, limit=2))).looked_at == 2


@pytest.mark.parametrize(
    ("call", "request_", "code", "field"),
    [
        ("PublishRoutingRules", pb.PublishRoutingRulesRequest(source=SHIPPED, note="x"), grpc.StatusCode.ALREADY_EXISTS, "version"),
        ("PublishRoutingRules", pb.PublishRoutingRulesRequest(source=CANDIDATE, note=""), grpc.StatusCode.INVALID_ARGUMENT, "note"),
        ("PublishRoutingRules", pb.PublishRoutingRulesRequest(source="[]", note="x"), grpc.StatusCode.INVALID_ARGUMENT, "source"),
        ("PublishRoutingRules", pb.PublishRoutingRulesRequest(source="{", note="x"), grpc.StatusCode.INVALID_ARGUMENT, "source"),
        ("PublishRoutingRules", pb.PublishRoutingRulesRequest(source="#" * 200_001, note="x"), grpc.StatusCode.INVALID_ARGUMENT, "source"),
        (
            "PublishRoutingRules", pb.PublishRoutingRulesRequest(source=CANDIDATE.replace("[high]", "[hot]"), note="x"),
            grpc.StatusCode.INVALID_ARGUMENT, "rules.urgent-vip.when.urgencies",
        ),
        ("TestRouting", pb.TestRoutingRequest(type="x"), grpc.StatusCode.INVALID_ARGUMENT, "type"),
        ("SimulateRouting", pb.SimulateRoutingRequest(source=CANDIDATE, limit=5001), grpc.StatusCode.INVALID_ARGUMENT, "limit"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_the_fields_name(stub, call, request_, code, field):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await getattr(stub, call)(request_)
    assert (raised.value.code(), violated_field(raised.value)) == (code, field)
