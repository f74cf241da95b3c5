"""What a sender says about a contact, checked field by field."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chassis.errors import Denied, InvalidInput

CHANNELS = ("hotline", "app", "wechat", "miniprogram", "online", "store", "enterprise")
INDUSTRIES = ("telecom", "appliance", "automotive", "electronics", "ecommerce", "bank", "insurance")
AUDIO_FORMATS = ("alaw", "mulaw")
AGENT_KINDS = ("human", "bot")
HANG_UPS = ("agent", "customer", "system")
MAX_NAME_CHARS = 200
# Nothing recorded before call recording was digital, nothing from after tomorrow: a wrong unit or a wrong clock.
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_CLOCK_AHEAD = timedelta(days=1)
_NAMES = ("agent_id", "team_id", "customer_id", "customer_tier", "product", "external_id", "queue")


class Role(StrEnum):
    AGENT = "agent"
    CUSTOMER = "customer"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a tenant, the one agent whose interactions it may see (every agent's where empty), and whether personal information too."""

    tenant: str
    agent_id: str = ""
    may_read_pii: bool = False


@dataclass(frozen=True, slots=True)
class Metadata:
    """As sent, or as kept: `accepted` makes the second from the first. Empty and None mean not said."""

    tenant: str = ""
    channel: str = ""
    direction: Direction | None = None
    agent_id: str = ""
    team_id: str = ""
    customer_id: str = ""
    customer_tier: str = ""
    product: str = ""
    industry: str = ""
    started_at: datetime | None = None
    external_id: str = ""
    left: Role | None = None
    right: Role | None = None
    audio_format: str = ""
    agent_kind: str = ""
    queue: str = ""
    hang_up: str = ""


def accepted(sent: Metadata, caller: Caller, now: datetime) -> Metadata:
    """What is kept: checked, and with what was not said filled in.

    Raises InvalidInput naming the field, and Denied where it belongs to another company or another agent.
    """
    if sent.tenant not in ("", caller.tenant):
        raise Denied("the key belongs to another company", field="metadata.tenant")
    if caller.agent_id and sent.agent_id not in ("", caller.agent_id):
        raise Denied("the key is for one agent's own interactions", field="metadata.agent_id")
    _one_of("metadata.channel", sent.channel, CHANNELS)
    _one_of("metadata.industry", sent.industry, INDUSTRIES)
    _one_of("metadata.audio_format", sent.audio_format, AUDIO_FORMATS)
    _one_of("metadata.agent_kind", sent.agent_kind, AGENT_KINDS)
    _one_of("metadata.hang_up", sent.hang_up, HANG_UPS)
    for name in _NAMES:
        check_name(f"metadata.{name}", getattr(sent, name))
    if sent.started_at:
        check_moment("metadata.started_at", sent.started_at, now)
    left, right = _channels(sent.left, sent.right)
    return replace(
        sent, tenant=caller.tenant, channel=sent.channel or CHANNELS[0], direction=sent.direction or Direction.INBOUND,
        agent_id=sent.agent_id or caller.agent_id, started_at=sent.started_at or now, left=left, right=right,
    )


def fingerprint(sent: Metadata) -> str:
    """Hash of what was said, lower-case hex: the same for the same words, whenever they arrive."""
    said = {name: str(value) for name in Metadata.__slots__ if name != "tenant" and (value := getattr(sent, name))}
    if sent.started_at:
        said["started_at"] = sent.started_at.astimezone(UTC).isoformat()
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def check_name(field: str, text: str, *, most: int = MAX_NAME_CHARS) -> None:
    """Raises InvalidInput where it is too long or holds control characters."""
    if len(text) > most:
        raise InvalidInput(field, f"is longer than {most} characters")
    if any(c < " " or c == "\x7f" for c in text):
        raise InvalidInput(field, "holds control characters")


def check_moment(field: str, at: datetime, now: datetime) -> None:
    """Raises InvalidInput where nobody can have meant this time."""
    if not _EARLIEST <= at <= now + _CLOCK_AHEAD:
        raise InvalidInput(field, f"must be between {_EARLIEST.year} and tomorrow")


def _one_of(field: str, value: str, known: Sequence[str]) -> None:
    if value and value not in known:
        raise InvalidInput(field, f"must be one of {', '.join(known)}")


def _channels(left: Role | None, right: Role | None) -> tuple[Role, Role]:
    if left and left == right:
        raise InvalidInput("metadata.channels.right", "must be another role than the left channel's")
    if left:
        return left, Role.CUSTOMER if left == Role.AGENT else Role.AGENT
    return (Role.CUSTOMER, Role.AGENT) if right == Role.AGENT else (Role.AGENT, Role.CUSTOMER)
