"""What judging a call live came to, and how that differs from judging its recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveOutcome:
    """A live evaluation when the call ended: result by item, and the kinds of alert raised while it ran."""

    scorecard_id: str
    scorecard_version: str
    score: float
    items: Mapping[str, str]
    alerts: tuple[str, ...]
    turns: int


@dataclass(frozen=True, slots=True)
class LiveComparison:
    """How the live evaluation differs from the one that counts."""

    score: float
    items_differing: tuple[str, ...]
    alerts_live_only: tuple[str, ...]
    alerts_final_only: tuple[str, ...]


def compared(live: LiveOutcome, items: Mapping[str, str], alerts: Iterable[str]) -> LiveComparison:
    """Against the final results by item and its kinds of alert; an item only one of them has differs."""
    differing = tuple(sorted(name for name in {*live.items, *items} if live.items.get(name) != items.get(name)))
    raised, found = set(live.alerts), set(alerts)
    return LiveComparison(live.score, differing, tuple(sorted(raised - found)), tuple(sorted(found - raised)))
