"""Simulations in MongoDB, and the contacts they replay as they lie among the evaluations."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.mongo import LAST, Database, Document, DuplicateKeyError, IndexModel, newest_first, windows
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion

from nlp.adapters.mongo_documents import read
from nlp.adapters.mongo_pages import DIGITS, index_models, list_query, order_of, page
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app_scorecards import VersionKey
from nlp.app_simulations import Replayable, Simulation, SimulationPage, State
from nlp.domain.courses import Asked
from nlp.domain.simulation import Gate, GroupTally, ItemTally, Tally, Verdict

SIMULATION_INDEXES: tuple[tuple[str, ...], ...] = (("tenant", "order"), ("tenant", "state"))
JUDGED_INDEXES: tuple[tuple[str, ...], ...] = (("tenant", "scorecard_id", "order"),)
COUNTED_FOR_S = 5.0
_FREE = datetime.fromtimestamp(0, UTC)
_UNLISTED = {"source": 0, "tally.items": 0, "tally.agents": 0, "tally.teams": 0, "titles": 0}
# Left out rather than named: the embedded server's find returns no fields of an array's members by name.
_UNREAD = dict.fromkeys(
    (
        "record", "outbox", "items.evidence", "items.explanation", "items.title", "emotion_course", "redactions", "alerts", "promises", "summary",
        "highlights", "dimensions", "marks", "shown.fields",
    ), 0,
)


class MongoSimulations:
    """Satisfies app_simulations.SimulationStore. How far one is, and what it has found, are written in one document at once."""

    def __init__(self, db: Database) -> None:
        self._simulations = db.simulations

    async def prepare(self) -> None:
        """Make the indexes."""
        held = IndexModel([("state", 1), ("lease_until", 1)], name="state_lease_until")
        await self._simulations.create_indexes([held, *index_models(SIMULATION_INDEXES)])

    async def add(self, simulation: Simulation) -> Simulation:
        order = order_of(simulation.started_at, simulation.simulation_id)
        document = _to_document(simulation) | {"_id": simulation.simulation_id, "order": order, "holder": "", "lease_until": _FREE}
        try:
            await self._simulations.insert_one(document)
        except DuplicateKeyError:
            found = await self.find(simulation.tenant, simulation.simulation_id)
            assert found is not None  # simulations are never removed
            return found
        return simulation

    async def find(self, tenant: str, simulation_id: str) -> Simulation | None:
        found = await self._simulations.find_one({"_id": simulation_id, "tenant": tenant})
        return _from_document(found) if found else None

    async def page(self, tenant: str, *, size: int, token: str) -> SimulationPage:
        documents, following = await page(self._simulations, list_query(tenant, {}, []), size, token, _UNLISTED)
        return SimulationPage([_from_document(document) for document in documents], following)

    async def running(self, tenant: str) -> int:
        return int(await self._simulations.count_documents({"tenant": tenant, "state": State.RUNNING.value}))

    async def claim(self, holder: str, lease: timedelta) -> Simulation | None:
        now = datetime.now(UTC)
        waiting = self._simulations.find({"state": State.RUNNING.value}, {"holder": 1, "lease_until": 1}).sort("lease_until", 1).limit(100)
        async for document in waiting:
            if document["lease_until"] >= now and document["holder"] != holder:
                continue
            # Only as it was seen: of two replicas that saw it free, one gets it.
            taken = await self._simulations.update_one(
                {"_id": document["_id"], "state": State.RUNNING.value, "holder": document["holder"], "lease_until": document["lease_until"]},
                {"$set": {"holder": holder, "lease_until": now + lease}},
            )
            if taken.modified_count and (found := await self._simulations.find_one({"_id": document["_id"]})) is not None:
                return _from_document(found)
        return None

    async def keep(self, simulation: Simulation, holder: str, lease: timedelta) -> bool:
        plain = _to_document(simulation)
        changed = {name: plain[name] for name in ("state", "done", "total", "skipped", "cursor", "tally", "ended_at", "reason", "gate_reasons")}
        kept = await self._simulations.update_one(
            {"_id": simulation.simulation_id, "state": State.RUNNING.value, "holder": holder},
            {"$set": changed | {"lease_until": datetime.now(UTC) + lease}},
        )
        return bool(kept.matched_count)

    async def cancel(self, tenant: str, simulation_id: str, at: datetime) -> Simulation | None:
        await self._simulations.update_one(
            {"_id": simulation_id, "tenant": tenant, "state": State.RUNNING.value}, {"$set": {"state": State.CANCELLED.value, "ended_at": at}}
        )
        return await self.find(tenant, simulation_id)


class MongoJudged:
    """Satisfies app_simulations.Judged."""

    def __init__(self, db: Database) -> None:
        self._evaluations = db.evaluations

    async def prepare(self) -> None:
        """Make the index that replays read by."""
        await self._evaluations.create_indexes(index_models(JUDGED_INDEXES))

    async def count(self, tenant: str, scorecard_id: str, since: datetime | None, until: datetime | None, most: int) -> int:
        total = 0
        first, last = order_of(since) if since else "", order_of(until) if until else LAST
        try:
            async with asyncio.timeout(COUNTED_FOR_S):
                for low, high in windows(first, last, digits=DIGITS, now_ms=int(time.time() * 1000)):
                    asked = {"tenant": tenant, "scorecard_id": scorecard_id, "order": {"$gte": low, "$lt": high}}
                    total += await self._evaluations.count_documents(asked)
                    if total >= most:
                        break
        except TimeoutError:
            pass  # the embedded server reads what it counts; the rest is counted as it is replayed
        return min(total, most)

    async def batch(
        self, tenant: str, scorecard_id: str, since: datetime | None, until: datetime | None, *, before: str, size: int,
    ) -> Sequence[Replayable]:
        found = await newest_first(
            self._evaluations, {"tenant": tenant, "scorecard_id": scorecard_id}, size, digits=DIGITS, since=order_of(since) if since else "",
            until=before or (order_of(until) if until else LAST), projection=_UNREAD,
        )
        return [_replayable(document) for document in found]


def _replayable(document: Document) -> Replayable:
    contact = contact_from_wire(ingestion.Interaction.FromString(document["received"]), document["tenant"], document.get("duration_ms", 0))
    outcomes = {item["item_id"]: item["result"] for item in document["items"]}
    over = (document.get("shown") or {}).get("items", ())
    reviewed = {item["item_id"]: item.get("result", outcomes.get(item["item_id"], "")) for item in over if item.get("reviewed")}
    made_with = document.get("provenance") or {}
    asked = tuple(read(Asked, one) for one in made_with.get("asked", ()))
    contact = replace(contact, looked_up=made_with.get("looked_up", {}), asked=asked)
    rules = made_with.get("rules_sha256", "")
    verdict = Verdict(document["score"], document["fatal"], outcomes)
    return Replayable(contact, document["scorecard_version"], rules, verdict, reviewed, document["order"])


def _to_document(simulation: Simulation) -> dict[str, Any]:
    plain = asdict(simulation)
    del plain["simulation_id"]
    plain["state"] = simulation.state.value
    # As lists: an agent's id may hold what a field's name must not.
    for name in ("items", "agents", "teams"):
        plain["tally"][name] = [{"id": key} | value for key, value in plain["tally"][name].items()]
    return plain


def _from_document(document: Document) -> Simulation:
    tally = document["tally"]
    kept = {field.name: document[field.name] for field in fields(Simulation) if field.name in document}
    made = kept | {
        "simulation_id": document["_id"],
        "candidate": VersionKey(**document["candidate"]),
        "baseline": VersionKey(**document["baseline"]),
        "gate": Gate(**document["gate"]),
        "state": State(document["state"]),
        "gate_reasons": tuple(document["gate_reasons"]),
        "titles": tuple((item_id, title) for item_id, title in document.get("titles", ())),
        "tally": Tally(
            GroupTally(**tally["all"]), tally["became_fatal"], tally["ceased_fatal"], _tallies(ItemTally, tally, "items"),
            _tallies(GroupTally, tally, "agents"), _tallies(GroupTally, tally, "teams"),
        ),
    }
    return Simulation(**made)


def _tallies(kind: Any, tally: Document, name: str) -> dict[str, Any]:
    return {entry["id"]: kind(**{key: value for key, value in entry.items() if key != "id"}) for entry in tally.get(name, ())}
