"""What the shipped emotion model and the voice make of a customer's turns."""

import hashlib
import io
import random
import re
from importlib.resources import files

import numpy as np
import pytest
from nlp.domain.dialogue import Acoustics, Dialogue, Role, Turn
from nlp.domain.emotion.course import TurnEmotion, course, tipping
from nlp.domain.emotion.features import BUCKETS, MAX_CHARS, PROBE, buckets, pairs, repeated
from nlp.domain.emotion.model import HEADS, WEIGHTS, Context, EmotionModel, shipped
from nlp.domain.emotion.voice import EXCITED, MIN_BASELINE_TURNS, arousal
from nlp.domain.engine import QualityEngine
from nlp_contacts import said

OPENING = "a: 您好，请问有什么可以帮您？"


def dissatisfaction(*lines: str, engine: QualityEngine) -> float:
    return engine.assess(said(OPENING, *lines)).mood.course[-1].dissatisfaction


def alone(text: str) -> float:
    model = shipped()
    return model.dissatisfaction(model.text_scores(text), Context())


def customers(*texts: str) -> tuple[Turn, ...]:
    return tuple(Turn(f"t{n}", Role.CUSTOMER, text) for n, text in enumerate(texts))


def test_the_shipped_weights_are_those_of_the_model_card():
    folder = files("nlp") / "emotion"
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert re.findall(r"[0-9a-f]{64}", (folder / "MODEL_CARD.md").read_text(encoding="utf-8")) == [digest]
    assert shipped().sha256 == digest


def test_texts_are_read_as_when_the_weights_were_trained():
    with np.load(str(files("nlp") / "emotion" / WEIGHTS), allow_pickle=False) as kept:
        assert kept["probe"].tolist() == buckets(PROBE).tolist(), "train the emotion model anew: see its MODEL_CARD.md"


def test_an_evaluation_can_say_which_weights_were_used(engine):
    assert engine.models["emotion"] == shipped().version
    assert shipped().sha256 in shipped().version


def test_weights_for_other_features_are_refused():
    file = io.BytesIO()
    np.savez(file, buckets=BUCKETS * 2, places=np.zeros(1, np.uint32), weights=np.zeros((1, 6)), biases=np.zeros(3), context=np.zeros(12))
    with pytest.raises(ValueError, match="other features"):
        EmotionModel.read(file.getvalue())


@pytest.mark.parametrize(("worse", "better"), [
    ("等了三天都没人处理，太差了", "等了一会儿就处理好了，太快了"),
    ("根本没有解决", "已经解决了"),
    ("你们怎么还不给我退款？", "好的，退款收到了"),
    ("质量太差，用了两天就坏了", "质量很好，用了两年还没坏"),
    ("一点都不满意", "很满意"),
    ("没有用啊，还是不行", "可以了，有用"),
    ("说了几遍了你们怎么就不明白", "明白了"),
])
def test_a_complaint_is_more_dissatisfied_than_its_opposite(worse, better):
    assert alone(worse) > alone(better) + 0.15


@pytest.mark.parametrize("words", ["好的，谢谢", "嗯，知道了", "谢谢你，讲得很清楚", "好的好的，辛苦了", "行，再见"])
def test_thanks_and_consent_are_not_dissatisfied(engine, words):
    assert dissatisfaction(f"c: {words}", engine=engine) < 0.25


@pytest.mark.parametrize(("asked", "answer", "content"), [
    ("请问还有其他可以帮您的吗？", "没有了。", True),
    ("还有什么问题吗", "没啦，谢谢", True),
    ("还有别的需要吗？", "嗯，没有别的了，再见。", True),
    ("钱到账了吗？", "没有。", False),
    ("还有其他可以帮您的吗？", "没有，你们根本没解决。", False),
])
def test_that_there_is_nothing_else_is_no_dissatisfaction(engine, asked, answer, content):
    found = dissatisfaction("c: 我想退款。", f"a: {asked}", f"c: {answer}", engine=engine)
    assert found <= 0.1 if content else found > 0.3


@pytest.mark.parametrize("words", ["你们这是欺骗消费者！", "什么态度啊，我要投诉！", "太过分了，叫你们经理来", "气死我了，没人管吗"])
def test_words_of_anger_are_dissatisfied_in_any_trade(engine, words):
    found = engine.assess(said(OPENING, f"c: {words}")).mood.course[-1]
    assert found.emotion == "angry"
    assert found.dissatisfaction >= 0.6
    assert found.valence < -0.5


@pytest.mark.parametrize("words", ["我不生气，就是问问", "没有不满意，都挺好的", "不着急，您慢慢查", "我不是来投诉的，就咨询一下", "别担心，我自己来"])
def test_a_denied_feeling_is_not_felt(engine, words):
    found = engine.assess(said(OPENING, f"c: {words}")).mood
    assert found.worst not in ("angry", "anxious")
    assert found.course[-1].emotion not in ("angry", "anxious")


def test_thanks_after_anger_bring_the_mood_back(engine):
    found = engine.assess(said(
        OPENING, "c: 我想查一下话费。", "a: 这是您的个人问题。", "c: 什么态度！你们太过分了，我要投诉！", "a: 非常抱歉，我马上为您退费，今天到账。",
        "c: 那太好了，谢谢你，态度真好。", industry="telecom",
    ))
    points = [point.emotion for point in found.mood.course]
    assert points == ["neutral", "angry", "satisfied"]
    assert found.mood.tipping is not None
    assert (found.mood.tipping.turn_id, found.mood.tipping.after_turn_id, found.mood.tipping.recovered) == ("t4", "t3", True)
    assert found.mood.course[1].dissatisfaction > 0.6 > 0.2 > found.mood.course[2].dissatisfaction


def test_anger_that_stays_is_not_recovered_by_giving_a_number(engine):
    found = engine.assess(said(OPENING, "c: 太过分了，我要投诉你们！", "a: 请问您的电话？", "c: 我的电话是13812345678。", "a: 好的。")).mood
    assert found.tipping is not None
    assert (found.tipping.turn_id, found.tipping.recovered) == ("t2", False)


def test_a_calm_contact_does_not_tip(engine):
    found = engine.assess(said(OPENING, "c: 我想查一下套餐。", "a: 每月五十九元。", "c: 好的，谢谢。")).mood
    assert found.tipping is None


def test_where_the_customer_speaks_first_nothing_came_before_the_tip():
    points = [TurnEmotion("t0", "angry", 1.0, -1.0, -0.8)]
    found = tipping(points, customers("太过分了"))
    assert found is not None
    assert (found.turn_id, found.after_turn_id, found.recovered) == ("t0", "", False)


def test_the_fall_that_was_not_made_good_is_the_one_told():
    levels = (0.0, -0.9, 0.5, -0.5, -0.45)
    points = [TurnEmotion(f"t{n}", "neutral", 0.0, 0.0, level) for n, level in enumerate(levels)]
    found = tipping(points, customers(*"一二三四五"))
    assert found is not None
    assert (found.turn_id, found.recovered) == ("t3", False)


def test_a_turn_is_judged_by_itself_and_those_before_alone(engine):
    lines = [
        OPENING, "c: 我的宽带断了三天了。", "a: 您重启一下。", "c: 重启过了，没有用！", "a: 抱歉。", "c: 太过分了，投诉你们。", "a: 马上处理。", "c: 那谢谢。",
    ]
    whole = engine.assess(said(*lines, industry="telecom")).mood.course
    for count in range(2, len(lines) + 1, 2):
        assert engine.assess(said(*lines[:count], industry="telecom")).mood.course == whole[: count // 2]


def test_saying_it_again_is_noticed():
    assert repeated(pairs("怎么还没有到账"), [pairs("我的退款怎么还没有到账")]) > 0.6
    assert repeated(pairs("怎么还没有到账"), [pairs("好的谢谢你")]) == 0
    assert repeated(pairs("嗯嗯"), [pairs("嗯嗯")]) == 0


def test_the_same_words_said_again_are_more_dissatisfied():
    model = shipped()
    scores = model.text_scores("什么时候能到账")
    assert model.dissatisfaction(scores, Context(repeated=1.0, turns=2, earlier=1.0)) > model.dissatisfaction(scores, Context(turns=2, earlier=-2.0))


@pytest.mark.parametrize("text", ["", " ", "😀😀", "[数字x]#E-s[数字x]", "A" * 1_000_000, "你好" * 500_000, "Where is my order?", "這個東西太爛了"])
def test_any_text_is_judged(text):
    assert 0 < alone(text) < 1
    assert len(buckets(text)) <= 3 * MAX_CHARS + 3


def test_figures_are_all_alike_and_places_stay_in_the_table():
    assert buckets("退我30元").tolist() == buckets("退我129.50元").tolist()
    found = buckets("退我129.50元，太慢了！")
    assert found.min() >= 0
    assert found.max() < BUCKETS


def spoken(dialogue: Dialogue, sounds: dict[str, Acoustics]) -> Dialogue:
    from dataclasses import replace

    return Dialogue(dialogue.interaction, tuple(replace(turn, acoustics=sounds.get(turn.turn_id)) for turn in dialogue.turns))


USUAL = Acoustics(energy_db=-30.0, pitch_hz=200.0, rate=4.0)
LINES = (
    OPENING, "c: 我想查一下话费。", "a: 好的请稍等。", "c: 就是上个月的。", "a: 请问号码？", "c: 就是这个号码。", "a: 一共五十元。",
    "c: 你们怎么还没给我退款呢？",
)


def test_nothing_is_heard_before_the_speaker_has_a_usual():
    assert list(arousal([USUAL] * (MIN_BASELINE_TURNS - 1) + [Acoustics(-10.0, 400.0, 9.0)])) == [0.0] * MIN_BASELINE_TURNS


def test_a_higher_faster_voice_is_excited_and_a_lower_slower_one_is_not():
    before = [USUAL] * 4
    assert list(arousal([*before, Acoustics(-26.0, 260.0, 6.0)]))[-1] > EXCITED
    assert list(arousal([*before, Acoustics(-34.0, 160.0, 3.0)]))[-1] < -EXCITED


def test_loudness_alone_never_excites():
    for heard in (Acoustics(-5.0, 200.0, 4.0), Acoustics(energy_db=-5.0)):
        assert list(arousal([USUAL] * 6 + [heard]))[-1] <= EXCITED


def test_loud_calm_words_stay_neutral(engine):
    loud = dict.fromkeys(("t2", "t4", "t6"), USUAL) | {"t8": Acoustics(-5.0, 200.0, 4.0)}
    calm = said(*LINES[:-1], "c: 好的，谢谢，我知道了。")
    point = engine.assess(spoken(calm, loud)).mood.course[-1]
    assert point.emotion == "neutral"
    assert point.dissatisfaction == engine.assess(calm).mood.course[-1].dissatisfaction


def test_an_excited_voice_with_content_words_is_not_anger(engine):
    excited = dict.fromkeys(("t2", "t4", "t6"), USUAL) | {"t8": Acoustics(-20.0, 330.0, 7.0)}
    found = engine.assess(spoken(said(*LINES[:-1], "c: 好的，太好了，谢谢你！"), excited)).mood.course[-1]
    assert found.emotion == "satisfied"
    assert found.arousal > EXCITED


def test_doubtful_words_in_an_excited_voice_are_worry_and_never_anger(engine):
    excited = dict.fromkeys(("t2", "t4", "t6"), USUAL) | {"t8": Acoustics(-24.0, 300.0, 6.5)}
    words = said(*LINES[:-1], "c: 你们不是说没货了吗？怎么又有了？")
    quiet, heard = engine.assess(words).mood.course[-1], engine.assess(spoken(words, excited)).mood.course[-1]
    assert (quiet.emotion, heard.emotion) == ("neutral", "anxious")
    assert quiet.dissatisfaction == heard.dissatisfaction


def test_the_gain_of_the_line_changes_nothing(engine):
    chance = random.Random(5)
    sounds = {f"t{n}": Acoustics(chance.uniform(-40, -20), chance.uniform(150, 260), chance.uniform(3, 7)) for n in range(2, 10, 2)}
    louder = {name: Acoustics((heard.energy_db or 0.0) + 15.0, heard.pitch_hz, heard.rate) for name, heard in sounds.items()}
    dialogue = said(*LINES)
    assert engine.assess(spoken(dialogue, sounds)).mood == engine.assess(spoken(dialogue, louder)).mood


def test_a_course_of_ten_thousand_turns_is_found():
    made = course(shipped(), customers(*(f"第{n}次问了，怎么还没到？" for n in range(10_000))), {}, {})
    assert len(made) == 10_000
    assert all(0 <= point.dissatisfaction <= 1 and -1 <= point.level <= 1 for point in made)


def test_there_is_a_weight_for_each_head_and_for_each_part_of_the_context():
    assert len(HEADS) == len(shipped().text_scores("好").__slots__) == 3
    assert len(Context().values()) == 8


def test_texts_scored_together_come_out_as_one_by_one():
    texts = ["太慢了，我要投诉！", "", "好的谢谢", "[表情]", "退我129.50元", "好", "太慢了，我要投诉！"] * 60
    weights = np.random.default_rng(3).normal(size=(BUCKETS, 2 * len(HEADS))).astype(np.float16).astype(np.float32)

    def fresh():
        return EmotionModel(weights, [0.1, 0.2, 0.3], [0.0] * 12, sha256="")

    together = fresh().scores_of(texts)
    assert together == {text: fresh().text_scores(text) for text in set(texts)}
