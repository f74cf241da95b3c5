"""Where evidence lies in the words of a turn: which characters to mark, and for which items."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from client.shapes import Evidence, ItemResult


@dataclass(frozen=True, slots=True)
class Reason:
    """One item that points at a turn."""

    item_id: str
    title: str
    result: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters and the items that point at it; none where it is plain."""

    text: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkedTurn:
    """A turn's words in pieces, and the items that mean the whole of it."""

    pieces: tuple[Piece, ...]
    whole: tuple[Reason, ...]


def reasons_by_turn(items: Sequence[ItemResult]) -> dict[str, list[tuple[Reason, Evidence]]]:
    """Everything a scorecard points at, by turn id, in the scorecard's order."""
    found: dict[str, list[tuple[Reason, Evidence]]] = {}
    for item in items:
        reason = Reason(item.get("item_id", ""), item.get("title", ""), item.get("result", ""))
        for evidence in item.get("evidence", []):
            found.setdefault(evidence.get("turn_id", ""), []).append((reason, evidence))
    return found


def marked(text: str, pointing: Sequence[tuple[Reason, Evidence]]) -> MarkedTurn:
    """Cut `text` where marks begin and end. Overlapping marks share a piece.

    Evidence counts characters of the masked text. A reader with the right to see everything gets other offsets, so a range
    whose words are not the evidence's is looked up by its words, and where these are not there the whole turn is meant.
    """
    spans: list[tuple[int, int, Reason]] = []
    whole: dict[str, Reason] = {}
    for reason, evidence in pointing:
        place = _place(text, evidence)
        if place is None:
            whole.setdefault(reason.item_id, reason)
        else:
            spans.append((*place, reason))
    cuts = sorted({0, len(text)} | {edge for start, end, _ in spans for edge in (start, end)})
    pieces = []
    for start, end in pairwise(cuts):
        covering = {reason.item_id: reason for a, b, reason in spans if a <= start and end <= b}
        pieces.append(Piece(text[start:end], tuple(covering.values())))
    return MarkedTurn(tuple(pieces), tuple(whole.values()))


def _place(text: str, evidence: Evidence) -> tuple[int, int] | None:
    start, end, words = evidence.get("char_from", 0), evidence.get("char_to", 0), evidence.get("text", "")
    if end <= start:
        return None
    if end <= len(text) and (not words or text[start:end] == words or text[start:end] in words):
        return start, end
    at = text.find(words) if words else -1
    return (at, at + len(words)) if at >= 0 else None


def tone(reasons: Sequence[Reason]) -> str:
    """The colour of a piece: fail before abstain before pass."""
    results = {reason.result for reason in reasons}
    return next((r for r in ("fail", "abstain", "pass") if r in results), "na")
