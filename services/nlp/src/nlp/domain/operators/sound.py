"""Conditions on the clock and the voice; without times or measures they neither hold nor not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from typing import TYPE_CHECKING

from nlp.domain import conditions as c
from nlp.domain import timing
from nlp.domain.dialogue import Acoustics, Role
from nlp.domain.text import letters_of
from nlp.domain.windows import Window, run

if TYPE_CHECKING:
    from nlp.domain.evaluation import Evaluator

SURE = 0.9
SURE_OF_VOICE = 0.7  # measured through a telephone
MIN_MEASURED_TURNS = 3


def _finding(hits: list[c.Hit], window: Window, confidence: float = SURE) -> c.Finding:
    inside = tuple(hit for hit in hits if window.mask >> hit.passage & 1)
    return c.Finding(bool(inside), inside, confidence=confidence)


def silence(view: Evaluator, condition: c.Silence, window: Window, rule_id: str) -> c.Finding:
    """Gaps that nobody explained."""
    if not view.dialogue.timed:
        return c.Finding(None)
    hits = [
        _gap_hit(view, gap, rule_id)
        for gap in timing.gaps(view.dialogue, condition.longer_than_s * 1000)
        if _between(view, condition, window.role, gap) and not _announced(view, condition, gap, rule_id)
    ]
    return _finding(hits, window)


def _between(view: Evaluator, condition: c.Silence, until: Role | None, gap: timing.Gap) -> bool:
    before, after = view.dialogue.turns[gap.before].role, view.dialogue.turns[gap.after].role
    if until is not None and after is not until:
        return False
    return condition.between is c.Between.ANY or (condition.between is c.Between.SAME) == (before is after)


def _gap_hit(view: Evaluator, gap: timing.Gap, rule_id: str) -> c.Hit:
    turn = view.dialogue.turns[gap.before]
    seconds = f"{(gap.end_ms - gap.start_ms) / 1000:.1f}"
    return c.Hit(rule_id, turn.turn_id, gap.start_ms, gap.end_ms, f"静音 {seconds} 秒", SURE, view.dialogue.passage_of_turn[gap.after])


def _announced(view: Evaluator, condition: c.Silence, gap: timing.Gap, rule_id: str) -> bool:
    if condition.unless is None or gap.end_ms - gap.start_ms > condition.announced_s * 1000:
        return False
    return _said_before(view, condition.unless, gap, rule_id)


def _said_before(view: Evaluator, condition: c.Condition, gap: timing.Gap, rule_id: str) -> bool:
    last = view.dialogue.passage_of_turn[gap.before]
    return bool(view.evaluate(condition, Window(run(max(0, last - 1), last + 1)), rule_id).holds)


def hold(view: Evaluator, condition: c.Hold, window: Window, rule_id: str) -> c.Finding:
    """Announced silences; those after which something was said as it should are none."""
    if not view.dialogue.timed:
        return c.Finding(None)
    hits = []
    for gap in timing.gaps(view.dialogue, condition.longer_than_s * 1000):
        if not _said_before(view, condition.announced, gap, rule_id):
            continue
        back = view.dialogue.passage_of_turn[gap.after]
        soon = Window(run(back, min(len(view.passages), back + 2)))
        if condition.resumed is None or not view.evaluate(condition.resumed, soon, rule_id).holds:
            hits.append(_gap_hit(view, gap, rule_id))
    return _finding(hits, window)


def overlap(view: Evaluator, condition: c.Overlap, window: Window, rule_id: str) -> c.Finding:
    """Interruptions."""
    if not view.dialogue.timed:
        return c.Finding(None)
    cuts = timing.interruptions(view.dialogue, window.role or Role.AGENT, condition.longer_than_s * 1000)
    return _finding([view.hit_of_turn(cut.turn, SURE, rule_id) for cut in cuts], window)


def response_time(view: Evaluator, condition: c.ResponseTime, window: Window, rule_id: str) -> c.Finding:
    """From the end of one person's passage to the start of the other's."""
    turns, passages = view.dialogue.turns, view.passages
    if view.starts is None or not passages:
        return c.Finding(None)
    hits = []
    for index in view.inside(window):
        if index == 0 or passages[index - 1].role is passages[index].role:
            continue
        before = turns[passages[index - 1].first : passages[index].first]
        ended = max(turn.end_ms if turn.end_ms is not None else turn.start_ms or 0 for turn in before)
        waited = (view.starts[index] - ended) / 1000
        if not condition.seconds.hold(waited):
            continue
        if condition.unless is not None and view.evaluate(condition.unless, Window(run(max(0, index - 2), index)), rule_id).holds:
            continue
        hits.append(view.hit_of_turn(passages[index].first, SURE, rule_id))
    return _finding(hits, window)


def speech_rate(view: Evaluator, condition: c.SpeechRate, window: Window, rule_id: str) -> c.Finding:
    """Passages spoken too fast or too slowly."""
    if not view.dialogue.timed:
        return c.Finding(None)
    usual = {role: _usual_rate(view, role, condition.min_chars) for role in Role} if condition.rises_percent is not None else {}
    hits = []
    for index in view.inside(window):
        rate = _rate(view, index, condition.min_chars)
        if rate is None:
            continue
        own = usual.get(view.passages[index].role)
        rose = condition.rises_percent is not None and own is not None and rate >= own * (1 + condition.rises_percent / 100)
        if rose or (condition.above is not None and rate > condition.above) or (condition.below is not None and rate < condition.below):
            hits.append(view.hit_at(index, 0, len(view.passages[index].text), SURE, rule_id))
    return _finding(hits, window)


def _rate(view: Evaluator, index: int, min_chars: int) -> float | None:
    if len(view.scanned.plain[index].letters) < min_chars:
        return None
    passage = view.passages[index]
    return timing.rate(view.dialogue, passage.first, len(passage.offsets))


def _usual_rate(view: Evaluator, role: Role, min_chars: int) -> float | None:
    rates = [rate for index in view.own(role) if (rate := _rate(view, index, min_chars)) is not None]
    return median(rates) if len(rates) >= MIN_MEASURED_TURNS else None


def loudness(view: Evaluator, condition: c.Loudness, window: Window, rule_id: str) -> c.Finding:
    """Turns louder than a level or than their speaker's others."""

    def loud(level: float, usual: float | None) -> bool:
        over = condition.above_dbfs is not None and level > condition.above_dbfs
        return over or (condition.rises_db is not None and usual is not None and level >= usual + condition.rises_db)

    return _measured(view, window, rule_id, lambda sound: sound.energy_db, loud, needs_usual=condition.above_dbfs is None)


def pitch(view: Evaluator, condition: c.Pitch, window: Window, rule_id: str) -> c.Finding:
    """Turns higher than their speaker's others."""

    def high(hz: float, usual: float | None) -> bool:
        return usual is not None and hz >= usual * (1 + condition.rises_percent / 100)

    return _measured(view, window, rule_id, lambda sound: sound.pitch_hz, high, needs_usual=True)


def _measured(
    view: Evaluator, window: Window, rule_id: str, measure: Callable[[Acoustics], float | None], counts: Callable[[float, float | None], bool], *,
    needs_usual: bool,
) -> c.Finding:
    """Turns of the window by a measure of their sound and its median over all turns of their speaker."""
    known: dict[int, float] = {}
    for number, turn in enumerate(view.dialogue.turns):
        value = measure(turn.acoustics) if turn.acoustics is not None else None
        if value is not None:
            known[number] = value
    usual: dict[Role, float] = {}
    for role in Role:
        values = [value for number, value in known.items() if view.dialogue.turns[number].role is role]
        if len(values) >= MIN_MEASURED_TURNS:
            usual[role] = median(values)
    speakers: Iterable[Role] = Role if window.role is None else (window.role,)
    if not any(role in usual if needs_usual else any(view.dialogue.turns[n].role is role for n in known) for role in speakers):
        return c.Finding(None)
    hits = [
        view.hit_of_turn(number, SURE_OF_VOICE, rule_id)
        for number, value in known.items()
        if view.dialogue.turns[number].role in speakers and counts(value, usual.get(view.dialogue.turns[number].role))
    ]
    return _finding(hits, window, SURE_OF_VOICE)


def talk_share(view: Evaluator, condition: c.TalkShare, window: Window, rule_id: str) -> c.Finding:
    """The role's part of all speech in the window's passages."""
    del rule_id
    role = window.role or Role.AGENT
    spoken = {Role.AGENT: 0, Role.CUSTOMER: 0}
    for index in view.inside(Window(window.mask)):
        passage = view.passages[index]
        for turn in view.dialogue.turns[passage.first : passage.first + len(passage.offsets)]:
            spoken[turn.role] += (turn.end_ms or 0) - (turn.start_ms or 0) if view.dialogue.timed else len(letters_of(turn.text))
    total = sum(spoken.values())
    return c.Finding(condition.share.hold(spoken[role] / total), confidence=SURE) if total else c.Finding(None)


def call_length(view: Evaluator, condition: c.CallLength, window: Window, rule_id: str) -> c.Finding:
    """The end of the last turn."""
    del window, rule_id
    ends = [end for turn in view.dialogue.turns if (end := turn.end_ms if turn.end_ms is not None else turn.start_ms) is not None]
    return c.Finding(condition.seconds.hold(max(ends) / 1000), confidence=SURE) if ends else c.Finding(None)
