"""Outgoing webhooks: who is told what, how it is signed, when it is tried again, and which addresses are never called."""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from urllib.parse import urlsplit

from chassis.errors import InvalidInput

MAX_WEBHOOKS = 50
MAX_URL = 2_000
MAX_BODY = 256 * 1024
SECRET_PREFIX = "whsec_"

# Waits before each further attempt: twelve attempts within about a day, whatever is down for a night is told in the morning.
BACKOFF: tuple[timedelta, ...] = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 10800, 14400, 21600, 25200))
# After so long without a single success the endpoint is not called any more.
DISABLE_AFTER = timedelta(days=3)
# Attempts for which later events about the same thing wait, so that they come in order; after that they are let by.
IN_ORDER_FOR = 4


class HookState(Enum):
    """Whether a subscription is sent to."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryState(Enum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription. `event_types` are full names; `secret` is SECRET_PREFIX and the key in base64."""

    webhook_id: str
    tenant: str
    name: str
    url: str
    event_types: tuple[str, ...]
    secret: str
    state: HookState
    created_by: str
    created_at: datetime
    reason: str = ""
    failing_since: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one subscription; `body` is what every attempt sends. `next_at` is None once it is delivered or dead."""

    delivery_id: str
    webhook_id: str
    tenant: str
    event_type: str
    about: str
    at: datetime
    body: bytes
    state: DeliveryState
    attempts: int
    next_at: datetime | None
    last_status: int = 0
    last_error: str = ""
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to: the HTTP status, 0 where there was none, and what was wrong."""

    status: int
    error: str = ""

    @property
    def taken(self) -> bool:
        """The receiver has it."""
        return 200 <= self.status < 300


def wants(webhook: Webhook, event_type: str, at: datetime) -> bool:
    """Is this event sent there? What happened before it was made is not, nor anything while it is paused."""
    return webhook.state is not HookState.PAUSED and event_type in webhook.event_types and at >= webhook.created_at


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When it is tried again after so many attempts; None where it is dead."""
    return now + BACKOFF[attempts - 1] if attempts <= len(BACKOFF) else None


def signature(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """"v1," and base64 of HMAC-SHA256 over "id.timestamp.body" (the Standard Webhooks scheme)."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(webhook: Webhook, delivery: Delivery, now: datetime) -> dict[str, str]:
    """Of one attempt: the same id each time, the time of this one."""
    timestamp = int(now.timestamp())
    return {
        "webhook-id": delivery.delivery_id, "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(webhook.secret, delivery.delivery_id, timestamp, delivery.body),
        "content-type": "application/json", "user-agent": "Mingjian-Webhooks/1",
    }


def check_url(url: str, *, http_allowed: bool) -> None:
    """Raises InvalidInput where nothing would be sent to this URL, whatever its host resolves to."""
    if len(url) > MAX_URL:
        raise InvalidInput("url", f"at most {MAX_URL} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput("url", "is not a URL") from None
    if parts.scheme != "https" and not (http_allowed and parts.scheme == "http"):
        raise InvalidInput("url", "must begin with https://")
    if not parts.hostname or port == 0 or any(c.isspace() or ord(c) < 32 for c in url):
        raise InvalidInput("url", "is not a URL of a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInput("url", "must have no user, password or fragment")


def is_public(address: str) -> bool:
    """Is it an address on the internet? Not loopback, private, link-local, multicast or any other that leads inside."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if found in ipaddress.ip_network("64:ff9b::/96"):
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast


def short(event_type: str) -> str:
    """"TicketOpened" for its full name."""
    return event_type.rpartition(".")[2]


def full_names(asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Full names of what is asked for, all where nothing is. Raises InvalidInput."""
    by_short = {short(name): name for name in known}
    for name in asked:
        if name not in by_short and name not in known:
            raise InvalidInput("event_types", f"there is no event {name[:100]} that you may see; there are {', '.join(sorted(by_short))}")
    return tuple(sorted({by_short.get(name, name) for name in asked})) or tuple(sorted(known))
