from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def recognition(from_repository: Callable[[str], ModuleType]) -> ModuleType:
    return from_repository("models/whisper/1/recognition.py")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("谢谢谢谢谢谢谢谢谢谢", "谢谢"),
        ("请稍等。我要投诉我要投诉我要投诉我要投诉我要投诉", "请稍等。我要投诉"),
        ("好好好，没问题", "好好好，没问题"),
        ("是的，是的，是的", "是的，是的，是的"),
        ("13800001111", "13800001111"),
        ("110101199003074518", "110101199003074518"),
        ("0" * 40, "00"),
        ("13800000000", "13800000000"),
        ("谢谢谢谢", "谢谢谢谢"),
        ("对对对，好的好的好的", "对对对，好的好的好的"),
        ("", ""),
    ],
)
def test_a_decoders_loop_is_cut_and_what_people_say_is_not(recognition: ModuleType, raw: str, clean: str) -> None:
    assert recognition.without_loops(raw) == clean


def test_the_surer_of_two_results_is_kept_and_words_beat_none(recognition: ModuleType) -> None:
    def result(text: str, logprob: float) -> object:
        return recognition.Recognized(text, logprob, 0.0, "zh")

    assert recognition.better(result("甲", -0.9), result("乙", -0.3)).text == "乙"
    assert recognition.better(result("甲", -0.3), result("乙", -0.9)).text == "甲"
    assert recognition.better(result("", -0.1), result("乙", -0.9)).text == "乙"
    assert recognition.better(result("甲", -0.9), result("", -0.1)).text == "甲"


def test_only_what_is_empty_or_unlikely_is_heard_again(recognition: ModuleType) -> None:
    assert recognition.is_doubtful(recognition.Recognized("", -0.1, 0.0, "zh"))
    assert recognition.is_doubtful(recognition.Recognized("甲", -0.7, 0.0, "zh"))
    assert not recognition.is_doubtful(recognition.Recognized("甲", -0.5, 0.0, "zh"))


def test_each_clip_goes_to_the_smallest_window_that_holds_it_with_its_tail(recognition: ModuleType) -> None:
    windows = recognition._by_window([100, 700, 701, 1200, 1201, 3000])
    assert windows == [(1000, [0, 1]), (1500, [2, 3]), (3000, [4, 5])]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [("。以下是普通", ""), ("以下是普通话的句子。", ""), ("大概一个星期。以下是普通话的句子。", "大概一个星期。"), ("我说普通话。", "我说普通话。")],
)
def test_the_decoders_own_prompt_is_no_speech(recognition, raw, clean):
    assert recognition.without_echo(raw, "以下是普通话的句子。") == clean
