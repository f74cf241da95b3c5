from datetime import date

import grpc
import pytest
from chassis.identity import Identity
from chassis.messaging import ensure_stream
from mingjian.reporting.v1 import reporting_service_pb2 as pb
from mingjian.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub, add_ReportingServiceServicer_to_server
from reporting.adapters.grpc_server import NAME, ReportingServicer
from reporting.adapters.mongo_books import MongoBooks
from reporting.adapters.nats_consumer import Unpacking
from reporting.adapters.wire import breached
from reporting.adapters.yaml_catalogue import load_catalogue, load_compliance
from reporting.app import Folding, Reports
from testkit.grpc_server import served

TODAY = date(2026, 3, 10)
SUPERVISOR = Identity("t1", "li", frozenset({"kpis:read", "kpis:write"}))
AGENT = Identity("t1", "wang", frozenset({"kpis:read"}), "A1")


@pytest.fixture
async def books(db, events):
    await ensure_stream(events, "reporting")
    made = MongoBooks(db, events, breached)
    await made.prepare()
    return made


@pytest.fixture
async def service(books, say):
    """A stub per identity, with four contacts of two agents on two days and what followed from them."""
    folding, unpacking = Folding(books, load_catalogue()), Unpacking(load_compliance())
    people = [
        say.interaction("i1", agent="A1", team="T1", customer="C1", hours=0), say.interaction("i2", agent="A1", team="T1", customer="C2", hours=24),
        say.interaction("i3", agent="A2", team="T2", customer="C1", hours=48), say.interaction("i4", agent="A2", team="T2", customer="C4", hours=48, chat=True),
    ]
    items = [("greeting", "流程规范", "passed"), ("apology", "客户体验", "failed")]
    told = [say.scored(p, score=60 + n * 10, items=items[: n + 1], type="咨询", duration_ms=60_000 * (n + 1)) for n, p in enumerate(people)]
    told += [say.feedback(n, who=people[0], csat=c, hours=1) for n, c in enumerate((5, 5, 4))]
    told += [say.ticket("w1", "opened", 1, interaction_id="i3", hours=49), say.ticket("w1", "overdue", 2, interaction_id="i3", hours=49)]
    for happening in told:
        await folding.fold(unpacking.table()[type(happening.event)](happening.delivery("t1")))
    who = [SUPERVISOR]

    async with served(
        lambda s: add_ReportingServiceServicer_to_server(ReportingServicer(Reports(books, load_catalogue()), lambda: TODAY), s), NAME, identity=lambda: who[0],
    ) as channel:
        stub = ReportingServiceStub(channel)

        def as_(identity):
            who[0] = identity
            return stub

        yield as_


def by_name(kpis):
    return {k.kpi: k for k in kpis}


def asked(request, **fields):
    return request(**{("from" if k == "from_" else k): v for k, v in fields.items()})


async def test_every_kpi_comes_with_its_parts_target_and_sense(service):
    answer = await service(SUPERVISOR).QueryKpis(asked(pb.QueryKpisRequest, from_="2026-03-01", to="2026-03-03"))
    [group] = answer.groups
    kpis = by_name(group.kpis)
    assert group.key == "all"
    assert list(kpis) == [k.kpi for k in load_catalogue().kpis]
    fcr = kpis["fcr_rate"]
    assert (fcr.value, fcr.numerator, fcr.denominator, fcr.target, fcr.sense, fcr.met) == (pytest.approx(2 / 3), 2, 3, 0.85, pb.TARGET_SENSE_AT_LEAST, False)
    assert (kpis["repeat_rate"].value, kpis["repeat_rate"].met) == (0.25, False)
    assert (kpis["score"].value, kpis["calls"].value, kpis["chats"].value) == (75, 3, 1)
    assert (kpis["aht"].value, kpis["chat_aht"].value) == (2, 4)
    assert kpis["aht_p50"].value == pytest.approx(2, rel=0.02)
    assert (kpis["csat"].value, kpis["csat"].met, kpis["csat"].title) == (pytest.approx(14 / 3), True, "客户满意度")
    assert (kpis["ticket_overdue_rate"].value, kpis["ticket_overdue_rate"].met) == (1, False)
    assert not kpis["nps"].HasField("value") and not kpis["nps"].HasField("met") and kpis["nps"].target == 30
    assert not kpis["contacts"].HasField("target") and not kpis["contacts"].HasField("met")


async def test_groups_come_in_order_of_their_key_and_sum_to_the_whole(service):
    for group_by, keys in (("day", ["2026-03-01", "2026-03-02", "2026-03-03"]), ("agent", ["A1", "A2"]), ("team", ["T1", "T2"])):
        answer = await service(SUPERVISOR).QueryKpis(asked(pb.QueryKpisRequest, from_="2026-03-01", to="2026-03-03", group_by=group_by))
        assert [g.key for g in answer.groups] == keys
        assert sum(by_name(g.kpis)["contacts"].value for g in answer.groups) == 4
        assert sum(by_name(g.kpis)["tickets_opened"].value for g in answer.groups) == 1


async def test_filters_narrow_to_an_agent_or_a_team(service):
    for filters, contacts in (({"agent_id": "A1"}, 2), ({"team_id": "T2"}, 2), ({"agent_id": "A1", "team_id": "T2"}, 0), ({"agent_id": "A9"}, 0)):
        [group] = (await service(SUPERVISOR).QueryKpis(asked(pb.QueryKpisRequest, from_="2026-03-01", **filters))).groups
        assert by_name(group.kpis)["contacts"].value == contacts


async def test_the_last_thirty_days_are_meant_where_none_are_named(service):
    answer = await service(SUPERVISOR).QueryKpis(pb.QueryKpisRequest())
    assert (getattr(answer, "from"), answer.to) == ("2026-02-08", "2026-03-10")
    assert by_name(answer.groups[0].kpis)["contacts"].value == 4


async def test_an_agent_sees_the_own_figures_alone(service):
    for group_by, keys in (("agent", ["A1"]), ("team", ["T1"]), ("all", ["all"])):
        answer = await service(AGENT).QueryKpis(asked(pb.QueryKpisRequest, from_="2026-03-01", group_by=group_by))
        assert [g.key for g in answer.groups] == keys
        assert by_name(answer.groups[0].kpis)["contacts"].value == 2
    rates = await service(AGENT).ListItemRates(asked(pb.ListItemRatesRequest, from_="2026-03-01"))
    assert {r.item_id: (r.passed, r.failed) for r in rates.items} == {"greeting": (2, 0), "apology": (0, 1)}
    change = await service(AGENT).CompareKpis(asked(pb.CompareKpisRequest, from_="2026-03-01", to="2026-03-07"))
    assert {c.current.kpi: c.current.value for c in change.changes}["contacts"] == 2
    for call in (
        service(AGENT).QueryKpis(asked(pb.QueryKpisRequest, agent_id="A2")), service(AGENT).ListItemRates(pb.ListItemRatesRequest(agent_id="A2")),
        service(AGENT).CompareKpis(pb.CompareKpisRequest(agent_id="A2")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_an_agent_sets_no_target_even_with_the_permission(service):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service(Identity("t1", "wang", frozenset({"kpis:write"}), "A1")).SetTarget(pb.SetTargetRequest(kpi="fcr_rate", target=0.1))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_two_spans_are_compared_and_better_knows_which_way_is_good(service):
    answer = await service(SUPERVISOR).CompareKpis(
        asked(pb.CompareKpisRequest, from_="2026-03-03", to="2026-03-03", baseline_from="2026-03-01", baseline_to="2026-03-02")
    )
    changes = {c.current.kpi: c for c in answer.changes}
    assert (changes["repeat_rate"].change, changes["repeat_rate"].better) == (0.5, False)
    assert (changes["fcr_rate"].change, changes["fcr_rate"].better) == (0.5, True)
    assert changes["score"].change == 20 and not changes["score"].HasField("better")
    assert not changes["nps"].HasField("change")
    before = await service(SUPERVISOR).CompareKpis(asked(pb.CompareKpisRequest, from_="2026-03-03", to="2026-03-03"))
    assert {c.current.kpi: c for c in before.changes}["contacts"].baseline.value == 1


async def test_the_worst_item_is_listed_first_with_its_title(service):
    answer = await service(SUPERVISOR).ListItemRates(asked(pb.ListItemRatesRequest, from_="2026-03-01", to="2026-03-03"))
    assert [(r.item_id, r.title, r.dimension, r.passed, r.failed, r.abstained, r.rate) for r in answer.items] == [
        ("apology", "题 apology", "客户体验", 0, 3, 0, 0.0), ("greeting", "题 greeting", "流程规范", 4, 0, 0, 1.0),
    ]


async def test_a_target_once_set_is_the_tenants_own(service):
    stub = service(SUPERVISOR)
    answer = await stub.SetTarget(pb.SetTargetRequest(kpi="fcr_rate", target=0.6))
    assert (answer.target.target, answer.target.title) == (0.6, "首次解决率")
    [group] = (await stub.QueryKpis(asked(pb.QueryKpisRequest, from_="2026-03-01", to="2026-03-03"))).groups
    assert by_name(group.kpis)["fcr_rate"].met is True
    other = await service(Identity("t2", "zhao", frozenset({"kpis:read"}))).ListTargets(pb.ListTargetsRequest())
    targets = {t.kpi: t for t in other.targets}
    assert targets["fcr_rate"].target == 0.85
    assert targets["fcr_rate"].definition.startswith("首次来访后 7 天内")
    assert not targets["contacts"].HasField("target")


@pytest.mark.parametrize(("call", "request_", "field"), [
    ("QueryKpis", asked(pb.QueryKpisRequest, from_="2026-3-1"), "from"),
    ("QueryKpis", asked(pb.QueryKpisRequest, from_="2025-01-01", to="2026-03-01"), "from"),
    ("QueryKpis", asked(pb.QueryKpisRequest, from_="2026-03-02", to="2026-03-01"), "to"),
    ("QueryKpis", pb.QueryKpisRequest(group_by="hour"), "group_by"),
    ("QueryKpis", pb.QueryKpisRequest(agent_id="x" * 201), "agent_id"),
    ("CompareKpis", pb.CompareKpisRequest(baseline_from="2026-01-01"), "baseline_to"),
    ("CompareKpis", pb.CompareKpisRequest(baseline_to="2026-01-01"), "baseline_from"),
    ("CompareKpis", pb.CompareKpisRequest(baseline_from="2026-01-02", baseline_to="nonsense"), "baseline_to"),
    ("ListItemRates", pb.ListItemRatesRequest(to="x"), "to"),
    ("SetTarget", pb.SetTargetRequest(kpi="fcr_rate", target=85), "target"),
    ("SetTarget", pb.SetTargetRequest(kpi="contacts", target=85), "kpi"),
])
async def test_a_wrong_question_is_refused_with_the_field_that_is_wrong(service, call, request_, field):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(service(SUPERVISOR), call)(request_)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    details = dict(caught.value.trailing_metadata())
    assert any(field.encode() in v for v in details.values() if isinstance(v, bytes))


async def test_a_target_for_an_unknown_kpi_is_not_found(service):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service(SUPERVISOR).SetTarget(pb.SetTargetRequest(kpi="luck", target=1))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
