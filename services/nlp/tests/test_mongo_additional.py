"""Several scorecards judge one contact: one counts and is told, the others are read beside it."""

import pytest
from chassis.errors import NotFound
from chassis.messaging import ensure_stream
from nlp.adapters.protobuf_evaluations import contact_from_wire, evaluation_to_wire
from nlp.adapters.yaml_packs import load_packs
from nlp.app import Caller, EvaluationFilters
from nlp.domain.engine import QualityEngine
from nlp.domain.scorecard_parser import parse_scorecard
from nlp_platform import interaction, nlp_on, transcript


def card(name, **more):
    item = {"id": f"{name}_hello", "title": "问好", "points": 3, "rule": {"words": ["绝不会说的话"], "role": "agent"}}
    return {"id": name, "version": 1, "title": name, "additional": True, "sections": [{"dimension": "流程规范", "items": [item]}]} | more


@pytest.fixture
async def platform(db, events):
    packs = load_packs()
    extra = [
        card("telecom_hotline", applies_to={"industry": ["telecom"], "channel": ["hotline"]}), card("bots", applies_to={"agent_kind": ["bot"]}),
        card("graded", applies_to={"product": ["分级"]}, sections=[{"dimension": "流程规范", "name": "回应", "weight": 1, "items": [
            {"id": "told", "title": "告知", "options": [
                {"title": "说得具体", "points": 6, "rule": ["二十四小时"]}, {"title": "说了尽快", "points": 2, "rule": ["尽快"]},
            ]},
            {"id": "more", "title": "延伸", "points": 3, "bonus": True, "rule": ["为您处理"]},
        ]}]),
        card("telecom_vip", additional=False, applies_to={"industry": ["telecom"], "customer_tier": ["VIP"]}),
    ]
    engine = QualityEngine([*packs.cards.values(), *(parse_scorecard(node, packs.cards) for node in extra)], packs.signals)
    for stream in ("nlp", "asr"):
        await ensure_stream(events, stream)
    async with nlp_on(engine, db, events) as made:
        yield made


async def scored(platform, interaction_id="i1", **metadata):
    platform.asr.transcripts[interaction_id] = transcript(interaction_id)
    await platform.scoring.score(contact_from_wire(interaction(interaction_id, **metadata), "t1", 30_000))


async def test_the_scorecard_that_counts_is_read_unless_another_is_named(platform):
    await scored(platform)
    counting = await platform.findings.evaluation("i1", Caller("t1"))
    beside = await platform.findings.evaluation("i1", Caller("t1"), "telecom_hotline")
    assert (counting.scorecard_id, counting.primary) == ("telecom", True)
    assert (beside.scorecard_id, beside.primary, beside.failed_items) == ("telecom_hotline", False, ("telecom_hotline_hello",))
    assert await platform.findings.evaluation("i1", Caller("t1"), "telecom") == counting
    for scorecard_id, caller in (("bots", Caller("t1")), ("telecom_hotline", Caller("t2")), ("telecom_hotline", Caller("t1", agent_id="A2"))):
        with pytest.raises(NotFound):
            await platform.findings.evaluation("i1", caller, scorecard_id)


async def test_lists_show_the_others_only_where_the_contact_is_named(platform):
    await scored(platform)
    await scored(platform, "i2")

    async def listed(**asked):
        page = await platform.findings.page(EvaluationFilters(**asked), Caller("t1"), size=50, token="")
        return sorted((e.interaction_id, e.scorecard_id) for e in page.evaluations)

    assert await listed() == [("i1", "telecom"), ("i2", "telecom")]
    assert await listed(interaction_id="i1") == [("i1", "telecom"), ("i1", "telecom_hotline")]
    assert await listed(interaction_id="i1", agent_id="nobody") == []
    assert await listed(failed_item_id="telecom_hotline_hello") == []


async def test_only_the_one_that_counts_is_told_and_judging_twice_keeps_nothing_twice(platform):
    await scored(platform)
    await scored(platform)
    assert await platform.db.additional_evaluations.count_documents({}) == 1
    stream = await platform.events.js.stream_info("nlp", subjects_filter="mingjian.nlp.v1.InteractionScored.>")
    assert sum((stream.state.subjects or {}).values()) == 1


async def test_the_scorecard_that_names_most_of_the_contact_counts(platform):
    await scored(platform, customer_tier="VIP")
    assert (await platform.findings.evaluation("i1", Caller("t1"))).scorecard_id == "telecom_vip"


async def test_a_bot_is_judged_as_a_person_is_and_by_the_scorecards_for_bots(platform):
    await scored(platform, agent_kind="bot")
    assert (await platform.findings.evaluation("i1", Caller("t1"))).scorecard_id == "telecom"
    assert (await platform.findings.evaluation("i1", Caller("t1"), "bots")).failed_items == ("bots_hello",)


async def test_options_bonus_and_section_survive_being_kept_and_are_told_on_the_wire(platform):
    await scored(platform, product="分级")
    kept = await platform.findings.evaluation("i1", Caller("t1"), "graded")
    told = evaluation_to_wire(kept)
    assert [(i.section, i.option, i.points, i.max_points, i.bonus) for i in told.items] == [("回应", "说了尽快", 2, 6, False), ("回应", "", 3, 3, True)]
    assert (told.score, told.score_low, told.score_high, told.primary) == (36.3, 36.3, 36.3, False)
