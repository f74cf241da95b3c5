"""Proves that nothing stored was changed: the chain is walked, and where asked every contact is judged again and compared byte for byte."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from chassis.errors import InvalidInput, NotFound

from nlp.app import Bench, Contact, Transcripts
from nlp.domain.canonical import Unlike, written
from nlp.domain.chain import Head, Link, is_whole
from nlp.domain.engine import QualityEngine
from nlp.domain.records import Record, Subject, departure, digest, made_again, read_provenance, read_record, record_of, same_means

MOST_CHECKED = 10_000
MOST_RECOMPUTED = 500
CHECKED_UNASKED = 1_000
_BATCH = 100

MISSING, CHANGED, BROKEN_LINK, RECOMPUTED_OTHERWISE = "missing", "changed", "broken_link", "recomputed_otherwise"


@dataclass(frozen=True, slots=True)
class Kept:
    """An evaluation as it lies in the store: the canonical JSON it was chained with, what its document says now, and the contact.

    `record` is empty, `said` and `contact` None where they cannot be read.
    """

    record: bytes = field(repr=False)
    said: Record | None = field(repr=False)
    contact: Contact | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first record that is not what it was; `kind` is missing, changed, broken_link or recomputed_otherwise."""

    sequence: int
    evaluation_id: str
    kind: str
    path: str = ""
    stored: str = ""
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found; `next_sequence` is 0 at the end of the chain."""

    checked: int = 0
    recomputed: int = 0
    not_recomputable: int = 0
    difference: Difference | None = None
    next_sequence: int = 0
    head_sha256: str = ""


class Chain(Protocol):
    """Chains and the records in them, as they lie in the store."""

    async def head(self, tenant: str) -> Head:
        """The end of the chain as its writer last saw it."""

    async def links(self, tenant: str, first: int, limit: int) -> list[Link]:
        """Links from place `first` on, in order; a place may be missing."""

    async def evaluation_at(self, tenant: str, sequence: int) -> str:
        """The evaluation that says it has this place; "" where none does."""

    async def kept(self, tenant: str, evaluation_ids: Sequence[str]) -> Mapping[str, Kept]:
        """By evaluation; what is not there is left out."""


class Engines(Protocol):
    """Engines with every scorecard version that ever judged."""

    async def engine_for(self, tenant: str, scorecard_id: str, version: str, rules_sha256: str = "") -> QualityEngine:
        """One that has this version, with the signals it judged with where their digest is given. Raises NotFound."""


@dataclass(slots=True)
class _Walk:
    """How far a verification has come."""

    tenant: str
    before: Head
    checked: int = 0
    recomputed: int = 0
    not_recomputable: int = 0

    def ended(self, difference: Difference | None = None, next_sequence: int = 0) -> Verified:
        return Verified(self.checked, self.recomputed, self.not_recomputable, difference, next_sequence, self.before.sha256 if self.before.sequence else "")


class Verification:
    """Walks a tenant's chain."""

    def __init__(self, chain: Chain, transcripts: Transcripts, engines: Engines, bench: Bench) -> None:
        self._chain, self._transcripts, self._engines, self._bench = chain, transcripts, engines, bench

    async def verify(self, tenant: str, first: int, at_most: int, *, recompute: bool) -> Verified:
        """Check links from place `first` on until one differs. Raises InvalidInput; what passes by itself (asr is away) as it comes."""
        most = MOST_RECOMPUTED if recompute else MOST_CHECKED
        if first < 0:
            raise InvalidInput("from_sequence", "is below 0")
        if not 0 <= at_most <= most:
            raise InvalidInput("at_most", f"must be between 0 and {most}")
        first, at_most = first or 1, at_most or min(most, CHECKED_UNASKED)
        walk = _Walk(tenant, Head())
        if first > 1:
            found = await self._chain.links(tenant, first - 1, 1)
            if not found or found[0].place.sequence != first - 1:
                return await self._lacking(walk, first - 1)
            walk.before = found[0].head
        while walk.checked < at_most:
            links = await self._chain.links(tenant, walk.before.sequence + 1, min(_BATCH, at_most - walk.checked))
            if not links:
                return await self._end(walk)
            kept = await self._chain.kept(tenant, [link.evaluation_id for link in links])
            for link in links:
                if link.place.sequence > walk.before.sequence + 1:
                    return await self._lacking(walk, walk.before.sequence + 1)
                if difference := await self._difference(walk, link, kept.get(link.evaluation_id), recompute=recompute):
                    return walk.ended(difference)
                walk.before, walk.checked = link.head, walk.checked + 1
                await asyncio.sleep(0)  # thousands in a row: whoever waits goes first
        more = await self._chain.links(tenant, walk.before.sequence + 1, 1)
        return walk.ended(next_sequence=walk.before.sequence + 1) if more else await self._end(walk)

    async def _end(self, walk: _Walk) -> Verified:
        """The writer remembers where the chain ended: less must not be there now."""
        head = await self._chain.head(walk.tenant)
        if head.sequence > walk.before.sequence:
            return await self._lacking(walk, walk.before.sequence + 1)
        if head.sequence == walk.before.sequence and head.sha256 != walk.before.sha256:
            return walk.ended(Difference(head.sequence, "", BROKEN_LINK, "sha256", walk.before.sha256, head.sha256))
        return walk.ended()

    async def _lacking(self, walk: _Walk, sequence: int) -> Verified:
        return walk.ended(Difference(sequence, await self._chain.evaluation_at(walk.tenant, sequence), MISSING))

    async def _difference(self, walk: _Walk, link: Link, kept: Kept | None, *, recompute: bool) -> Difference | None:
        place = link.place
        if not is_whole(walk.tenant, link, walk.before):
            previous = Unlike("previous_sha256", place.previous_sha256, walk.before.sha256)
            broken = previous if place.previous_sha256 != walk.before.sha256 else Unlike("sha256", place.sha256, "")
            return _differs(link, BROKEN_LINK, broken)
        if kept is None:
            return Difference(place.sequence, link.evaluation_id, MISSING)
        if digest(kept.record) != link.record_sha256:
            return _differs(link, CHANGED, await self._what_changed(link, kept, recompute=recompute))
        record = read_record(kept.record)
        assert record is not None  # its digest is the one that was chained
        if kept.said is None:
            return Difference(place.sequence, link.evaluation_id, CHANGED)
        if changed := departure(kept.said, record):
            return _differs(link, CHANGED, changed)
        return await self._recomputed(walk, link, kept, record) if recompute else None

    async def _what_changed(self, link: Link, kept: Kept, *, recompute: bool) -> Unlike:
        """The record is not the one chained: what its fields say may be, or judging again shows what it was."""
        stored = read_record(kept.record)
        if kept.said is not None and digest(written(kept.said)) == link.record_sha256:
            return departure(stored, kept.said) or Unlike("", "", "")
        again = await self._again(kept, kept.said) if recompute and kept.said is not None else None
        if again is not None and digest(written(again)) == link.record_sha256:
            return departure(stored, again) or Unlike("", "", "")
        return Unlike("", "", "")

    async def _recomputed(self, walk: _Walk, link: Link, kept: Kept, record: Record) -> Difference | None:
        again = await self._again(kept, record)
        unlike = made_again(record, again) if again is not None else None
        if again is not None and unlike is None:
            walk.recomputed += 1
            return None
        # Only the same engine, rules and models must say the same of the same transcript.
        if again is None or unlike is None or not same_means(record["provenance"], again["provenance"]):
            walk.not_recomputable += 1
            return None
        turns = Unlike("provenance.turns_sha256", record["provenance"]["turns_sha256"], again["provenance"]["turns_sha256"])
        return _differs(link, RECOMPUTED_OTHERWISE, turns if turns.stored != turns.expected else unlike)

    async def _again(self, kept: Kept, record: Record) -> Record | None:
        """The record made anew; None where something it was made with is no longer to be had."""
        contact = kept.contact
        if contact is None:
            return None
        try:
            made_with, at = read_provenance(record), datetime.fromisoformat(record["scored_at"])
            name, version = record["scorecard_id"], record["scorecard_version"]
            engine = await self._engines.engine_for(contact.tenant, name, version, made_with.rules_sha256)
            transcript = await self._transcripts.get(contact.tenant, contact.interaction_id)
        except (NotFound, KeyError, TypeError, ValueError):
            return None
        card = engine.scorecards[name]
        if transcript.asr != made_with.asr or engine.rules_sha256(card) != made_with.rules_sha256:
            return None
        contact = replace(contact, looked_up=made_with.looked_up, asked=made_with.asked)
        dialogue = self._bench.dialogue(contact, transcript.turns)
        evaluation = await self._bench.judged(engine, card, contact, dialogue, at=at, asr=transcript.asr)
        return record_of(evaluation, Subject(contact.tenant, contact.agent_id, contact.team_id, contact.duration_ms, contact.received))


def _differs(link: Link, kind: str, unlike: Unlike) -> Difference:
    return Difference(link.place.sequence, link.evaluation_id, kind, unlike.path, unlike.stored, unlike.expected)
