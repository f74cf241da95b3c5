"""Conditions on what was said."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from datetime import date, datetime
from typing import TYPE_CHECKING

from nlp.domain import conditions as c
from nlp.domain.deadlines import Deadline, deadline
from nlp.domain.numerals import NUMBER, value_of
from nlp.domain.phrases import SAFE_SOUND_SYLLABLES, Found
from nlp.domain.text import SENTENCE_ENDS, PlainText
from nlp.domain.windows import Window

if TYPE_CHECKING:
    from nlp.domain.evaluation import Evaluator

NEGATION_REACH = 2
ASKING_REACH = 12
NOT_ASKING_REACH = 20
MAX_HITS_OF_EXPRESSION = 2000
CALENDAR_DAYS_OF_FIVE = 7
STARTED_AT = "started_at"
_NEGATIONS = frozenset("不没未别无非")
_FIGURE = re.compile(rf"[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|[零〇一二两三四五六七八九十百千万]+点[零〇一二三四五六七八九]+|{NUMBER}")
_MORE_OR_LESS = re.compile(r"[多来几]?个?")
# A sum is said with any of these; so is a span of time.
_SAME_UNIT = {"元": ("元", "块钱", "块"), "小时": ("小时", "钟头"), "天": ("天", "日"), "周": ("周", "星期", "礼拜"), "%": ("%", "个点")}
_DATE = re.compile(rf"({NUMBER})月({NUMBER})[日号]")
_CLAUSE = re.compile(r"[^。？?!！；;，,、\n]+")


def words(view: Evaluator, condition: c.Words, window: Window, rule_id: str) -> c.Finding:
    """Phrases, each passage by itself."""
    places = view.places(condition.phrases, window)
    hits: list[c.Hit] = []
    if places:
        excluded = view.places(condition.unless, window) if condition.unless else {}
        every = not (condition.least_sure or condition.not_negated or condition.whole_turn)
        for passage, found in places.items():
            if not every:
                found = [(number, place) for number, place in found if _counts(view, condition, passage, place)]
            if passage in excluded:
                against = [other for _, other in excluded[passage] if not any(_cut_from(other, place) for _, place in found)]
                found = [(number, place) for number, place in found if not any(place.start < other.end and other.start < place.end for other in against)]
            if condition.then is not None:
                found = [(number, place) for number, place in found if _followed(view, condition, passage, place)]
            if condition.at_least <= 1 or len({number for number, _ in found}) >= condition.at_least:
                hits.extend(view.hits_of_phrases(passage, found, rule_id))
    return view.found(hits, window, view.scanned.book.by_sound(condition.phrases))


def _counts(view: Evaluator, condition: c.Words, passage: int, place: Found) -> bool:
    if place.confidence < condition.least_sure:
        return False
    if condition.not_negated:
        before = view.scanned.plain[passage].letters[max(0, place.start - NEGATION_REACH) : place.start]
        if any(char in _NEGATIONS for char in before):
            return False
    return not condition.whole_turn or _is_whole(view, passage, place)


def _is_whole(view: Evaluator, passage: int, place: Found) -> bool:
    """Whether nothing else was said in the turns that the place lies in."""
    said, text = view.passages[passage], view.scanned.plain[passage]
    first = said.turn_at(text.origin[place.start]) - said.first
    last = said.turn_at(text.origin[place.end - 1]) - said.first
    ends = said.offsets[last + 1] if last + 1 < len(said.offsets) else len(said.text)
    begun = place.start == 0 or text.origin[place.start - 1] < said.offsets[first]
    return begun and (place.end == len(text.letters) or text.origin[place.end] >= ends)


def _followed(view: Evaluator, condition: c.Words, passage: int, place: Found) -> bool:
    text = view.scanned.plain[passage]
    return condition.then is None or condition.then.follows(text.written, text.origin[place.end - 1] + 1)


def _cut_from(excluding: Found, phrase: Found) -> bool:
    """Whether what would exclude begins inside a longer phrase: the 不 of 工信不投诉 is the end of 工信部, as heard, and negates nothing."""
    return phrase.end - phrase.start >= SAFE_SOUND_SYLLABLES and phrase.start < excluding.start < phrase.end < excluding.end


def pattern(view: Evaluator, condition: c.Pattern, window: Window, rule_id: str) -> c.Finding:
    """An expression, without what the excluding one overlaps."""
    scanned, expressions = view.scanned, view.scanned.book.expressions
    wanted, unwanted = expressions.number(condition.expression), condition.excluding and expressions.number(condition.excluding)
    hits: list[c.Hit] = []
    for index in view.inside(window):
        if len(hits) >= MAX_HITS_OF_EXPRESSION:  # passages come in order: later hits are beyond what anybody reads
            break
        matching = scanned.matching(index)
        if wanted not in matching:
            continue
        text = scanned.plain[index].written
        spans = condition.expression.spans(text)
        if spans and condition.excluding and unwanted in matching:
            against = condition.excluding.spans(text)
            spans = [(start, end) for start, end in spans if not any(start < stop and begin < end for begin, stop in against)]
        hits.extend(view.hits_at(index, spans, rule_id))
    return view.found(hits, window)


def near(view: Evaluator, condition: c.Near, window: Window, rule_id: str) -> c.Finding:
    """For each place of the first the nearest of the second."""
    firsts = view.places(condition.first.phrases, window)
    seconds = view.places(condition.second.phrases, window) if firsts else {}
    hits: list[c.Hit] = []
    for passage, found in firsts.items():
        if passage not in seconds:
            continue
        after = sorted((place for _, place in seconds[passage]), key=lambda place: place.start)
        before = [] if condition.ordered else sorted((place for _, place in seconds[passage]), key=lambda place: place.end)
        starts, ends = [place.start for place in after], [place.end for place in before]
        origin = view.scanned.plain[passage].origin
        for _, place in found:
            at, to = bisect_left(starts, place.end), bisect_right(ends, place.start)
            close = [other for other in (*after[at : at + 1], *before[max(0, to - 1) : to]) if _gap(place, other) <= condition.within_chars]
            if close:
                other = min(close, key=lambda one: _gap(place, one))
                start, end = min(place.start, other.start), max(place.end, other.end)
                hits.append(view.hit_at(passage, origin[start], origin[end - 1] + 1, min(place.confidence, other.confidence), rule_id))
    return view.found(hits, window)


def _gap(one: Found, other: Found) -> int:
    return max(other.start - one.end, one.start - other.end)


def meaning(view: Evaluator, condition: c.Meaning, window: Window, rule_id: str) -> c.Finding:
    """Sentences more like an example than like any counter-example."""
    examples = view.scanned.book.vectors(condition.examples)
    index = view.scanned.sentences
    if examples is None or index is None or not index.places:
        return c.Finding(False)
    places, vectors = index.inside(set(view.inside(window)))
    if not places:
        return view.found([], window)
    likeness = (vectors @ examples.T).max(axis=1)
    counter = view.scanned.book.vectors(condition.counter_examples)
    unlikeness = (vectors @ counter.T).max(axis=1) if counter is not None else likeness * 0
    hits = [
        view.hit_at(passage, start, end, min(1.0, 0.6 + (like - condition.threshold)), rule_id)
        for (passage, start, end), like, unlike in zip(places, likeness.tolist(), unlikeness.tolist(), strict=True)
        if like >= condition.threshold and like > unlike
    ]
    return view.found(hits, window)


def promised(view: Evaluator, condition: c.Promised, window: Window, rule_id: str) -> c.Finding:
    """What the agent undertook."""
    hits = [
        view.hit_at(promise.passage, promise.start, promise.end, 0.9, rule_id)
        for promise in view.scanned.promises
        if condition.dated in (None, promise.deadline is not None) and window.mask >> promise.passage & 1
    ]
    return view.found(hits, window)


def figure(view: Evaluator, condition: c.Figure, window: Window, rule_id: str) -> c.Finding:
    """Numbers with the right unit, soon after the right words, of the right size."""
    units = tuple(dict.fromkeys(same for unit in condition.units for same in _SAME_UNIT.get(unit, (unit,))))
    hits: list[c.Hit] = []
    if condition.after is not None:
        for passage, found in view.places(condition.after.phrases, window).items():
            text = view.scanned.plain[passage]
            for _, place in found:
                after = text.origin[place.end - 1] + 1
                span = _figure_in(text, after, _reach(text, after, condition.within_chars), units, condition.limits)
                if span is not None:
                    hits.append(view.hit_at(passage, text.origin[place.start], span[1], place.confidence, rule_id))
    else:
        for passage in view.inside(window):
            text = view.scanned.plain[passage]
            done = 0
            while (span := _figure_in(text, done, len(text.source), units, condition.limits)) is not None:
                hits.append(view.hit_at(passage, *span, 1.0, rule_id))
                done = span[1]
    return view.found(hits, window)


def _reach(text: PlainText, after: int, within: int) -> int:
    """Where a figure that belongs to the words before must have begun: not in another sentence."""
    end = min(len(text.source), after + within + 1)
    return next((place for place in range(after, end) if text.source[place] in SENTENCE_ENDS), end)


def _figure_in(text: PlainText, start: int, begins_before: int, units: tuple[str, ...], limits: c.Limits) -> tuple[int, int] | None:
    for match in _FIGURE.finditer(text.source, start):
        if match.start() >= begins_before:
            return None
        value = value_of(match[0].replace(",", ""))
        if value is None or not limits.hold(value):
            continue
        end = match.end()
        if units:
            more = _MORE_OR_LESS.match(text.source, end)
            end = more.end() if more else end
            unit = next((unit for unit in units if text.written.startswith(unit, end)), None)
            if unit is None or (unit == "块" and match[0] == "一"):  # 一块 is together
                continue
            end += len(unit)
        return match.start(), end
    return None


def day(view: Evaluator, condition: c.Day, window: Window, rule_id: str) -> c.Finding:
    """Points in time by their distance from the contact; None where only the contact's own date would tell."""
    base = _started(view)
    hits: list[c.Hit] = []
    unknown = False
    if condition.after is None:
        spans = [(p, m.start(), m.start(), m.end(), 1.0) for p in view.inside(window) for m in _CLAUSE.finditer(view.scanned.plain[p].written)]
    else:
        spans = []
        for passage, found in view.places(condition.after.phrases, window).items():
            text = view.scanned.plain[passage]
            for _, place in found:
                after = text.origin[place.end - 1] + 1
                spans.append((passage, text.origin[place.start], after, _reach(text, after, condition.within_chars) + len("三个工作日"), place.confidence))
    compared = condition.days != c.Limits()
    for passage, first, start, end, confidence in spans:
        said = _point_in(view.scanned.plain[passage].written, start, end)
        if said is None:
            continue
        at, text_end, until = said
        away = _days_away(until, base)
        if away is None and compared:
            unknown = True
        elif away is None or condition.days.hold(away):
            hits.append(view.hit_at(passage, first if condition.after is not None else at, text_end, confidence, rule_id))
    return view.found(hits, window) if hits or not unknown else c.Finding(None)


def _point_in(written: str, start: int, end: int) -> tuple[int, int, Deadline | tuple[int, int]] | None:
    """The first point in time said in [start, end): its place and what it is, a deadline or a month and day."""
    part = written[start:end]
    exact = _DATE.search(part)
    if exact is not None:
        month, number = value_of(exact[1]), value_of(exact[2])
        if month is not None and number is not None and 1 <= month <= 12 and 1 <= number <= 31:
            return start + exact.start(), start + exact.end(), (int(month), int(number))
    until = deadline(part)
    if until is None or until.text == "一点":  # a little, and hardly ever one o'clock
        return None
    at = max(0, part.find(until.text))
    return start + at, start + at + len(until.text), until


def _days_away(until: Deadline | tuple[int, int], base: datetime | None) -> float | None:
    if isinstance(until, tuple):
        return None if base is None else _days_to(base.date(), *until)
    if until.span is not None:
        return until.span.total_seconds() / 86400
    if until.day_offset is not None:
        return float(until.day_offset)
    if base is not None:
        return float((until.due(base).date() - base.date()).days)
    return None if until.working_days is None else until.working_days * CALENDAR_DAYS_OF_FIVE / 5


def _days_to(today: date, month: int, number: int) -> float | None:
    """Days to the nearest such day; one long past is next year's."""
    for year in (today.year, today.year + 1):
        try:
            away = (date(year, month, number) - today).days
        except ValueError:
            continue
        if away > -183:
            return float(away)
    return None


def _started(view: Evaluator) -> datetime | None:
    try:
        return datetime.fromisoformat(view.attributes.get(STARTED_AT, ""))
    except ValueError:
        return None


def asked_for(view: Evaluator, condition: c.AskedFor, window: Window, rule_id: str) -> c.Finding:
    """What is named and asked for in one sentence, near enough, with nothing near that takes it back."""
    named = view.places(condition.what.phrases, window)
    asking = view.places(condition.asking.phrases, window) if named else {}
    excluded = view.places(condition.unless.phrases, window) if asking else {}
    hits: list[c.Hit] = []
    for passage, found in named.items():
        sentence, origin = view.scanned.plain[passage].sentence, view.scanned.plain[passage].origin
        for number, place in found:
            asked = _close(place, asking.get(passage, ()), sentence, ASKING_REACH)
            if asked is None or _close(place, excluded.get(passage, ()), sentence, NOT_ASKING_REACH) is not None:
                continue
            start, end = min(place.start, asked.start), max(place.end, asked.end)
            phrase = view.scanned.book.phrase(number).text
            hits.append(view.hit_at(passage, origin[start], origin[end - 1] + 1, min(0.9, place.confidence), rule_id, phrase))
    return view.found(hits, window)


def _close(place: Found, others: list[tuple[int, Found]] | tuple[()], sentence: tuple[int, ...], reach: int) -> Found | None:
    near = (other for _, other in others if sentence[other.start] == sentence[place.start] and _gap(place, other) <= reach)
    return min(near, key=lambda other: _gap(place, other), default=None)


def jargon(view: Evaluator, condition: c.Jargon, window: Window, rule_id: str) -> c.Finding:
    """Terms that stay unexplained."""
    hits: list[c.Hit] = []
    for term in condition.terms:
        used = view.places(term.said.phrases, window)
        if not used:
            continue
        everywhere = view.places(term.said.phrases, view.whole)
        plainly = view.places(term.plainly.phrases, view.whole)
        for passage, found in used.items():
            who = view.passages[passage].role
            taken_up = any(other < passage and view.passages[other].role is not who for other in everywhere)
            explained = any(passage <= other <= passage + condition.within_turns and view.passages[other].role is who for other in plainly)
            if not (taken_up or explained):
                hits.extend(view.hit_of_phrase(passage, place, rule_id, number) for number, place in found)
    return view.found(hits, window)
