"""What the stand-in knows and who may ask it; every process has one world."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from calls import NOW, Call, everything, iso, uid
from fastapi import Request
from figures import KPIS
from levels import SOURCE, levels_in
from tickets import all_tickets
from versions import shipped

Json = dict[str, Any]
READS = ["caller:read", "events:read", "evaluations:read", "interactions:read", "knowledge:read", "kpis:read", "tickets:read"]
ALL = [
    *READS, "audio:read", "interactions:write", "tickets:write", "levels:write", "knowledge:write", "knowledge:review", "kpis:write", "keys:admin",
    "audit:read", "scorecards:read", "scorecards:write", "reviews:read", "reviews:write", "appeals:write",
]
KEYS = {
    "mj_admin": ("admin", ALL),
    "mj_supervisor": ("supervisor", [*READS, "audio:read", "tickets:write", "knowledge:write", "scorecards:read", "reviews:read", "reviews:write"]),
    "mj_inspector": ("inspector", [*READS, "audio:read", "scorecards:read", "scorecards:write", "reviews:read", "reviews:write", "pii:read"]),
    "mj_viewer": ("viewer", READS),
    "mj_agent": ("agent", [*(r for r in READS if r != "kpis:read"), "appeals:write"]),
    "mj_narrow": ("viewer", ["caller:read", "interactions:read"]),
    "mj_nothing": ("viewer", ["caller:read"]),
}
PACKAGE = {"Interaction": "nlp", "Alert": "nlp", "Promise": "nlp", "Scoring": "nlp", "Trans": "asr", "Ticket": "routing", "Solution": "knowledge"}


class Problem(Exception):
    def __init__(self, status: int, code: str, detail: str, field: str = "") -> None:
        self.status, self.said = (
            status,
            {"type": f"urn:mingjian:problem:{code.lower()}", "status": status, "title": code, "detail": detail, "grpc_status": code}
            | ({"field": field} if field else {}),
        )


class World:
    """What there is; every test process has its own."""

    def __init__(self) -> None:
        self.calls = everything()
        self.tickets = all_tickets(self.calls)
        self.levels = [levels_in(SOURCE) | {"active": True, "published_by": "shipped"}]
        self.keys: list[Json] = [
            {"key_id": uid("key", role), "name": f"{role} 的密钥", "role": role, "agent_id": "", "extra_permissions": [], "created_at": iso(NOW)}
            for _, (role, _) in list(KEYS.items())[:3]
        ]
        self.targets: Json = {k[0]: k[5] for k in KPIS}
        self.listeners: list[asyncio.Queue[bytes]] = []
        self.asked: list[Json] = []
        self.broken: Json = {}
        self.events = 0
        self.reviews: list[Json] = []
        self.appeals: list[Json] = []
        self.calibrations: list[Json] = []
        self.simulations: list[Json] = []
        self.settled: dict[str, str] = {}
        self.versions = shipped()

    def call(self, interaction_id: str) -> Call:
        return next((c for c in self.calls if c.id == interaction_id), None) or missing()

    def ticket(self, ticket_id: str) -> Json:
        return next((t for t in self.tickets if t["ticket_id"] == ticket_id), None) or missing()

    def emit(self, name: str, data: Json) -> None:
        self.events += 1
        owner = "ingestion" if name == "InteractionReceived" else next((v for k, v in PACKAGE.items() if name.startswith(k)), "nlp")
        cloud = {
            "specversion": "1.0",
            "id": uid("event", self.events),
            "type": f"mingjian.{owner}.v1.{name}",
            "time": iso(datetime.now(UTC)),
            "data": data,
        }
        for queue in self.listeners:
            queue.put_nowait(f"id: nlp={self.events}\nevent: {name}\ndata: {json.dumps(cloud, ensure_ascii=False)}\n\n".encode())


def missing() -> Any:
    raise Problem(404, "NOT_FOUND", "there is no such thing")


world = World()


def need(request: Request, permission: str) -> None:
    if permission not in request.state.permissions:
        raise Problem(403, "PERMISSION_DENIED", f"this needs the permission {permission}")


def paged(things: list[Any], request: Request, name: str) -> Json:
    start, size = int(request.query_params.get("page_token") or 0), int(request.query_params.get("page_size") or 50)
    return {name: things[start : start + size], "next_page_token": str(start + size) if start + size < len(things) else ""}
