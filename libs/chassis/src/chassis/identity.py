"""Who is calling: a tenant, a principal and what it may do, carried in gRPC metadata."""

import base64
import binascii
import contextvars
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chassis.errors import Unauthenticated

METADATA_KEY = "mingjian-identity"
EVERYTHING = "*"
# A tenant is a token of a NATS subject, a part of a blob's path and of database keys.
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

_caller: contextvars.ContextVar["Identity"] = contextvars.ContextVar("caller")


@dataclass(frozen=True, slots=True)
class Identity:
    """`permissions` as in the proto option; {"*"} is one of the platform's own services. `agent_id` narrows to one agent's own, `team_id` to one team's."""

    tenant: str
    principal: str
    permissions: frozenset[str] = frozenset()
    agent_id: str = ""
    team_id: str = ""

    @property
    def is_service(self) -> bool:
        return EVERYTHING in self.permissions

    def may(self, permission: str) -> bool:
        return self.is_service or permission in self.permissions


def service_identity(service: str, tenant: str) -> Identity:
    return Identity(tenant, f"service:{service}", frozenset({EVERYTHING}))


def caller() -> Identity:
    """Who asked for what is being done now. Raises Unauthenticated outside a call or an event."""
    try:
        return _caller.get()
    except LookupError:
        raise Unauthenticated("no caller") from None


@contextmanager
def acting_as(identity: Identity) -> Iterator[None]:
    """Calls to other services inside the block are made in this name."""
    token = _caller.set(identity)
    try:
        yield
    finally:
        _caller.reset(token)


def encode(identity: Identity, key: str) -> str:
    """The metadata value: base64 of JSON, a dot, and its HMAC-SHA256 under `key`."""
    body = json.dumps([identity.tenant, identity.principal, sorted(identity.permissions), identity.agent_id, identity.team_id], ensure_ascii=True)
    payload = base64.b64encode(body.encode()).decode()
    return f"{payload}.{_signature(payload, key)}"


def decode(value: str, key: str) -> Identity:
    """Raises Unauthenticated where the value is not what `encode` makes with the same key."""
    payload, _, signature = value.partition(".")
    if not hmac.compare_digest(signature, _signature(payload, key)):
        raise Unauthenticated("the caller's identity is not signed by this platform")
    try:
        tenant, principal, permissions, agent_id, team_id = json.loads(base64.b64decode(payload, validate=True))
        if not TENANT.fullmatch(tenant):
            raise ValueError(tenant)
        return Identity(tenant, principal, frozenset(permissions), agent_id, team_id)
    except (ValueError, TypeError, binascii.Error):
        raise Unauthenticated("the caller's identity cannot be read") from None


def _signature(payload: str, key: str) -> str:
    return hmac.new(key.encode(), payload.encode(), hashlib.sha256).hexdigest()
