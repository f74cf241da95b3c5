"""What judges, for each tenant, now and years ago: the shipped scorecards, overlaid with the versions its own people have put in force."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from chassis.errors import InvalidInput, NotFound

from nlp.domain.engine import COMMON, QualityEngine
from nlp.domain.scorecard_files import ScorecardFile, sha256_of
from nlp.domain.scorecards import Scorecard
from nlp.domain.sentences import SentenceEncoder
from nlp.domain.signals import Signals

SHIPPED = ""  # the tenant of what came with the software: in force for every tenant that has nothing of its own
SHIPPED_BY = "shipped"
SIGNALS = "signals"
_MAX_ENGINES = 32
_MAX_TENANTS = 4096
_MAX_ANCESTORS = 20
_NAMED_DIGITS = 12


@dataclass(frozen=True, slots=True)
class VersionKey:
    """One version of a scorecard; the tenant is empty for those shipped."""

    tenant: str
    scorecard_id: str
    version: str


@dataclass(frozen=True, slots=True)
class ScorecardVersion:
    """A version as kept: never changed. `lineage_sha256` covers its source and all it extends; `source` is empty in lists."""

    key: VersionKey
    title: str
    published_by: str
    published_at: datetime
    note: str
    sha256: str
    lineage_sha256: str
    items: int
    parent: VersionKey | None = None
    simulation_id: str = ""
    source: str = field(default="", repr=False)
    active: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """What a tenant's people have put in force: version by scorecard id; `revision` grows with each change, 0 before the first."""

    revision: int = 0
    versions: Mapping[str, VersionKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VersionPage:
    """`next_token` is empty on the last page."""

    versions: Sequence[ScorecardVersion]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Shipped:
    """What came with the software: scorecard files by id, parents before children, and the signals with their source."""

    files: Mapping[str, ScorecardFile]
    signals: Signals
    signals_source: str = field(repr=False)

    @property
    def cards(self) -> dict[str, Scorecard]:
        """The scorecards by id."""
        return {name: file.card for name, file in self.files.items()}


class Files(Protocol):
    """Scorecard files read."""

    def read(self, text: str, parents: Mapping[str, Scorecard]) -> ScorecardFile:
        """Raises FileRefused."""

    def read_signals(self, text: str) -> Signals:
        """Raises FileRefused."""


class Versions(Protocol):
    """Versions where they are kept."""

    async def add(self, version: ScorecardVersion) -> ScorecardVersion:
        """Keep it, or return the one that is there under its key, whatever it holds."""

    async def find(self, key: VersionKey) -> ScorecardVersion | None:
        """With its source."""

    async def page(self, tenant: str, scorecard_id: str, *, size: int, token: str) -> VersionPage:
        """Newest first, without sources. Raises InvalidInput on "page_size" and "page_token"."""

    async def in_force(self, tenant: str) -> InForce:
        """As it is now."""

    async def put_in_force(self, tenant: str, version: ScorecardVersion) -> InForce:
        """Let it judge from now on and see that ScorecardPublished is told; nothing happens where it does already."""


class Scorecards:
    """Engines for each tenant: one for each revision, the shipped one shared by all who have nothing of their own."""

    def __init__(
        self, shipped: Shipped, files: Files, versions: Versions, *, encoder: SentenceEncoder | None = None, now: Callable[[], datetime],
        fresh_s: float = 1.0,
    ) -> None:
        self._shipped, self._files, self._versions, self._encoder = shipped, files, versions, encoder
        self._now, self._fresh_s = now, fresh_s
        self._names: dict[str, VersionKey] = {}
        self._cards = shipped.cards
        self._engine = QualityEngine(self._cards.values(), shipped.signals, encoder)
        self._engines: OrderedDict[tuple[object, ...], QualityEngine] = OrderedDict()
        self._seen: OrderedDict[str, tuple[float, InForce]] = OrderedDict()
        self._compiling: dict[tuple[object, ...], asyncio.Lock] = {}

    async def engine(self, tenant: str) -> QualityEngine:
        """What judges the tenant's contacts now.

        A version put in force on any replica judges here within `fresh_s` seconds; work under way keeps the engine it began with.
        """
        return await self._engine_of(tenant, await self.in_force(tenant))

    async def engine_for(self, tenant: str, scorecard_id: str, version: str, rules_sha256: str = "") -> QualityEngine:
        """An engine whose scorecard `scorecard_id` is this version, however long ago it judged: to make an evaluation again.

        `engine.scorecards[scorecard_id]` is that version; judge by it with `engine.read(card, dialogue)` and `engine.conclude`, not with
        `assess`, which chooses by the contact. What it extends is as it was when it was published. With `rules_sha256`, as
        `QualityEngine.rules_sha256` gave it then, the signals too are those of that time. Engines are kept for the next call.
        Raises NotFound where neither the tenant nor the software ever had that version, or no signals of any time give that digest.
        """
        found = await self.version(tenant, scorecard_id, version)
        shipped = self._cards.get(scorecard_id)
        if self._names.get(scorecard_id) == found.key and shipped is not None:
            engine = self._engine
        else:
            engine = await self._compiled(("version", found.key), lambda: self._closure([found.key]), self._shipped.signals)
        if not rules_sha256 or engine.rules_sha256(engine.scorecards[scorecard_id]) == rules_sha256:
            return engine
        token = ""
        while True:
            page = await self._versions.page(SHIPPED, SIGNALS, size=50, token=token)
            for listed in page.versions:
                engine = await self._with_signals(found.key, listed.key)
                if engine.rules_sha256(engine.scorecards[scorecard_id]) == rules_sha256:
                    return engine
            if not (token := page.next_token):
                raise NotFound("no signals of any time give these rules", field="rules_sha256")

    async def version(self, tenant: str, scorecard_id: str, version: str) -> ScorecardVersion:
        """With its source: the tenant's own, else that shipped. Raises NotFound."""
        for owner in dict.fromkeys((tenant, SHIPPED)):
            if (found := await self._versions.find(VersionKey(owner, scorecard_id, version))) is not None:
                return found
        raise NotFound("there is no such version of this scorecard", field="version")

    async def in_force(self, tenant: str) -> InForce:
        """What the tenant's people have put in force, at most `fresh_s` old."""
        now = time.monotonic()
        known = self._seen.get(tenant)
        if known is None or now - known[0] >= self._fresh_s:
            known = self._seen[tenant] = (now, await self._versions.in_force(tenant))
            self._seen.move_to_end(tenant)
            while len(self._seen) > _MAX_TENANTS:
                self._seen.popitem(last=False)
        return known[1]

    def changed(self, tenant: str, in_force: InForce) -> None:
        """What this replica itself has just put in force judges here at once."""
        self._seen[tenant] = (time.monotonic(), in_force)

    async def keys_in_force(self, tenant: str) -> dict[str, VersionKey]:
        """Every scorecard that judges the tenant's contacts: shipped ones, and its own over them."""
        return {**self._names, **(await self.in_force(tenant)).versions}

    async def parents(self, tenant: str) -> dict[str, Scorecard]:
        """What a file of the tenant may extend: every scorecard in force."""
        return dict((await self.engine(tenant)).scorecards)

    @property
    def signals(self) -> Signals:
        """Those in force."""
        return self._shipped.signals

    async def read(self, tenant: str, source: str) -> tuple[ScorecardFile, VersionKey | None]:
        """Read a file of the tenant, and what it extends: of its own id what was shipped, else what is in force. Raises FileRefused."""
        parents, keys = await self.parents(tenant), await self.keys_in_force(tenant)
        file = await asyncio.to_thread(self._files.read, source, parents)
        if file.extends == file.card.scorecard_id and file.extends in self._cards:
            file = await asyncio.to_thread(self._files.read, source, {**parents, file.extends: self._cards[file.extends]})
            return file, self._names[file.extends]
        return file, keys.get(file.extends)

    def engine_with(self, card: Scorecard) -> QualityEngine:
        """An engine for trying one scorecard; takes as long as compiling it. Raises RuleError."""
        cards = {COMMON: self._cards[COMMON], card.scorecard_id: card}
        return QualityEngine(cards.values(), self._shipped.signals, self._encoder, shared=self._engine)

    async def check_together(self, tenant: str, card: Scorecard) -> None:
        """Whether it can judge beside all others in force. Raises InvalidInput on "source"."""
        current = await self.engine(tenant)
        cards = {**current.scorecards, card.scorecard_id: card}
        try:
            await asyncio.to_thread(lambda: QualityEngine(cards.values(), self._shipped.signals, self._encoder, shared=current))
        except ValueError as error:
            raise InvalidInput("source", str(error)) from error

    async def lineage(self, file: ScorecardFile, parent: VersionKey | None) -> str:
        """As `lineage_of`, with the parent's as it is kept."""
        kept = None if parent is None else await self._versions.find(parent)
        return lineage_of(file, kept.lineage_sha256 if kept else "")

    async def keep_shipped(self) -> None:
        """Keep what came with the software as versions, once; call it before anything is judged.

        A scorecard whose content was changed under a version that is kept already judges as `<version>+<digest>`: no version ever
        names two contents.
        """
        source = self._shipped.signals_source
        await self._add(SIGNALS, sha256_of(source)[:_NAMED_DIGITS], "", sha256_of(source), source, 0, None)
        lineages: dict[str, str] = {}
        for name, file in self._shipped.files.items():
            parent = self._names.get(file.extends)
            lineage = lineages[name] = lineage_of(file, lineages.get(file.extends, ""))
            version = file.card.version
            kept = await self._add(name, version, file.card.title, lineage, file.source, len(file.card.items), parent)
            if kept.lineage_sha256 != lineage:
                version = f"{version}+{lineage[:_NAMED_DIGITS]}"
                kept = await self._add(name, version, file.card.title, lineage, file.source, len(file.card.items), parent)
                self._cards[name] = replace(self._cards[name], version=version)
            self._names[name] = kept.key
        self._engine = QualityEngine(
            self._cards.values(), self._shipped.signals, self._encoder, shared=self._engine,
        )

    async def _add(
        self, name: str, version: str, title: str, lineage: str, source: str, items: int, parent: VersionKey | None,
    ) -> ScorecardVersion:
        key = VersionKey(SHIPPED, name, version)
        return await self._versions.add(
            ScorecardVersion(key, title, SHIPPED_BY, self._now(), "", sha256_of(source), lineage, items, parent, source=source)
        )

    async def _engine_of(self, tenant: str, in_force: InForce) -> QualityEngine:
        if not in_force.versions:
            return self._engine
        keys = list(in_force.versions.values())
        return await self._compiled((tenant, in_force.revision), lambda: self._overlaid(keys), self._shipped.signals)

    async def _with_signals(self, card: VersionKey, signals: VersionKey) -> QualityEngine:
        kept = await self._versions.find(signals)
        assert kept is not None  # listed a moment ago, and versions are never removed
        parsed = self._files.read_signals(kept.source)
        return await self._compiled(("version", card, signals), lambda: self._closure([card]), parsed)

    async def _compiled(
        self, name: tuple[object, ...], cards: Callable[[], Awaitable[dict[str, Scorecard]]], signals: Signals,
    ) -> QualityEngine:
        """The engine of that name, compiled once however many ask, in a thread: others are judged meanwhile."""
        async with self._compiling.setdefault(name, asyncio.Lock()):
            known = self._engines.get(name)
            if known is None:
                chosen = await cards()
                shared = self._engine if signals is self._shipped.signals else None
                known = await asyncio.to_thread(lambda: QualityEngine(chosen.values(), signals, self._encoder, shared=shared))
                self._engines[name] = known
            self._engines.move_to_end(name)
        while len(self._engines) > _MAX_ENGINES:
            gone, _ = self._engines.popitem(last=False)
            self._compiling.pop(gone, None)
        return known

    async def _overlaid(self, keys: Sequence[VersionKey]) -> dict[str, Scorecard]:
        own = await self._closure(keys)
        chosen = {key.scorecard_id for key in keys}
        return {**self._cards, **{name: card for name, card in own.items() if name in chosen}}

    async def _closure(self, keys: Sequence[VersionKey]) -> dict[str, Scorecard]:
        """The scorecards of these versions, each read with what it extended when it was published, and a common one."""
        read: dict[str, Scorecard] = {COMMON: self._cards[COMMON]}
        for key in keys:
            read[key.scorecard_id] = await self._card(key, 0)
        return read

    async def _card(self, key: VersionKey, depth: int) -> Scorecard:
        if self._names.get(key.scorecard_id) == key:
            return self._cards[key.scorecard_id]
        kept = await self._versions.find(key)
        if kept is None or depth > _MAX_ANCESTORS:
            raise NotFound("there is no such version of this scorecard", field="version")
        parents = {} if kept.parent is None else {kept.parent.scorecard_id: await self._card(kept.parent, depth + 1)}
        file = await asyncio.to_thread(self._files.read, kept.source, parents)
        return file.card if file.card.version == key.version else replace(file.card, version=key.version)


def lineage_of(file: ScorecardFile, parent_lineage: str) -> str:
    """SHA-256, hex, of a file and of all it extends."""
    return hashlib.sha256(f"{parent_lineage}\n{file.sha256}".encode()).hexdigest()
