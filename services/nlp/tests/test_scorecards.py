import pytest
from nlp.domain.rule_parser import RuleError
from nlp.domain.scorecard_parser import parse_scorecard
from nlp.domain.scorecards import FatalPolicy

CARD = {"id": "base", "version": 1, "title": "基础", "sections": [
    {"dimension": "流程规范", "items": [{"id": "greeting", "title": "问候", "points": 5, "rule": ["您好"]}]},
]}


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
])
def test_a_wrong_scorecard_is_refused_with_its_place(change, place):
    with pytest.raises(RuleError) as refused:
        parse_scorecard(CARD | change, {})
    assert refused.value.place == place
