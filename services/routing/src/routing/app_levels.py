"""Service levels as people change them: tried, published, and brought to the tickets that are not finished."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chassis.errors import AlreadyExists, InvalidInput, NotFound

from routing.app import Routing
from routing.domain.clocks import Alarm, Clocks, alarms
from routing.domain.service_levels import ServiceLevels, service_levels_in
from routing.domain.tickets import Kind, Terms, Urgency

SHIPPED = "shipped"
MAX_VERSIONS = 200
MAX_NOTE = 2_000


@dataclass(frozen=True, slots=True)
class Published:
    """One version as it was published; `moved` says that unfinished tickets of the version before go by it."""

    tenant: str
    version: str
    source: str
    published_by: str
    published_at: datetime | None
    note: str
    before: str = ""
    moved: bool = True


class LevelStore(Protocol):
    """Versions as they are kept, for each tenant."""

    async def add(self, published: Published) -> None:
        """Keep it and let it count. Raises AlreadyExists for a version there is."""

    async def newest(self, tenant: str) -> Published | None:
        """The one that counts; None where the tenant has never published."""

    async def get(self, tenant: str, version: str) -> Published | None:
        """None where there is none."""

    async def versions(self, tenant: str, limit: int) -> Sequence[Published]:
        """Newest first."""

    async def to_move(self, limit: int) -> Sequence[Published]:
        """Those whose unfinished tickets still have to follow."""

    async def moved(self, published: Published) -> None:
        """They have followed."""


class LevelBook:
    """The service levels of every tenant: its own, or those shipped. `now` is monotonic, in seconds."""

    def __init__(self, store: LevelStore, shipped: str, monotonic: Callable[[], float], *, keep_s: float = 2.0) -> None:
        self._store, self._shipped_source, self._shipped = store, shipped, service_levels_in(shipped)
        self._monotonic, self._keep_s = monotonic, keep_s
        self._current: dict[str, tuple[float, ServiceLevels]] = {}
        self._versions: dict[tuple[str, str], ServiceLevels] = {}

    async def current(self, tenant: str) -> ServiceLevels:
        """Those that count now; another replica's publishing is seen within `keep_s`."""
        known = self._current.get(tenant)
        if known is not None and self._monotonic() - known[0] < self._keep_s:
            return known[1]
        newest = await self._store.newest(tenant)
        levels = self._shipped if newest is None else self._read(tenant, newest)
        if len(self._current) > 10_000:
            self._current.clear()
        self._current[tenant] = (self._monotonic(), levels)
        return levels

    async def version(self, tenant: str, version: str) -> ServiceLevels:
        """Raises NotFound."""
        if version == self._shipped.version:
            return self._shipped
        if (tenant, version) in self._versions:
            return self._versions[tenant, version]
        published = await self._store.get(tenant, version)
        if published is None:
            raise NotFound(f"there are no service levels {version}")
        return self._read(tenant, published)

    async def described(self, tenant: str, version: str) -> tuple[Published, ServiceLevels, bool]:
        """A version (the one that counts where empty) as published and as read, and whether it counts. Raises NotFound."""
        newest = await self._store.newest(tenant) or self._as_shipped(tenant)
        if version in ("", newest.version):
            return newest, await self.version(tenant, newest.version), True
        if version == self._shipped.version:
            return self._as_shipped(tenant), self._shipped, False
        levels = await self.version(tenant, version)
        published = await self._store.get(tenant, version)
        if published is None:
            raise NotFound(f"there are no service levels {version}")
        return published, levels, False

    async def versions(self, tenant: str) -> list[Published]:
        """Newest first; the shipped one last. The first counts."""
        return [*await self._store.versions(tenant, MAX_VERSIONS - 1), self._as_shipped(tenant)]

    async def publish(self, tenant: str, source: str, note: str, by: str, at: datetime) -> Published:
        """Let a new version count. Raises InvalidInput naming what is wrong, AlreadyExists for a version there is."""
        if not note.strip() or len(note) > MAX_NOTE:
            raise InvalidInput("note", f"is needed, at most {MAX_NOTE} characters")
        levels = service_levels_in(source)
        if levels.version == self._shipped.version:
            raise AlreadyExists(f"the version {levels.version} is the shipped one; write another", field="version")
        before = (await self.current(tenant)).version
        published = Published(tenant, levels.version, source, by, at, note.strip(), before, moved=False)
        await self._store.add(published)
        self._current.pop(tenant, None)
        return published

    def _read(self, tenant: str, published: Published) -> ServiceLevels:
        known = self._versions.get((tenant, published.version))
        if known is None:
            if len(self._versions) > 1_000:
                self._versions.clear()
            known = self._versions[tenant, published.version] = service_levels_in(published.source)
        return known

    def _as_shipped(self, tenant: str) -> Published:
        return Published(tenant, self._shipped.version, self._shipped_source, SHIPPED, None, "")


async def follow(store: LevelStore, routing: Routing) -> int:
    """Bring unfinished tickets under what was published since, the time they have used kept. Returns how many were moved."""
    total = 0
    for published in await store.to_move(10):
        while count := await routing.move_to_current(published.tenant, published.before):
            total += count
        await store.moved(published)
    return total


def preview(
    levels: ServiceLevels, *, kind: Kind, type_: str, urgency: Urgency, tier: str, industry: str, at: datetime
) -> tuple[Terms, tuple[Alarm, ...]]:
    """The terms such a ticket would have, and what would go off if nobody did anything."""
    terms = levels.terms(kind=kind, type_=type_, urgency=urgency, tier=tier, industry=industry)
    return terms, alarms(Clocks().opened(at), terms.policy, terms.calendar)
