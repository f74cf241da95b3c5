"""Folding: events become rollups, each exactly once. Reports: rollups become KPIs."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from chassis.errors import Denied, InvalidInput, TooMuch, Unavailable

from reporting.domain.contacts import Cell, Contact, Counted, Fact, Position, Scored, contact_of, near, tenant_of
from reporting.domain.days import Span
from reporting.domain.figures import LONGEST_NAME, Figures, ItemJudged, difference, plain
from reporting.domain.kpis import Catalogue, ItemRate, Kpi, KpiChange, KpiValue, checked_target, worst_first

MOST_GROUPS = 1000
MOST_ROLLUPS = 200_000
_PATIENCE_S = 20.0
GROUPINGS = ("day", "agent", "team", "all")


class Conflict(Exception):
    """Another transaction wrote the same documents; the same work succeeds when done again."""


@dataclass(frozen=True, slots=True)
class DayTotal:
    """A tenant's whole day: its figures and the KPIs whose breach was told."""

    tenant: str
    day: str
    figures: Figures
    told: tuple[str, ...]


class Ledger(Protocol):
    """The books inside one transaction; reads see the transaction's own writes."""

    async def take_turn(self, tenants: Iterable[str]) -> None:
        """Exclude every other transaction that took a turn of one of these tenants. Raises Conflict where it is another's."""
        ...

    async def unfolded(self, event_ids: Sequence[str]) -> set[str]:
        """Those not folded yet; they are noted as folded by this transaction."""
        ...

    async def contacts(self, keys: Iterable[tuple[str, str]]) -> list[Contact]:
        """What is known of these contacts (tenant, interaction id); unknown ones are left out."""
        ...

    async def neighbours(self, position: Position) -> tuple[Contact | None, Contact | None]:
        """The contacts on the same issue just before and just after a position.

        One farther away than a repeat can be may be left out.
        """
        ...

    async def store(self, contacts: Sequence[Contact]) -> None:
        """Store what is known of these contacts now."""
        ...

    async def add(self, changes: Mapping[Cell, Figures]) -> list[DayTotal]:
        """Add to the rollups, and return the days they belong to as they are now."""
        ...

    async def title(self, items: Sequence[tuple[str, ItemJudged]]) -> None:
        """Remember what a tenant's items are called."""
        ...

    async def tell(self, day: DayTotal, breaches: Sequence[KpiValue]) -> None:
        """Store KpiBreached events with the day; they are published when the transaction is done."""
        ...


class Books(Protocol):
    """Where rollups are kept."""

    def transaction(self) -> AbstractAsyncContextManager[Ledger]:
        """All or nothing. Raises Conflict, and Unavailable where the store is away."""
        ...

    async def targets(self, tenant: str) -> dict[str, float]:
        """The tenant's own targets, by KPI."""
        ...

    async def set_target(self, tenant: str, kpi: str, target: float) -> None: ...

    def rollups(self, tenant: str, span: Span, group_by: str, agent_id: str, team_id: str, *, items: bool) -> AsyncIterator[tuple[str, Figures]]:
        """(group key, figures) of every rollup that answers this; agent_id and team_id narrow where not empty.

        Figures of items alone where `items`, all others where not.
        """
        ...

    async def titles(self, tenant: str) -> dict[str, tuple[str, str]]:
        """Title and dimension of every item, by id."""
        ...


class Folding:
    """Folds events in groups: those that arrive while a transaction runs go together into the next."""

    def __init__(self, books: Books, catalogue: Catalogue, *, most: int = 100) -> None:
        self._books, self._catalogue, self._most = books, catalogue, most
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Fact, asyncio.Future[None]]] = []

    async def fold(self, fact: Fact) -> None:
        """Return when the event is in the rollups, by this call or an earlier one. Raises Unavailable, InvalidInput."""
        if not fact.event_id:
            raise InvalidInput("ce-id", "an event without id cannot be counted once")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((fact, done))
        try:
            async with self._turn:
                if not done.done():
                    group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                    await self._fold_group([(f, d) for f, d in group if not d.done()])
            await done
        finally:
            done.cancel()

    async def _fold_group(self, group: Sequence[tuple[Fact, asyncio.Future[None]]]) -> None:
        try:
            await self._commit([fact for fact, _ in group])
        except Unavailable as e:
            _settle(group, e)
        except Exception as e:
            if len(group) == 1:
                _settle(group, e)
            else:  # one of them cannot be folded: alone it fails alone
                for each in group:
                    await self._fold_group([each])
        except BaseException:
            _settle(group, Unavailable("folding was stopped"))
            raise
        else:
            _settle(group, None)

    async def _commit(self, facts: Sequence[Fact]) -> None:
        patience = asyncio.get_running_loop().time() + _PATIENCE_S
        for attempt in itertools.count():
            try:
                async with self._books.transaction() as ledger:
                    await ledger.take_turn({tenant_of(fact) for fact in facts})
                    await self._apply(ledger, facts)
                return
            except Conflict:
                if asyncio.get_running_loop().time() > patience:
                    raise Unavailable("others write the same rollups") from None
                await asyncio.sleep(random.uniform(0.002, min(0.2, 0.005 * 2 ** min(attempt, 6))))

    async def _apply(self, ledger: Ledger, facts: Sequence[Fact]) -> None:
        by_id = {fact.event_id: fact for fact in facts}
        new = await ledger.unfolded(list(by_id))
        fresh = [fact for event_id, fact in by_id.items() if event_id in new]
        changes = await _changes(ledger, fresh)
        if not changes:
            return
        for day in await ledger.add(changes):
            catalogue = self._catalogue.with_targets(await self._books.targets(day.tenant))
            if breaches := catalogue.breaches(day.figures, day.told):
                await ledger.tell(day, breaches)


def _settle(group: Sequence[tuple[Fact, asyncio.Future[None]]], failure: Exception | None) -> None:
    for _, done in group:
        if done.done():
            continue  # its caller has left
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)


async def _changes(ledger: Ledger, facts: Sequence[Fact]) -> dict[Cell, Figures]:
    """What these events add to the rollups; what they tell of contacts is stored on the way."""
    told = [fact for fact in facts if not isinstance(fact, Counted)]
    contacts = _OpenContacts()
    keys = {contact_of(fact) for fact in told}
    contacts.read(keys, await ledger.contacts(keys) if keys else ())
    for fact in told:
        contacts.put(contacts[contact_of(fact)].after(fact))
    first = contacts.changed()
    await ledger.store([after for _, after in first])
    await ledger.title([(fact.interaction.tenant, item) for fact in told if isinstance(fact, Scored) for item in fact.items])
    # Every contact has its place by now, so each can be set right from those beside it, in any order.
    for before, after in first:
        if before.position != after.position:
            await _relink(ledger, contacts, before.position, after)
    written = {(after.tenant, after.interaction_id): after for _, after in first}
    changed = contacts.changed()
    await ledger.store([after for _, after in changed if written.get((after.tenant, after.interaction_id)) != after])
    changes: dict[Cell, Counter[str]] = {}
    for before, after in changed:
        then, now = before.contribution(), after.contribution()
        for cell in then.keys() | now.keys():
            changes.setdefault(cell, Counter()).update(difference(now.get(cell, {}), then.get(cell, {})))
    for counted in facts:
        if isinstance(counted, Counted):
            changes.setdefault(counted.cell, Counter()).update(counted.figures)
    return {cell: kept for cell, figures in changes.items() if (kept := {k: n for k, n in figures.items() if n})}


async def _relink(ledger: Ledger, contacts: "_OpenContacts", left: Position | None, contact: Contact) -> None:
    """A contact has taken a place on an issue, or left one: only those just before and just after can change by that."""
    if left:
        earlier, later = contacts.opened(await ledger.neighbours(left))
        _set_side_by_side(contacts, earlier, later)
    taken = contact.position
    earlier, later = contacts.opened(await ledger.neighbours(taken)) if taken else (None, None)
    now = contacts[contact.tenant, contact.interaction_id]
    if earlier is None or not _set_side_by_side(contacts, earlier, now):
        contacts.put(replace(contacts[contact.tenant, contact.interaction_id], repeat=False))
    now = contacts[contact.tenant, contact.interaction_id]
    if later is None or not _set_side_by_side(contacts, now, later):
        contacts.put(replace(contacts[contact.tenant, contact.interaction_id], followed=False))


def _set_side_by_side(contacts: "_OpenContacts", earlier: Contact | None, later: Contact | None) -> bool:
    """Say of two contacts with none between them on their issue, whether the later one repeats the earlier one."""
    close = near(earlier.position if earlier else None, later.position if later else None)
    if earlier:
        contacts.put(replace(earlier, followed=close))
    if later:
        contacts.put(replace(later, repeat=close))
    return close


class _OpenContacts:
    """The contacts a transaction has read, as they were and as they are now."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str], Contact] = {}
        self._now: dict[tuple[str, str], Contact] = {}

    def read(self, keys: Iterable[tuple[str, str]], found: Iterable[Contact]) -> None:
        known = {(c.tenant, c.interaction_id): c for c in found}
        for key in keys:
            self._before[key] = self._now[key] = known.get(key) or Contact(*key)

    def opened(self, pair: tuple[Contact | None, Contact | None]) -> tuple[Contact | None, Contact | None]:
        """Two contacts out of the books, as they are now."""
        for contact in pair:
            if contact and (key := (contact.tenant, contact.interaction_id)) not in self._now:
                self._before[key] = self._now[key] = contact
        earlier, later = (self._now[c.tenant, c.interaction_id] if c else None for c in pair)
        return earlier, later

    def __getitem__(self, key: tuple[str, str]) -> Contact:
        return self._now[key]

    def put(self, contact: Contact) -> None:
        self._now[contact.tenant, contact.interaction_id] = contact

    def changed(self) -> list[tuple[Contact, Contact]]:
        return [(before, self._now[key]) for key, before in self._before.items() if self._now[key] != before]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `agent_id` is set for agents, who see their own figures alone."""

    tenant: str
    agent_id: str = ""


class Reports:
    """Answers from rollups."""

    def __init__(self, books: Books, catalogue: Catalogue) -> None:
        self._books, self._catalogue = books, catalogue

    async def kpis(self, viewer: Viewer, span: Span, group_by: str, agent_id: str, team_id: str) -> list[tuple[str, tuple[KpiValue, ...]]]:
        """Every KPI of each group, in order of key. Raises InvalidInput, Denied, TooMuch."""
        group_by = group_by or "all"
        if group_by not in GROUPINGS:
            raise InvalidInput("group_by", f"must be one of {', '.join(GROUPINGS)}")
        catalogue = await self.catalogue(viewer)
        groups = await self._sums(viewer, span, group_by, agent_id, team_id)
        if group_by == "all" and not groups:
            groups = {"all": Counter()}
        return [(key, catalogue.values(groups[key])) for key in sorted(groups)]

    async def compare(self, viewer: Viewer, span: Span, baseline: Span, agent_id: str, team_id: str) -> list[KpiChange]:
        """Every KPI in both spans. Raises InvalidInput, Denied, TooMuch."""
        catalogue = await self.catalogue(viewer)
        now = (await self._sums(viewer, span, "all", agent_id, team_id)).get("all", Counter())
        then = (await self._sums(viewer, baseline, "all", agent_id, team_id)).get("all", Counter())
        return [KpiChange(a, b) for a, b in zip(catalogue.values(now), catalogue.values(then), strict=True)]

    async def item_rates(self, viewer: Viewer, span: Span, agent_id: str, team_id: str) -> list[ItemRate]:
        """How often each item was passed, worst first. Raises InvalidInput, Denied, TooMuch."""
        sums = (await self._sums(viewer, span, "all", agent_id, team_id, items=True)).get("all", Counter())
        titles = await self._books.titles(viewer.tenant)
        found: dict[str, dict[str, int]] = {}
        for name, count in sums.items():
            _, item, outcome = name.split(".")
            found.setdefault(plain(item), {})[outcome] = count
        return worst_first([
            ItemRate(item_id, *titles.get(item_id, (item_id, "")), n.get("passed", 0), n.get("failed", 0), n.get("abstained", 0))
            for item_id, n in found.items() if any(n.values())
        ])

    async def catalogue(self, viewer: Viewer) -> Catalogue:
        """Every KPI with the tenant's targets."""
        return self._catalogue.with_targets(await self._books.targets(viewer.tenant))

    async def set_target(self, viewer: Viewer, kpi: str, target: float) -> Kpi:
        """The KPI after the change. Raises NotFound, InvalidInput, Denied."""
        if viewer.agent_id:
            raise Denied("agents set no targets")
        await self._books.set_target(viewer.tenant, kpi, checked_target(self._catalogue.named(kpi), target))
        return (await self.catalogue(viewer)).named(kpi)

    async def _sums(self, viewer: Viewer, span: Span, group_by: str, agent_id: str, team_id: str, *, items: bool = False) -> dict[str, Counter[str]]:
        for field, given in (("agent_id", agent_id), ("team_id", team_id)):
            if len(given) > LONGEST_NAME:
                raise InvalidInput(field, f"must be at most {LONGEST_NAME} characters")
        if viewer.agent_id and agent_id not in ("", viewer.agent_id):
            raise Denied("agents see their own figures alone")
        groups: dict[str, Counter[str]] = {}
        read = 0
        async for key, figures in self._books.rollups(viewer.tenant, span, group_by, viewer.agent_id or agent_id, team_id, items=items):
            if key not in groups and len(groups) == MOST_GROUPS:
                raise TooMuch(f"more than {MOST_GROUPS} groups: name a team", field="team_id")
            read += 1
            if read > MOST_ROLLUPS:
                raise TooMuch("too many agents for so many days: name a team or ask for fewer days", field="from")
            into = groups.setdefault(key, Counter())
            for name, n in figures.items():
                into[name] += n
        return groups
