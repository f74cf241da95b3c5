"""Test utterances written in a scorecard file: what each item and rule must come to, tried on the engine that judges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nlp.domain.dialogue import Acoustics, Dialogue, Interaction, Role, Turn
from nlp.domain.engine import QualityEngine
from nlp.domain.judged import Outcome
from nlp.domain.judging import judge
from nlp.domain.rule_parser import RuleError
from nlp.domain.scorecards import Scorecard

ITEM_TESTS, RULE_TESTS = "tests", "rule_tests"
HIT, MISS = "hit", "miss"
EXPECTED = {ITEM_TESTS: tuple(outcome.value for outcome in Outcome), RULE_TESTS: (HIT, MISS)}
WRITTEN_CHANNELS = frozenset({"chat", "app", "online", "wechat", "im"})
DERIVED = ("ticket_type", "urgency", "customer_emotion", "customer_emotion_worst")
MS_PER_CHARACTER = 220
BETWEEN_TURNS_MS = 500
MAX_CASES = 5000
MAX_LINES = 200
_ROLES = {"坐席": Role.AGENT, "客服": Role.AGENT, "客户": Role.CUSTOMER}
_LINE = re.compile(r"\s*(坐席|客服|客户)\s*[:：]\s*(.*\S)\s*", re.DOTALL)
_DIRECTION = re.compile(r"\s*[（(]\s*(静音|抢话|语速)\s*(\d+(?:\.\d+)?)\s*(?:秒|字(?:/|每)秒)\s*[)）]\s*")
_LINE_FIELDS = ("say", "confidence", "energy_db", "pitch_hz")


@dataclass(frozen=True, slots=True)
class TestCase:
    """One utterance or dialogue; `about` is an item's or a rule's id, `place` where it stands (`tests.greeting.pass[0]`)."""

    __test__ = False  # for pytest: this is no test of ours

    place: str
    kind: str
    about: str
    expected: str
    dialogue: Dialogue = field(repr=False)


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of a case."""

    __test__ = False

    case: TestCase
    actual: str

    @property
    def passed(self) -> bool:
        """Whether it came as expected."""
        return self.actual == self.case.expected


def without_tests(node: object) -> object:
    """The scorecard of a file without its test utterances, which judge nothing."""
    if not isinstance(node, Mapping):
        return node
    return {key: value for key, value in node.items() if key not in EXPECTED}


def parse_tests(node: object, card: Scorecard) -> tuple[TestCase, ...]:
    """Read `tests` and `rule_tests` of a scorecard file, in its order; raises RuleError naming the place."""
    if not isinstance(node, Mapping):
        return ()
    chosen_by = {name: values[0] for name, values in card.applies_to.items()}
    known = {ITEM_TESTS: {item.item_id for item in card.items}, RULE_TESTS: set(card.rules)}
    cases: list[TestCase] = []
    for kind in (key for key in node if key in EXPECTED):
        for about, by_expected in _mapping(node[kind], str(kind)).items():
            place = f"{kind}.{about}"
            if about not in known[kind]:
                raise RuleError(place, f"no such {'item' if kind == ITEM_TESTS else 'rule'} in this scorecard")
            for expected, listed in _mapping(by_expected, place).items():
                if expected not in EXPECTED[kind]:
                    raise RuleError(f"{place}.{expected}", f"must be one of {', '.join(EXPECTED[kind])}")
                if not isinstance(listed, list) or not listed:
                    raise RuleError(f"{place}.{expected}", "expected a list of utterances")
                for number, case in enumerate(listed):
                    where = f"{place}.{expected}[{number}]"
                    cases.append(TestCase(where, kind, about, expected, _dialogue(case, where, chosen_by)))
        if len(cases) > MAX_CASES:
            raise RuleError(str(kind), f"more than {MAX_CASES} test utterances")
    return tuple(cases)


def run_tests(cases: Sequence[TestCase], card: Scorecard, engine: QualityEngine) -> Iterator[TestResult]:
    """Try each case; `card` must be one of the engine's."""
    for case in cases:
        evaluator = engine.read(card, case.dialogue).evaluator
        if case.kind == RULE_TESTS:
            actual = HIT if evaluator.rule(case.about).holds else MISS
        else:
            actual = next(item.outcome.value for item in judge(card, evaluator).items if item.item_id == case.about)
        yield TestResult(case, actual)


def untested(card: Scorecard, cases: Sequence[TestCase]) -> dict[str, tuple[str, ...]]:
    """Items whose passing, failing or both no case shows: id -> what is not shown. A bonus that is not earned is `na`."""
    shown = {(case.about, case.expected) for case in cases if case.kind == ITEM_TESTS}
    lacking = {
        item.item_id: tuple(
            wanted for wanted in (Outcome.PASS.value, (Outcome.NA if item.bonus else Outcome.FAIL).value) if (item.item_id, wanted) not in shown
        )
        for item in card.items
    }
    return {item_id: wanted for item_id, wanted in lacking.items() if wanted}


def _dialogue(case: object, place: str, chosen_by: Mapping[str, str]) -> Dialogue:
    """Turns one after the other, 220 ms a character; what is typed has times only where a pause says so."""
    attributes = dict(chosen_by)
    if isinstance(case, Mapping):
        for key in case:
            if key not in ("lines", "attributes"):
                raise RuleError(f"{place}.{key}", "unknown key; known are attributes, lines")
        own = {name: str(value) for name, value in _mapping(case.get("attributes"), f"{place}.attributes").items()}
        attributes |= own
        for name in own:
            if name in DERIVED:
                raise RuleError(f"{place}.attributes.{name}", "is derived from the words and cannot be set")
        case, place = case.get("lines"), f"{place}.lines"
    lines = [case] if isinstance(case, str) else case
    if not isinstance(lines, list) or not 1 <= len(lines) <= MAX_LINES:
        raise RuleError(place, f"expected one line or a list of up to {MAX_LINES} lines")
    channel = attributes.pop("channel", "hotline")
    spoken = channel not in WRITTEN_CHANNELS
    timed = spoken or any(isinstance(line, str) and _DIRECTION.fullmatch(line) for line in lines)
    turns = _turns(lines, place, isinstance(case, str), timed)
    if not turns:
        raise RuleError(place, "expected a line that begins with 坐席： or 客户：")
    interaction = Interaction("test", attributes.pop("industry", ""), channel, attributes.pop("direction", "inbound"), attributes, spoken)
    return Dialogue(interaction, tuple(turns))


def _turns(lines: Sequence[object], place: str, alone: bool, timed: bool) -> list[Turn]:
    turns: list[Turn] = []
    now, gap, pace = 0, 0, float(MS_PER_CHARACTER)
    for number, line in enumerate(lines):
        where = place if alone else f"{place}[{number}]"
        fields = line if isinstance(line, Mapping) else {"say": line}
        if unknown := [key for key in fields if key not in _LINE_FIELDS]:
            raise RuleError(f"{where}.{unknown[0]}", f"unknown key; known are {', '.join(_LINE_FIELDS)}")
        text = fields.get("say")
        if isinstance(text, str) and (direction := _DIRECTION.fullmatch(text)):
            name, value = direction[1], float(direction[2])
            if name == "语速":
                if not value:
                    raise RuleError(where, "a rate is more than 0 characters a second")
                pace = 1000 / value
            else:
                gap = int(value * 1000) * (1 if name == "静音" else -1)
            continue
        said = _LINE.fullmatch(text) if isinstance(text, str) else None
        if said is None:
            raise RuleError(where, "expected a line that begins with 坐席： or 客户：, or a direction such as （静音35秒）, （抢话2秒） or （语速8字/秒）")
        start = max(0, now + gap)
        now = start + max(1, int(len(said[2]) * pace))
        sound = None
        if "energy_db" in fields or "pitch_hz" in fields:
            sound = Acoustics(_figure(fields, "energy_db", where), _figure(fields, "pitch_hz", where), 1000 / pace)
        sure = _figure(fields, "confidence", where)
        if sure is not None and not 0 <= sure <= 1:
            raise RuleError(f"{where}.confidence", "must be 0 to 1")
        first, last = (start, now) if timed else (None, None)
        turns.append(Turn(f"t{len(turns) + 1}", _ROLES[said[1]], said[2], first, last, 1.0 if sure is None else sure, sound))
        gap, pace = BETWEEN_TURNS_MS, float(MS_PER_CHARACTER)
    return turns


def _figure(fields: Mapping[str, object], key: str, place: str) -> float | None:
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RuleError(f"{place}.{key}", f"must be a number, found {value!r}")
    return float(value)


def _mapping(node: object, place: str) -> Mapping[str, object]:
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        raise RuleError(place, "expected a mapping")
    return {str(key): value for key, value in node.items()}
