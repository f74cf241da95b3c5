import pytest
from nlp.domain.courses import Answer, Feeling, Question
from nlp_contacts import said
from rule_language import evaluator, finding

CALM, CROSS, FURIOUS, HAPPY = Feeling("neutral", 0.1), Feeling("anxious", 0.45), Feeling("angry", 0.9), Feeling("satisfied", 0.05)
LINES = ("c: 您好。", "a: 请讲。", "c: 坏了。", "a: 这是您的问题。", "c: 什么？", "a: 就是这样。", "c: 再见。")


def felt(*feelings):
    return {f"t{2 * number + 1}": feeling for number, feeling in enumerate(feelings) if feeling is not None}


@pytest.mark.parametrize(("node", "course", "expected"), [
    ({"is": "angry"}, felt(CALM, FURIOUS), True),
    ({"is": ["angry", "anxious"]}, felt(CALM, CROSS), True),
    ({"is": "angry"}, felt(CALM, CROSS), False),
    ({"is": "anxious", "at_least": 0.6}, felt(CROSS), False),
    ({"at_least": 0.6}, felt(CALM, FURIOUS), True),
    ({"rises_after": ["您的问题"]}, felt(CALM, CALM, FURIOUS, CALM), True),
    ({"rises_after": ["您的问题"]}, felt(CALM, FURIOUS, FURIOUS, CALM), False),
    ({"rises_after": ["您的问题"]}, felt(CALM, FURIOUS, CALM, CALM), False),
    ({"rises_after": ["您的问题"], "by": 0.5}, felt(CALM, CALM, CROSS, CALM), False),
    ({"rises_after": ["您的问题"], "not_back": True}, felt(CALM, CALM, FURIOUS, CALM), False),
    ({"rises_after": ["您的问题"], "not_back": True}, felt(CALM, CALM, FURIOUS, CROSS), True),
    ({"rises_after": ["您的问题"], "is": "angry"}, felt(CALM, CALM, CROSS, CROSS), False),
    ({"rises_after": ["没有说过"]}, felt(CALM, FURIOUS), False),
    ({"rises_after": ["请讲"]}, felt(None, FURIOUS), True),
    ({"is": "angry"}, {}, None),
    ({"is": "angry"}, None, None),
])
def test_emotion_is_a_label_a_degree_or_a_rise(node, course, expected):
    assert finding({"emotion": node}, said(*LINES), course=course).holds is expected


def test_what_speaks_against_a_lasting_rise_is_where_the_customer_came_back():
    found = finding({"emotion": {"rises_after": ["您的问题"], "not_back": True}}, said(*LINES), course=felt(CALM, CALM, FURIOUS, HAPPY))
    assert [hit.turn_id for hit in found.against] == ["t7"]


def test_emotion_may_be_asked_for_in_a_range():
    node = {"emotion": {"is": "angry"}, "range": {"last_turns": 1}}
    assert finding(node, said(*LINES), course=felt(FURIOUS, CALM, CALM, CALM)).holds is False
    assert finding(node, said(*LINES), course=felt(CALM, CALM, CALM, FURIOUS)).holds is True


@pytest.mark.parametrize(("node", "lines", "expected"), [
    ({}, ("c: 什么时候给我退款？", "a: 好的。", "c: 到底什么时候给我退款？"), True),
    ({}, ("c: 什么时候给我退款？", "a: 好的。", "c: 那我的发票开了吗？"), False),
    ({}, ("c: 什么时候给我退款？什么时候给我退款？", "a: 好的。"), False),
    ({}, ("a: 请您稍等一下好吗。", "c: 嗯。", "a: 请您稍等一下好吗。"), False),
    ({}, ("c: 好的好的。", "a: 嗯。", "c: 好的好的。"), False),
    ({"at_least": 3}, ("c: 什么时候给我退款？", "a: 好。", "c: 什么时候给我退款？"), False),
    ({"at_least": 3}, ("c: 什么时候给我退款？", "a: 好。", "c: 我说什么时候给我退款？", "a: 好。", "c: 什么时候给我退款啊？"), True),
    ({"of": ["退款", "退钱"]}, ("c: 我要退款。", "a: 好。", "c: 那笔钱怎么还不退，退钱啊！"), True),
    ({"of": ["退款"]}, ("c: 我要退款，退款！", "a: 好。"), False),
])
def test_a_demand_is_repeated_when_it_is_made_again_after_an_answer(node, lines, expected):
    assert finding({"repeated": node}, said(*lines)).holds is expected


DEMANDS = {"demands": {"list": {
    "退款": {"of": ["退款"], "answered_by": ["退到", "退给您"]}, "发票": {"of": ["发票"], "answered_by": ["发票*开", "开*发票"]},
}, "at_least": 2}}


@pytest.mark.parametrize(("lines", "more", "expected"), [
    (("c: 我要退款，还要发票。", "a: 款退给您，发票明天开。"), {}, True),
    (("c: 我要退款，还要发票。", "a: 款退给您。"), {}, False),
    (("c: 我要退款，还要发票。", "a: 款退给您。"), {"unanswered_at_most": 1}, True),
    (("c: 我要退款。", "a: 款退给您。"), {}, None),
    (("c: 我要退款。", "a: 款退给您。"), {"at_least": 1}, True),
    (("a: 发票明天开，款退给您。", "c: 我要退款，还要发票。", "a: 好的。"), {}, False),
    (("c: 我要退款，还要发票。", "a: 好的。", "c: 喂？", "a: 款退给您，发票明天开。"), {"within_turns": 1}, False),
])
def test_every_demand_needs_its_own_answer(lines, more, expected):
    assert finding({"demands": {**DEMANDS["demands"], **more}}, said(*lines)).holds is expected


def test_the_demand_without_an_answer_is_shown():
    found = finding(DEMANDS, said("c: 我要退款，还要发票。", "a: 款退给您。"))
    assert [hit.text for hit in found.against] == ["发票"]


@pytest.mark.parametrize(("node", "attributes", "expected"), [
    ({"attribute": {"queue": ["vip", "gold"]}}, {"queue": "vip"}, True),
    ({"attribute": {"queue": ["vip", "gold"]}}, {"queue": "x"}, False),
    ({"attribute": {"queue": ["vip"]}}, {}, None),
    ({"attribute": {"queue": {"in": ["vip"]}}}, {"queue": "vip"}, True),
    ({"attribute": {"queue": {"not_in": ["vip"]}}}, {"queue": "vip"}, False),
    ({"attribute": {"ticket.reopened": {"at_least": 2}}}, {"ticket.reopened": "2"}, True),
    ({"attribute": {"ticket.reopened": {"at_least": 2}}}, {"ticket.reopened": "1.5"}, False),
    ({"attribute": {"ticket.reopened": {"at_least": 2}}}, {"ticket.reopened": "often"}, None),
    ({"attribute": {"ticket.reopened": {"above": 1, "below": 3}}}, {"ticket.reopened": "2"}, True),
    ({"not": {"attribute": {"queue": ["vip"]}}}, {}, None),
    ({"previous_contacts": {"days": 7, "at_least": 2}}, {"previous_contacts_7d": "2"}, True),
    ({"previous_contacts": {"days": 30, "at_least": 2}}, {"previous_contacts_7d": "2"}, None),
    ({"previous_contacts": {"at_most": 0}}, {"previous_contacts_7d": "0"}, True),
    ({"hang_up": "agent"}, {"hang_up": "agent"}, True),
    ({"hang_up": "agent"}, {"hang_up": "customer"}, False),
    ({"hang_up": "agent"}, {}, None),
])
def test_what_a_contact_does_not_carry_is_neither_true_nor_false(node, attributes, expected):
    assert finding(node, said("a: 您好。"), attributes).holds is expected


JUDGE = {"judge": {"question": "坐席是否真正理解了客户的诉求？"}, "range": {"first_turns": 2}}


def test_a_question_without_an_answer_is_noted_and_decides_nothing():
    asked, found = evaluator({"not": JUDGE}, said(*LINES))
    assert found.holds is None
    assert list(asked.questions) == [Question("坐席是否真正理解了客户的诉求？", (), ("t1", "t2"))]


@pytest.mark.parametrize(("answer", "holds", "hits", "against"), [
    (Answer(True, 0.8, ("t2",)), True, ["t2"], []), (Answer(False, 0.8, ("t2",)), False, [], ["t2"]),
])
def test_an_answer_given_beforehand_decides(answer, holds, hits, against):
    question = Question("坐席是否真正理解了客户的诉求？", (), ("t1", "t2"))
    asked, found = evaluator(JUDGE, said(*LINES), answers={question: answer})
    assert (found.holds, [hit.turn_id for hit in found.hits], [hit.turn_id for hit in found.against]) == (holds, hits, against)
    assert not asked.questions


@pytest.mark.parametrize(("answer", "why"), [
    (Answer(None, 0.0), "语言模型无法判断"), (Answer(None, 0.0, failure="语言模型无法访问"), "语言模型无法访问"),
    (Answer(True, 0.6, ("t2",)), "语言模型把握不足（0.60）"),
])
def test_what_was_not_answered_for_sure_may_hold_or_not(answer, why):
    question = Question("坐席是否真正理解了客户的诉求？", (), ("t1", "t2"))
    asked, found = evaluator(JUDGE, said(*LINES), answers={question: answer})
    assert found.holds is False
    assert not asked.questions
    assert [hit.doubt for hits in asked.doubted.values() for hit in hits] == [why]


def test_what_is_known_later_is_added_to_what_was_known():
    asked, _ = evaluator(JUDGE, said(*LINES))
    (question,) = asked.questions
    more = asked.with_attributes({"queue": "vip"}).with_course(felt(FURIOUS)).with_answers({question: Answer(True, 0.9)})
    assert more.attributes == {"queue": "vip"}
    assert more.course is not None and more.answers
