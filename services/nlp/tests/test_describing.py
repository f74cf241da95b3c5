import pytest
from hypothesis import given, settings
from nlp.domain.describing import describe
from nlp.domain.rule_parser import OPERATORS, parse_condition
from nlp.domain.rules import parse_rules
from strategies import RULES, conditions

SAID = [
    ({"words": ["您好", "为您服务"], "role": "agent", "range": {"first_turns": 2}}, "坐席在前2轮说到“您好”“为您服务”之一"),
    ({"words": ["退款", "退货"], "at_least": "all"}, "说到“退款”“退货”全部"),
    ({"words": ["退款", "退货", "换货"], "at_least": 2, "unless": ["不退款"], "not_negated": True},
     "说到“退款”“退货”“换货”中的至少2个（“不退款”不算，前面带否定的不算）"),
    ({"words": ["好"], "whole_turn": True, "sounds_like": "strict"}, "整句只说“好”（只认同音）"),
    ({"words": list("甲乙丙丁戊己庚辛")}, "说到“甲”“乙”“丙”“丁”“戊”“己”等8个之一"),
    ({"words": ["工时费"], "then": "九十元"}, "说到“工时费”（紧接着符合表达式“九十元”）"),
    ({"regex": "退款", "excluding": "不退款"}, "说出符合表达式“退款”的话（符合“不退款”的不算）"),
    ({"near": {"a": ["退"], "b": ["款"], "within_chars": 5, "ordered": True}}, "在“退”之后5个字以内说到“款”"),
    ({"number": {"after": ["工时费"], "at_least": 0, "unit": "元"}}, "在“工时费”之后12个字以内说出不少于0的数（单位：元）"),
    ({"date": {"at_most_days": 3, "after": ["回访"]}}, "在“回访”之后12个字以内说出距今不多于3天的时间"),
    ({"meaning": ["给您添麻烦了"], "unlike": ["麻烦您"], "threshold": 0.8}, "说出意思接近“给您添麻烦了”的话（相似度不低于0.8），而不像“麻烦您”"),
    ({"asks_for": ["密码", "验证码"]}, "坐席索要“密码”“验证码”之一"),
    ({"jargon": {"terms": {"主板故障": ["启动不了"]}, "within_turns": 2}}, "坐席使用客户没有先说的术语“主板故障”，并且2轮以内没有用“启动不了”这样的话解释"),
    ({"promise": {"dated": False}, "role": "agent"}, "坐席作出没有期限的承诺"),
    ({"silence": {"longer_than_s": 10, "between": "other", "unless": ["请稍等"]}}, "双方换人说话之间出现超过10秒的静音（事先“说到‘请稍等’”的，120秒以内不算）"),
    ({"hold": {"longer_than_s": 60, "announced": ["请稍等"], "without": ["久等"]}}, "“说到‘请稍等’”之后让对方等待超过60秒，之后没有“说到‘久等’”"),
    ({"overlap": {"longer_than_s": 0.5}, "role": "agent"}, "坐席抢话超过0.5秒"),
    ({"response_time": {"longer_than_s": 30}, "role": "agent"}, "坐席在对方说完之后超过30秒才回应"),
    ({"speech_rate": {"above": 7.5, "min_chars": 20}, "role": "agent"}, "坐席语速高于每秒7.5个字（至少20个字）"),
    ({"loudness": {"rises_db": 6}, "role": "customer"}, "客户音量比本人平时高6分贝以上"),
    ({"pitch": {"rises_percent": 20}, "role": "customer"}, "客户音调比本人平时高20%以上"),
    ({"talk_share": {"above": 0.7}}, "坐席说话占比超过0.7"),
    ({"call_length": {"longer_than_s": 600}}, "会话时长超过600秒"),
    ({"emotion": {"is": ["angry"], "rises_after": ["您的问题"], "not_back": True}}, "客户在“说到‘您的问题’”之后不满上升0.3以上并且没有回落，情绪愤怒"),
    ({"repeated": {"at_least": 3}}, "客户反复说意思相同的话，达到3次"),
    ({"demands": {"list": {"退款": {"of": ["退款"], "answered_by": ["退到"]}}}},
     "客户提出的诉求（至少1个）都有自己的回应：“退款”（说到“退款”）的回应是：说到“退到”"),
    ({"attribute": {"industry": ["bank"]}}, "行业是bank"),
    ({"attribute": {"customer_emotion": ["angry"]}}, "客户最终情绪是愤怒"),
    ({"previous_contacts": {"days": 7, "at_least": 2}}, "此前7天内来访次数不少于2"),
    ({"hang_up": "agent"}, "挂机方是坐席"),
    ({"judge": {"question": "坐席是否理解了诉求？"}}, "经大模型判断，“坐席是否理解了诉求？”的答案为是"),
    ("complains", "符合规则“complains”"),
    ({"rule": "complains", "role": "customer"}, "客户：符合规则“complains”"),
    ({"all": [["您好"], {"not": ["再见"]}]}, "说到“您好”，并且（没有出现：说到“再见”）"),
    ({"all": [["您好"], ["再见"]], "same_turn": True}, "在同一段话里说到“您好”，并且说到“再见”"),
    ({"any": [["您好"], ["再见"]], "role": "agent", "range": {"last_turns": 1}}, "坐席在最后1轮：说到“您好”，或者说到“再见”"),
    ({"none": [["您好"]]}, "没有出现：说到“您好”"),
    ({"not": ["您好"]}, "没有出现：说到“您好”"),
    ({"sequence": [["您好"], ["再见"]], "within_turns": 3}, "先说到“您好”，3轮以内再说到“再见”"),
    ({"count": {"of": ["您好"], "at_least": 2}}, "至少2次说到“您好”"),
    ({"each": {"of": ["投诉"], "answered_by": ["抱歉"], "within_turns": 2}}, "每次“说到‘投诉’”之后2轮以内都有“说到‘抱歉’”"),
    ({"words": ["抱歉"], "range": {"after": ["投诉"], "hit": 2, "within_turns": 3}}, "在第2次“说到‘投诉’”之后3轮以内说到“抱歉”"),
    ({"words": ["抱歉"], "range": {"around": ["投诉"], "hit": "last", "within_s": 30}}, "在最后一次“说到‘投诉’”前后30秒以内说到“抱歉”"),
    ({"words": ["抱歉"], "range": {"first_percent": 20}}, "在前20%的会话里说到“抱歉”"),
]


@pytest.mark.parametrize(("node", "sentence"), SAID, ids=range(len(SAID)))
def test_a_condition_is_one_clear_sentence(node, sentence):
    assert describe(parse_condition(node, "test")) == sentence


def test_every_operator_has_its_sentence():
    assert {key for node, _ in SAID if isinstance(node, dict) for key in node if key in OPERATORS} == set(OPERATORS)


def test_a_short_rule_is_told_in_full_where_it_is_named():
    rules = parse_rules(RULES)
    assert describe(rules["calm"], rules) == "没有出现：客户说到“投诉”“退款”之一（前面带否定的不算）"


@settings(max_examples=80, deadline=None)
@given(conditions())
def test_every_condition_has_a_sentence(node):
    said = describe(parse_condition(node, "test"), parse_rules(RULES))
    assert said and "None" not in said and "Role." not in said
