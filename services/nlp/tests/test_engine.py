"""The shipped packs on written contacts and on the spoken calls."""

import pytest
from nlp.domain.judged import Outcome
from nlp_contacts import SHARED, cases, contact, recorded_calls, said

CASES = {case["id"]: case for case in cases()}


@pytest.mark.parametrize("name", CASES)
def test_a_written_contact_is_judged_as_an_inspector_would(engine, name):
    case = CASES[name]
    expected = case["expect"]
    found = engine.assess(contact(case["turns"], case["meta"]))
    results = {item.item_id: item.outcome.value for item in found.judgement.items}
    assert {item: results.get(item) for item in expected["items"]} == expected["items"]
    if "type" in expected:
        assert found.ticket_type == expected["type"]
    if "urgency" in expected:
        assert found.urgent == (expected["urgency"] == "high")
    if "emotion" in expected:
        assert found.customer_emotion == expected["emotion"]
    if "alerts" in expected:
        assert sorted(alert.kind for alert in found.alerts) == sorted(expected["alerts"])
    if "promises" in expected:
        assert [promise.deadline and promise.deadline.text for promise in found.promises] == expected["promises"]
    for secret in expected.get("pii", ()):
        assert not any(secret in text for text in found.redaction.masked.values())


def test_there_are_enough_written_contacts_of_every_industry():
    assert len(CASES) >= 30
    assert {case["meta"]["industry"] for case in CASES.values()} >= {"telecom", "appliance", "automotive", "electronics", "ecommerce", "bank", "insurance"}


@pytest.mark.skipif(not (SHARED / "calls").exists(), reason="../shared/calls is absent")
def test_the_spoken_calls_are_judged_right_from_their_true_words(engine):
    listed = right = types = count = 0
    for script, dialogue in recorded_calls():
        found = engine.assess(dialogue)
        results = {item.item_id: item.outcome for item in found.judgement.items}
        labels = script["labels"]
        listed += len(labels["passed"]) + len(labels["failed"])
        right += sum(results[item] in (Outcome.PASS, Outcome.NA) for item in labels["passed"])
        right += sum(results[item] is Outcome.FAIL for item in labels["failed"])
        types += found.ticket_type == labels["type"]
        count += 1
        for secret in labels["pii"]:
            assert not any(secret in text for text in found.redaction.masked.values())
    assert count == 7
    assert right / listed >= 0.95
    assert types >= 6


def test_a_fatal_item_makes_the_score_zero_and_shows_the_words(engine):
    found = engine.assess(said("a: 您好，请问有什么可以帮您？", "c: 我家宽带坏了。", "a: 这是您的个人问题。", "c: 好吧，再见。", industry="telecom"))
    item = next(item for item in found.judgement.items if item.item_id == "no_shirking")
    assert (item.outcome, item.evidence[0].turn_id, item.evidence[0].text) == (Outcome.FAIL, "t3", "您的个人问题")
    assert found.judgement.fatal
    assert found.judgement.score == 0


def test_something_missing_points_at_the_turn_that_called_for_it(engine):
    found = engine.assess(said("a: 您好，请问有什么可以帮您？", "c: 我家空调不制冷了。", "a: 您先重启一下。", "c: 好。", industry="appliance"))
    item = next(item for item in found.judgement.items if item.item_id == "apology")
    assert item.outcome is Outcome.FAIL
    assert item.missing
    assert item.evidence[0].turn_id == "t2"


def test_an_unknown_industry_is_judged_by_the_common_card(engine):
    found = engine.assess(said("a: 您好，很高兴为您服务。", "c: 你好。", industry="florist"))
    assert found.scorecard.scorecard_id == "common"


def test_a_contact_of_customer_turns_alone_is_judged(engine):
    found = engine.assess(said("c: 有人吗？", "c: 喂？"))
    assert next(item for item in found.judgement.items if item.item_id == "greeting").outcome is Outcome.FAIL


def test_loudness_without_words_of_anger_is_not_anger(engine):
    from dataclasses import replace

    from nlp.domain.dialogue import Acoustics, Dialogue

    quiet = said("a: 您好，请问有什么可以帮您？", "c: 我想查一下话费。", "a: 好的请稍等。", "c: 就是上个月的。", "a: 一共五十元。",
                 "c: 好的知道了。", industry="telecom")
    loud = Dialogue(quiet.interaction, tuple(
        replace(turn, acoustics=Acoustics(energy_db=-10.0 if turn.turn_id == "t6" else -30.0, rate=5.0)) for turn in quiet.turns
    ))
    assert engine.assess(loud).customer_emotion == "neutral"


def test_ten_thousand_turns_are_judged(engine):
    found = engine.assess(said(*["a: 好的，请您稍等。", "c: 嗯嗯，我在听😀。"] * 5000, industry="telecom"))
    assert len(found.mood.course) == 5000


@pytest.mark.parametrize(("lines", "outcome"), [
    (("c: 喂您好。", "a: 您好，很高兴为您服务，请问还有什么可以帮您？", "c: 我宽带断了。", "a: 师傅明天上午上门。", "c: 好。"), Outcome.FAIL),
    (("a: 您好。", "c: 我宽带断了。", "a: 您好，请问还有什么可以帮您？", "c: 我说宽带断了。", "a: 师傅明天上午上门。", "c: 好。"), Outcome.FAIL),
    (("a: 您好。", "c: 你们周日开门吗？", "a: 九点到四点营业，请问还有其他问题吗？", "c: 没有。"), Outcome.PASS),
    (("a: 您好。", "c: 你们周日开门吗？", "a: 九点到四点营业。", "c: 好的。", "a: 还有别的需要吗？"), Outcome.PASS),
])
def test_only_a_question_after_the_matter_was_handled_confirms_that_it_is_solved(engine, lines, outcome):
    found = engine.assess(said(*lines, industry="telecom"))
    assert next(item.outcome for item in found.judgement.items if item.item_id == "confirm_solved") is outcome


@pytest.mark.parametrize(("words", "risk"), [
    ("我明天一早到公信不投诉", "工信部"),
    ("我要打一二三一五", "12315"),
    ("我打幺二三幺五告你们", "12315"),
    ("我打12 315", "12315"),
    ("我去消费这协会", "消费者协会"),
    ("我找没体暴光你们", "媒体"),
    ("我要启诉你们", "起诉"),
    ("给你们发绿师函", "律师"),
    ("我要头诉", "投诉"),
])
def test_a_risk_word_is_heard_however_the_recogniser_wrote_it(engine, words, risk):
    found = engine.assess(said("a: 您好，请问有什么可以帮您？", f"c: {words}！", industry="telecom", confidence="0.75"))
    assert risk in found.risk_keywords
    assert "complaint_keyword" in {alert.kind for alert in found.alerts}


@pytest.mark.parametrize("words", ["我不投诉，就问问", "我记着呢，没提过", "利率是多少", "家具包装好了吗", "字小写些", "我不想投诉"])
def test_what_only_sounds_like_a_risk_word_raises_nothing(engine, words):
    found = engine.assess(said("a: 您好，请问有什么可以帮您？", f"c: {words}。", industry="telecom", confidence="0.75"))
    assert "complaint_keyword" not in {alert.kind for alert in found.alerts}


def test_a_fee_is_heard_by_its_sound_where_a_sum_follows(engine):
    def quoted(words):
        found = engine.assess(said("a: 您好。", "c: 换个滤芯多少钱？", f"a: {words}", "c: 好。", industry="automotive"))
        return next(item.outcome for item in found.judgement.items if item.item_id == "quote_itemised")

    assert quoted("配间费200元，工食费90元，一共290元。") is Outcome.PASS
    assert quoted("配间我们都有，工食也够。") is Outcome.FAIL
