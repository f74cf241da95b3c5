"""Webhooks: kept, told of every event once, sent until they have it, and given up in the end, which is told too."""

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from chassis.errors import InvalidInput, NotAllowedNow, NotFound

from routing.app import Who
from routing.domain.webhooks import (
    DISABLE_AFTER,
    IN_ORDER_FOR,
    MAX_BODY,
    MAX_WEBHOOKS,
    SECRET_PREFIX,
    Answer,
    Delivery,
    DeliveryState,
    HookState,
    Webhook,
    check_url,
    full_names,
    next_attempt,
    wants,
)

MAX_REPLAY = 10_000
# A delivery that is being sent is nobody else's for so long; whoever died with it has lost it then.
LEASE = timedelta(seconds=60)
GONE = 410
_REMEMBERED = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """An event as subscribers get it: `data` is its JSON, masked as the platform's own events are."""

    event_id: str
    event_type: str
    tenant: str
    about: str
    at: datetime
    body: bytes


class Hooks(Protocol):
    """Where subscriptions and deliveries are kept."""

    async def add(self, webhook: Webhook) -> None:
        """A new one."""

    async def keep(self, webhook: Webhook) -> None:
        """Put it in the place of the version before; where it was disabled, that is told. Raises Stale."""

    async def get(self, tenant: str, webhook_id: str) -> Webhook:
        """Raises NotFound."""

    async def of_tenant(self, tenant: str) -> Sequence[Webhook]:
        """In the order in which they were made."""

    async def delete(self, tenant: str, webhook_id: str) -> None:
        """With its deliveries. Raises NotFound."""

    async def store(self, delivery: Delivery) -> bool:
        """Keep a new delivery; False where there is one of that id."""

    async def page(self, webhook_id: str, state: DeliveryState | None, size: int, token: str) -> tuple[Sequence[Delivery], str]:
        """Newest first. Raises InvalidInput for a token this list did not give out."""

    async def due_hooks(self, now: datetime, limit: int) -> Sequence[Webhook]:
        """Active subscriptions that have something due, the longest waiting first."""

    async def take(self, webhook_id: str, now: datetime, until: datetime) -> Delivery | None:
        """The oldest delivery that is due, nobody else's until then; None where there is none."""

    async def earlier_pending(self, delivery: Delivery, fewer_attempts: int) -> bool:
        """Does an earlier event about the same thing still wait, tried fewer times than that?"""

    async def settle(self, delivery: Delivery) -> None:
        """Keep what an attempt came to."""

    async def wake(self, webhook_id: str) -> bool:
        """Note when the next delivery of the subscription is due; False where none is left."""

    async def replay(self, webhook_id: str, delivery_id: str, since: datetime | None, now: datetime, limit: int) -> int:
        """Make them pending again. Returns how many."""


class Sender(Protocol):
    """How a delivery reaches its receiver."""

    async def send(self, webhook: Webhook, delivery: Delivery, now: datetime) -> Answer:
        """One attempt, within seconds; what is wrong is the answer, never an exception."""

    async def check(self, url: str) -> None:
        """Raises InvalidInput where the host leads nowhere or inside."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """`http_allowed` and where `sender` may call are for tests on one machine."""

    hooks: Hooks
    sender: Sender
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    derived_id: Callable[..., str]
    http_allowed: bool = False
    known: dict[str, tuple[datetime, Sequence[Webhook]]] = field(default_factory=dict)

    async def create(self, who: Who, name: str, url: str, event_types: Sequence[str], may_see: Sequence[str]) -> Webhook:
        """Raises InvalidInput, NotAllowedNow where there are too many."""
        made = Webhook(
            self.new_id(), who.tenant, _name(name), url, full_names(event_types, may_see), new_secret(), HookState.ACTIVE, who.principal, self.at()
        )
        await self._check(url)
        if len(await self.hooks.of_tenant(who.tenant)) >= MAX_WEBHOOKS:
            raise NotAllowedNow(f"a company has at most {MAX_WEBHOOKS} webhooks")
        await self.hooks.add(made)
        self.known.pop(who.tenant, None)
        return made

    async def update(
        self, who: Who, webhook_id: str, name: str, url: str, event_types: Sequence[str], may_see: Sequence[str], state: HookState | None, renew: bool
    ) -> Webhook:
        """Raises NotFound, Stale, InvalidInput."""
        before = await self.hooks.get(who.tenant, webhook_id)
        if state is HookState.DISABLED:
            raise InvalidInput("state", "must be active or paused")
        if url:
            await self._check(url)
        after = replace(
            before, name=_name(name) if name else before.name, url=url or before.url, secret=new_secret() if renew else before.secret,
            event_types=full_names(event_types, may_see) if event_types else before.event_types, version=before.version + 1,
        )
        if state is not None:
            after = replace(after, state=state, reason="", failing_since=None)
        await self.hooks.keep(after)
        self.known.pop(who.tenant, None)
        await self.hooks.wake(webhook_id)
        return after

    async def replay(self, who: Who, webhook_id: str, delivery_id: str, since: datetime | None) -> int:
        """Send one again, or all since a time. Raises NotFound, InvalidInput, NotAllowedNow while it is not active."""
        webhook = await self.hooks.get(who.tenant, webhook_id)
        if bool(delivery_id) == (since is not None):
            raise InvalidInput("since", "say either one delivery or since when")
        if webhook.state is not HookState.ACTIVE:
            raise NotAllowedNow(f"the webhook is {webhook.state.value}; switch it on first")
        count = await self.hooks.replay(webhook_id, delivery_id, since, self.at(), MAX_REPLAY)
        if delivery_id and not count:
            raise NotFound(f"no delivery {delivery_id}")
        await self.hooks.wake(webhook_id)
        return count

    async def tell(self, told: Told) -> int:
        """Keep a delivery for everyone who wants the event, once each. Returns how many are new."""
        new = 0
        for webhook in await self._subscribers(told.tenant):
            if not wants(webhook, told.event_type, told.at):
                continue
            delivery_id = self.derived_id("delivery", webhook.webhook_id, told.event_id)
            new += await self.hooks.store(Delivery(
                delivery_id, webhook.webhook_id, told.tenant, told.event_type, told.about, told.at, told.body, DeliveryState.PENDING, 0, self.at()
            ))
        return new

    async def _subscribers(self, tenant: str) -> Sequence[Webhook]:
        """As they were within the last second: most companies have none, and no event costs a look at the database."""
        known, now = self.known.get(tenant), self.now()
        if known is not None and timedelta(0) <= now - known[0] < _REMEMBERED:
            return known[1]
        if len(self.known) > 10_000:
            self.known.clear()
        found = await self.hooks.of_tenant(tenant)
        self.known[tenant] = (now, found)
        return found

    async def send_next(self, webhook: Webhook) -> bool:
        """Send what is due first; False where nothing is."""
        if webhook.state is not HookState.ACTIVE:
            return False
        now = self.at()
        delivery = await self.hooks.take(webhook.webhook_id, now, now + LEASE)
        if delivery is None:
            return False
        if len(delivery.body) > MAX_BODY:
            await self.hooks.settle(replace(delivery, state=DeliveryState.DEAD, next_at=None, last_error=f"larger than {MAX_BODY} bytes"))
            return True
        if await self.hooks.earlier_pending(delivery, IN_ORDER_FOR):
            await self.hooks.settle(replace(delivery, next_at=now + timedelta(seconds=1)))
            return True
        answer = await self.sender.send(webhook, delivery, now)
        await self._settle(webhook, delivery, answer)
        return True

    async def _settle(self, webhook: Webhook, delivery: Delivery, answer: Answer) -> None:
        now = self.at()
        tried = replace(delivery, attempts=delivery.attempts + 1, last_status=answer.status, last_error=answer.error[:300])
        if answer.taken:
            await self.hooks.settle(replace(tried, state=DeliveryState.DELIVERED, next_at=None, delivered_at=now))
        else:
            again = next_attempt(tried.attempts, now)
            await self.hooks.settle(replace(tried, next_at=again, state=DeliveryState.PENDING if again else DeliveryState.DEAD))
        current = await self.hooks.get(webhook.tenant, webhook.webhook_id)
        after = _after(current, answer, now)
        if after is not current:
            await self.hooks.keep(replace(after, version=current.version + 1))

    async def _check(self, url: str) -> None:
        check_url(url, http_allowed=self.http_allowed)
        await self.sender.check(url)

    def at(self) -> datetime:
        """Now, to the millisecond."""
        now = self.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _after(webhook: Webhook, answer: Answer, now: datetime) -> Webhook:
    """The subscription after an attempt; the very same where nothing changes for it."""
    if webhook.state is not HookState.ACTIVE:
        return webhook
    if answer.taken:
        return webhook if webhook.failing_since is None else replace(webhook, failing_since=None)
    if answer.status == GONE:
        return replace(webhook, state=HookState.DISABLED, reason="the receiver answered 410: it is gone")
    if webhook.failing_since is None:
        return replace(webhook, failing_since=now)
    if now - webhook.failing_since < DISABLE_AFTER:
        return webhook
    reason = f"nothing was taken since {webhook.failing_since:%Y-%m-%d %H:%M} UTC: {answer.error or answer.status}"
    return replace(webhook, state=HookState.DISABLED, reason=reason[:300])


def new_secret() -> str:
    """32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise InvalidInput("name", "must have 1 to 100 characters")
    return name
