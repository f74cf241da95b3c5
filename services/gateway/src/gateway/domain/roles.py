"""Roles and the permissions they stand for; everything not listed is not allowed."""

from collections.abc import Iterable

from chassis.errors import Denied, InvalidInput

PII_READ = "pii:read"
EVENTS_READ = "events:read"

# Every permission that an RPC asks for, and the edge's own for its event stream.
ALL = frozenset({
    "interactions:read", "interactions:write", "audio:read", "evaluations:read", "scorecards:read", "scorecards:write",
    "reviews:read", "reviews:write", "appeals:write", "tickets:read", "tickets:write", "levels:write", "staff:write", "presence:write",
    "knowledge:read", "knowledge:write", "knowledge:review", "kpis:read", "kpis:write", EVENTS_READ, "keys:admin", "audit:read", "caller:read",
    "customers:read", "tickets:export", "webhooks:read", "webhooks:write",
})

_READS = frozenset({"caller:read", EVENTS_READ, "interactions:read", "evaluations:read", "tickets:read", "knowledge:read", "kpis:read"})

AGENT = "agent"
# Roles whose key may be held to one team.
OF_A_TEAM = ("supervisor", "inspector", "viewer")
ADMIN = "admin"

# pii:read stands in no role: whoever may see customers' numbers and names was given it by name.
ROLES: dict[str, frozenset[str]] = {
    ADMIN: ALL,
    "supervisor": _READS | {
        "audio:read", "tickets:write", "tickets:export", "customers:read",
        "staff:write", "presence:write", "knowledge:write", "scorecards:read", "reviews:read", "reviews:write",
    },
    "inspector": _READS | {"audio:read", "scorecards:read", "scorecards:write", "reviews:read", "reviews:write"},
    AGENT: frozenset({
        "caller:read", EVENTS_READ, "interactions:read", "evaluations:read", "appeals:write", "tickets:read", "presence:write", "knowledge:read",
        "customers:read",
    }),
    "integrator": frozenset({
        "caller:read", EVENTS_READ, "interactions:read", "interactions:write", "evaluations:read", "tickets:read", "tickets:write", "presence:write",
        "customers:read", "tickets:export", "webhooks:read", "webhooks:write",
    }),
    "viewer": _READS,
}


def permissions_of(role: str, extra: Iterable[str] = ()) -> frozenset[str]:
    """What a key of this role may do. Raises KeyError for a role there is not."""
    return ROLES[role] | frozenset(extra)


def check_permissions(extra: frozenset[str]) -> None:
    """Raises InvalidInput for what is no permission of the edge, such as the platform's own "*"."""
    unknown = sorted(extra - ALL - {PII_READ})
    if unknown:
        raise InvalidInput("extra_permissions", f"there is no permission {unknown[0]}")


def check_grant(
    role: str, agent_id: str, team_id: str, extra: frozenset[str], *, creator_role: str, creator_permissions: frozenset[str], creator_narrowed: bool
) -> None:
    """May the creator make such a key? Nobody gives what they lack, save that an administrator may give pii:read.

    Raises InvalidInput for what is no role, right or agent, Denied for what the creator may not give.
    """
    if role not in ROLES:
        raise InvalidInput("role", f"must be one of {', '.join(ROLES)}")
    check_permissions(extra)
    if role == AGENT and not agent_id:
        raise InvalidInput("agent_id", "is needed for the role agent: it says whose interactions the key may see")
    if role != AGENT and agent_id:
        raise InvalidInput("agent_id", "is for the role agent alone")
    if team_id and role not in OF_A_TEAM:
        raise InvalidInput("team_id", f"is for the roles {', '.join(OF_A_TEAM)}")
    if creator_narrowed:
        raise Denied("a key that sees one agent's or one team's work alone cannot make keys")
    lacking = permissions_of(role, extra) - creator_permissions
    if creator_role == ADMIN:
        lacking -= {PII_READ}
    if lacking:
        raise Denied(f"you cannot give what you do not have: {', '.join(sorted(lacking))}")
