import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.phrases import PhraseError, PhraseScanner, parse_phrase
from nlp.domain.text import plain


def matches(phrase: str, text: str, spoken: bool = True, confidence: float = 1.0) -> list[tuple[str, float]]:
    found = plain(text)
    return [
        (text[found.origin[f.start] : found.origin[f.end - 1] + 1], f.confidence)
        for f in PhraseScanner([parse_phrase(phrase)]).scan(found, spoken, confidence).get(0, ())
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
    ("身份证号码", "身份正好吗"),
    ("请耐心等待", "请奈新等待"),
    ("售后服务热线", "收货服务乐显"),
    ("帮您办理", "帮您搬礼"),
    ("退货*运费", "退伙的话晕飞"),
])
def test_what_a_recogniser_writes_instead_is_found_with_less_confidence(phrase, heard):
    found = matches(phrase, heard, confidence=0.75)
    assert found and 0.5 <= found[0][1] < 1.0
    assert matches(phrase, heard, spoken=False) == []


@pytest.mark.parametrize(("phrase", "text"), [
    ("媒体", "每题都要做"),
    ("没有关系", "还有关系"),
    ("不给您退款了", "我给您退款了"),
    ("给您*添麻烦", "给您查到了。麻烦您添加"),
    ("退*款", "退一下昨天买的那一笔货款"),
    ("已为您", "我以为您知道"),
    ("什么事", "什么时候到"),
    ("报价", "申请保价"),
    ("还有什么问题", "x有什么问题"),
    ("指导您", "不知道您说的"),
    ("补发", "我们不发这个"),
    ("试一下", "核实一下"),
])
def test_what_means_something_else_is_not_found(phrase, text):
    assert matches(phrase, text) == []


def test_a_doubtful_turn_is_heard_more_readily_than_a_clear_one():
    clear, doubtful = matches("签收后", "快递牵收后打电话", confidence=1.0), matches("签收后", "快递牵收后打电话", confidence=0.7)
    assert doubtful[0][1] > (clear[0][1] if clear else 0.0)


def test_a_loosely_heard_phrase_is_found_where_a_normal_one_is_not():
    assert matches("退费", "我要退肺") == []
    assert len(matches("退费~", "我要退肺")) == 1


PARTS = st.text(alphabet="退款投诉", min_size=1, max_size=3)


@given(st.lists(st.lists(st.tuples(PARTS, st.integers(0, 5)), min_size=1, max_size=3), min_size=1, max_size=5), st.text(alphabet="退款投诉。", max_size=40))
def test_phrases_with_wildcards_are_found_as_trying_every_place_finds_them(phrases, text):
    """Of places that begin together the shortest counts; parts begin in one sentence."""
    read = plain(text)

    def ends(parts: list[tuple[str, int]], first: int, places: range) -> list[int]:
        after = [at + len(parts[0][0]) for at in places if read.letters.startswith(parts[0][0], at) and read.sentence[at] == read.sentence[first]]
        if len(parts) == 1:
            return after
        size = len(read.letters)
        return [end for at in after for end in ends(parts[1:], first, range(at, min(size, at + parts[1][1] + 1)))]

    written = ["".join(part if i == 0 else f"*{{{reach}}}{part}" for i, (part, reach) in enumerate(parts)) for parts in phrases]
    found = PhraseScanner([parse_phrase(p) for p in written]).scan(read, spoken=False)
    for number, parts in enumerate(phrases):
        expected = {at: min(reached) for at in range(len(read.letters)) if (reached := ends(parts, at, range(at, at + 1)))}
        assert {f.start: f.end for f in found.get(number, ())} == (expected if len(parts) > 1 else {at: at + len(parts[0][0]) for at in expected})


@given(st.lists(st.text(alphabet="退款投诉a1", min_size=1, max_size=4), min_size=1, max_size=8), st.text(alphabet="退款投诉a1，。😀", max_size=40))
def test_overlapping_phrases_are_all_found(phrases, text):
    read = plain(text)
    found = PhraseScanner([parse_phrase(p) for p in phrases]).scan(read, spoken=False)
    for number, phrase in enumerate(phrases):
        places = [at for at in range(len(read.letters)) if read.letters.startswith(phrase, at)]
        assert sorted(f.start for f in found.get(number, ())) == places


def test_a_turn_of_a_megabyte_is_scanned_in_time_linear_in_its_length():
    scanner = PhraseScanner([parse_phrase(p) for p in ("我要投诉", "退*{60}款", "感谢您的来电", "重启*路由器*试试")])
    turn = "您好😀我要投诉，退了半天也没有退我的货款。謝謝你的來電 ok la，重启一下路由器再试试看。"

    def seconds(text: str) -> float:
        began = time.process_time()
        scanner.scan(plain(text), spoken=True, confidence=0.7)
        return time.process_time() - began

    small, large = turn * 2_000, turn * 8_000  # 0.25 and 1 MB
    seconds(small)
    assert min(seconds(large) for _ in range(2)) < 4 * 3 * min(seconds(small) for _ in range(2))


@pytest.mark.parametrize("phrase", ["*退款", "退款*", "。。", "退*{999}款"])
def test_a_phrase_that_matches_everything_or_nothing_is_refused(phrase):
    with pytest.raises(PhraseError):
        parse_phrase(phrase)


@given(st.text(alphabet="退款投诉抱歉来电点，。a1 ", max_size=40))
def test_a_phrase_is_found_wherever_its_letters_stand(text):
    letters = plain(text).letters
    found = PhraseScanner([parse_phrase("投诉")]).scan(plain(text), spoken=False).get(0, ())
    assert len(found) == letters.count("投诉")
