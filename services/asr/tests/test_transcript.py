import math

import pytest
from asr.domain.roles import from_words, of_channels
from asr.domain.transcript import Heard, Role, Turn, confidence, language_of_clips, main_language
from asr.domain.wording import joined, language_of, written


def heard(logprob: float, *, text: str = "好", silent: float = 0.0, language: str = "zh") -> Heard:
    return Heard(text, logprob, silent, language)


def test_confidence_is_the_mean_probability_of_a_token() -> None:
    assert confidence([(heard(math.log(0.8)), 1000)]) == pytest.approx(0.8)


def test_long_clips_weigh_more_than_short_ones() -> None:
    assert confidence([(heard(0.0), 3000), (heard(-1.0), 1000)]) == pytest.approx(math.exp(-0.25))


def test_confidence_stays_within_its_range() -> None:
    assert confidence([(heard(0.01), 1000)]) == 1.0
    assert 0 <= confidence([(heard(-50), 1000)]) < 1e-6
    assert confidence([]) == 0.0


def test_words_the_model_itself_doubts_are_noise() -> None:
    assert heard(-1.2, silent=0.9).is_noise
    assert heard(-0.1, text="").is_noise
    assert not heard(-1.2, silent=0.1).is_noise
    assert not heard(-0.3, silent=0.9).is_noise


def turn(language: str, length: int) -> Turn:
    return Turn("t1", Role.AGENT, "x", 0, length, 1.0, language)


def test_the_language_is_that_of_most_of_the_time() -> None:
    assert main_language([turn("en", 900), turn("en", 900), turn("zh", 2500)]) == "zh"
    assert main_language([]) == "zh"


def test_short_clips_do_not_decide_the_language() -> None:
    assert language_of_clips([("ja", 600)] * 10 + [("zh", 3000)]) == "zh"
    assert language_of_clips([("en", 900)]) == "en"


@pytest.mark.parametrize(
    ("announced", "roles"),
    [
        ((None, None), (Role.AGENT, Role.CUSTOMER)),
        ((Role.CUSTOMER, Role.AGENT), (Role.CUSTOMER, Role.AGENT)),
        ((Role.CUSTOMER, None), (Role.CUSTOMER, Role.AGENT)),
        ((None, Role.AGENT), (Role.CUSTOMER, Role.AGENT)),
    ],
)
def test_channels_have_the_roles_announced_and_otherwise_agent_left(
    announced: tuple[Role | None, Role | None], roles: tuple[Role, Role]
) -> None:
    assert of_channels(*announced) == roles


def test_the_agent_is_known_by_what_agents_say() -> None:
    said = [(0, "喂，你好，我家的宽带坏了。"), (1, "您好，很高兴为您服务，请您提供一下账号。"), (0, "谢谢你。")]
    assert from_words(said) == {0: Role.CUSTOMER, 1: Role.AGENT}


def test_where_words_decide_nothing_whoever_answered_the_telephone_does() -> None:
    assert from_words([(0, "喂"), (1, "嗯")]) == {0: Role.AGENT, 1: Role.CUSTOMER}
    assert from_words([(0, "喂"), (1, "嗯")], outbound=True) == {0: Role.CUSTOMER, 1: Role.AGENT}


def test_one_voice_alone_still_gets_a_role() -> None:
    assert from_words([(0, "感谢您的来电，祝您生活愉快")]) == {0: Role.AGENT}
    assert from_words([(0, "我要投诉你们")]) == {0: Role.CUSTOMER}
    assert from_words([]) == {}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("您好,请问有什么可以帮您?", "您好，请问有什么可以帮您？"),
        ("您好 华宁致电", "您好，华宁致电"),
        ("每月59.9元,有效", "每月59.9元，有效"),
        ("1,000元", "1,000元"),
        ("这是5G 套餐", "这是5G 套餐"),
        ("好的. 再见!", "好的。再见！"),
        ("", ""),
    ],
)
def test_chinese_is_written_with_its_own_marks(raw: str, clean: str) -> None:
    assert written(raw, "zh", lambda t: t) == clean


def test_other_languages_are_left_as_they_were_heard() -> None:
    assert written(" Thank you, sir. ", "en", lambda t: t.upper()) == "Thank you, sir."


def test_pieces_of_a_turn_are_joined_with_one_mark() -> None:
    assert joined(["明白了。", "为您安排", "", "工程师"], "zh") == "明白了。为您安排，工程师"
    assert joined(["I see.", "Thank you"], "en") == "I see. Thank you"


def test_a_written_message_tells_its_language_by_its_script() -> None:
    assert language_of("我的iPhone坏了") == "zh"
    assert language_of("my phone broke") == "und"
    assert language_of("123") == "zh"
