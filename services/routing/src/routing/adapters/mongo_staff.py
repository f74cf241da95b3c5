"""Staff in MongoDB: one document for each person, with the tickets the person has; and tickets by who has them."""

from collections.abc import Sequence
from datetime import datetime

from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from routing.adapters.mongo_tickets import ticket_in
from routing.domain.staff import Person, Presence
from routing.domain.tickets import State, Ticket

_HELD_AT_MOST = 1_000
_KNOWN = ("name", "departments", "skills", "products", "industries", "languages", "level", "senior", "capacity", "retired")


class MongoStaff:
    """The collection `staff`; `holding` are the tickets a person has, `load` how many."""

    def __init__(self, db: Database) -> None:
        self._staff = db["staff"]

    async def prepare(self) -> None:
        """Make the indexes: lists, those who can be given work, who is present."""
        await self._staff.create_indexes([
            IndexModel([("tenant", 1), ("agent_id", 1)], name="tenant_agent", unique=True),
            IndexModel([("tenant", 1), ("departments", 1), ("agent_id", 1)], name="tenant_department_agent"),
            IndexModel([("tenant", 1), ("departments", 1), ("said", 1), ("load", 1)], name="tenant_department_said_load"),
            IndexModel([("said", 1), ("until", 1)], name="said_until"),
        ])

    async def put(self, person: Person) -> Person:
        known = {name: list(value) if isinstance(value := getattr(person, name), tuple) else value for name in _KNOWN}
        new: Document = {
            "tenant": person.tenant, "agent_id": person.agent_id, "said": Presence.OFFLINE.value, "until": None, "load": 0, "holding": [],
            "last_assigned_at": None,
        }
        for _ in range(2):
            try:
                await self._staff.update_one({"_id": _key(person.tenant, person.agent_id)}, {"$set": known, "$setOnInsert": new}, upsert=True)
                break
            except DuplicateKeyError:
                continue  # two stored the person for the first time at the same moment
        stored = await self.get(person.tenant, person.agent_id)
        return stored or person

    async def get(self, tenant: str, agent_id: str) -> Person | None:
        found = await self._staff.find_one({"_id": _key(tenant, agent_id)}, {"holding": 0})
        return _person(found) if found else None

    async def any(self, tenant: str) -> bool:
        return await self._staff.find_one({"tenant": tenant}, {"_id": 1}) is not None

    async def page(self, tenant: str, department: str, size: int, after: str) -> Sequence[Person]:
        query: Document = {"tenant": tenant, **({"departments": department} if department else {}), "agent_id": {"$gt": after}}
        found = self._staff.find(query, {"holding": 0}).sort("agent_id", 1).limit(size)
        return [_person(document) for document in await found.to_list(size)]

    async def set_presence(self, tenant: str, agent_id: str, presence: Presence, until: datetime) -> Person | None:
        change = {"$set": {"said": presence.value, "until": until}}
        found = await self._staff.find_one_and_update({"_id": _key(tenant, agent_id)}, change, return_document=True)
        return _person(found) if found else None

    async def candidates(self, tenant: str, department: str, limit: int) -> Sequence[Person]:
        found = self._staff.find(candidates_query(tenant, department), {"holding": 0}).sort("load", 1).limit(limit)
        return [_person(document) for document in await found.to_list(limit)]

    async def present(self, now: datetime, limit: int) -> Sequence[Person]:
        found = self._staff.find({"said": Presence.ONLINE.value, "until": {"$gt": now}}, {"holding": 0}).limit(limit)
        return [_person(document) for document in await found.to_list(limit)]

    async def hold(self, tenant: str, agent_id: str, ticket_id: str, at: datetime, *, below: int | None = None) -> bool:
        key = _key(tenant, agent_id)
        room: Document = {} if below is None else {"load": {"$lt": below}}
        change = {"$push": {"holding": ticket_id}, "$inc": {"load": 1}, "$set": {"last_assigned_at": at}}
        if (await self._staff.update_one({"_id": key, "holding": {"$ne": ticket_id}, **room}, change)).matched_count:
            return True
        return await self._staff.find_one({"_id": key, "holding": ticket_id}, {"_id": 1}) is not None

    async def release(self, tenant: str, agent_id: str, ticket_id: str) -> None:
        change = {"$pull": {"holding": ticket_id}, "$inc": {"load": -1}}
        await self._staff.update_one({"_id": _key(tenant, agent_id), "holding": ticket_id}, change)

    async def holding(self, tenant: str, agent_id: str) -> frozenset[str]:
        found = await self._staff.find_one({"_id": _key(tenant, agent_id)}, {"holding": 1})
        return frozenset(found["holding"]) if found else frozenset()


class MongoQueue:
    """The collection `tickets`, by who has them; `queue_order` is there while a ticket waits to be given to somebody."""

    def __init__(self, db: Database) -> None:
        self._tickets = db["tickets"]

    async def prepare(self) -> None:
        """Make the index the queue is read by; that of a person's tickets is there for lists."""
        await self._tickets.create_indexes([IndexModel([("tenant", 1), ("department", 1), ("queue_order", 1)], name="tenant_department_queue")])

    async def head(self, tenant: str, department: str, limit: int) -> Sequence[Ticket]:
        found = self._tickets.find(queue_query(tenant, department), {"history": 0, "outbox": 0}).sort("queue_order", 1).limit(limit)
        return [ticket_in(document) for document in await found.to_list(limit)]

    async def held_by(self, tenant: str, agent_id: str) -> frozenset[str]:
        held: set[str] = set()
        for state in (State.ASSIGNED, State.IN_PROGRESS, State.WAITING):
            found = self._tickets.find({"tenant": tenant, "assignee": agent_id, "state": state.value}, {"ticket_id": 1}).limit(_HELD_AT_MOST)
            held |= {document["ticket_id"] for document in await found.to_list(_HELD_AT_MOST)}
        return frozenset(held)


def candidates_query(tenant: str, department: str) -> Document:
    """Who said to be online; one range of one index, by load."""
    return {"tenant": tenant, "departments": department, "said": Presence.ONLINE.value}


def queue_query(tenant: str, department: str) -> Document:
    """What waits in a department; one range of one index."""
    return {"tenant": tenant, "department": department, "queue_order": {"$gt": ""}}


def _key(tenant: str, agent_id: str) -> str:
    return f"{tenant}/{agent_id}"


def _person(document: Document) -> Person:
    return Person(
        tenant=document["tenant"], agent_id=document["agent_id"], name=document["name"], departments=tuple(document["departments"]),
        skills=tuple(document["skills"]), products=tuple(document["products"]), industries=tuple(document["industries"]),
        languages=tuple(document["languages"]), level=document["level"], senior=document["senior"], capacity=document["capacity"],
        retired=document["retired"], said=Presence(document["said"]), until=document["until"], load=document["load"],
        last_assigned_at=document["last_assigned_at"],
    )
