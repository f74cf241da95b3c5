"""What a change of a scorecard does to contacts already judged: added up one by one, so that a hundred thousand take no more memory than ten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nlp.domain.judged import Outcome
from nlp.domain.judging import Judgement

MAX_EXAMPLES = 5
MAX_SHOWN_GROUPS = 200
MAX_GROUPS = 20_000
OTHERS = "…"  # agents or teams beyond MAX_GROUPS together


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a contact came to by one version: score 0-100, whether fatal, and each item's outcome (pass, fail, na, abstain)."""

    score: float
    fatal: bool
    outcomes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Gate:
    """What a candidate must reach before it may be published; None is not checked. Shares are 0 to 1, changes are points of the score."""

    min_precision: float | None = None
    min_recall: float | None = None
    max_fatal_flips: int | None = None
    max_mean_change: float | None = None

    @property
    def asks(self) -> bool:
        """Whether it checks anything."""
        return any(limit is not None for limit in (self.min_precision, self.min_recall, self.max_fatal_flips, self.max_mean_change))


@dataclass(slots=True)
class ItemTally:
    """Changes of one item, and its failures by the candidate against reviewers' answers."""

    pass_to_fail: int = 0
    fail_to_pass: int = 0
    other_changes: int = 0
    reviewed: int = 0
    agreed_failures: int = 0
    false_failures: int = 0
    missed_failures: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """How many contacts came out otherwise."""
        return self.pass_to_fail + self.fail_to_pass + self.other_changes

    @property
    def precision(self) -> float | None:
        """Share of its failures that reviewers agree with; None without any that were reviewed."""
        return _share(self.agreed_failures, self.false_failures)

    @property
    def recall(self) -> float | None:
        """Share of reviewers' failures that it finds; None without any."""
        return _share(self.agreed_failures, self.missed_failures)


@dataclass(slots=True)
class GroupTally:
    """An agent or a team: contacts replayed and the sums of their scores."""

    interactions: int = 0
    before: float = 0.0
    after: float = 0.0

    @property
    def change(self) -> float:
        """Of the mean score, 0 without contacts."""
        return (self.after - self.before) / self.interactions if self.interactions else 0.0


@dataclass(slots=True)
class Tally:
    """Everything found so far."""

    all: GroupTally = field(default_factory=GroupTally)
    became_fatal: int = 0
    ceased_fatal: int = 0
    items: dict[str, ItemTally] = field(default_factory=dict)
    agents: dict[str, GroupTally] = field(default_factory=dict)
    teams: dict[str, GroupTally] = field(default_factory=dict)

    def add(self, interaction_id: str, agent_id: str, team_id: str, before: Verdict, after: Verdict, reviewed: Mapping[str, str]) -> None:
        """Add one contact; `reviewed` are people's answers by item."""
        for group in (self.all, _of(self.agents, agent_id), _of(self.teams, team_id)):
            group.interactions += 1
            group.before += before.score
            group.after += after.score
        self.became_fatal += after.fatal and not before.fatal
        self.ceased_fatal += before.fatal and not after.fatal
        for item_id in dict.fromkeys((*after.outcomes, *before.outcomes)):
            # An item that only one version has is as one that does not apply under the other.
            was, now = before.outcomes.get(item_id, Outcome.NA.value), after.outcomes.get(item_id, Outcome.NA.value)
            answer = reviewed.get(item_id)
            if was == now and answer is None:
                continue
            item = self.items.setdefault(item_id, ItemTally())
            if was != now:
                item.pass_to_fail += (was, now) == (Outcome.PASS, Outcome.FAIL)
                item.fail_to_pass += (was, now) == (Outcome.FAIL, Outcome.PASS)
                item.other_changes += {was, now} != {Outcome.PASS.value, Outcome.FAIL.value}
                if len(item.examples) < MAX_EXAMPLES:
                    item.examples.append(interaction_id)
            if answer is not None:
                failed, agreed = now == Outcome.FAIL, answer == Outcome.FAIL
                item.reviewed += 1
                item.agreed_failures += failed and agreed
                item.false_failures += failed and not agreed
                item.missed_failures += agreed and not failed

    @property
    def mean_before(self) -> float:
        """Mean score under the baseline, 0 without contacts."""
        return self.all.before / self.all.interactions if self.all.interactions else 0.0

    @property
    def mean_after(self) -> float:
        """Mean score under the candidate, 0 without contacts."""
        return self.all.after / self.all.interactions if self.all.interactions else 0.0

    def most_changed_items(self) -> list[tuple[str, ItemTally]]:
        """Items with a change or a reviewed answer, most changed first."""
        return sorted(self.items.items(), key=lambda entry: (-entry[1].changes, entry[0]))


def verdict_of(judgement: Judgement) -> Verdict:
    """The short of a judgement."""
    return Verdict(judgement.score, judgement.fatal, {item.item_id: item.outcome.value for item in judgement.items})


def most_changed(groups: Mapping[str, GroupTally]) -> list[tuple[str, GroupTally]]:
    """At most MAX_SHOWN_GROUPS, those whose mean changed most first."""
    return sorted(groups.items(), key=lambda entry: (-abs(entry[1].change), entry[0]))[:MAX_SHOWN_GROUPS]


def missed(gate: Gate, tally: Tally) -> list[str]:
    """Why the gate was not reached, in Chinese; empty where it was."""
    reasons = []
    if gate.asks and not tally.all.interactions:
        reasons.append("没有可回放的会话，无法判断是否达标")
    precision, recall = overall(tally.items.values())
    for name, share, least in (("准确率", precision, gate.min_precision), ("召回率", recall, gate.min_recall)):
        if least is not None and share is None:
            reasons.append(f"没有相应的人工复核结果，无法计算{name}")
        elif least is not None and share is not None and share < least:
            reasons.append(f"{name} {share:.1%} 低于门槛 {least:.1%}")
    flips = tally.became_fatal + tally.ceased_fatal
    if gate.max_fatal_flips is not None and flips > gate.max_fatal_flips:
        reasons.append(f"致命项翻转 {flips} 通，超过门槛 {gate.max_fatal_flips} 通")
    change = abs(tally.mean_after - tally.mean_before)
    if gate.max_mean_change is not None and change > gate.max_mean_change:
        reasons.append(f"平均分变化 {change:.2f} 分，超过门槛 {gate.max_mean_change:.2f} 分")
    return reasons


def overall(items: Iterable[ItemTally]) -> tuple[float | None, float | None]:
    """Precision and recall over all items together."""
    listed = list(items)
    agreed = sum(item.agreed_failures for item in listed)
    return _share(agreed, sum(item.false_failures for item in listed)), _share(agreed, sum(item.missed_failures for item in listed))


def _share(of: int, rest: int) -> float | None:
    return of / (of + rest) if of + rest else None


def _of(groups: dict[str, GroupTally], name: str) -> GroupTally:
    if name not in groups and len(groups) >= MAX_GROUPS:
        name = OTHERS
    return groups.setdefault(name, GroupTally())
