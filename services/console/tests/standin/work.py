"""Tickets, rectifications and service levels over REST, as routing answers."""

from datetime import UTC, datetime
from typing import Any

from calls import NOW, iso, uid
from fastapi import APIRouter, Request
from levels import WrongLevels, levels_in, preview
from tickets import STATES, SUMS
from world import Json, Problem, need, paged, world

router = APIRouter()


@router.get("/v1/tickets")
async def tickets(request: Request) -> Json:
    need(request, "tickets:read")
    q = request.query_params
    found = [
        {k: v for k, v in t.items() if k != "history"}
        for t in world.tickets
        if all(q.get(k, "") in ("", t[k]) for k in ("state", "department", "assignee", "kind"))
        and q.get("interaction_id", "") in ("", *t["interaction_ids"])
        and (q.get("overdue") != "true" or t["overdue"])
        and all(part in f"{t['title']} {t['description']} {t['customer_id']}" for part in q.get("query", "").split())
        and (request.state.role != "agent" or "A1001" in (t["agent_id"], t["assignee"]))
    ]
    if q.get("order_by") == "due":
        found = sorted((t for t in found if t.get("next_due_at")), key=lambda t: t["next_due_at"])
    return paged(found, request, "tickets")


@router.post("/v1/tickets")
async def open_ticket(request: Request) -> Json:
    need(request, "tickets:write")
    asked = await request.json()
    made = (
        world.tickets[0]
        | {"ticket_id": uid("manual", asked["idempotency_key"]), "state": "open", "version": 1, "causes": ["manual"], "assignee": "", "history": []}
        | {k: v for k, v in asked.items() if k != "idempotency_key"}
    )
    world.tickets.insert(0, made)
    return made


@router.get("/v1/tickets/{ticket_id}")
async def ticket(ticket_id: str, request: Request) -> Json:
    need(request, "tickets:read")
    return world.ticket(ticket_id)


# Verb -> what the history says, states it may start from, state after ("" for the same).
BEFORE_SOLVED = STATES[:4]
MOVES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "assign": ("assigned", BEFORE_SOLVED, "assigned"), "start": ("started", ("assigned",), "in_progress"),
    "wait": ("waited", ("in_progress",), "waiting"), "resume": ("resumed", ("waiting",), "in_progress"), "answer": ("answered", BEFORE_SOLVED, ""),
    "customer-said": ("customer_said", STATES[:5], ""), "diagnose": ("diagnosed", BEFORE_SOLVED, ""),
    "escalate": ("escalated", BEFORE_SOLVED, "open"), "comment": ("commented", STATES, ""),
    "resolve": ("resolved", ("in_progress", "waiting"), "resolved"), "close": ("closed", ("resolved",), "closed"),
    "reopen": ("reopened", ("resolved", "closed"), "open"), "plan": ("commented", BEFORE_SOLVED, ""), "check": ("checked", STATES, ""),
    "watch": ("watched", STATES, ""), "unwatch": ("unwatched", STATES, ""),
}


@router.post("/v1/tickets/{ticket_id}:{verb}")
async def move(ticket_id: str, verb: str, request: Request) -> Json:
    need(request, "tickets:write")
    asked, found = await request.json(), world.ticket(ticket_id)
    if asked.get("version") and asked["version"] != found["version"]:
        raise Problem(409, "ABORTED", f"the ticket has version {found['version']} now")
    done, allowed, after = MOVES[verb]
    before = found["state"]
    if before not in allowed:
        raise Problem(412, "FAILED_PRECONDITION", f"a ticket that is {before} cannot be {done}")
    after = after or ("in_progress" if verb == "customer-said" and before == "waiting" else before)
    now = datetime.now(UTC)
    found |= {"state": after, "version": found["version"] + 1} | {k: asked[k] for k in ("assignee", "resolution") if k in asked}
    found |= {"line": 2, "assignee": ""} if verb == "escalate" else {}
    if verb.endswith("watch"):
        found["watchers"] = [*found["watchers"], asked["watcher"]] if verb == "watch" else [w for w in found["watchers"] if w != asked["watcher"]]
    if verb == "plan":
        found["rectification"] |= {"root_cause": asked["root_cause"], "action": asked["action"], "proof_since": iso(now), "calls": [], "verdict": "not_yet"}
    for clock in found["clocks"]:
        if after == "waiting" and clock["running"]:
            clock |= {"running": False, "used_s": clock["allowed_s"] // 3}
            clock.pop("due_at", None)
        if (after == "resolved" or (verb == "answer" and clock["target"].endswith("response"))) and clock["running"]:
            clock |= {"running": False, "met_at": iso(now)}
    found["history"].append(
        {"at": iso(now), "by": "key:test", "action": done, "from_state": before, "to_state": after, "note": asked.get("note", "")}
    )
    return found


@router.get("/v1/ticket-fields")
async def fields(request: Request) -> Json:
    need(request, "tickets:read")
    known = [{"field_id": "symptom", "title": "故障现象", "kind": "text"}, {"field_id": "scope", "title": "影响范围", "kind": "text"}]
    return {"types": [{"type": "故障", "fields": known}], "version": "1"}


@router.get("/v1/rectifications:summary")
async def summary(request: Request) -> Json:
    need(request, "tickets:read")
    return {"sums": SUMS, "tickets": sum(s["opened"] for s in SUMS)}


def read(source: str) -> Json:
    try:
        return levels_in(source)
    except WrongLevels as e:
        raise Problem(400, "INVALID_ARGUMENT", e.args[1], e.args[0]) from None


def current(version: str = "") -> Json:
    return next(v for v in world.levels if (v["version"] == version if version else v["active"]))


@router.get("/v1/service-levels")
async def levels(request: Request) -> Json:
    need(request, "tickets:read")
    return current(request.query_params.get("version", ""))


@router.get("/v1/service-levels/versions")
async def versions(request: Request) -> Json:
    need(request, "tickets:read")
    return {"versions": [{k: v for k, v in one.items() if k not in ("source", "calendars", "policies")} for one in world.levels]}


@router.post("/v1/service-levels")
async def publish(request: Request) -> Json:
    need(request, "levels:write")
    asked = await request.json()
    made = read(asked["source"]) | {"active": True, "note": asked["note"], "published_by": "key:admin", "published_at": iso(datetime.now(UTC))}
    if any(v["version"] == made["version"] for v in world.levels):
        raise Problem(409, "ALREADY_EXISTS", f"version {made['version']} is there already")
    for one in world.levels:
        one["active"] = False
    world.levels.insert(0, made)
    return made


@router.post("/v1/service-levels:preview")
async def planned(request: Request) -> Json:
    need(request, "tickets:read")
    asked: dict[str, Any] = await request.json()
    opened = datetime.fromisoformat(asked["opened_at"].replace("Z", "+00:00")) if asked.get("opened_at") else NOW
    return preview(read(asked["source"]) if asked.get("source") else current(), asked, opened)
