"""What the edge does: knows callers by their keys, makes and ends keys, writes down what was looked at and changed."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from chassis.errors import AlreadyExists, NotFound, TooMuch, Unauthenticated, Unavailable

from gateway.domain.audit import GENESIS, Chain, Entry, chained, to_the_millisecond
from gateway.domain.keys import MOST_KEYS, ApiKey, check_name, check_tenant, hash_secret, new_secret
from gateway.domain.roles import ADMIN, check_grant, check_permissions

_APPEND_TRIES = 40


class KeyStore(Protocol):
    """Keys by the hash of their secret."""

    async def add(self, key: ApiKey, secret_hash: str) -> None:
        """Raises AlreadyExists where the id or the hash is taken."""
        ...

    async def by_hash(self, secret_hash: str) -> ApiKey | None: ...

    async def get(self, tenant: str, key_id: str) -> ApiKey | None: ...

    async def newest(self, tenant: str, limit: int) -> list[ApiKey]: ...

    async def working(self, tenant: str) -> int:
        """How many of the tenant's keys are not revoked."""
        ...

    async def revoke(self, tenant: str, key_id: str, at: datetime) -> ApiKey | None:
        """The key after it; one already revoked keeps its time. None where the tenant has no such key."""
        ...


class AuditStore(Protocol):
    """Entries per tenant, in sequence."""

    async def last(self, tenant: str) -> Entry | None: ...

    async def add(self, entry: Entry) -> None:
        """Raises AlreadyExists where the tenant's sequence is taken: somebody else was faster."""
        ...

    async def page(self, tenant: str, *, object_id: str, before: int, limit: int) -> list[Entry]:
        """Newest first; `before` 0 begins at the newest."""
        ...

    def in_order(self, tenant: str) -> AsyncIterator[list[Entry]]:
        """Every entry, oldest first, some at a time."""
        ...


@dataclass(frozen=True, slots=True)
class _Cached:
    key: ApiKey | None
    until_s: float


@dataclass(slots=True)
class Keys:
    """`cache_s` bounds how long a key revoked in another process still works here, and how often one key is looked up."""

    store: KeyStore
    pepper: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    cache_s: float = 3.0
    clock: Callable[[], float] = time.monotonic
    most_cached: int = 10_000
    _cache: dict[str, _Cached] = field(default_factory=dict)

    async def authenticate(self, secret: str) -> ApiKey:
        """The key of a secret. Raises Unauthenticated."""
        hashed = hash_secret(secret, self.pepper)
        now = self.clock()
        cached = self._cache.get(hashed)
        if cached is None or cached.until_s <= now:
            key = await self.store.by_hash(hashed)
            # The time is taken before the question was asked: an answer is as old as its question.
            cached = _Cached(key, now + self.cache_s)
            self._cache.pop(hashed, None)
            if len(self._cache) >= self.most_cached:
                del self._cache[next(iter(self._cache))]
            self._cache[hashed] = cached
        if cached.key is None:
            raise Unauthenticated("this API key is not known")
        if cached.key.revoked_at is not None:
            raise Unauthenticated("this API key was revoked")
        return cached.key

    async def create(self, creator: ApiKey, *, name: str, role: str, agent_id: str, team_id: str, extra: frozenset[str]) -> tuple[ApiKey, str]:
        """A new key and its secret, which is kept nowhere. Raises InvalidInput, Denied, TooMuch."""
        check_name(name)
        check_grant(
            role, agent_id, team_id, extra, creator_role=creator.role, creator_permissions=creator.identity().permissions,
            creator_narrowed=bool(creator.agent_id or creator.team_id),
        )
        if await self.store.working(creator.tenant) >= MOST_KEYS:
            raise TooMuch(f"there are {MOST_KEYS} working keys; revoke one first")
        secret = new_secret()
        at = to_the_millisecond(self.now())
        key = ApiKey(self.new_id(), creator.tenant, name, role, agent_id, tuple(sorted(extra)), at, creator.principal, team_id=team_id)
        await self.store.add(key, hash_secret(secret, self.pepper))
        return key, secret

    async def revoke(self, tenant: str, key_id: str) -> ApiKey:
        """End a key: at once here, within `cache_s` in other processes. Raises NotFound."""
        key = await self.store.revoke(tenant, key_id, self.now())
        if key is None:
            raise NotFound("there is no such key")
        self._cache = {hashed: c for hashed, c in self._cache.items() if c.key is None or c.key.key_id != key_id}
        return key

    async def newest(self, tenant: str) -> list[ApiKey]:
        return await self.store.newest(tenant, MOST_KEYS)

    async def of_principal(self, tenant: str, principal: str) -> ApiKey:
        """The key a caller came with. Raises NotFound."""
        key = await self.store.get(tenant, principal.removeprefix("key:"))
        if key is None:
            raise NotFound("there is no such key")
        return key

    async def bootstrap(self, tenant: str, secret: str, key_id: str, extra: frozenset[str]) -> None:
        """Make the first administrator's key where it is missing; one that was revoked stays revoked. Raises InvalidInput."""
        check_tenant(tenant)
        check_permissions(extra)
        if await self.store.by_hash(hash_secret(secret, self.pepper)):
            return
        key = ApiKey(key_id, tenant, "bootstrap", ADMIN, "", tuple(sorted(extra)), self.now(), "bootstrap")
        try:
            await self.store.add(key, hash_secret(secret, self.pepper))
        except AlreadyExists:
            return  # another replica was faster


@dataclass(slots=True)
class Audit:
    """Appends are one after the other per tenant in this process; against other processes the store's unique sequence decides."""

    store: AuditStore
    now: Callable[[], datetime]
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def record(self, tenant: str, principal: str, action: str, object_id: str, status: str) -> Entry:
        """Append one entry; it is stored when this returns. Raises Unavailable where others were faster for seconds."""
        async with self._turns.setdefault(tenant, asyncio.Lock()):
            for attempt in range(_APPEND_TRIES):
                # Always read anew: a process that remembered the end would win every race against one that lost it once.
                last = await self.store.last(tenant)
                sequence, previous = (last.sequence, last.hash) if last else (0, GENESIS)
                entry = chained(Entry(tenant, sequence + 1, self.now(), principal, action, object_id, status), previous)
                try:
                    await self.store.add(entry)
                except AlreadyExists:
                    await asyncio.sleep(random.uniform(0, min(0.2, 0.002 * 2**attempt)))
                    continue
                return entry
        raise Unavailable("the audit log is written by too many at once")

    async def page(self, tenant: str, *, object_id: str, before: int, limit: int) -> list[Entry]:
        return await self.store.page(tenant, object_id=object_id, before=before, limit=limit)

    async def verify(self, tenant: str) -> Chain:
        """Walk the whole log; `broken_at` of the result names the first entry that was changed or taken out."""
        chain = Chain()
        async for entries in self.store.in_order(tenant):
            chain.check(entries)
            if chain.broken_at:
                break
        return chain
