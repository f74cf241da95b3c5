"""Figures: whole numbers under dotted names that add up in any order, and those that one judged contact gives.

Whole numbers, because sums of fractions depend on their order: scores are kept in hundredths, times in milliseconds.
`f.*` plain figures, `d.<dimension>.*` dimension scores, `e.<emotion>` customer emotions, `a.<kind>` alerts,
`i.<item>.passed|failed|abstained` scorecard items, `h.<bin>` the sketch of handling times.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chassis.errors import InvalidInput

from reporting.domain.sketch import bin_of

Figures = Mapping[str, int]
PASSED, FAILED, NOT_APPLICABLE, ABSTAINED = "passed", "failed", "na", "abstained"
COMPLAINT = "投诉"
_NEGATIVE = frozenset({"angry", "anxious"})
MOST_ITEMS = 500
LONGEST_NAME = 200


def name(*parts: str) -> str:
    """A dotted name; what a part may not hold in a document's field is escaped as in a URL."""
    return ".".join(_escaped(p) for p in parts)


def _escaped(part: str) -> str:
    if not 0 < len(part) <= LONGEST_NAME:
        raise InvalidInput("name", f"must have 1 to {LONGEST_NAME} characters")
    return part.replace("%", "%25").replace(".", "%2E").replace("$", "%24").replace("\0", "%00")


def plain(part: str) -> str:
    """The part of a name as it was before `name` escaped it."""
    return part.replace("%00", "\0").replace("%24", "$").replace("%2E", ".").replace("%25", "%")


def difference(after: Figures, before: Figures) -> dict[str, int]:
    """What must be added to `before` to have `after`; nothing where they are equal."""
    return {k: d for k in after.keys() | before.keys() if (d := after.get(k, 0) - before.get(k, 0))}


@dataclass(frozen=True, slots=True)
class ItemJudged:
    """One scorecard item; `result` is passed, failed, na or abstained."""

    item_id: str
    title: str
    dimension: str
    result: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What an evaluation says of a contact. `dimensions`: scores 0-100 of those that applied. `course`: the customer's emotions in order."""

    score: float
    fatal: bool
    ticket_type: str
    customer_emotion: str
    course: tuple[str, ...]
    items: tuple[ItemJudged, ...]
    dimensions: Mapping[str, float]
    chat: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Compliance:
    """Which items are script (话术) and which process (流程): by item id first, else by dimension; others are neither."""

    items: Mapping[str, str] = field(default_factory=dict)
    dimensions: Mapping[str, str] = field(default_factory=dict)

    def side(self, item_id: str, dimension: str) -> str:
        """"script", "process" or ""."""
        return self.items.get(item_id) or self.dimensions.get(dimension, "")


def of_evaluation(judged: Judged, compliance: Compliance) -> Counter[str]:
    """The figures of one judged contact. Raises InvalidInput."""
    if not 0 <= judged.score <= 100:
        raise InvalidInput("evaluation.score", "must be between 0 and 100")
    if len(judged.items) > MOST_ITEMS:
        raise InvalidInput("evaluation.items", f"must be at most {MOST_ITEMS}")
    medium = "chat" if judged.chat else "call"
    made = Counter({
        "f.contacts": 1, f"f.{medium}s": 1, "f.score_centi": round(judged.score * 100), "f.fatal": int(judged.fatal),
        "f.complaints": int(judged.ticket_type == COMPLAINT),
    })
    if judged.duration_ms > 0:
        made[f"f.{medium}_ms"] = judged.duration_ms
        made[f"f.{medium}s_timed"] = 1
        if not judged.chat:
            made[f"h.{bin_of(judged.duration_ms)}"] = 1
    for item in judged.items:
        if item.result == NOT_APPLICABLE:
            continue
        made[name("i", item.item_id, item.result)] += 1
        side = compliance.side(item.item_id, item.dimension)
        if side and item.result in (PASSED, FAILED):
            made[f"f.{side}_applicable"] += 1
            made[f"f.{side}_passed"] += item.result == PASSED
    for dimension, score in judged.dimensions.items():
        made[name("d", dimension, "centi")] = round(score * 100)
        made[name("d", dimension, "contacts")] = 1
    if judged.customer_emotion:
        made[name("e", judged.customer_emotion)] = 1
    made.update(_mood(judged))
    return Counter({k: v for k, v in made.items() if v})


def _mood(judged: Judged) -> dict[str, int]:
    """Improved: the customer was angry or anxious and was brought back. Escalated: not angry at first, and angry later."""
    if not judged.course:
        return {}
    negative = any(e in _NEGATIVE for e in judged.course)
    return {
        "f.mood_known": 1,
        "f.mood_negative": int(negative),
        "f.mood_improved": int(negative and judged.customer_emotion not in _NEGATIVE and bool(judged.customer_emotion)),
        "f.mood_escalated": int(judged.course[0] != "angry" and "angry" in judged.course),
    }


def of_alert(kind: str) -> Counter[str]:
    return Counter({"f.alerts": 1, name("a", kind): 1})


def of_promise(dated: bool) -> Counter[str]:
    return Counter({"f.promises": 1, "f.promises_dated": int(dated)})


def of_feedback(csat: int | None, nps: int | None, solved: bool | None) -> Counter[str]:
    """A customer's answer; promoters give 9-10, detractors 0-6 (Reichheld, HBR 12/2003). Raises InvalidInput."""
    made: Counter[str] = Counter()
    if csat is not None:
        if not 1 <= csat <= 5:
            raise InvalidInput("feedback.csat", "must be between 1 and 5")
        made.update({"f.csat_answers": 1, "f.csat_sum": csat, "f.csat_satisfied": int(csat >= 4)})
    if nps is not None:
        if not 0 <= nps <= 10:
            raise InvalidInput("feedback.nps", "must be between 0 and 10")
        made.update({"f.nps_answers": 1, "f.nps_promoters": int(nps >= 9), "f.nps_detractors": int(nps <= 6)})
    if solved is not None:
        made.update({"f.solved_answers": 1, "f.solved_yes": int(solved)})
    return made
