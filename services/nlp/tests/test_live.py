"""Live = afterwards: a contact judged turn by turn against the same contact judged at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn, in_order
from nlp.domain.engine import QualityEngine
from nlp.domain.live import LiveContact
from nlp.domain.rule_parser import OPERATORS, parse_condition
from nlp.domain.rules import parse_rules
from nlp.domain.scorecards import FatalPolicy, Item, Scorecard
from nlp.domain.signals import parse_signals
from nlp_contacts import cases, contact, said
from strategies import RULES, conditions, dialogues, one_of_kind

CASES = list(cases())

SIGNALS = parse_signals({
    "rules": {"cross": {"words": ["什么时候", "投诉~"], "role": "customer"}},
    "emotion": {
        "angry": [{"weight": 1.0, "when": "cross"}, {"weight": 0.8, "when": {"words": ["退款"], "unless": ["不用退款"], "role": "customer"}}],
        "anxious": [{"weight": 1.0, "when": {"regex": "密码[？?]?$", "role": "customer"}}],
        "satisfied": [{"weight": 1.0, "when": {"words": ["好的"], "role": "customer"}}],
    },
    "thresholds": {"angry": 1.5, "anxious": 1.3, "satisfied": 0.7},
    "default_ticket_type": "咨询",
    "ticket_type": {"投诉": [{"weight": 2, "when": "cross"}, {"weight": 1, "when": {"attribute": {"customer_emotion_worst": ["angry"]}}}],
                    "故障": [{"weight": 1, "when": {"words": ["启动不了"], "range": {"first_turns": 2}}}]},
    "urgent_when": [{"all": ["cross", {"attribute": {"ticket_type": ["投诉"]}}]}],
    "risk_keywords": "cross",
    "hints": [
        {"kind": "calm_down", "when": {"attribute": {"customer_emotion_now": ["angry"]}}, "message": "安抚", "again_after_s": 20},
        {"kind": "missing_apology", "missing": "i0", "message": "先说抱歉"},
        {"kind": "forbidden_phrase", "broken": "i1", "message": "高风险"},
    ],
})



class ByCharacters:
    """A sentence is the characters it holds."""

    def encode(self, sentences):
        vectors = np.zeros((len(sentences), 512), dtype=np.float32)
        for row, sentence in enumerate(sentences):
            for char in sentence:
                vectors[row, ord(char) % 512] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@st.composite
def engines(draw, made=None):
    """A scorecard and alerts of conditions made at random of every operator."""
    listed = [parse_condition(node, "test") for node in draw(st.lists(conditions() if made is None else made, min_size=2, max_size=4))]
    items = tuple(Item(f"i{n}", f"第{n}项", "流程规范", 5.0, c, applies_when=draw(st.sampled_from([None, listed[-1]]))) for n, c in enumerate(listed))
    alerts = {f"k{n}": (condition,) for n, condition in enumerate(listed)}
    card = Scorecard(
        scorecard_id="common", version="1", title="", fatal_policy=FatalPolicy.ZERO_SCORE, items=items, alerts=alerts, rules=parse_rules(RULES),
    )
    return QualityEngine([card], SIGNALS, ByCharacters())


@st.composite
def calls(draw):
    """A contact's turns in the order in which they come: by their ends, so that one that began earlier may come later, or in any."""
    dialogue = draw(dialogues())
    turns = list(dialogue.turns)
    if draw(st.integers(0, 9)) == 0 and turns:
        turns[draw(st.integers(0, len(turns) - 1))] = replace(turns[0], turn_id="untimed", start_ms=None, end_ms=None)
    in_time = sorted(turns, key=lambda turn: turn.end_ms or 0)
    return dialogue.interaction, in_time if draw(st.integers(0, 2)) else draw(st.permutations(turns))


thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@thorough
@given(engines(), calls(), st.data())
def test_closing_gives_exactly_what_judging_afterwards_gives(engine, call, data):
    interaction, turns = call
    live = LiveContact(engine, interaction)
    for turn in turns:
        (live.add if data.draw(st.booleans()) else live.put)(turn)
        if data.draw(st.booleans()):
            live.quiet_until((turn.end_ms or 0) + 15_000)
    assert live.close() == engine.assess(Dialogue(interaction, in_order(turns)))


@thorough
@given(engines(), calls())
def test_after_every_turn_exactly_the_kinds_are_told_that_judging_so_far_finds(engine, call):
    interaction, turns = call
    live, told, found = LiveContact(engine, interaction), [], set()
    for number, turn in enumerate(turns, start=1):
        news = live.add(turn)
        assessment = engine.assess(Dialogue(interaction, in_order(turns[:number])))
        first = {alert.kind: alert for alert in assessment.alerts}
        for alert in news.alerts:
            assert (alert.hit.turn_id, alert.urgent) == (first[alert.kind].hit.turn_id, first[alert.kind].urgent)
        told.extend(alert.kind for alert in news.alerts)
        found |= set(first)
        assert sorted(told) == sorted(found)


def found_by(evaluator, card):
    """What every item's conditions find; how sure absence is, is not told while the call runs."""
    findings = [evaluator.finding(condition, item.item_id) for item in card.items for condition in item.conditions()]
    places = [[(hit.turn_id, hit.start_ms, hit.passage, hit.start, hit.end, hit.text, hit.confidence) for hit in (*f.hits, *f.against)] for f in findings]
    return [(finding.holds, len(finding.hits), where) for finding, where in zip(findings, places, strict=True)]


@thorough
@given(engines(), calls())
def test_after_every_turn_every_condition_finds_exactly_what_it_finds_in_all_of_them(engine, call):
    interaction, turns = call
    live, card = LiveContact(engine, interaction), engine.scorecards["common"]
    for number, turn in enumerate(turns, start=1):
        live.put(turn)
        afterwards = engine.read(card, Dialogue(interaction, in_order(turns[:number])))
        known = live.reading()
        assert (known.mood, known.ticket_type, known.urgent) == (afterwards.mood, afterwards.ticket_type, afterwards.urgent)
        assert found_by(known.evaluator, card) == found_by(afterwards.evaluator, card)


@pytest.mark.parametrize("operator", OPERATORS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(call=calls(), data=st.data())
def test_every_operator_comes_to_the_same_live(operator, call, data):
    engine, (interaction, turns) = data.draw(engines(one_of_kind(operator))), call
    live, card = LiveContact(engine, interaction), engine.scorecards["common"]
    for number, turn in enumerate(turns, start=1):
        live.put(turn)
        afterwards = engine.read(card, Dialogue(interaction, in_order(turns[:number])))
        assert found_by(live.reading().evaluator, card) == found_by(afterwards.evaluator, card)
    assert live.close() == engine.assess(Dialogue(interaction, in_order(turns)))


@thorough
@given(engines(), calls())
def test_a_hint_is_given_once_for_its_place(engine, call):
    interaction, turns = call
    live = LiveContact(engine, interaction)
    given = [(hint.kind, hint.turn_id) for turn in turns for hint in live.add(turn).hints]
    assert len(given) == len(set(given))


@thorough
@given(calls(), engines())
def test_turns_joined_one_by_one_are_the_passages_of_all_of_them(call, engine):
    interaction, turns = call
    live = LiveContact(engine, interaction)
    for turn in turns:
        assert live.put(turn)
        assert not live.put(replace(turn, text="被改过的话"))
    whole = Dialogue(interaction, in_order(turns))
    known = live.dialogue
    assert (known.turns, known.passages, known.passage_of_turn, known.timed) == (whole.turns, whole.passages, whole.passage_of_turn, whole.timed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_written_contact_comes_to_the_same_live(engine, case):
    dialogue = contact(case["turns"], case["meta"])
    live, told, found = LiveContact(engine, dialogue.interaction), set(), set()
    for number, turn in enumerate(dialogue.turns, start=1):
        told |= {alert.kind for alert in live.add(turn).alerts}
        found |= {alert.kind for alert in engine.assess(Dialogue(dialogue.interaction, dialogue.turns[:number])).alerts}
        assert told == found
    assert live.close() == engine.assess(dialogue)


def heard(engine, dialogue):
    """What each turn brings: kinds of alerts and hints, by turn."""
    live = LiveContact(engine, dialogue.interaction)
    return [([a.kind for a in news.alerts], [h.kind for h in news.hints]) for news in map(live.add, dialogue.turns)]


def test_the_agent_is_told_to_apologise_once_it_has_answered_trouble_without(engine):
    told = heard(engine, said(
        "a: 您好，请问有什么可以帮您？", "c: 我家宽带坏了三天了。", "a: 请您把家里的地址报一下，我看看是哪里的问题。", "c: 幸福路八号。",
        "a: 好的我给您记下来了。", industry="telecom",
    ))
    assert [hints for _, hints in told] == [[], [], ["missing_apology"], [], []]


def test_an_agent_who_apologises_is_told_nothing(engine):
    told = heard(engine, said("a: 您好，请问有什么可以帮您？", "c: 我家宽带坏了三天了。", "a: 非常抱歉给您带来不便，我马上为您安排检修。", industry="telecom"))
    assert [hints for _, hints in told] == [[], [], []]


def test_a_forbidden_phrase_tells_supervisor_and_agent_at_once(engine):
    told = heard(engine, said("a: 您好，请问有什么可以帮您？", "c: 我想查话费。", "a: 这是您的个人问题，跟我们没关系。", "c: 哦。", industry="telecom"))
    assert told[2] == (["forbidden_phrase"], ["forbidden_phrase"])
    assert told[3] == ([], [])


def test_an_angry_customer_calls_for_calm_with_words_to_say(engine):
    dialogue = said("a: 您好，请问有什么可以帮您？", "c: 你们这是什么态度！我要去工信部投诉你们，骗子！", industry="telecom")
    live = LiveContact(engine, dialogue.interaction)
    news = [live.add(turn) for turn in dialogue.turns][-1]
    assert [alert.kind for alert in news.alerts] == ["complaint_keyword", "negative_emotion"]
    hint = next(hint for hint in news.hints if hint.kind == "calm_down")
    assert (hint.turn_id, hint.item_id) == ("t2", "empathy")
    assert "放慢语速" in hint.message
    assert "您的心情我非常理解" in hint.message


def test_a_step_that_must_come_first_is_asked_for(engine):
    told = heard(engine, said("a: 您好，请问有什么可以帮您？", "c: 我要挂失，我的卡丢了。", "a: 好的，我现在就为您把这张卡处理一下，您稍等。", industry="bank"))
    assert "missing_step" in told[2][1]


def test_who_speaks_too_fast_is_told_to_slow_down(engine):
    fast = Turn("t1", Role.AGENT, "您的套餐是每个月五十九元包含三十个G的流量和五百分钟的通话", 0, 3000)
    assert [hint.kind for hint in LiveContact(engine, Interaction("i1", "telecom")).add(fast).hints] == ["slow_down"]


def test_a_silence_that_lasts_is_told_before_anybody_speaks_again_and_not_once_more_after(engine):
    live = LiveContact(engine, Interaction("i1", "telecom"))
    live.add(Turn("t1", Role.CUSTOMER, "我家宽带坏了。", 0, 2000))
    assert live.silence_told_from == 12_001
    assert not live.quiet_until(11_000)
    assert [(alert.kind, alert.hit.turn_id, alert.hit.start_ms) for alert in live.quiet_until(14_000).alerts] == [("long_silence", "t1", 2000)]
    assert live.silence_told_from is None
    assert live.add(Turn("t2", Role.AGENT, "喂您还在吗", 20_000, 22_000)).alerts == ()
    assert "long_silence" in {alert.kind for alert in live.close().alerts}


def test_an_announced_silence_is_waited_for(engine):
    live = LiveContact(engine, Interaction("i1", "telecom"))
    live.add(Turn("t1", Role.AGENT, "我帮您查询一下，请您稍等。", 0, 2000))
    assert not live.quiet_until(30_000)
    assert live.quiet_until(100_000)


def test_what_was_told_by_whoever_had_the_call_before_is_not_told_again(engine):
    dialogue = said("a: 您好。", "c: 我要去工信部投诉你们。", "a: 这是您的个人问题，跟我们没关系。", industry="telecom")
    first, second = LiveContact(engine, dialogue.interaction), LiveContact(engine, dialogue.interaction)
    news = [first.add(turn) for turn in dialogue.turns]
    second.told([alert.kind for n in news for alert in n.alerts], [hint for n in news for hint in n.hints])
    assert not any(second.add(turn) for turn in dialogue.turns)


def test_every_hint_belongs_to_a_scorecard_that_ships(engine):
    given = {hint.message for card in engine.scorecards.values() for hint, _ in engine.hints_for(card)}
    assert given == {hint.message for hint in engine._signals.hints}
