import pytest
from knowledge.domain.words import words


@pytest.mark.parametrize("text", ["", "   ", "好的，谢谢你！", "？？？", "没有了"])
def test_small_talk_has_no_words(text):
    assert words(text) == ()


def test_words_are_cut_and_grammar_is_left_out():
    assert {"宽带", "断网"} <= set(words("我家的宽带断网了怎么办"))


def test_latin_letters_and_digits_are_kept_in_lower_case():
    assert "wifi" in words("WiFi连不上") and "12315" in words("我要打12315")
