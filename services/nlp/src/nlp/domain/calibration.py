"""Calibration: how far inspectors who judge the same contacts agree with each other and with the machine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import InvalidInput

from nlp.domain.reviews import Answer

MOST_INTERACTIONS = 50
MOST_INSPECTORS = 20
LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Calibration:
    """The same contacts given to several inspectors."""

    calibration_id: str
    title: str
    interaction_ids: tuple[str, ...]
    inspectors: tuple[str, ...]
    created_by: str
    created_at: datetime

    @property
    def total(self) -> int:
        """Answers asked for: contacts times inspectors."""
        return len(self.interaction_ids) * len(self.inspectors)


@dataclass(frozen=True, slots=True)
class Judged:
    """One inspector's answers to one contact."""

    inspector: str
    interaction_id: str
    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree on an item; `item_id` is empty for all together.

    `kappa` is Fleiss' kappa, None where it is not defined; `agreement` the share of pairs of inspectors that agree, `with_machine` the
    share of answers that are the machine's (an item it abstained from agrees with nobody), both 0 to 1; `answers` is what was counted.
    """

    item_id: str
    kappa: float | None
    agreement: float
    with_machine: float
    answers: int


def check_new(title: str, interaction_ids: Sequence[str], inspectors: Sequence[str]) -> None:
    """Raises InvalidInput naming the field."""
    if not 1 <= len(title.strip()) <= LONGEST_TITLE:
        raise InvalidInput("title", f"must have 1 to {LONGEST_TITLE} characters")
    for field, given, fewest, most in (
        ("interaction_ids", interaction_ids, 1, MOST_INTERACTIONS), ("inspectors", inspectors, 2, MOST_INSPECTORS),
    ):
        if not fewest <= len(given) <= most:
            raise InvalidInput(field, f"must be {fewest} to {most}")
        for number, one in enumerate(given):
            if not one.strip():
                raise InvalidInput(f"{field}[{number}]", "is empty")
            if one in given[:number]:
                raise InvalidInput(f"{field}[{number}]", "is named twice")


def is_blind(calibration: Calibration, judged: Iterable[Judged], principal: str) -> bool:
    """Whether a principal takes part and has not judged every contact yet: then nobody else's answers may be seen."""
    if principal not in calibration.inspectors:
        return False
    own = {one.interaction_id for one in judged if one.inspector == principal}
    return not own.issuperset(calibration.interaction_ids)


def agreement(judged: Iterable[Judged], machine: Mapping[tuple[str, str], str]) -> list[Agreement]:
    """All items together first, then each in order of its id; `machine` is what it said by (interaction_id, item_id)."""
    by_item: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in judged:
        for answer in one.items:
            by_item[answer.item_id][one.interaction_id].append(answer.result)
    subjects = {(contact, item): answers for item, contacts in by_item.items() for contact, answers in contacts.items()}
    if not subjects:
        return []
    each = [_agreement(item, {s: a for s, a in subjects.items() if s[1] == item}, machine) for item in sorted(by_item)]
    return [_agreement("", subjects, machine), *each]


def _agreement(item_id: str, subjects: Mapping[tuple[str, str], Sequence[str]], machine: Mapping[tuple[str, str], str]) -> Agreement:
    answers = sum(len(given) for given in subjects.values())
    agreeing = sum(given.count(machine[subject]) for subject, given in subjects.items() if subject in machine)
    together, pairs = 0, 0
    for given in subjects.values():
        together += sum(count * (count - 1) for count in Counter(given).values())
        pairs += len(given) * (len(given) - 1)
    return Agreement(item_id, fleiss_kappa(list(subjects.values())), together / pairs if pairs else 0.0, agreeing / answers, answers)


def fleiss_kappa(subjects: Iterable[Sequence[str]]) -> float | None:
    """Fleiss' kappa of the answers given to each subject; None where it is not defined.

    J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971) 378-382: with n answers to each of
    N subjects, n_ij of them of category j, P_i = (sum_j n_ij^2 - n) / (n (n - 1)), p_j = sum_i n_ij / (N n), kappa = (mean P_i - sum p_j^2) /
    (1 - sum p_j^2). While not everybody has answered, n is each subject's own; subjects with fewer than two answers say nothing.
    Not defined where no subject has two answers, and where all answers are of one category.
    """
    rated = [Counter(given) for given in subjects if len(given) > 1]
    if not rated:
        return None
    observed = sum(
        (sum(count * count for count in counts.values()) - counts.total()) / (counts.total() * (counts.total() - 1)) for counts in rated
    ) / len(rated)
    overall: Counter[str] = sum(rated, Counter())
    by_chance = sum((count / overall.total()) ** 2 for count in overall.values())
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else None
