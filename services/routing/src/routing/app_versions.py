"""Tables that people publish, tenant by tenant: the newest version counts, and none ever changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from chassis.errors import AlreadyExists, InvalidInput, NotFound

SHIPPED = "shipped"
MAX_VERSIONS = 200
MAX_NOTE = 2_000


class Versioned(Protocol):
    """A table that says which version it is."""

    @property
    def version(self) -> str: ...


Table = TypeVar("Table", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Published:
    """One version as it was published; `moved` says that what was made under the version before goes by it, or need not."""

    tenant: str
    version: str
    source: str
    published_by: str
    published_at: datetime | None
    note: str
    before: str = ""
    moved: bool = True


class VersionStore(Protocol):
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
        """Those that something still has to follow."""

    async def moved(self, published: Published) -> None:
        """It has followed."""


class VersionBook(Generic[Table]):
    """One kind of table of every tenant: its own, or the shipped one. `monotonic` is a clock in seconds.

    `follows` says that what was made under the version before has to be brought under a new one.
    """

    def __init__(
        self, store: VersionStore, shipped: str, read: Callable[[str], Table], monotonic: Callable[[], float], *,
        what: str, follows: bool = False, keep_s: float = 2.0,
    ) -> None:
        self._store, self._shipped_source, self._read_source, self._shipped = store, shipped, read, read(shipped)
        self._monotonic, self._what, self._follows, self._keep_s = monotonic, what, follows, keep_s
        self._current: dict[str, tuple[float, Table]] = {}
        self._versions: dict[tuple[str, str], Table] = {}

    async def current(self, tenant: str) -> Table:
        """The one that counts now; another replica's publishing is seen within `keep_s`."""
        known = self._current.get(tenant)
        if known is not None and self._monotonic() - known[0] < self._keep_s:
            return known[1]
        newest = await self._store.newest(tenant)
        table = self._shipped if newest is None else self._read(tenant, newest)
        if len(self._current) > 10_000:
            self._current.clear()
        self._current[tenant] = (self._monotonic(), table)
        return table

    async def version(self, tenant: str, version: str) -> Table:
        """Raises NotFound."""
        if version == self._shipped.version:
            return self._shipped
        if (tenant, version) in self._versions:
            return self._versions[tenant, version]
        return self._read(tenant, await self._published(tenant, version))

    async def described(self, tenant: str, version: str) -> tuple[Published, Table, bool]:
        """A version (the one that counts where empty) as published and as read, and whether it counts. Raises NotFound."""
        newest = await self._store.newest(tenant) or self._as_shipped(tenant)
        if version in ("", newest.version):
            return newest, await self.version(tenant, newest.version), True
        if version == self._shipped.version:
            return self._as_shipped(tenant), self._shipped, False
        return await self._published(tenant, version), await self.version(tenant, version), False

    async def versions(self, tenant: str) -> list[Published]:
        """Newest first; the shipped one last. The first counts."""
        return [*await self._store.versions(tenant, MAX_VERSIONS - 1), self._as_shipped(tenant)]

    async def publish(self, tenant: str, source: str, note: str, by: str, at: datetime) -> Published:
        """Let a new version count. Raises InvalidInput naming what is wrong, AlreadyExists for a version there is."""
        if not note.strip() or len(note) > MAX_NOTE:
            raise InvalidInput("note", f"is needed, at most {MAX_NOTE} characters")
        table = self._read_source(source)
        if table.version == self._shipped.version:
            raise AlreadyExists(f"the version {table.version} is the shipped one; write another", field="version")
        before = (await self.current(tenant)).version
        published = Published(tenant, table.version, source, by, at, note.strip(), before, moved=not self._follows)
        await self._store.add(published)
        self._current.pop(tenant, None)
        return published

    async def _published(self, tenant: str, version: str) -> Published:
        published = await self._store.get(tenant, version)
        if published is None:
            raise NotFound(f"there are no {self._what} {version}")
        return published

    def _read(self, tenant: str, published: Published) -> Table:
        known = self._versions.get((tenant, published.version))
        if known is None:
            if len(self._versions) > 1_000:
                self._versions.clear()
            known = self._versions[tenant, published.version] = self._read_source(published.source)
        return known

    def _as_shipped(self, tenant: str) -> Published:
        return Published(tenant, self._shipped.version, self._shipped_source, SHIPPED, None, "")
