import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.phrases import PhraseError, PhraseScanner, parse_phrase
from nlp.domain.text import plain


def matches(phrase: str, text: str, spoken: bool = True) -> list[tuple[str, float]]:
    found = plain(text)
    return [
        (text[found.origin[f.start] : found.origin[f.end - 1] + 1], f.confidence)
        for f in PhraseScanner([parse_phrase(phrase)]).scan(found, spoken).get(0, ())
    ]


@pytest.mark.parametrize(("phrase", "text"), [
    ("感谢您的来电", "好的，感谢你的来电"),
    ("给您*添麻烦", "真是给您又添麻烦了"),
    ("退*{10}款", "这个退一下昨天那笔货款"),
    ("12315", "我要打１２３１５"),
    ("很高兴为您服务", "很高兴，为您服务"),
])
def test_written_phrases_are_found(phrase, text):
    assert [confidence for _, confidence in matches(phrase, text)] == [1.0]


@pytest.mark.parametrize(("phrase", "heard"), [
    ("感谢您的来电", "感谢您的来点"),
    ("我要求退费~", "我要求退肺"),
    ("上门检修", "商门检修"),
    ("全程跟进", "全称跟进"),
    ("祝您生活愉快", "祖宁生活愉快"),
    ("身份证号码", "神分证号码"),
])
def test_what_a_recogniser_writes_instead_is_found_with_less_confidence(phrase, heard):
    found = matches(phrase, heard)
    assert found and found[0][1] < 1.0
    assert matches(phrase, heard, spoken=False) == []


@pytest.mark.parametrize(("phrase", "text"), [
    ("媒体", "每题都要做"),
    ("没有关系", "还有关系"),
    ("不给您退款了", "我给您退款了"),
    ("给您*添麻烦", "给您查到了。麻烦您添加"),
    ("退*款", "退一下昨天买的那一笔货款"),
])
def test_what_means_something_else_is_not_found(phrase, text):
    assert matches(phrase, text) == []


@pytest.mark.parametrize("phrase", ["*退款", "退款*", "。。", "退*{999}款"])
def test_a_phrase_that_matches_everything_or_nothing_is_refused(phrase):
    with pytest.raises(PhraseError):
        parse_phrase(phrase)


@given(st.text(alphabet="退款投诉抱歉来电点，。a1 ", max_size=40))
def test_a_phrase_is_found_wherever_its_letters_stand(text):
    letters = plain(text).letters
    found = PhraseScanner([parse_phrase("投诉")]).scan(plain(text), spoken=False).get(0, ())
    assert len(found) == letters.count("投诉")
