import pytest
from nlp.domain.rule_parser import RuleError
from nlp.domain.scorecard_parser import parse_scorecard
from nlp.domain.scorecards import FatalPolicy

CARD = {"id": "base", "version": 1, "title": "基础", "sections": [
    {"dimension": "流程规范", "items": [{"id": "greeting", "title": "问候", "points": 5, "rule": ["您好"]}]},
]}


def item(name, **more):
    return {"id": name, "title": name, "points": 1, "rule": ["x"]} | more


def graded(*options):
    return {"id": "x", "title": "x", "options": list(options)}


def section(more, *items):
    return {"sections": [{"dimension": "流程规范", "items": list(items) or [item("x")]} | more]}


def test_a_child_replaces_items_of_the_same_id_and_keeps_the_rest():
    base = parse_scorecard(CARD, {})
    child = parse_scorecard({"id": "child", "version": 2, "title": "子", "extends": "base", "fatal_policy": "flag_only", "sections": [
        {"dimension": "客户体验", "items": [
            {"id": "greeting", "title": "热情问候", "points": 8, "rule": ["欢迎"]}, {"id": "sorry", "title": "致歉", "points": 2, "rule": ["抱歉"]},
        ]},
    ]}, {"base": base})
    assert [(item.item_id, item.points) for item in child.items] == [("greeting", 8.0), ("sorry", 2.0)]
    assert (base.fatal_policy, child.fatal_policy) == (FatalPolicy.ZERO_SCORE, FatalPolicy.FLAG_ONLY)


@pytest.mark.parametrize(("change", "place"), [
    ({"sections": [{"dimension": "态度", "items": []}]}, "base.sections[0].dimension"),
    ({"sections": [{"dimension": "流程规范", "items": [{"id": "x", "title": "x", "points": 0, "rule": ["x"]}]}]}, "x.points"),
    ({"sections": [{"dimension": "流程规范", "items": [{"id": "x", "title": "x", "points": 1, "rule": ["x"], "colour": 1}]}]},
     "base.sections[0].items[0].colour"),
    ({"extends": "nothing"}, "base.extends"),
    ({"fatal_policy": "shout"}, "base.fatal_policy"),
    ({"version": ""}, "base.version"),
    ({"applies_to": {"agent_kind": ["robot"]}}, "base.applies_to.agent_kind"),
    ({"applies_to": {"weather": ["rain"]}}, "base.applies_to.weather"),
    ({"applies_to": {"industry": ["bank"]}, "industries": ["bank"]}, "base.industries"),
    ({"additional": "yes"}, "base.additional"),
    ({"max_score": 90}, "base.max_score"),
    ({"max_score": float("nan")}, "base.max_score"),
    (section({"weight": -1}), "base.sections[0].weight"),
    ({"sections": [CARD["sections"][0] | {"weight": 2}, {"dimension": "客户体验", "items": [item("y")]}]}, "base.sections"),
    (section({}, item("x", fatal="everything")), "x.fatal"),
    (section({}, item("x", fatal=True, bonus=True)), "x.fatal"),
    (section({}, item("x", points=float("inf"))), "x.points"),
    (section({}, item("x", options=[{"title": "好", "points": 5, "rule": ["好"]}, {"title": "差", "points": 0}])), "x.options"),
    (section({}, graded({"title": "好", "points": 5, "rule": ["好"]})), "x.options"),
    (section({}, graded({"title": "好", "points": 5}, {"title": "差", "points": 0, "rule": ["差"]})), "x.options[0].rule"),
    (section({}, graded({"title": "好", "points": 0, "rule": ["好"]}, {"title": "差", "points": 2})), "x.options"),
    (section({}, graded({"title": "好", "points": -1, "rule": ["好"]}, {"title": "差", "points": 2, "rule": ["差"]})), "x.options[0].points"),
])
def test_a_wrong_scorecard_is_refused_with_its_place(change, place):
    with pytest.raises(RuleError) as refused:
        parse_scorecard(CARD | change, {})
    assert refused.value.place == place


def test_sections_keep_their_name_and_weight_in_a_child():
    base = parse_scorecard(CARD | section({"name": "开场", "weight": 3}, item("greeting")), {})
    node = {"id": "child", "version": 2, "title": "子", "extends": "base"} | section({"name": "结束", "weight": 1}, item("closing"))
    child = parse_scorecard(node, {"base": base})
    assert [(each.item_id, each.section) for each in child.items] == [("greeting", "开场"), ("closing", "结束")]
    assert child.weights == {"开场": 3.0, "结束": 1.0}


def test_a_scorecard_judges_what_has_every_attribute_it_names():
    card = parse_scorecard(CARD | {"applies_to": {"industry": ["bank", "insurance"], "agent_kind": ["bot"]}}, {})
    assert card.industries == ("bank", "insurance")
    assert card.judges({"industry": "bank", "agent_kind": "bot", "channel": "app"})
    assert not card.judges({"industry": "bank", "agent_kind": "human"})
    assert not card.judges({"industry": "bank"})


def test_points_by_option_are_those_of_the_best():
    card = parse_scorecard(CARD | section({}, graded(
        {"title": "时限和跟进人", "points": 10, "rule": ["二十四小时"]}, {"title": "只有时限", "points": 4, "rule": ["尽快"]}, {"title": "都没有", "points": 0},
    )), {})
    assert (card.items[0].points, [option.points for option in card.items[0].options]) == (10.0, [10.0, 4.0, 0.0])
