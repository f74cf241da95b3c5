from datetime import date

import pytest
from chassis.errors import InvalidInput
from routing.domain.fields import Turn, field_table_in
from routing.domain.opening import TYPES
from routing.settings import RULES

ON = date(2026, 11, 22)


@pytest.fixture(scope="module")
def table():
    return field_table_in((RULES / "fields.yaml").read_text("utf-8"))


def talk(*lines):
    """Customer first, then agent, in turn."""
    return [Turn(f"t{n + 1}", n % 2 == 0, text) for n, text in enumerate(lines)]


def test_every_type_has_its_fields_and_at_least_one_is_needed(table):
    assert set(table.types) == set(TYPES) and all(any(spec.needed for spec in specs) for specs in table.types.values())


@pytest.mark.parametrize(
    ("type_", "lines", "field", "value", "turn"),
    [
        ("故障", ["喂", "您好", "我住在********小区，宽带断网了"], "place", "********小区", "t3"),
        ("故障", ["我家里的电视黑屏了，没有声音"], "place", "我家里", "t1"),
        ("故障", ["你好", "请讲", "空调不制冷，开了一天了"], "symptom", "空调不制冷", "t3"),
        ("故障", ["断网了，整栋楼都没有网"], "scope", "整栋楼都没有网", "t1"),
        ("投诉", ["上个月乱扣我二十块钱话费"], "amount", "20.00", "t1"),
        ("投诉", ["套餐五十九元，但是扣了我八十元"], "amount", "80.00", "t1"),
        ("投诉", ["10月份的账单不对"], "period", "10月份", "t1"),
        ("投诉", ["扣错钱了，要求解释", "好的", "必须退钱给我"], "demand", "必须退钱给我", "t3"),
        ("业务办理", ["我想开通国际漫游，下周出国"], "business", "开通国际漫游", "t1"),
        ("业务办理", ["取消套餐，11月30号生效"], "effective_date", "2026-11-30", "t1"),
        ("咨询", ["你好，请问流量包怎么买"], "topic", "请问流量包怎么买", "t1"),
    ],
)
def test_a_field_is_found_where_the_customer_said_it(table, type_, lines, field, value, turn):
    said = table.found(type_, talk(*lines), ON)[field]
    assert (said.value, said.turn.turn_id) == (value, turn)


def test_what_the_agent_says_fills_nothing(table):
    assert table.found("投诉", [Turn("t1", False, "帮您退款二十元，请问什么时候扣的，上个月吗")], ON) == {}


def test_what_nobody_said_is_missing_where_it_is_needed(table):
    fields, missing = table.complete("投诉", (), table.found("投诉", talk("你们态度太差了，要求道歉"), ON), "你们态度太差了，要求道歉")
    assert [(f.field_id, f.by) for f in fields] == [("demand", "system")] and missing == ("period",)  # nobody spoke of money
    _, missing = table.complete("投诉", (), {}, "乱扣费")
    assert missing == ("amount", "period", "demand")


def test_what_people_gave_stands_before_what_was_said(table):
    mine = table.given("投诉", {"amount": "三十块"}, "li", ON)
    fields, _ = table.complete("投诉", mine, table.found("投诉", talk("扣了二十块钱"), ON), "")
    assert [(f.value, f.by, f.turn_id) for f in fields if f.field_id == "amount"] == [("30.00", "li", "")]


@pytest.mark.parametrize(
    ("type_", "values", "field"),
    [
        ("投诉", {"place": "北京"}, "fields.place"), ("投诉", {"amount": "很多"}, "fields.amount"),
        ("业务办理", {"effective_date": "以后"}, "fields.effective_date"),
        ("故障", {"scope": "x" * 501}, "fields.scope"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused_by_name(table, type_, values, field):
    with pytest.raises(InvalidInput) as raised:
        table.given(type_, values, "li", ON)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("yaml", "field"),
    [
        ("types: {抱怨: []}", "types.抱怨"),
        ("types: {咨询: [{id: a, title: a, kind: colour, find: []}]}", "types.咨询[0].kind"),
        ("types: {咨询: [{id: a, title: a, kind: text, find: [{pattern: '('}]}]}", "types.咨询[0].find[0].pattern"),
        ("types: {咨询: [{id: a, title: a, kind: text, find: [{near: [x]}]}]}", "types.咨询[0].find[0]"),
        ("types: {咨询: [{title: a, kind: text, find: []}]}", "types.咨询[0].id"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_by_place(yaml, field):
    with pytest.raises(InvalidInput) as raised:
        field_table_in(f"version: '1'\n{yaml}")
    assert raised.value.field == field
