"""What is remembered of agents, teams and products in MongoDB, and rectifications as part of their ticket's document."""

from datetime import datetime
from typing import Any, TypeVar

from chassis.errors import Stale
from chassis.mongo import Collection, Database, Document, DuplicateKeyError

from routing.domain.proof import Standard, Verdict
from routing.domain.rectification import AgentRecord, Clip, ProductRecord, Rectification, Result, RootCause, Target, TeamRecord

R = TypeVar("R", AgentRecord, TeamRecord, ProductRecord)


class MongoRecords:
    """The collections `agent_records`, `team_records` and `product_records`: one document for each, found by its id."""

    def __init__(self, db: Database) -> None:
        self._agents, self._teams, self._products = db["agent_records"], db["team_records"], db["product_records"]

    async def agent(self, tenant: str, agent_id: str) -> AgentRecord:
        found = await self._agents.find_one({"_id": f"{tenant}/{agent_id}"})
        if found is None:
            return AgentRecord(tenant, agent_id)
        recent = {entry["item"]: tuple(_result(result) for result in entry["results"]) for entry in found["recent"]}
        return AgentRecord(tenant, agent_id, found["team_id"], recent, _texts(found["tickets"]), _numbers(found["rounds"]), found["version"])

    async def team(self, tenant: str, team_id: str) -> TeamRecord:
        found = await self._teams.find_one({"_id": f"{tenant}/{team_id}"})
        if found is None:
            return TeamRecord(tenant, team_id)
        failures = {entry["item"]: {a: (at, interaction) for a, at, interaction in entry["agents"]} for entry in found["failures"]}
        agents = dict(found["agents"])
        return TeamRecord(tenant, team_id, failures, agents, _texts(found["tickets"]), _numbers(found["rounds"]), found["version"])

    async def product(self, tenant: str, product: str) -> ProductRecord:
        found = await self._products.find_one({"_id": f"{tenant}/{product}"})
        if found is None:
            return ProductRecord(tenant, product)
        contacts = tuple((at, interaction, issue) for at, interaction, issue in found["contacts"])
        return ProductRecord(tenant, product, contacts, _texts(found["tickets"]), _numbers(found["rounds"]), found["version"])

    async def keep(self, record: AgentRecord | TeamRecord | ProductRecord) -> None:
        shared = {"tickets": list(record.tickets.items()), "rounds": list(record.rounds.items()), "version": record.version, "tenant": record.tenant}
        match record:
            case AgentRecord():
                recent = [{"item": item, "results": [_result_document(r) for r in results]} for item, results in record.recent.items()]
                await _replace(self._agents, f"{record.tenant}/{record.agent_id}", shared | {"team_id": record.team_id, "recent": recent})
            case TeamRecord():
                failures = [{"item": item, "agents": [[a, at, i] for a, (at, i) in agents.items()]} for item, agents in record.failures.items()]
                agents = [[agent, at] for agent, at in record.agents.items()]
                await _replace(self._teams, f"{record.tenant}/{record.team_id}", shared | {"failures": failures, "agents": agents})
            case ProductRecord():
                await _replace(self._products, f"{record.tenant}/{record.product}", shared | {"contacts": [list(c) for c in record.contacts]})


async def _replace(collection: Collection, key: str, document: Document) -> None:
    """In the place of the version before. Raises Stale."""
    if document["version"] == 1:
        try:
            await collection.insert_one({"_id": key} | document)
        except DuplicateKeyError:
            raise Stale(f"the record {key} is there already") from None
        return
    changed = await collection.update_one({"_id": key, "version": document["version"] - 1}, {"$set": document})
    if not changed.matched_count:
        raise Stale(f"the record {key} has changed")


def matter_document(matter: Rectification | None) -> Document | None:
    """A rectification as it stands in its ticket's document."""
    if matter is None:
        return None
    standard = matter.standard
    return {
        "target": matter.target.value, "target_id": matter.target_id, "item_id": matter.item_id, "item_title": matter.item_title,
        "script": matter.script, "drill": [list(line) for line in matter.drill],
        "evidence": [[c.interaction_id, c.turn_id, c.start_ms, c.end_ms, c.text] for c in matter.evidence],
        "before": list(matter.before), "fatal": matter.fatal, "suggested_cause": matter.suggested_cause.value,
        "standard": [standard.mended_rate, standard.unmended_rate, standard.false_pass, standard.false_fail, standard.at_most],
        "root_cause": matter.root_cause.value if matter.root_cause else None, "action": matter.action, "proof_since": matter.proof_since,
        "results": [_result_document(r) for r in matter.results], "verdict": matter.verdict.value, "relapse_until": matter.relapse_until,
        "relapses": matter.relapses,
    }


def matter_in(document: Document | None) -> Rectification | None:
    """What `matter_document` wrote."""
    if document is None:
        return None
    cause = document["root_cause"]
    failed, judged = document["before"]
    return Rectification(
        Target(document["target"]), document["target_id"], document["item_id"], document["item_title"], document["script"],
        tuple((role, text) for role, text in document["drill"]), tuple(Clip(*clip) for clip in document["evidence"]), (failed, judged),
        document["fatal"], Standard(*document["standard"]), RootCause(document["suggested_cause"]), RootCause(cause) if cause else None,
        document["action"], document["proof_since"], tuple(_result(r) for r in document["results"]), Verdict(document["verdict"]),
        document["relapse_until"], document["relapses"],
    )


def _result_document(result: Result) -> list[str | datetime | bool]:
    return [result.interaction_id, result.at, result.failed]


def _result(parts: list[Any]) -> Result:
    return Result(*parts)


def _texts(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return dict(pairs)


def _numbers(pairs: list[list[Any]]) -> dict[str, int]:
    return {key: int(value) for key, value in pairs}
