"""What a contact is about and how the customer feels, from weighted conditions kept as data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from nlp.domain.conditions import Condition, Hit, Named, Words
from nlp.domain.dialogue import Dialogue, Role, Turn
from nlp.domain.evaluation import Evaluator
from nlp.domain.hints import HintRule, parse_hints
from nlp.domain.numerals import DIGITS, digits_of
from nlp.domain.rule_parser import RuleError, children, parse_condition
from nlp.domain.rules import parse_rules

NEUTRAL = "neutral"
NEGATIVE = ("angry", "anxious")
EMOTIONS = ("angry", "anxious", "satisfied")
# An excited voice, or an exclamation mark, makes words of feeling weigh more; without such words it says nothing.
EXCITED_FACTOR = 1.3
EXCITED_DB = 4.0
EXCITED_RATE = 1.15


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
class TurnEmotion:
    """What one customer turn shows; `strength` is how far past its threshold (1 = just reached)."""

    turn_id: str
    emotion: str
    strength: float


@dataclass(frozen=True, slots=True)
class Mood:
    """The customer's course: per turn, the worst and the last clearly shown; `tipped` is where the worst was reached."""

    course: tuple[TurnEmotion, ...]
    worst: str
    last: str
    tipped: Hit | None


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


def mood(signals: Signals, evaluator: Evaluator) -> Mood:
    """Feel the customer's course; a label counts once it reaches its threshold over the contact, anger before worry."""
    dialogue = evaluator.scanned.dialogue
    louder = _excited(dialogue) | {turn.turn_id for turn in dialogue.turns if "！" in turn.text or "!" in turn.text}
    scores: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    hits: defaultdict[str, list[tuple[Hit, float]]] = defaultdict(list)
    for emotion, weighted in signals.emotion.items():
        for entry in weighted:
            for hit in _one_per_turn(evaluator.finding(entry.condition, emotion).hits):
                weight = entry.weight * hit.confidence * (EXCITED_FACTOR if hit.turn_id in louder else 1.0)
                scores[hit.turn_id][emotion] += weight
                hits[emotion].append((hit, weight))
    course = tuple(
        _turn_emotion(turn, scores[turn.turn_id], signals) for turn in dialogue.turns if turn.role is Role.CUSTOMER
    )
    worst, tipped = NEUTRAL, None
    for emotion in EMOTIONS:
        total = 0.0
        for hit, weight in sorted(hits[emotion], key=lambda pair: (pair[0].passage, pair[0].start)):
            total += weight
            if total >= signals.thresholds[emotion]:
                worst, tipped = emotion, hit
                break
        if tipped is not None:
            break
    shown = [turn.emotion for turn in course if turn.emotion != NEUTRAL]
    return Mood(course, worst, shown[-1] if shown else NEUTRAL, tipped)


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
    shortest_first = sorted({*(phrase for phrase in _phrases_of(signals.risk_keywords, signals.rules)), *said}, key=len)
    return tuple(dict.fromkeys(next(short for short in shortest_first if short in word) for word in said))


def _phrases_of(condition: Condition, rules: Mapping[str, Condition]) -> Iterable[str]:
    if isinstance(condition, Named):
        yield from _phrases_of(rules[condition.name], rules)
    if isinstance(condition, Words):
        yield from (phrase.text for phrase in condition.phrases)
    for inner in children(condition):
        yield from _phrases_of(inner, rules)


def _turn_emotion(turn: Turn, scores: Mapping[str, float], signals: Signals) -> TurnEmotion:
    strengths = {emotion: scores.get(emotion, 0.0) / signals.thresholds[emotion] for emotion in EMOTIONS}
    best = max(EMOTIONS, key=lambda emotion: strengths[emotion])
    shown = strengths[best] >= 0.5  # half of what the whole contact needs is enough to mark one turn
    return TurnEmotion(turn.turn_id, best if shown else NEUTRAL, round(strengths[best], 3))


def _one_per_turn(found: tuple[Hit, ...]) -> list[Hit]:
    best: dict[str, Hit] = {}
    for hit in found:
        if hit.turn_id not in best or hit.confidence > best[hit.turn_id].confidence:
            best[hit.turn_id] = hit
    return list(best.values())


def _excited(dialogue: Dialogue) -> set[str]:
    """Customer turns clearly louder or faster than that customer's own median."""
    heard = [t for t in dialogue.turns if t.role is Role.CUSTOMER and t.acoustics is not None]
    energies = [t.acoustics.energy_db for t in heard if t.acoustics and t.acoustics.energy_db is not None]
    rates = [t.acoustics.rate for t in heard if t.acoustics and t.acoustics.rate]
    if len(heard) < 3:  # no baseline of the speaker's own
        return set()
    loud = median(energies) + EXCITED_DB if energies else None
    fast = median(rates) * EXCITED_RATE if rates else None
    return {
        t.turn_id
        for t in heard
        if t.acoustics
        and (
            (loud is not None and t.acoustics.energy_db is not None and t.acoustics.energy_db >= loud)
            or (fast is not None and t.acoustics.rate is not None and t.acoustics.rate >= fast)
        )
    }
