"""Calibrations: the figures with pen and paper, and the rules of blindness on the real store."""

import asyncio
from fractions import Fraction

import grpc
import pytest
from chassis.identity import Identity
from hypothesis import given
from hypothesis import strategies as st
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1 import review_service_pb2 as pb
from mingjian.nlp.v1.review_service_pb2_grpc import ReviewServiceStub
from nlp.domain.calibration import Judged, agreement, fleiss_kappa
from nlp.domain.reviews import Answer
from nlp_platform import scored
from review_platform import AGENT, INSPECTOR, room_on

PASS, FAIL = nlp.ITEM_OUTCOME_PASS, nlp.ITEM_OUTCOME_FAIL
# Fourteen raters, ten subjects, five categories: the example by which the statistic is taught.
TAUGHT = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]
PEOPLE = {name: Identity("t1", f"key:{name}", INSPECTOR.permissions) for name in ("ann", "bob", "cid", "dan")}


def answers(table):
    return [[str(category) for category, count in enumerate(row) for _ in range(count)] for row in table]


def test_kappa_is_that_of_the_taught_example():
    raters = 14
    per_subject = [Fraction(sum(n * n for n in row) - raters, raters * (raters - 1)) for row in TAUGHT]
    shares = [Fraction(sum(column), raters * len(TAUGHT)) for column in zip(*TAUGHT, strict=True)]
    observed, by_chance = sum(per_subject) / len(TAUGHT), sum(share * share for share in shares)
    assert (round(float(observed), 3), round(float(by_chance), 3)) == (0.378, 0.213)
    expected = (observed - by_chance) / (1 - by_chance)
    assert fleiss_kappa(answers(TAUGHT)) == pytest.approx(float(expected), abs=1e-12)
    assert round(float(expected), 3) == 0.21


@pytest.mark.parametrize(("given_", "kappa"), [
    ([["pass", "pass"], ["fail", "fail"]], 1.0),  # 1 of 1, 1/2 by chance
    ([["pass", "fail"], ["fail", "pass"]], -1.0),  # 0 of 1, 1/2 by chance
    ([["pass", "pass"], ["pass", "fail"]], -1 / 3),  # 1/2, by chance (3/4)^2 + (1/4)^2 = 5/8
    ([["pass", "pass"], ["pass", "pass"]], None),
    ([["pass"], ["fail"]], None),
    ([], None),
])
def test_kappa_by_hand(given_, kappa):
    assert fleiss_kappa(given_) == (None if kappa is None else pytest.approx(kappa))


@given(st.lists(st.lists(st.sampled_from(["pass", "fail", "na"]), min_size=3, max_size=3), min_size=1, max_size=12), st.randoms())
def test_kappa_does_not_depend_on_who_said_it_or_on_the_order_of_contacts(table, dice):
    shuffled = [dice.sample(row, len(row)) for row in dice.sample(table, len(table))]
    one, other = fleiss_kappa(table), fleiss_kappa(shuffled)
    assert (one is None) == (other is None)
    assert one is None or other == pytest.approx(one)
    assert one is None or -1 <= one <= 1 + 1e-12


def judged(inspector, contact, **results):
    return Judged(inspector, contact, tuple(Answer(item, result) for item, result in results.items()))


def test_agreement_is_counted_by_pairs_and_against_the_machine():
    said = [judged(name, "i1", a="pass", b="fail") for name in ("x", "y")] + [judged("z", "i1", a="fail", b="fail")]
    found = agreement(said, {("i1", "a"): "pass", ("i1", "b"): "abstain"})
    together, a, b = found
    assert [one.item_id for one in found] == ["", "a", "b"]
    assert (a.agreement, a.with_machine, a.answers) == (pytest.approx(1 / 3), pytest.approx(2 / 3), 3)
    assert (b.agreement, b.with_machine, b.kappa) == (1.0, 0.0, None)
    assert (together.agreement, together.with_machine, together.answers) == (pytest.approx(4 / 6), pytest.approx(2 / 6), 6)
    # mean P (1/3 + 1) / 2, by chance (2/6)^2 + (4/6)^2
    assert together.kappa == pytest.approx((2 / 3 - 5 / 9) / (4 / 9))
    assert agreement([], {}) == []


# -- over gRPC ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def room(platform):
    made = await room_on(platform)
    for interaction_id in ("i1", "i2"):
        await scored(platform, interaction_id)
    return made


async def created(room, identity=INSPECTOR, **changes):
    asked = {"title": "十一月校准", "interaction_ids": ["i1", "i2"], "inspectors": ["key:ann", "key:bob", "key:cid"]} | changes
    async with room.stub(identity) as channel:
        return (await ReviewServiceStub(channel).CreateCalibration(pb.CreateCalibrationRequest(**asked))).calibration


async def answer(room, calibration, name, interaction_id, result=PASS, item_id="no_shirking"):
    async with room.stub(PEOPLE[name]) as channel:
        request = pb.AnswerCalibrationRequest(
            calibration_id=calibration.calibration_id, interaction_id=interaction_id, items=[pb.ReviewedItem(item_id=item_id, result=result)],
        )
        return (await ReviewServiceStub(channel).AnswerCalibration(request)).calibration


async def seen(room, calibration, identity):
    async with room.stub(identity) as channel:
        return (await ReviewServiceStub(channel).GetCalibration(pb.GetCalibrationRequest(calibration_id=calibration.calibration_id))).calibration


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    return failure.value.code(), str(failure.value.trailing_metadata())


async def test_nobody_sees_the_others_answers_nor_figures_before_its_own_are_complete(room):
    calibration = await created(room)
    assert (calibration.done, calibration.total) == (0, 6)
    await answer(room, calibration, "ann", "i1")
    await answer(room, calibration, "ann", "i2")
    half = await answer(room, calibration, "bob", "i1", FAIL)
    assert (half.done, [a.inspector for a in half.answers], list(half.agreement)) == (3, ["key:bob"], [])
    assert {item.before for a in half.answers for item in a.items} == {nlp.ITEM_OUTCOME_UNSPECIFIED}
    own = await seen(room, calibration, PEOPLE["ann"])
    assert {a.inspector for a in own.answers} == {"key:ann", "key:bob"}
    assert own.agreement[0].agreement == 0.0
    assert (await seen(room, calibration, PEOPLE["cid"])).answers == []
    assert len((await seen(room, calibration, INSPECTOR)).answers) == 3  # it takes no part


async def test_the_figures_are_those_of_the_answers(room):
    calibration = await created(room)
    for name, results in (("ann", (PASS, FAIL)), ("bob", (PASS, FAIL)), ("cid", (PASS, PASS))):
        for interaction_id, result in zip(("i1", "i2"), results, strict=True):
            last = await answer(room, calibration, name, interaction_id, result)
    together, item = last.agreement
    assert (together.item_id, item.item_id, last.done) == ("", "no_shirking", 6)
    assert item.agreement == pytest.approx(4 / 6)
    assert item.kappa == pytest.approx((Fraction(2, 3) - Fraction(5, 9)) / (1 - Fraction(5, 9)))  # mean P 2/3, by chance (4/6)^2 + (2/6)^2
    assert item.with_machine == pytest.approx(2 / 6)


async def test_an_answer_is_replaced_until_everybody_has_answered(room):
    calibration = await created(room, inspectors=["key:ann", "key:bob"], interaction_ids=["i1"])
    await answer(room, calibration, "ann", "i1", FAIL)
    assert (await answer(room, calibration, "ann", "i1", PASS)).done == 1
    await answer(room, calibration, "bob", "i1")
    assert (await seen(room, calibration, PEOPLE["bob"])).agreement[0].agreement == 1.0
    assert (await refused(answer(room, calibration, "ann", "i1", FAIL)))[0] is grpc.StatusCode.FAILED_PRECONDITION


async def test_inspectors_at_the_same_time_are_all_kept(room):
    calibration = await created(room)
    await asyncio.gather(*(answer(room, calibration, name, i) for name in ("ann", "bob", "cid") for i in ("i1", "i2")))
    assert (await seen(room, calibration, INSPECTOR)).done == 6


async def test_figures_do_not_follow_what_people_changed_in_the_evaluation(room):
    async with room.stub() as channel:
        items = [pb.ReviewedItem(item_id="no_shirking", result=PASS)]
        await ReviewServiceStub(channel).ReviewEvaluation(pb.ReviewEvaluationRequest(interaction_id="i1", items=items))
    calibration = await created(room, interaction_ids=["i1"], inspectors=["key:ann", "key:bob"])
    await answer(room, calibration, "ann", "i1", PASS)
    await answer(room, calibration, "bob", "i1", PASS)
    assert (await seen(room, calibration, INSPECTOR)).agreement[0].with_machine == 0.0  # the machine had failed it


@pytest.mark.parametrize(("changes", "field"), [
    ({"title": " "}, "title"), ({"title": "长" * 201}, "title"), ({"interaction_ids": []}, "interaction_ids"),
    ({"interaction_ids": ["i1", "nowhere"]}, "interaction_ids[1]"), ({"interaction_ids": ["i1", "i1"]}, "interaction_ids[1]"),
    ({"interaction_ids": [f"i{n}" for n in range(51)]}, "interaction_ids"), ({"inspectors": ["key:ann"]}, "inspectors"),
    ({"inspectors": ["key:ann", "key:ann"]}, "inspectors[1]"), ({"inspectors": ["key:ann", ""]}, "inspectors[1]"),
    ({"inspectors": [f"key:{n}" for n in range(21)]}, "inspectors"), ({"idempotency_key": "k" * 201}, "idempotency_key"),
])
async def test_what_cannot_be_made_is_refused_naming_the_field(platform, room, changes, field):
    code, told = await refused(created(room, **changes))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in told
    assert not await platform.db.calibrations.count_documents({})


async def test_who_may_not_answer_is_refused_with_the_reason(room):
    calibration = await created(room)
    assert (await refused(answer(room, calibration, "dan", "i1")))[0] is grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(answer(room, calibration, "ann", "i3")))[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert (await refused(answer(room, calibration, "ann", "i1", item_id="no_such_item")))[0] is grpc.StatusCode.INVALID_ARGUMENT
    unknown = pb.Calibration(calibration_id="nowhere")
    assert (await refused(answer(room, unknown, "ann", "i1")))[0] is grpc.StatusCode.NOT_FOUND
    assert (await refused(seen(room, calibration, Identity("t2", "key:ann", INSPECTOR.permissions))))[0] is grpc.StatusCode.NOT_FOUND
    agent = Identity("t1", "key:ann", INSPECTOR.permissions, AGENT.agent_id)
    assert (await refused(seen(room, calibration, agent)))[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_the_same_key_makes_one_and_another_content_is_refused(room):
    first = await created(room, idempotency_key="k")
    assert (await created(room, idempotency_key="k")).calibration_id == first.calibration_id
    assert (await refused(created(room, idempotency_key="k", title="另一个")))[0] is grpc.StatusCode.ALREADY_EXISTS


async def test_lists_show_how_far_each_is_without_answers_by_an_index(platform, room):
    made = [await created(room, title=f"校准{n}") for n in range(3)]
    await answer(room, made[1], "ann", "i1")
    async with room.stub() as channel:
        stub = ReviewServiceStub(channel)
        first = await stub.ListCalibrations(pb.ListCalibrationsRequest(page_size=2))
        rest = await stub.ListCalibrations(pb.ListCalibrationsRequest(page_size=2, page_token=first.next_page_token))
    listed = [*first.calibrations, *rest.calibrations]
    assert [c.calibration_id for c in listed] == [c.calibration_id for c in reversed(made)]
    assert [(c.done, len(c.answers)) for c in listed] == [(0, 0), (1, 0), (0, 0)]
    for collection, query in (("calibrations", {"tenant": "t1", "order": {"$gte": "", "$lt": "~"}}), ("calibration_answers", {"calibration_id": "x"})):
        told = await platform.db.command("explain", {"find": collection, "filter": query}, verbosity="executionStats")
        plan = told["queryPlanner"]["winningPlan"]
        while plan["stage"] != "IXSCAN":
            plan = plan["inputStage"]
