import pytest
from chassis.errors import InvalidInput
from routing.domain.departments import Matter, department_rules_in
from routing.domain.tickets import Kind


@pytest.mark.parametrize(
    ("industry", "type_", "product", "text", "department"),
    [
        ("telecom", "投诉", "话费账单", "莫名其妙扣了我二十块钱话费", "市场部"),
        ("telecom", "故障", "宽带", "宽带坏了三天没人修", "网维部"),
        ("telecom", "故障", "手机套餐", "流量正常但是上网打不开网页", "网维部"),
        ("telecom", "业务办理", "宽带新装", "我要新装一条宽带", "装维部"),
        ("appliance", "故障", "空调", "空调一直在漏水", "售后维修部"),
        ("automotive", "咨询", "汽车维修", "换刹车片多少钱", "售后服务部"),
        ("automotive", "咨询", "召回", "我的车在不在召回范围", "质量与召回部"),
        ("electronics", "故障", "智能音箱", "音箱唤醒失灵", "研发部"),
        ("ecommerce", "投诉", "退款", "退款十天没到账", "财务结算部"),
        ("ecommerce", "投诉", "物流", "快递五天没更新", "仓配部"),
        ("bank", "投诉", "借记卡", "卡被盗刷了五千块", "风险管理部"),
        ("bank", "投诉", "理财", "买理财亏了当时说保本", "消费者权益保护部"),
        ("", "投诉", "", "客服态度太差了还挂我电话", "班组"),
        ("", "故障", "打印机", "打印机不工作", "研发部"),
        ("", "咨询", "", "你们几点上班", "客户服务中心"),
    ],
)
def test_a_matter_goes_to_the_department_it_belongs_to(industry, type_, product, text, department, departments):
    assert departments.route(Matter(Kind.SERVICE, type_, industry, product, text)).department == department


def test_callbacks_and_rectification_do_not_go_where_the_matter_goes(departments):
    assert departments.route(Matter(Kind.CALLBACK, "投诉", "telecom", "宽带", "断网")).department == "客户关怀组"
    assert departments.route(Matter(Kind.RECTIFICATION, "投诉", "telecom", "宽带", "断网")).department == "班组"


def test_the_match_says_which_rule_and_why(departments):
    routed = departments.route(Matter(Kind.SERVICE, "投诉", "telecom", "话费账单", "乱扣费"))
    assert routed.rule_id == "telecom-tariff"
    assert routed.because == ("types=投诉", "industries=telecom", "words=扣费")
    assert routed.routed_by == f"telecom-tariff@{departments.version} (types=投诉, industries=telecom, words=扣费)"


def test_what_no_rule_names_goes_to_the_named_rest(departments):
    assert departments.route(Matter(Kind.SERVICE, "咨询", "", "", "")).routed_by == f"otherwise@{departments.version}"


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ("rules: [{id: a, department: x, when: {colour: [red]}}]", "rules.a.when.colour"),
        ("rules: [{id: a, department: x, when: {words: []}}]", "rules.a.when.words"),
        ("rules: [{id: a, department: x, when: {}}]", "rules.a.when"),
        ("rules: [{id: a, when: {words: [x]}}]", "department"),
        ("rules: [{id: a, department: x, when: {words: [x]}}, {id: a, department: y, when: {words: [y]}}]", "rules"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(rules, field):
    with pytest.raises(InvalidInput) as raised:
        department_rules_in(f"version: '1'\notherwise: 其他\n{rules}")
    assert raised.value.field == field
