from dataclasses import replace

import pytest
from nlp.domain.dialogue import Acoustics, Dialogue, Role
from nlp_contacts import contact
from rule_language import finding


def holds(node, turns, **more):
    return finding(node, contact(turns, **more)).holds


A, C, LATER = {"agent": "请您稍等，我查一下。"}, {"customer": "好的好的。"}, {"agent": "查到了。"}


@pytest.mark.parametrize(("node", "turns", "expected"), [
    ({"silence": {"longer_than_s": 10}}, [A, {**LATER, "gap": 12}], True),
    ({"silence": {"longer_than_s": 10, "between": "same"}}, [A, {**LATER, "gap": 12}], True),
    ({"silence": {"longer_than_s": 10, "between": "other"}}, [A, {**LATER, "gap": 12}], False),
    ({"silence": {"longer_than_s": 10, "between": "other"}}, [A, {**C, "gap": 12}], True),
    ({"silence": {"longer_than_s": 10}, "role": "agent"}, [A, {**C, "gap": 12}], False),
    ({"silence": {"longer_than_s": 10}, "role": "customer"}, [A, {**C, "gap": 12}], True),
    ({"silence": {"longer_than_s": 10, "unless": ["请您稍等"]}}, [A, {**LATER, "gap": 12}], False),
    ({"silence": {"longer_than_s": 10, "unless": ["请您稍等"], "announced_s": 11}}, [A, {**LATER, "gap": 12}], True),
    ({"hold": {"longer_than_s": 30, "announced": ["请您稍等"]}}, [A, {**LATER, "gap": 31}], True),
    ({"hold": {"longer_than_s": 30, "announced": ["请您稍等"]}}, [A, {**LATER, "gap": 29}], False),
    ({"hold": {"longer_than_s": 30, "announced": ["请您稍等"]}}, [LATER, {**LATER, "gap": 31}], False),
    ({"hold": {"longer_than_s": 30, "announced": ["请您稍等"], "without": ["久等"]}}, [A, {"agent": "让您久等了。", "gap": 31}], False),
    ({"hold": {"longer_than_s": 30, "announced": ["请您稍等"], "without": ["久等"]}}, [A, {**LATER, "gap": 31}], True),
    ({"response_time": {"longer_than_s": 5}, "role": "agent"}, [C, {**A, "gap": 6}], True),
    ({"response_time": {"longer_than_s": 5}, "role": "agent"}, [C, {**A, "gap": 4}], False),
    ({"response_time": {"longer_than_s": 5}, "role": "customer"}, [C, {**A, "gap": 6}], False),
    ({"response_time": {"longer_than_s": 5}, "role": "agent"}, [A, {**LATER, "gap": 6}], False),
    ({"response_time": {"shorter_than_s": 1}, "role": "agent"}, [C, {**A, "gap": 0.5}], True),
    ({"response_time": {"longer_than_s": 5, "unless": ["请您稍等"]}, "role": "customer"}, [A, {**C, "gap": 6}], False),
    ({"response_time": {"longer_than_s": 5}, "role": "agent", "range": {"first_turns": 1}}, [C, {**A, "gap": 6}, C, A], True),
    ({"response_time": {"longer_than_s": 5}, "role": "agent", "range": {"first_turns": 1}}, [C, A, C, {**A, "gap": 6}], False),
    ({"call_length": {"longer_than_s": 60}}, [A, {**LATER, "gap": 70}], True),
    ({"call_length": {"longer_than_s": 60}}, [A, LATER], False),
    ({"call_length": {"shorter_than_s": 60}}, [A, LATER], True),
    ({"talk_share": {"above": 0.6}, "role": "agent"}, [A, A, C], True),
    ({"talk_share": {"above": 0.6}, "role": "customer"}, [A, A, C], False),
    ({"talk_share": {"below": 0.4}, "role": "customer"}, [A, A, C], True),
    ({"talk_share": {"above": 0.6}}, [A, A, C], True),
    ({"talk_share": {"above": 0.6}}, [], None),
    ({"speech_rate": {"below": 5, "min_chars": 4}}, [A], True),
    ({"speech_rate": {"above": 5, "min_chars": 4}}, [A], False),
    ({"speech_rate": {"above": 1, "min_chars": 40}}, [A], False),
])
def test_the_clock_says_what_it_means(node, turns, expected):
    assert holds(node, turns) is expected


@pytest.mark.parametrize("node", [
    {"silence": {"longer_than_s": 1}}, {"hold": {"longer_than_s": 1, "announced": ["请您稍等"]}}, {"overlap": {"longer_than_s": 1}},
    {"response_time": {"longer_than_s": 1}}, {"speech_rate": {"above": 1}}, {"loudness": {"rises_db": 3}}, {"loudness": {"above_dbfs": -10}},
    {"pitch": {"rises_percent": 3}}, {"call_length": {"longer_than_s": 1}},
])
def test_without_times_and_measures_nothing_is_said(node):
    assert holds(node, [A, C, A, C], timed=False) is None


def test_the_share_of_a_chat_is_counted_in_letters():
    assert holds({"talk_share": {"above": 0.6}}, [A, A, C], timed=False) is True


def test_a_chat_with_sending_times_alone_has_response_times_and_a_length():
    turns = [replace(turn, start_ms=at, end_ms=None) for turn, at in zip(contact([C, A]).turns, (0, 40_000), strict=True)]
    chat = Dialogue(contact([C]).interaction, tuple(turns))
    assert finding({"response_time": {"longer_than_s": 30}, "role": "agent"}, chat).holds is True
    assert finding({"call_length": {"longer_than_s": 30}}, chat).holds is True


def voiced(*measures, role=Role.CUSTOMER):
    """A contact in which the role's turns sound as given (dBFS, Hz) and the other's are loud and high."""
    base = contact([C, A] * len(measures)).turns
    turns = []
    for number, (level, hz) in enumerate(measures):
        turns.append(replace(base[2 * number], role=role, acoustics=Acoustics(level, hz, 5.0)))
        turns.append(replace(base[2 * number + 1], acoustics=Acoustics(-10.0, 300.0, 5.0)))
    return Dialogue(contact([C]).interaction, tuple(turns))


@pytest.mark.parametrize(("node", "measures", "expected"), [
    ({"loudness": {"rises_db": 6}}, [(-30, 150), (-31, 150), (-29, 150), (-22, 150)], True),
    ({"loudness": {"rises_db": 6}}, [(-30, 150), (-31, 150), (-29, 150), (-27, 150)], False),
    ({"loudness": {"rises_db": 6}}, [(-12, 150), (-11, 150), (-10, 150), (-12, 150)], False),
    ({"loudness": {"rises_db": 6}}, [(-30, 150), (-10, 150)], None),
    ({"loudness": {"above_dbfs": -15}}, [(-12, 150)], True),
    ({"loudness": {"above_dbfs": -15}}, [(-22, 150)], False),
    ({"pitch": {"rises_percent": 20}}, [(-30, 150), (-30, 152), (-30, 148), (-30, 190)], True),
    ({"pitch": {"rises_percent": 20}}, [(-30, 150), (-30, 152), (-30, 148), (-30, 170)], False),
    ({"pitch": {"rises_percent": 20}}, [(-30, None), (-30, None), (-30, 148), (-30, 190)], None),
])
def test_loud_and_high_is_what_is_so_against_the_speakers_own_usual(node, measures, expected):
    found = finding({**node, "role": "customer"}, voiced(*measures))
    assert found.holds is expected
    if expected:
        assert [hit.turn_id for hit in found.hits] == [f"t{2 * len(measures) - 1}"]


def test_a_voice_that_hurries_is_heard_against_its_own_usual():
    slow = [{"agent": "好的我明白您的意思了请放心。"}, C] * 4
    dialogue = contact([*slow, {"agent": "我马上就给您处理请您不要挂断。"}])
    last = dialogue.turns[-1]
    hurried = Dialogue(dialogue.interaction, (*dialogue.turns[:-1], replace(last, end_ms=last.start_ms + 1000)))
    node = {"speech_rate": {"rises_percent": 50, "min_chars": 5}, "role": "agent"}
    assert finding(node, dialogue).holds is False
    assert [hit.turn_id for hit in finding(node, hurried).hits] == ["t9"]


def test_an_interruption_shows_the_words_of_its_own_turn():
    found = finding({"overlap": {"longer_than_s": 0.5}, "role": "agent"}, contact([
        {"customer": "请问大概什么时候能够装好？因为我比较着急。"}, {"agent": "四十八小时之内会上门。", "gap": -1.2},
    ]))
    assert [(hit.text, hit.end - hit.start) for hit in found.hits] == [("四十八小时之内会上门。", 11)]
