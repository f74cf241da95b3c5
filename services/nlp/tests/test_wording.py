from dataclasses import replace
from datetime import UTC, datetime

import pytest
from nlp.adapters.yaml_packs import load_packs
from nlp.domain.dialogue import Dialogue
from nlp.domain.engine import QualityEngine
from nlp.domain.evaluations import evaluation_of
from nlp.domain.promises import promises
from nlp.domain.scorecard_parser import parse_scorecard
from nlp.domain.wording import undertaking
from nlp_contacts import said


@pytest.mark.parametrize(("words", "what", "deadline", "who"), [
    ("明白了，我为您安排工程师上门检修。24小时之内会联系您。", "安排工程师上门检修", "24小时", "工程师"),
    ("我们会尽快为您处理的。", "处理", None, "我们"),
    ("48小时，之内安装人员会上门。", "安装人员会上门", "48小时", "安装人员"),
    ("好的，明天上午主管会给您回电话。", "主管会给您回电话", "明天上午", "主管"),
    ("我看到是系统重复计费，我现在帮您停掉，八十块钱在五个工作日之内退回到您的卡里，工号三零一。", "八十块钱退回到您的卡里", "五个工作日", "我"),
    ("请您把发票传给我，收到之后三天之内给您重新寄出。", "收到之后给您重新寄出", "三天", "我"),
    ("我去年九月就给您登记了，明天下午两点前我亲自打电话给您吧。", "打电话给您", "明天下午两点", "我"),
])
def test_a_promise_is_put_short(words, what, deadline, who):
    dialogue = said(f"a: {words}")
    found = promises(dialogue)
    assert len(found) == 1
    promise = found[0]
    put = undertaking(promise, dialogue.passages[promise.passage].text)
    assert (put, promise.deadline and promise.deadline.text, promise.who) == (what, deadline, who)


def test_a_bare_verb_says_what_it_is_about():
    dialogue = said("a: 我们可以给您补发一件。", "c: 要多久？", "a: 三天之内给您寄出。")
    promise = promises(dialogue)[-1]
    assert undertaking(promise, dialogue.passages[promise.passage].text) == "补发（寄出）"


def test_what_the_customer_is_asked_for_is_no_promise():
    assert promises(said("a: 请您今天把照片发给我们。", "a: 麻烦您明天寄到售后中心。")) == ()


def explained(engine, item_id, *lines, **meta):
    """The explanation of one item."""
    return next(item.explanation for item in written(engine, said(*lines, **meta)).items if item.item_id == item_id)


def written(engine, dialogue):
    """The evaluation as it is kept."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return evaluation_of(engine.assess(dialogue), dialogue, tenant="t1", started_at=now, scored_at=now, derive_id=lambda *parts: "-".join(parts))


def test_what_was_broken_is_named_with_what_to_say_instead(engine):
    said_plainly = explained(engine, "no_shirking", "a: 您好，请问有什么可以帮您？", "c: 我家宽带坏了。", "a: 这是您的个人问题。", industry="telecom")
    assert said_plainly.startswith("把问题推给客户或他人：“您的个人问题”（第3轮）。建议改说：“")
    misheard = explained(engine, "no_shirking", "a: 您好，请问有什么可以帮您？", "c: 我家宽带坏了。", "a: 这是您的个人文题。", industry="telecom")
    assert misheard.startswith("把问题推给客户或他人：“您的个人问题”（第3轮，听写可能有误）。建议改说：“")


def test_something_missing_says_where_it_was_called_for_and_what_to_say(engine):
    told = explained(engine, "apology", "a: 您好，请问有什么可以帮您？", "c: 我家空调不制冷了。", "a: 您先重启一下。", "c: 好。", industry="appliance")
    assert told == "客户说到“不制冷”之后，没有做到“给客户带来不便时先致歉”。建议说：“非常抱歉给您带来不便。”"


def test_what_was_done_says_what_was_expected(engine):
    told = explained(engine, "greeting", "a: 您好，很高兴为您服务。", "c: 你好。", industry="florist")
    assert told == "做到了“开场问候客户并主动表示愿意帮忙”：“为您服务”（第1轮）。"


def test_every_item_of_the_shipped_scorecards_says_what_is_expected_and_what_to_say(engine):
    for card in engine.scorecards.values():
        for item in card.items:
            assert item.guidance.why and item.guidance.say, (card.scorecard_id, item.item_id)


def test_what_does_not_apply_says_when_it_would(engine):
    told = explained(engine, "policy_explained", "a: 您好，请问有什么可以帮您？", "c: 我想换个套餐。", "a: 好的。", industry="florist")
    assert told.startswith("本次会话不涉及此项（适用条件：客户")
    assert "七天无理由" in told


def test_doubt_names_the_turn_the_words_and_how_sure_they_are(engine):
    lines = [f"{'ac'[n % 2]}: {words}" for n, words in enumerate(["您好，请问有什么可以帮您？", "我家宽带坏了。", "七牛子弟兵。", "好。", "波吧子弟。"])]
    dialogue = said(*lines, industry="telecom")
    turns = tuple(replace(turn, confidence={2: 0.42, 4: 0.45}.get(number, 1.0)) for number, turn in enumerate(dialogue.turns))
    scored = written(engine, Dialogue(dialogue.interaction, turns))
    badly = next(item for item in scored.items if item.item_id == "closing")
    assert badly.explanation == "没有听到“结束时向客户致谢或道别”，但第3轮听得不清（置信0.42），可能漏听，交人工判断。"
    assert (badly.result, badly.evidence[0].turn_id, badly.evidence[0].text) == ("abstain", "t3", "七牛子弟兵。")
    assert scored.score_low < scored.score_high


def test_every_item_and_its_evidence_say_in_chinese_what_is_looked_for(engine):
    scored = written(engine, said("a: 您好，请问有什么可以帮您？", "c: 我家宽带坏了。", "a: 这是您的个人问题。", industry="telecom"))
    for item in scored.items:
        assert 0 < len(item.rule_text) <= 200, item.item_id
        for evidence in item.evidence:
            assert evidence.rule_text, (item.item_id, evidence.rule_id)
    shirked = next(item for item in scored.items if item.item_id == "no_shirking")
    assert shirked.section == "问题解决"
    assert shirked.evidence[0].text == "这是您的个人问题。"


@pytest.mark.parametrize(("line", "told"), [
    ("二十四小时之内由我给您回电", "做到了“时限和跟进人”，达到“都说了”（10分）：“二十四小时之内由我”（第3轮）。"),
    ("二十四小时之内回电", "做到了“时限和跟进人”，达到“只说时限”（4分）：“二十四小时”（第3轮）。"),
    ("等着吧您", "客户说到“坏了”之后，没有做到“时限和跟进人”。本节计0分。"),
])
def test_points_by_option_are_explained(line, told):
    item = {
        "id": "x", "title": "时限和跟进人", "fatal": "section", "applies_when": {"words": ["坏了"], "role": "customer"},
        "options": [{"title": "都说了", "points": 10, "rule": ["二十四小时*由我"]}, {"title": "只说时限", "points": 4, "rule": ["二十四小时"]},
                    {"title": "没说", "points": 0}],
    }
    packs, sections = load_packs(), [{"dimension": "流程规范", "items": [item]}]
    card = parse_scorecard({"id": "graded", "version": 1, "title": "卡", "industries": ["florist"], "sections": sections}, {})
    made = written(QualityEngine([packs.cards["common"], card], packs.signals), said("a: 您好。", "c: 我家宽带坏了。", f"a: {line}。", industry="florist"))
    assert made.items[0].explanation == told
    assert made.items[0].rule_text.startswith("都说了（10分）：说到“二十四小时*由我”")
