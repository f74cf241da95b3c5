import asyncio
import random
from datetime import date, timedelta

import pytest
from chassis.errors import Unavailable
from chassis.messaging import Events, ensure_stream
from chassis.messaging.connection import KEPT_S
from chassis.mongo import Database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mingjian.reporting.v1.events_pb2 import KpiBreached
from pymongo.errors import ServerSelectionTimeoutError
from reporting.adapters.mongo_books import MongoBooks, MongoLedger, selections
from reporting.adapters.nats_consumer import Unpacking
from reporting.adapters.wire import breached
from reporting.adapters.yaml_catalogue import load_catalogue, load_compliance
from reporting.app import Conflict, Folding, Reports, Viewer
from reporting.domain.contacts import Cell
from reporting.domain.days import Span
from reporting.settings import ReportingSettings

UNPACK = Unpacking(load_compliance())
SPAN = Span(date(2026, 2, 1), date(2026, 4, 30))
AGENTS = [("A1", "T1"), ("A2", "T1"), ("A3", "T2"), ("", "")]
ITEMS = [("greeting", "流程规范"), ("apology", "客户体验"), ("first_responder", "流程规范")]
_examples = iter(range(10**9))


def fact_of(happening, tenant):
    delivery = happening.delivery(tenant)
    return UNPACK.table()[type(happening.event)](delivery)


@pytest.fixture
async def books(db: Database, events: Events):
    await ensure_stream(events, "reporting")
    made = MongoBooks(db, events, breached)
    await made.prepare()
    return made


@pytest.fixture
def folding(books):
    return Folding(books, load_catalogue())


async def fold_all(folding, tenant, happenings):
    await asyncio.gather(*(folding.fold(fact_of(h, tenant)) for h in happenings))


CONTACTS = st.lists(
    st.fixed_dictionaries({
        "agent": st.sampled_from(range(len(AGENTS))), "customer": st.sampled_from(["C1", "C1", "C1", "C1", "C2", ""]),
        "product": st.sampled_from(["宽带", "宽带", "宽带", "空调"]), "hours": st.sampled_from([0, 1, 60, 120, 168, 169, 240, 336, 337, 480]),
        "chat": st.booleans(), "outbound": st.sampled_from([False, False, False, True]),
    }), min_size=3, max_size=6,
)
WHICH = st.integers(0, 5)
SCORED = (
    st.tuples(st.just("scored"), WHICH, st.integers(1, 3), st.sampled_from(["咨询", "投诉"]), st.integers(0, 10_000), st.booleans(),
              st.lists(st.sampled_from(["angry", "anxious", "neutral"]), max_size=3),
              st.lists(st.sampled_from(["passed", "failed", "na", "abstained"]), min_size=3, max_size=3), st.sampled_from([0, 900, 61_000, 300_000]))
)
HAPPENINGS = st.lists(st.one_of(
    SCORED, SCORED, SCORED,
    st.tuples(st.just("alert"), WHICH, st.integers(0, 1), st.sampled_from(["long_silence", "negative_emotion"])),
    st.tuples(st.just("promise"), WHICH, st.integers(0, 1), st.booleans()),
    st.tuples(st.just("solution"), WHICH),
    st.tuples(st.just("ticket"), st.sampled_from([0, 0, 0, 1, 3]), st.sampled_from(["opened", "resolved", "reopened", "overdue"]), st.integers(1, 6)),
    st.tuples(st.just("feedback"), st.integers(0, 3), st.none() | WHICH, st.none() | st.integers(1, 5), st.none() | st.integers(0, 10),
              st.none() | st.booleans()),
), min_size=8, max_size=40)


def happened(say, contacts, specs):
    """The events that Hypothesis drew, with the same content under the same key."""
    people = []
    for n, c in enumerate(contacts):
        agent, team = AGENTS[c["agent"]]
        people.append(say.interaction(
            f"i{n}", agent=agent, team=team, customer=c["customer"], product=c["product"], hours=c["hours"], chat=c["chat"], outbound=c["outbound"],
        ))
    made = {}
    for kind, which, *rest in specs:
        who = people[which % len(people)]
        if kind == "scored":
            version, type_, score, fatal, course, results, ms = rest
            h = say.scored(
                who, version=version, type=type_, score=score / 100, fatal=fatal, course=tuple(course), emotion=course[-1] if course else "satisfied",
                items=[(i, d, r) for (i, d), r in zip(ITEMS, results, strict=True)], duration_ms=ms, dimensions={"客户体验": score / 100},
            )
        elif kind == "alert":
            h = say.alert(who, *rest)
        elif kind == "promise":
            h = say.promise(who, *rest)
        elif kind == "solution":
            h = say.solution(who)
        elif kind == "ticket":
            about = "" if which == 3 else people[which % len(people)].interaction_id
            h = say.ticket(f"w{which}", *rest, interaction_id=about, agent="A9", hours=which * 30)
        else:
            about, csat, nps, solved = rest
            h = say.feedback(which, who=None if about is None else people[about % len(people)], csat=csat, nps=nps, solved=solved, hours=which * 20)
        # a ticket has one change per version
        made.setdefault((kind, f"w{which}-{rest[1]}" if kind == "ticket" else h.key), h)
    return list(made.values())


@given(contacts=CONTACTS, specs=HAPPENINGS, seed=st.integers(0, 2**32 - 1), most=st.integers(1, 40))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_whatever_the_order_and_however_often_rollups_are_what_all_events_together_give(books, say, oracle, kept, contacts, specs, seed, most):
    order = random.Random(seed)
    tenant = f"h{next(_examples)}"
    happenings = happened(say, contacts, specs)
    deliveries = happenings * 2 + order.sample(happenings, len(happenings) // 2)
    order.shuffle(deliveries)
    folding = Folding(books, load_catalogue(), most=most)
    cut = order.randrange(len(deliveries) + 1)
    await fold_all(folding, tenant, deliveries[:cut])
    await fold_all(folding, tenant, deliveries[cut:])
    assert await kept(tenant) == oracle(happenings)


async def test_two_processes_that_fold_at_once_lose_nothing(books, db, events, say, oracle, kept):
    rng = random.Random(7)
    happenings = []
    for n in range(120):
        agent, team = AGENTS[n % 3]
        who = say.interaction(f"i{n}", agent=agent, team=team, customer=f"C{rng.randrange(5)}", hours=rng.randrange(480))
        happenings += [say.scored(who, type=rng.choice(["咨询", "投诉"])), say.alert(who, 0), say.solution(who)]
        happenings.append(say.ticket(f"w{n}", "opened", 1, interaction_id=f"i{n}"))
    deliveries = happenings * 2
    rng.shuffle(deliveries)
    others = [MongoBooks(db, events, breached) for _ in range(3)]
    foldings = [Folding(b, load_catalogue(), most=10) for b in (books, *others)]
    await asyncio.gather(*(foldings[n % 4].fold(fact_of(h, "t1")) for n, h in enumerate(deliveries)))
    assert await kept("t1") == oracle(happenings)


async def test_a_repeat_that_arrives_first_corrects_the_earlier_contact_when_it_comes(books, folding, say):
    second = say.scored(say.interaction("i2", customer="C1", hours=24))
    first = say.scored(say.interaction("i1", customer="C1", hours=0))
    reports = Reports(books, load_catalogue())

    async def rates():
        [(_, values)] = await reports.kpis(Viewer("t1"), SPAN, "all", "", "")
        named = {v.kpi.kpi: v for v in values}
        return (named["fcr_rate"].numerator, named["fcr_rate"].denominator, named["repeat_rate"].numerator, named["repeat_rate"].denominator)

    await folding.fold(fact_of(second, "t1"))
    assert await rates() == (1, 1, 0, 1)
    await folding.fold(fact_of(first, "t1"))
    assert await rates() == (0, 1, 1, 2)


@pytest.mark.parametrize("hours", [(0, 168), (0, 168.0001), (0, 100, 200, 300), (5, 5), (0, 167, 335, 504)])
@pytest.mark.parametrize("backwards", [False, True])
async def test_exactly_seven_days_are_still_a_repeat(folding, say, oracle, kept, hours, backwards):
    told = [say.scored(say.interaction(f"i{n}", customer="C1", hours=h)) for n, h in enumerate(hours)]
    for happening in told[::-1] if backwards else told:
        await folding.fold(fact_of(happening, "t1"))
    assert await kept("t1") == oracle(told)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 3, 0, 1), (1, 0, 3, 2)])
async def test_the_last_version_of_a_ticket_says_whether_it_is_resolved(folding, say, oracle, kept, order):
    told = [say.ticket("w1", change, version) for version, change in enumerate(("opened", "resolved", "reopened", "resolved"), 1)]
    for n in order:
        await folding.fold(fact_of(told[n], "t1"))
    assert await kept("t1") == oracle(told)
    assert (await kept("t1"))["all", "2026-03-01", "", ""]["f.tickets_resolved"] == 1


async def test_a_contact_judged_again_as_another_matter_releases_its_neighbours(books, folding, say, oracle, kept):
    people = [say.interaction(f"i{n}", customer="C1", hours=n * 120) for n in range(3)]
    told = [say.scored(p) for p in people]
    told.append(say.scored(people[1], version=2, type="投诉"))
    for happening in told:
        await folding.fold(fact_of(happening, "t1"))
    assert await kept("t1") == oracle(told)


async def test_a_fold_that_is_cut_off_leaves_nothing_half_done(db, events, say, oracle, kept, monkeypatch):
    class Cut(Exception):
        pass

    happenings = [say.scored(say.interaction(f"i{n}", hours=n)) for n in range(5)]
    for step in ("take_turn", "unfolded", "contacts", "store", "title", "neighbours", "add"):
        books = MongoBooks(db, events, breached)
        await books.prepare()
        whole = getattr(MongoLedger, step)

        async def cut(self, *args, whole=whole):
            await whole(self, *args)
            raise Cut

        with monkeypatch.context() as patched:
            patched.setattr(MongoLedger, step, cut)
            with pytest.raises(Cut):
                await Folding(books, load_catalogue()).fold(fact_of(happenings[0], step))
        assert await kept(step) == {}
        await fold_all(Folding(books, load_catalogue()), step, happenings * 2)
        assert await kept(step) == oracle(happenings)


async def test_a_transaction_left_open_by_a_killed_process_is_given_up_when_another_starts(books, db, events, folding, say, kept):
    happening = say.scored(say.interaction("i1"))
    left_open = books.transaction()
    ledger = await left_open.__aenter__()
    await ledger.add({Cell("t1", "2026-03-01", "A1", "T1"): {"f.contacts": 1}})
    began = asyncio.get_running_loop().time()
    next_ = MongoBooks(db, events, breached)
    await next_.prepare()
    await Folding(next_, load_catalogue()).fold(fact_of(happening, "t1"))
    assert asyncio.get_running_loop().time() - began < 10
    with pytest.raises(Conflict):
        await left_open.__aexit__(None, None, None)
    assert (await kept("t1"))["all", "2026-03-01", "", ""]["f.contacts"] == 1


async def test_one_event_that_cannot_be_folded_does_not_hold_up_the_others(books, folding, say, kept, monkeypatch):
    good = say.alert(say.interaction("i1"), 1)
    bad = fact_of(say.alert(say.interaction("i2"), 2), "t1")
    object.__setattr__(bad, "figures", {"f.alerts": object()})
    results = await asyncio.gather(folding.fold(fact_of(good, "t1")), folding.fold(bad), return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], Exception)
    assert (await kept("t1"))["all", "2026-03-01", "", ""] == {"f.alerts": 1, "a.negative_emotion": 1}


async def test_without_the_store_an_event_is_not_taken_for_folded(books, folding, say, oracle, kept, monkeypatch):
    async def away(self, tenants):
        raise ServerSelectionTimeoutError("away")

    happening = say.alert(say.interaction("i1"), 1)
    with monkeypatch.context() as patched:
        patched.setattr(MongoLedger, "take_turn", away)
        with pytest.raises(Unavailable):
            await folding.fold(fact_of(happening, "t1"))
    await folding.fold(fact_of(happening, "t1"))
    assert await kept("t1") == oracle([happening])


async def test_a_breach_is_published_once_for_its_kpi_and_day(books, events, folding, say):
    told = []

    async def see(message):
        told.append(message)

    await events.nc.subscribe("mingjian.reporting.v1.KpiBreached.*", cb=see)
    items = [("first_responder", "流程规范", "failed")]
    happenings = [say.scored(say.interaction(f"i{n}", customer=f"C{n}", hours=0), items=items) for n in range(250)]
    await fold_all(folding, "t1", happenings[:99])
    await fold_all(folding, "t1", happenings[99:] + happenings)
    await events.nc.flush()
    breaches = [KpiBreached.FromString(m.data) for m in told]
    assert [(b.kpi.kpi, b.day, b.kpi.met) for b in breaches] == [("process_rate", "2026-03-01", False)]
    assert breaches[0].kpi.denominator >= 100
    assert told[0].subject == "mingjian.reporting.v1.KpiBreached.t1"


async def test_a_breach_that_could_not_be_published_is_swept(books, db, events, folding, say):
    happenings = [say.scored(say.interaction(f"i{n}", customer=f"C{n}"), items=[("apology", "客户体验", "failed")]) for n in range(100)]
    published = []

    async def lost(*envelopes):
        raise Unavailable("no broker")

    whole, events.publish = events.publish, lost  # type: ignore[method-assign]
    await fold_all(folding, "t1", happenings)
    events.publish = whole  # type: ignore[method-assign]

    async def see(message):
        published.append(message)

    await events.nc.subscribe("mingjian.reporting.v1.KpiBreached.t1", cb=see)
    assert await books.outbox.sweep(older_than=timedelta(seconds=-60)) == 1
    await events.nc.flush()
    assert len(published) == 1
    assert await db.rollups.count_documents({"outbox": {"$exists": True}}) == 0


@pytest.mark.parametrize(("group_by", "agent_id", "team_id", "index", "bound"), [
    ("all", "", "", "by_day", ("tenant", "scope", "day")),
    ("day", "", "", "by_day", ("tenant", "scope", "day")),
    ("agent", "", "", "by_day", ("tenant", "scope", "day")),
    ("team", "", "", "by_day", ("tenant", "scope", "day")),
    ("day", "A1", "", "by_agent", ("tenant", "scope", "agent_id", "day")),
    ("day", "", "T1", "by_team", ("tenant", "scope", "team_id", "day")),
    ("agent", "", "T1", "by_team", ("tenant", "scope", "team_id", "day")),
    ("day", "A1", "T1", "by_agent_in_team", ("tenant", "scope", "agent_id", "team_id", "day")),
])
async def test_every_question_is_bound_to_an_index_and_to_rollups_alone(books, db, folding, say, group_by, agent_id, team_id, index, bound):
    await folding.fold(fact_of(say.scored(say.interaction("i1")), "t1"))
    indexes = await db.rollups.index_information()
    assert tuple(k for k, _ in indexes[index]["key"]) == bound
    for chosen in selections("t1", SPAN, group_by, agent_id, team_id):
        explained = (await db.rollups.find(chosen).explain())["queryPlanner"]["winningPlan"]
        assert "COLLSCAN" not in str(explained)
        [stage] = [s for s in stages(explained) if s["stage"] == "IXSCAN"]
        assert stage["indexName"] == index
        assert set(bound) == set(chosen)


async def test_a_ranking_over_months_reads_few_rollups_per_agent_and_counts_the_same(books, folding, say):
    told = [say.scored(say.interaction(f"i{n}", agent=f"A{n % 3}", team=f"T{n % 2}", customer="", hours=n * 24)) for n in range(90)]
    await fold_all(folding, "t1", told)
    reports = Reports(books, load_catalogue())
    for first, last in ((date(2026, 3, 1), date(2026, 5, 29)), (date(2026, 3, 5), date(2026, 4, 30)), (date(2026, 3, 7), date(2026, 3, 9))):
        asked = Span(first, last)
        per_day = await reports.kpis(Viewer("t1"), asked, "day", "", "")
        for group_by in ("agent", "team", "all"):
            groups = await reports.kpis(Viewer("t1"), asked, group_by, "", "")
            assert sum(v[0].value for _, v in groups) == sum(v[0].value for _, v in per_day) == asked.days
    read = [row async for row in books.rollups("t1", Span(date(2026, 3, 1), date(2026, 5, 29)), "agent", "A1", "", items=False)]
    assert len(read) < 30


def stages(plan):
    yield plan
    if "inputStage" in plan:
        yield from stages(plan["inputStage"])


async def test_neighbours_on_an_issue_are_found_by_an_index(books, db):
    plan = str((await db.contacts.find({"place": {"$gte": "x", "$lt": "y"}}).sort([("place", -1)]).limit(1).explain())["queryPlanner"]["winningPlan"])
    assert "by_place" in plan
    assert "SORT" not in plan


async def test_ids_of_folded_events_are_remembered_longer_than_an_event_can_come_again(books, db):
    dead_letters_kept_s = 30 * 86400
    expiry = (await db.folded.index_information())["expiry"]["expireAfterSeconds"]
    assert expiry > KEPT_S + dead_letters_kept_s
    assert ReportingSettings.model_fields["folded_kept_days"].default * 86400 == expiry


async def test_one_tenant_sees_nothing_of_another(books, folding, say):
    await folding.fold(fact_of(say.scored(say.interaction("i1")), "t1"))
    reports = Reports(books, load_catalogue())
    [(_, values)] = await reports.kpis(Viewer("t2"), SPAN, "all", "", "")
    assert all(not v.denominator or v.value == 0 for v in values)
    assert await reports.item_rates(Viewer("t2"), SPAN, "", "") == []
