import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.adapters.usem_sentences import UsemSentences
from nlp_contacts import contact, said
from rule_language import finding

LINES = (
    "a: 您好，请问有什么可以帮您？", "c: 我的退款没到账，我要投诉。", "a: 非常抱歉，我帮您查一下。", "c: 快点吧，都三天了，退款到底退不退。",
    "a: 已经退了，工时费90元，配件费一共二百八。", "c: 好。", "a: 感谢您的来电。",
)


def holds(node, *lines, **attributes):
    return finding(node, said(*(lines or LINES)), attributes).holds


@pytest.mark.parametrize(("node", "expected"), [
    ({"words": ["退款", "投诉"], "at_least": "all"}, True),
    ({"words": ["退款", "抱歉"], "at_least": "all"}, False),
    ({"words": ["退款", "投诉", "抱歉"], "at_least": 2}, True),
    ({"none": [["没有的词"], ["举报"]]}, True),
    ({"none": [["没有的词"], ["投诉"]]}, False),
    ({"words": ["好"], "whole_turn": True}, True),
    ({"words": ["好"], "whole_turn": True, "role": "agent"}, False),
    ({"words": ["已经退"], "whole_turn": True}, False),
    ({"words": ["退*到账"]}, True),
    ({"near": {"a": ["退款"], "b": ["投诉"], "within_chars": 6}}, True),
    ({"near": {"a": ["退款"], "b": ["投诉"], "within_chars": 4}}, False),
    ({"near": {"a": ["投诉"], "b": ["退款"], "within_chars": 6}}, True),
    ({"near": {"a": ["投诉"], "b": ["退款"], "within_chars": 6, "ordered": True}}, False),
    ({"near": {"a": ["抱歉"], "b": ["投诉"], "within_chars": 500}}, False),
    ({"regex": "退(?:款|了)", "excluding": "已经退了", "role": "agent"}, False),
    ({"number": {"after": ["工时费"], "at_least": 0, "unit": "元"}}, True),
    ({"number": {"after": ["工时费"], "above": 90, "unit": "元"}}, False),
    ({"number": {"after": ["配件费"], "at_least": 280, "at_most": 280}}, True),
    ({"number": {"after": ["运费"], "at_least": 0}}, False),
    ({"number": {"unit": ["元"], "below": 100}}, True),
    ({"number": {"unit": ["天"], "at_least": 3}, "role": "customer"}, True),
    ({"promise": {}}, False),
])
def test_words_say_what_they_mean(node, expected):
    assert holds(node) is expected


@pytest.mark.parametrize(("within", "expected"), [
    ({"first_percent": 20}, True), ({"last_percent": 50}, False), ({"first_percent": 0}, False), ({"last_percent": 100}, True),
])
@pytest.mark.parametrize("timed", [True, False])
def test_a_percent_of_the_contact_is_of_its_time_or_of_its_passages(within, expected, timed):
    turns = [{"agent": "您好，很高兴"}] + [{"customer": "嗯嗯嗯嗯嗯嗯"}, {"agent": "好好好好好好"}] * 5
    dialogue = contact(turns, timed=timed)
    if timed and within == {"first_percent": 0}:
        within = {"first_percent": 0.1}
    assert finding({"words": ["您好"], "range": within}, dialogue).holds is expected


TWICE = ("c: 退款", "a: 好的", "c: 退款", "a: 抱歉", "c: 退款", "a: 再见")


@pytest.mark.parametrize(("word", "within", "expected"), [
    ("抱歉", {"after": ["退款"], "hit": 2, "within_turns": 1}, True),
    ("抱歉", {"after": ["退款"], "hit": 1, "within_turns": 1}, False),
    ("再见", {"after": ["退款"], "hit": "last"}, True),
    ("抱歉", {"after": ["退款"], "hit": "last"}, False),
    ("抱歉", {"after": ["退款"], "hit": 4}, False),
    ("好的", {"before": ["退款"], "hit": 2}, True),
    ("抱歉", {"before": ["退款"], "hit": 2}, False),
    ("抱歉", {"around": ["退款"], "hit": 3, "within_turns": 1}, True),
    ("好的", {"around": ["退款"], "hit": 3, "within_turns": 1}, False),
    ("退款", {"around": ["退款"], "within_turns": 0}, True),
    ("再见", {"around": ["抱歉"], "within_s": 1}, False),
    ("再见", {"around": ["抱歉"], "within_s": 3}, True),
])
def test_a_range_reaches_from_the_kth_hit(word, within, expected):
    assert holds({"words": [word], "range": within}, *TWICE) is expected


@pytest.mark.parametrize("within", [{"first_s": 5}, {"last_s": 5}, {"after": ["退款"], "within_s": 5}])
def test_seconds_say_nothing_of_a_contact_without_times(within):
    chat = contact([{"customer": "退款"}, {"agent": "抱歉"}], timed=False)
    assert finding({"words": ["抱歉"], "range": within}, chat).holds is None
    assert finding({"any": [{"words": ["抱歉"], "range": within}, ["没有的词"]]}, chat).holds is None


def test_the_last_of_very_many_hits_is_the_last():
    dialogue = said(*["c: 退款", "a: 好的"] * 300, "c: 退款", "a: 再见")
    assert finding({"words": ["再见"], "range": {"after": ["退款"], "hit": "last"}}, dialogue).holds is True
    assert finding({"words": ["好的"], "range": {"after": ["退款"], "hit": "last"}}, dialogue).holds is False
    assert finding({"count": {"of": ["退款"], "at_least": 301, "at_most": 301}}, dialogue).holds is True


@pytest.mark.parametrize(("phrase", "strictness", "text", "expected"), [
    ("感谢您的来电", "off", "感谢您的来点", False),
    ("感谢您的来电", "strict", "感谢您的来点", True),
    ("感谢您的来电", "normal", "感谢您的来点", True),
    ("感谢您的来电=", "loose", "感谢您的来点", False),
    ("感谢您的来电=", "off", "感谢您的来电", True),
])
def test_how_alike_a_phrase_must_sound_is_said_for_all_or_for_one(phrase, strictness, text, expected):
    assert holds({"words": [phrase], "sounds_like": strictness}, f"a: {text}") is expected


@given(st.text(alphabet="感谢您的来电点典商上门们检修休退腿款宽", min_size=2, max_size=30))
def test_what_is_heard_strictly_is_heard_normally_and_what_is_heard_normally_is_heard_loosely(text):
    found = {
        level: {(hit.start, hit.end) for hit in finding({"words": ["感谢您的来电", "上门检修", "退款"], "sounds_like": level}, said(f"a: {text}")).hits}
        for level in ("off", "strict", "normal", "loose")
    }
    assert found["off"] <= found["strict"] <= found["normal"] <= found["loose"]


@pytest.mark.parametrize(("words", "limits", "expected"), [
    ("工时费要九十块钱", {"below": 100}, True),
    ("工时费大概1,200元", {"at_least": 1200}, True),
    ("工时费是一千二百多元", {"at_least": 1200}, True),
    ("工时费是三点五元", {"above": 3, "below": 4}, True),
    ("工时费我不清楚。运费90元", {"at_least": 0}, False),
    ("工时费我帮您看一下再跟您说明一下详细情况是90元", {"at_least": 0}, False),
    ("工时费第2次90元", {"above": 50}, True),
    ("工时费90天", {"at_least": 0}, False),
])
def test_a_number_belongs_to_the_words_just_before_it(words, limits, expected):
    assert holds({"number": {"after": ["工时费"], "unit": "元", **limits}}, f"a: {words}。") is expected


SATURDAY = "2026-11-21T10:30:00+08:00"


@pytest.mark.parametrize(("words", "days", "started", "expected"), [
    ("我们三天内回访您", {"at_most_days": 3}, "", True),
    ("我们一周内回访您", {"at_most_days": 3}, "", False),
    ("我们二十四小时内回访您", {"at_most_days": 1}, "", True),
    ("我们后天回访您", {"at_most_days": 1}, "", False),
    ("我们三个工作日内回访您", {"at_most_days": 5}, "", True),
    ("我们三个工作日内回访您", {"at_most_days": 3}, SATURDAY, False),
    ("我们下周三回访您", {"at_most_days": 7}, "", None),
    ("我们下周三回访您", {"at_most_days": 7}, SATURDAY, True),
    ("我们12月1日回访您", {"at_most_days": 10}, SATURDAY, True),
    ("我们十二月五号回访您", {"at_most_days": 10}, SATURDAY, False),
    ("我们1月3号回访您", {"at_least_days": 40}, SATURDAY, True),
    ("我们尽快回访您", {}, "", False),
    ("我们明天回访您", {}, "", True),
])
def test_a_day_said_is_compared_by_its_distance(words, days, started, expected):
    assert finding({"date": days}, said(f"a: {words}。"), {"started_at": started} if started else {}).holds is expected


@pytest.mark.parametrize(("node", "words"), [
    ({"date": {}}, "请您快一点，一点都不能等了。"), ({"number": {"unit": "元"}}, "我们一块去看看。"), ({"number": {"unit": "天"}}, "天天都这样。"),
])
def test_words_that_only_look_like_figures_are_none(node, words):
    assert holds(node, f"c: {words}") is False


def test_a_day_may_have_to_follow_words():
    assert holds({"date": {"after": ["回访"], "at_most_days": 3}}, "a: 回访时间是后天上午。") is True
    assert holds({"date": {"after": ["回访"], "at_most_days": 3}}, "a: 后天上门。回访另外安排。") is False


@pytest.mark.parametrize(("words", "expected"), [
    ("请您告诉我一下验证码。", True),
    ("您收到的验证码是多少？", True),
    ("麻烦您把密码提供一下。", True),
    ("请不要告诉我您的密码。", False),
    ("请勿把验证码告诉我或任何人。", False),
    ("请您自己输入密码，不用告诉我。", False),
    ("我帮您重置密码，稍后告诉我结果。", False),
    ("验证码已经发到您的手机上了。", False),
    ("您的电话号码是多少？", False),
    ("验证码已发送。您的订单号是多少？", False),
])
def test_what_must_not_be_asked_for_is_heard_when_it_is(words, expected):
    assert holds({"asks_for": ["密码", "验证码"]}, f"a: {words}") is expected
    assert holds({"asks_for": ["密码", "验证码"]}, f"c: {words}") is False


def test_own_words_may_permit_asking():
    assert holds({"asks_for": ["验证码"], "unless": ["图形验证码"]}, "a: 图形验证码是多少？") is False


JARGON = {"jargon": {"terms": {"主板故障": ["启动不了", "开不了机"], "固件": ["系统程序"]}, "within_turns": 2}}


@pytest.mark.parametrize(("lines", "expected"), [
    (("a: 这是主板故障。", "c: 什么意思？"), True),
    (("a: 这是主板故障，就是机器启动不了。", "c: 哦。"), False),
    (("a: 这是主板故障。", "c: 什么意思？", "a: 就是开不了机。"), False),
    (("a: 这是主板故障。", "c: 什么意思？", "a: 就是坏了。", "c: 哦。", "a: 就是开不了机。"), True),
    (("c: 是不是主板故障？", "a: 是主板故障。"), False),
    (("a: 就是主板故障，固件也要升级，机器启动不了。",), True),
    (("c: 主板故障了。",), False),
])
def test_jargon_counts_where_it_is_not_put_plainly(lines, expected):
    assert holds(JARGON, *lines) is expected


def test_a_promise_without_a_deadline_is_told_from_one_with():
    assert holds({"promise": {"dated": False}}, "a: 我们会尽快为您处理的。") is True
    assert holds({"promise": {"dated": False}}, "a: 二十四小时之内会联系您。") is False


class ByCharacters:
    """A sentence is the characters it holds."""

    def __init__(self):
        self.encoded = []

    def encode(self, sentences):
        self.encoded.extend(sentences)
        vectors = np.zeros((len(sentences), 4096), dtype=np.float32)
        for row, sentence in enumerate(sentences):
            for char in sentence:
                vectors[row, ord(char) % 4096] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_meaning_embeds_every_sentence_once_for_all_conditions():
    encoder = ByCharacters()
    node = {"any": [{"meaning": ["没有这样的话呀"], "threshold": 0.9}, {"meaning": ["真是给您添麻烦了"], "threshold": 0.7}]}
    found = finding(node, said("a: 给您添了麻烦。请您稍等一下。", "c: I want my money back. Right now."), encoder=encoder)
    assert [hit.text for hit in found.hits] == ["给您添了麻烦"]
    assert len(encoder.encoded) == len(set(encoder.encoded)) == 6
    assert {"I want my money back", "Right now"} <= set(encoder.encoded)


def test_meaning_embeds_only_what_is_said_where_it_is_looked_for():
    encoder = ByCharacters()
    lines = ("a: 给您添了麻烦。", "c: 我要把钱拿回来。", "a: 请您稍等一下。")
    node = {"any": [{"meaning": ["真是给您添麻烦了"], "role": "agent", "range": {"first_turns": 1}}, {"meaning": ["真是给您添麻烦了"], "role": "agent"}]}
    assert [hit.text for hit in finding(node, said(*lines), encoder=encoder).hits][:1] == ["给您添了麻烦"]
    assert encoder.encoded == ["真是给您添麻烦了", "给您添了麻烦", "请您稍等一下"]
    assert finding({"meaning": ["你好"], "range": {"first_turns": 1}, "role": "agent"}, said("a: 嗯。", "c: 我要把钱拿回来。"), encoder=encoder).holds is False


def test_meaning_is_compared_across_languages():
    dialogue = said(
        "a: 真是不好意思给您添了麻烦。", "c: I would like to get my money back.", "a: 麻烦您报一下手机号码。", "c: 把钱还给我吧。", "a: 已经发货了。",
    )
    sorry = {"meaning": ["给您添麻烦了"], "unlike": ["麻烦您报一下号码"], "threshold": 0.5}
    refund = {"meaning": ["我要退款"], "threshold": 0.5}
    encoder = UsemSentences()
    assert [hit.turn_id for hit in finding(sorry, dialogue, encoder=encoder).hits] == ["t1"]
    assert [hit.turn_id for hit in finding(refund, dialogue, encoder=encoder).hits] == ["t2", "t4"]


def test_how_sure_a_hit_is_falls_with_the_recogniser_and_with_the_sound():
    sure = finding(["感谢您的来电"], said("a: 感谢您的来电。")).confidence
    alike = finding(["感谢您的来电"], said("a: 感谢您的来点。")).confidence
    assert sure > 0.99
    assert 0.5 < alike < sure


@pytest.mark.parametrize("text", ["我要退款😀😀", "我要退款ＡＢＣ", "I want 退款 now", "我要退款" + "啊" * 50_000])
def test_emoji_width_and_length_do_not_hide_a_phrase(text):
    found = finding(["退款"], said(f"c: {text}"))
    assert [hit.text for hit in found.hits] == ["退款"]


@pytest.mark.parametrize("node", [
    ["什么时候", "投诉"], ["什麼時候"], {"regex": "什么时候给我.退[款货]"}, {"regex": "甚麼|什麼時候"}, {"near": {"a": ["說過"], "b": ["退款"]}},
])
def test_traditional_and_simplified_characters_are_the_same(node):
    found = finding(node, said("c: 我說過了什麼時候給我們退款啊", "a: 我说过了什么时候给我们退款啊"))
    assert [hit.turn_id for hit in found.hits] == ["t1", "t2"]
    assert found.hits[0].text != found.hits[1].text


@pytest.mark.parametrize(("expression", "text", "expected"), [
    ("VIP客户", "我是vip客户", True), ("vip", "我是VIP", True), (r"\S+她", "就是她", True), ("您.吗", "你好嗎", True), (r"[A-C]1", "b1", True),
])
def test_expressions_meet_texts_in_one_case_and_one_script(expression, text, expected):
    assert finding({"regex": expression}, said(f"c: {text}")).holds is expected


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_evaluated(one, other):
    node = {"any": [["退款"], {"regex": "退[^。]{0,4}款"}, {"number": {"unit": "元"}}, {"date": {}}, {"repeated": {}}, {"asks_for": ["密码"]}]}
    found = finding(node, said(f"c: {one}", f"a: {other}"))
    assert found.holds in (True, False)


def test_a_turn_of_a_megabyte_is_evaluated_in_time():
    text = ("我要退款，你们工时费九十元，什么时候处理。" * 60_000)[:1_000_000]
    node = {"all": [
        ["退款"], {"regex": "退[^。]{0,4}款"}, {"regex": "(?<!不)退款"}, {"near": {"a": ["退款"], "b": ["工时费"]}}, {"number": {"after": ["工时费"]}},
        {"not": {"date": {"at_most_days": 1}}}, {"not": {"repeated": {"at_least": 2}}}, {"not": {"asks_for": ["密码"]}},
    ]}
    dialogue = said(f"c: {text}", "a: 好的。")
    began = time.process_time()
    assert finding(node, dialogue).holds is True
    assert time.process_time() - began < 30
