"""Laws of masking, over made-up contacts."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp.domain.numerals import DIGITS
from nlp.domain.pii.masking import MASK, redact
from nlp.domain.pii.redactions import originals, redacted_spans

_SAID = {"0": "零洞", "1": "一幺", "2": "二两", "3": "三", "4": "四", "5": "五", "6": "六", "7": "七拐", "8": "八", "9": "九勾"}
_MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
_WORDS = st.sampled_from([
    "您好，请问有什么可以帮您？", "我叫张伟。", "套餐是五十九元三十个G", "我住在幸福路18号阳光小区3栋502室", "订单号是13812345678", "嗯", "好的，谢谢",
    "车牌京A12345",
    "请问您的手机号码是多少？", "邮箱是 z 艾特 q q 点 com", "身份证号11010519491231002X", "2026年11月21日", "", "!@#😀", "請問您貴姓？", "我姓李。",
])


@st.composite
def contacts(draw):
    lines = draw(st.lists(st.tuples(st.sampled_from(list(Role)), _WORDS | st.text(max_size=30) | _MOBILES), min_size=1, max_size=12))
    turns, now = [], 0
    for number, (role, text) in enumerate(lines):
        length = draw(st.integers(0, 5000))
        turns.append(Turn(f"t{number}", role, text, now, now + length))
        now += length + draw(st.integers(0, 2000))
    return Dialogue(Interaction("i1"), tuple(turns))


@st.composite
def spoken(draw, number):
    """A number as it may be said: figures or numerals, with pauses anywhere."""
    made = ""
    for place, digit in enumerate(number):
        made += draw(st.sampled_from(digit + (_SAID[digit] if place else _SAID[digit].strip("洞拐勾"))))
        made += draw(st.sampled_from(["", "", "", " ", "-", "，"])) if place < len(number) - 1 else ""
    return made


@given(contacts())
@settings(max_examples=60, deadline=None)
def test_offsets_point_to_the_original_characters_and_times_lie_within_the_turn(dialogue):
    redaction = redact(dialogue)
    turns = {turn.turn_id: turn for turn in dialogue.turns}
    for original in originals(dialogue, redaction):
        span, turn = original.span, turns[original.span.turn_id]
        assert 0 <= span.char_from < span.char_to <= len(turn.text)
        assert turn.text[span.char_from : span.char_to] == original.text
        assert redaction.masked[span.turn_id][span.char_from : span.char_to] == MASK * len(original.text)
        assert (span.start_ms, span.end_ms) == (0, 0) if not turn.timed else turn.start_ms <= span.start_ms < span.end_ms <= turn.end_ms


@given(contacts())
@settings(max_examples=60, deadline=None)
def test_outside_its_spans_a_text_stays_as_it_was(dialogue):
    redaction = redact(dialogue)
    hidden = {(span.turn_id, place) for span in redacted_spans(dialogue, redaction) for place in range(span.char_from, span.char_to)}
    for turn in dialogue.turns:
        masked = redaction.masked[turn.turn_id]
        assert len(masked) == len(turn.text)
        assert all(a == b or (turn.turn_id, place) in hidden for place, (a, b) in enumerate(zip(masked, turn.text, strict=True)))


@given(contacts())
@settings(max_examples=60, deadline=None)
def test_masking_what_is_masked_changes_nothing(dialogue):
    masked = redact(dialogue).masked
    again = Dialogue(dialogue.interaction, tuple(replace(turn, text=masked[turn.turn_id]) for turn in dialogue.turns))
    assert redact(again).masked == masked


@given(st.data(), _MOBILES)
@settings(max_examples=200, deadline=None)
def test_a_masked_text_holds_no_digit_of_a_mobile_however_it_is_said(data, number):
    said = data.draw(spoken(number))
    dialogue = Dialogue(Interaction("i1"), (Turn("t1", Role.CUSTOMER, f"你记一下，{said}"),))
    assert not set(redact(dialogue).masked["t1"].removeprefix("你记一下，")) - {MASK}


@given(st.data(), _MOBILES, st.lists(st.integers(2, 9), min_size=1, max_size=3, unique=True))
@settings(max_examples=200, deadline=None)
def test_a_number_split_over_turns_is_masked_wherever_it_is_split(data, number, cuts):
    pieces = [number[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), len(number)], strict=True)]
    if any(len(piece) < 2 for piece in pieces):
        return
    turns = [Turn("t0", Role.AGENT, "请问您的手机号码是多少？")]
    for count, piece in enumerate(pieces):
        turns.append(Turn(f"c{count}", Role.CUSTOMER, data.draw(spoken(piece))))
        turns.append(Turn(f"a{count}", Role.AGENT, "嗯"))
    masked = redact(Dialogue(Interaction("i1"), tuple(turns))).masked
    shown = "".join(text for turn_id, text in masked.items() if turn_id.startswith("c"))
    assert not any(char in DIGITS for char in shown), masked


@given(contacts())
@settings(max_examples=20, deadline=None)
def test_a_later_turn_takes_nothing_from_what_was_masked_before_it(dialogue):
    """Live, a turn is masked with what was said until then: later turns add to its mask (a number that goes on), and take nothing."""
    whole = redact(dialogue)
    for count in range(1, len(dialogue.turns)):
        if dialogue.passage_of_turn[count - 1] == dialogue.passage_of_turn[count]:
            continue  # one speaker goes on: the passage is read anew
        live = redact(Dialogue(dialogue.interaction, dialogue.turns[:count]))
        for turn in dialogue.turns[:count]:
            before, after = live.masked[turn.turn_id], whole.masked[turn.turn_id]
            assert all(b == MASK for a, b in zip(before, after, strict=True) if a == MASK and a != turn.text), (before, after)
