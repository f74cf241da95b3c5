from datetime import UTC, datetime

import pytest
from nlp.domain.evaluations import evaluation_of
from nlp.domain.promises import promises
from nlp.domain.wording import undertaking
from nlp_contacts import said


@pytest.mark.parametrize(("words", "what", "deadline", "who"), [
    ("明白了，我为您安排工程师上门检修。24小时之内会联系您。", "安排工程师上门检修", "24小时", "工程师"),
    ("我们会尽快为您处理的。", "处理", None, "我们"),
    ("48小时，之内安装人员会上门。", "安装人员会上门", "48小时", "安装人员"),
    ("好的，明天上午主管会给您回电话。", "主管会给您回电话", "明天", "主管"),
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
    dialogue = said(*lines, **meta)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    scored = evaluation_of(engine.assess(dialogue), dialogue, tenant="t1", started_at=now, scored_at=now, derive_id=lambda *parts: "-".join(parts))
    return next(item.explanation for item in scored.items if item.item_id == item_id)


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
