"""API keys: what one stands for, how its secret is made and how it is kept."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import InvalidInput
from chassis.identity import TENANT, Identity

from gateway.domain.roles import permissions_of

PREFIX = "mj_"
LONGEST_NAME = 100
MOST_KEYS = 1000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; `revoked_at` is None while it works."""

    key_id: str
    tenant: str
    name: str
    role: str
    agent_id: str
    extra_permissions: tuple[str, ...]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None
    team_id: str = ""

    @property
    def principal(self) -> str:
        return f"key:{self.key_id}"

    def identity(self) -> Identity:
        """Who calls with this key."""
        return Identity(self.tenant, self.principal, permissions_of(self.role, self.extra_permissions), self.agent_id, self.team_id)


def new_secret() -> str:
    """256 random bits behind a prefix by which a leaked key is recognised."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str, pepper: str) -> str:
    """HMAC-SHA256 of the secret under the pepper, lower-case hex. The secret has 256 bits of chance, so a slow hash adds nothing."""
    return hmac.new(pepper.encode(), secret.encode(), hashlib.sha256).hexdigest()


def check_name(name: str) -> None:
    """Raises InvalidInput."""
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput("name", f"must have 1 to {LONGEST_NAME} characters")


def check_tenant(tenant: str) -> None:
    """Raises InvalidInput: a tenant is a token of subjects, paths and keys."""
    if not TENANT.fullmatch(tenant):
        raise InvalidInput("tenant", "must be lower-case letters, digits, - and _, at most 63")
