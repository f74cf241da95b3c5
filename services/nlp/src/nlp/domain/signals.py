"""What a contact is about and how the customer feels, from weighted conditions kept as data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nlp.domain.conditions import Condition, Hit, Named, Words
from nlp.domain.dialogue import Role
from nlp.domain.emotion.course import EMOTIONS, Strengths, Tipping, TurnEmotion, course, tipping
from nlp.domain.emotion.model import shipped
from nlp.domain.emotion.voice import EXCITED, arousal
from nlp.domain.evaluation import Evaluator
from nlp.domain.hints import HintRule, parse_hints
from nlp.domain.numerals import DIGITS, digits_of
from nlp.domain.rule_parser import RuleError, children, parse_condition
from nlp.domain.rules import parse_rules

NEUTRAL = "neutral"
NEGATIVE = ("angry", "anxious")
# An excited voice, or an exclamation mark, makes words of feeling weigh more; without such words it says nothing.
EXCITED_FACTOR = 1.3


@dataclass(frozen=True, slots=True)
class Weighted:
    """A condition and how much it speaks for a label."""

    weight: float
    condition: Condition


@dataclass(frozen=True, slots=True)
class Signals:
    """Labels with the weighted conditions that speak for them; `thresholds` are what an emotion must reach, `hints` what agents of live calls are shown."""

    rules: Mapping[str, Condition]
    emotion: Mapping[str, tuple[Weighted, ...]]
    thresholds: Mapping[str, float]
    ticket_type: Mapping[str, tuple[Weighted, ...]]
    default_ticket_type: str
    urgent_when: tuple[Condition, ...]
    risk_keywords: Condition
    hints: tuple[HintRule, ...] = ()

    def conditions(self) -> Iterable[Condition]:
        """Every condition, for the rule book."""
        for labels in (self.emotion, self.ticket_type):
            for weighted in labels.values():
                yield from (w.condition for w in weighted)
        yield from self.urgent_when
        yield self.risk_keywords
        yield from (hint.condition for hint in self.hints if hint.condition is not None)


@dataclass(frozen=True, slots=True)
class Mood:
    """The customer's course: per turn, the worst and the last clearly shown; `tipped` is where the worst was reached.

    `tipping` is where the mood turned for the worse, which may be a turn before the worst was reached.
    """

    course: tuple[TurnEmotion, ...]
    worst: str
    last: str
    tipped: Hit | None
    tipping: Tipping | None = None


@dataclass(frozen=True, slots=True)
class Felt:
    """What words and voice gave: per turn how far each emotion is past its threshold (only what was hit) and the voice's arousal.

    `hits` are the words of each emotion with their weights.
    """

    strengths: Strengths
    arousals: Mapping[str, float]
    hits: Mapping[str, list[tuple[Hit, float]]]


def parse_signals(node: Mapping[str, object]) -> Signals:
    """Read the signals file; raises RuleError naming the place."""

    def weighted(section: str) -> dict[str, tuple[Weighted, ...]]:
        labels = node.get(section)
        if not isinstance(labels, Mapping):
            raise RuleError(f"signals.{section}", "expected a mapping")
        return {
            str(label): tuple(
                Weighted(float(entry["weight"]), parse_condition(entry["when"], f"signals.{section}.{label}[{i}]"))
                for i, entry in enumerate(entries)
            )
            for label, entries in labels.items()
        }

    thresholds = node.get("thresholds")
    urgent = node.get("urgent_when")
    if not isinstance(thresholds, Mapping) or not isinstance(urgent, list):
        raise RuleError("signals", "needs thresholds and urgent_when")
    return Signals(
        rules=parse_rules(node.get("rules"), "signals.rules"),
        emotion=weighted("emotion"),
        thresholds={str(k): float(v) for k, v in thresholds.items()},
        ticket_type=weighted("ticket_type"),
        default_ticket_type=str(node["default_ticket_type"]),
        urgent_when=tuple(parse_condition(c, f"signals.urgent_when[{i}]") for i, c in enumerate(urgent)),
        risk_keywords=parse_condition(node.get("risk_keywords"), "signals.risk_keywords"),
        hints=parse_hints(node.get("hints", []), "signals.hints"),
    )


def felt(signals: Signals, evaluator: Evaluator) -> Felt:
    """The customer's words of feeling, heavier where the voice is excited or the words are exclaimed."""
    own = [turn for turn in evaluator.scanned.dialogue.turns if turn.role is Role.CUSTOMER]
    arousals = dict(zip((turn.turn_id for turn in own), arousal(turn.acoustics for turn in own), strict=True))
    exclaimed = {turn.turn_id for turn in own if "！" in turn.text or "!" in turn.text}
    strengths: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    hits: defaultdict[str, list[tuple[Hit, float]]] = defaultdict(list)
    for emotion, weighted in signals.emotion.items():
        for entry in weighted:
            for hit in _one_per_turn(evaluator.finding(entry.condition, emotion).hits):
                louder = hit.turn_id in exclaimed or arousals.get(hit.turn_id, 0.0) > EXCITED
                weight = entry.weight * hit.confidence * (EXCITED_FACTOR if louder else 1.0)
                strengths[hit.turn_id][emotion] += weight / signals.thresholds[emotion]
                hits[emotion].append((hit, weight))
    return Felt(strengths, arousals, hits)


def mood(signals: Signals, evaluator: Evaluator) -> Mood:
    """Feel the customer's course; a label counts once it reaches its threshold over the contact, anger before worry."""
    turns = evaluator.scanned.dialogue.turns
    found = felt(signals, evaluator)
    made = course(shipped(), turns, found.strengths, found.arousals)
    worst, tipped = NEUTRAL, None
    for emotion in EMOTIONS:
        total = 0.0
        for hit, weight in sorted(found.hits.get(emotion, ()), key=lambda pair: (pair[0].passage, pair[0].start)):
            total += weight
            if total >= signals.thresholds[emotion]:
                worst, tipped = emotion, hit
                break
        if tipped is not None:
            break
    shown = [turn.emotion for turn in made if turn.emotion != NEUTRAL]
    return Mood(made, worst, shown[-1] if shown else NEUTRAL, tipped, tipping(made, turns))


def ticket_type(signals: Signals, evaluator: Evaluator) -> tuple[str, float]:
    """The kind of contact whose conditions weigh most, and its share of all weight; the first listed wins a tie."""
    totals = {
        label: sum(e.weight for e in weighted if evaluator.finding(e.condition, label).holds)
        for label, weighted in signals.ticket_type.items()
    }
    best = max(totals, key=lambda label: totals[label])
    if totals[best] <= 0:
        return signals.default_ticket_type, 0.5
    return best, round(totals[best] / sum(totals.values()), 3)


def is_urgent(signals: Signals, evaluator: Evaluator) -> bool:
    """Whether any condition for high urgency holds."""
    return any(evaluator.finding(condition, "urgent").holds for condition in signals.urgent_when)


def risk_words(signals: Signals, evaluator: Evaluator) -> tuple[str, ...]:
    """The risk keywords the customer used, each once, in order: 去工信部 and 工信部投诉 are 工信部, 一二三一五 is 12315."""
    found = evaluator.finding(signals.risk_keywords, "risk_keywords").hits
    said = [digits_of(word) if all(c in DIGITS for c in word) else word for word in (hit.phrase or hit.text for hit in found)]
    shortest_first = sorted({*(phrase for phrase in _phrases_of(signals.risk_keywords, signals.rules)), *said}, key=lambda word: (len(word), word))
    return tuple(dict.fromkeys(next(short for short in shortest_first if short in word) for word in said))


def _phrases_of(condition: Condition, rules: Mapping[str, Condition]) -> Iterable[str]:
    if isinstance(condition, Named):
        yield from _phrases_of(rules[condition.name], rules)
    if isinstance(condition, Words):
        yield from (phrase.text for phrase in condition.phrases)
    for inner in children(condition):
        yield from _phrases_of(inner, rules)


def _one_per_turn(found: tuple[Hit, ...]) -> list[Hit]:
    best: dict[str, Hit] = {}
    for hit in found:
        if hit.turn_id not in best or hit.confidence > best[hit.turn_id].confidence:
            best[hit.turn_id] = hit
    return list(best.values())
