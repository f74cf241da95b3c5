"""A call judged while it runs: what is new after each turn, and at its end exactly what judging it afterwards gives."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nlp.domain import conditions as c
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp.domain.engine import Alert, Assessment, QualityEngine, Reading, attributes_of
from nlp.domain.evaluation import Evaluator, Window
from nlp.domain.hints import Cue, HintRule
from nlp.domain.rules import RuleBook
from nlp.domain.scorecards import Item
from nlp.domain.signals import Mood

EMOTION_NOW = "customer_emotion_now"
MIN_ANSWER_LETTERS = 10  # an agent who has said less has not answered yet


@dataclass(frozen=True, slots=True)
class Hint:
    """What the agent should see now, called for by turn `turn_id`; `item_id` is empty where it belongs to no item."""

    kind: str
    turn_id: str
    at_ms: int
    message: str
    item_id: str


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told now and was not told before; `worst` is the customer's emotion so far, as in a Mood."""

    alerts: tuple[Alert, ...] = ()
    hints: tuple[Hint, ...] = ()
    worst: str = ""

    def __bool__(self) -> bool:
        return bool(self.alerts or self.hints)


NOTHING = News()


@dataclass
class _Memory:
    """Findings over the whole contact that no turn since has touched; key is the condition's identity and who is meant."""

    book: RuleBook
    findings: dict[tuple[int, Role | None], c.Finding] = field(default_factory=dict)

    def forget(self, lists: Iterable[int], expressions: Iterable[int]) -> set[int]:
        """Drop what may be otherwise now that passages with phrases of these lists, or that these expressions may match, have changed, and name it."""
        touched = self.book.touched(lists, expressions)
        for condition in touched:
            for role in (None, Role.AGENT, Role.CUSTOMER):
                self.findings.pop((condition, role), None)
        return touched


@dataclass
class _Rereading(Evaluator):
    """An evaluator that looks again only at what a turn has touched."""

    memory: _Memory = field(kw_only=True)

    def _evaluate(self, condition: c.Condition, window: Window, rule_id: str) -> c.Finding:
        if window.mask != self.whole.mask or not self.memory.book.lasting(condition):
            return super()._evaluate(condition, window, rule_id)
        key = (id(condition), window.role)
        known = self.memory.findings.get(key)
        if known is None:
            known = self.memory.findings[key] = super()._evaluate(condition, window, rule_id)
        return known


class LiveContact:
    """One call, turn by turn.

    Turns may come in any order: each takes its place by its start, as in `in_order`, and one that comes twice (by its id) counts once.
    Laws, for turns t1…tn in the order in which they came:
    - `close()` equals `engine.assess(Dialogue(interaction, in_order(t1…tn)))`, whatever was asked in between.
    - After `add(tk)` the kinds of alert told are those of the assessments of t1…tj for all j <= k: nothing is told that judging the
      turns so far does not find, and every alert of the final assessment has been told by its end. An alert told may be missing
      from the final assessment where later words take it back: an `unless` or `not` said later, a window at the end of the call, a
      count with an upper limit, a silence filled by a turn that was transcribed late, an emotion that other words weigh up.
    - `quiet_until` tells of a silence that still lasts; the assessment has it once somebody speaks again.
    """

    def __init__(self, engine: QualityEngine, interaction: Interaction) -> None:
        self._engine = engine
        self._card = engine.scorecard_for(interaction)
        self._hints = engine.hints_for(self._card)
        self._attributes = attributes_of(interaction)
        self.dialogue = Dialogue(interaction, ())
        self._scanned = engine.scan(self._card, self.dialogue)
        self._memory = _Memory(self._scanned.book)
        self._came: list[Turn] = []
        self._turn_ids: set[str] = set()
        self._all_timed = True
        self._told: set[str] = set()
        self._hinted: set[tuple[str, str]] = set()
        self._hinted_at: dict[str, int] = {}
        self._silences = engine.silences(self._card)
        self._feelings = engine.feelings_last(self._card)
        self._mood: Mood | None = None
        self._whole = engine.hangs_on_what_it_is_about(self._card)
        self._heard_until = 0

    def __contains__(self, turn_id: str) -> bool:
        return turn_id in self._turn_ids

    def __len__(self) -> int:
        return len(self._came)

    def told(self, alerts: Iterable[str], hints: Iterable[Hint]) -> None:
        """These were told before, by whoever had the call then."""
        self._told.update(alerts)
        for hint in hints:
            self._remember(hint)

    def add(self, turn: Turn) -> News:
        """Take a turn in and say what is new."""
        return self.news(turn) if self.put(turn) else NOTHING

    def put(self, turn: Turn) -> bool:
        """Take a turn in without judging; False where it came before."""
        if turn.turn_id in self._turn_ids:
            return False
        self._turn_ids.add(turn.turn_id)
        self._came.append(turn)
        self._heard_until = max(self._heard_until, turn.end_ms or 0)
        if turn.start_ms is None and self._all_timed:
            self._all_timed = False
            self._mood = None
            self._reread(Dialogue(self.dialogue.interaction, tuple(self._came)), 0)
            return True
        turns = self.dialogue.turns
        place = bisect_right(turns, turn.start_ms or 0, key=lambda known: known.start_ms or 0) if self._all_timed else len(turns)
        if turn.role is Role.CUSTOMER or place < len(turns):
            self._mood = None
        self._reread(*self.dialogue.with_turn(place, turn))
        return True

    def _reread(self, dialogue: Dialogue, first: int) -> None:
        scanned, last = self._scanned, len(self._scanned.plain) - 1
        touched, matching = scanned.lists_in(first), scanned.matching_in(first)
        scanned.grow(dialogue, first)
        self.dialogue = dialogue
        if first < last:  # the numbers of passages may have changed, and every finding holds some
            self._memory.findings.clear()
            self._mood = None
        else:
            forgotten = self._memory.forget(touched | scanned.lists_in(first), matching | scanned.matching_in(first))
            if self._feelings is None or not self._feelings.isdisjoint(forgotten):
                self._mood = None

    def news(self, turn: Turn) -> News:
        """What judging the turns so far finds and was not told; `turn` is the one that has just come."""
        if self._whole:
            reading = self.reading()
            mood, evaluator, alerts = reading.mood, reading.evaluator, self._untold(reading)
        else:
            mood, evaluator = self._engine.feel(self._again(), self._mood)
            self._mood = mood
            # Whether it is urgent is only asked of a contact that has something to tell.
            alerts = self._untold(Reading(evaluator, mood, "", "", urgent=False))
            if alerts:
                alerts = self._untold(self.reading())
        self._told.update(alert.kind for alert in alerts)
        return News(alerts, tuple(self._new_hints(mood, evaluator, turn)), mood.worst)

    def _untold(self, reading: Reading) -> tuple[Alert, ...]:
        return tuple(alert for alert in self._engine.alerts(self._card, reading) if alert.kind not in self._told)

    def _again(self) -> _Rereading:
        return _Rereading(self._scanned, self._attributes, memory=self._memory)

    def reading(self) -> Reading:
        """The contact as read so far; only what a turn has touched is looked at again, and absence is as sure as when it was looked for."""
        reading = self._engine.derive(self._again(), self._mood)
        self._mood = reading.mood  # an agent's turn at the end leaves it as it is
        return reading

    def _new_hints(self, mood: Mood, evaluator: Evaluator, turn: Turn) -> Iterator[Hint]:
        now = next((point.emotion for point in reversed(mood.course) if point.turn_id == turn.turn_id), "") if turn.role is Role.CUSTOMER else ""
        evaluator = evaluator.with_attributes({EMOTION_NOW: now})
        for rule, item in self._hints:
            for turn_id, at_ms in self._places(rule, item, evaluator, turn):
                last = self._hinted_at.get(rule.kind)
                if (rule.kind, turn_id) in self._hinted or (last is not None and at_ms - last < rule.again_after_s * 1000):
                    continue
                say = item.guidance.say if item is not None else ""
                hint = Hint(rule.kind, turn_id, at_ms, f"{rule.message}：“{say}”" if say else rule.message, rule.item_id)
                self._remember(hint)
                yield hint

    def _remember(self, hint: Hint) -> None:
        self._hinted.add((hint.kind, hint.turn_id))
        self._hinted_at[hint.kind] = max(hint.at_ms, self._hinted_at.get(hint.kind, 0))

    def _places(self, rule: HintRule, item: Item | None, evaluator: Evaluator, turn: Turn) -> list[tuple[str, int]]:
        """The turns that call for a hint, with their times."""
        if rule.condition is not None:
            finding = evaluator.finding(rule.condition, rule.kind)
            if not finding.holds:
                return []
            return _turns_of(finding.hits) or [(turn.turn_id, turn.start_ms or 0)]
        assert item is not None  # such a rule is given to no card without its item
        finding = evaluator.finding(item.rule, item.item_id)
        if finding.holds is not False:
            return []
        if rule.cue is Cue.BROKEN:
            return _turns_of(finding.against)
        applies = evaluator.finding(item.applies_when, item.item_id) if item.applies_when is not None else None
        if applies is None or not applies.holds or not applies.hits or not self._answered(applies.hits[0].passage):
            return []
        return _turns_of(applies.hits[:1])

    def _answered(self, passage: int) -> bool:
        """Whether the agent has said something of substance since."""
        passages = self.dialogue.passages
        return any(passages[i].role is Role.AGENT and len(self._scanned.plain[i].letters) >= MIN_ANSWER_LETTERS for i in range(passage + 1, len(passages)))

    @property
    def silence_told_from(self) -> int | None:
        """The moment of the call, in ms, from which a silence that still lasts is worth asking for; None where none would be told."""
        waits = [wait for kind, wait, _ in self._silences if kind not in self._told]
        if not waits or not self.dialogue.timed:
            return None
        return self._heard_until + int(min(waits) * 1000) + 1

    def quiet_until(self, at_ms: int) -> News:
        """Nobody has spoken until `at_ms` (of the call) since the last turn: what that alone tells."""
        due = self.silence_told_from
        if due is None or at_ms < due:
            return NOTHING
        found = [self._if_now_spoke(role, at_ms) for role in Role]  # whoever it will be who speaks next
        alerts = tuple(Alert(kind, hit, urgent=False) for kind, hit in found[0].items() if all(kind in other for other in found[1:]))
        self._told.update(alert.kind for alert in alerts)
        return News(alerts)

    def _if_now_spoke(self, role: Role, at_ms: int) -> dict[str, c.Hit]:
        """The untold silences that there would be if `role` spoke now, by kind."""
        before = self.dialogue
        provisional, first = before.with_turn(len(before.turns), Turn("", role, "", at_ms, at_ms + 1))
        self._scanned.grow(provisional, first)
        evaluator = Evaluator(self._scanned, self._attributes)
        waiting = [(kind, evaluator.finding(condition, kind).hits) for kind, _, condition in self._silences if kind not in self._told]
        self._scanned.grow(before, first)
        return {kind: hits[-1] for kind, hits in waiting if hits}

    def close(self) -> Assessment:
        """The call is over: what judging it afterwards gives, by the same code on the same reading."""
        return self._engine.conclude(self._card, self._engine.derive(Evaluator(self._scanned, self._attributes)))


def _turns_of(hits: Iterable[c.Hit]) -> list[tuple[str, int]]:
    return list({hit.turn_id: (hit.turn_id, hit.start_ms or 0) for hit in hits}.values())
