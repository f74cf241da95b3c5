"""Contacts with customers in MongoDB: what the screen-pop shows of calls and chats."""

from collections.abc import Sequence
from datetime import UTC

from chassis.mongo import Database, Document, IndexModel, newest_first

from routing.app_screen import SeenContact

_DIGITS = 15
_KEPT_S = 400 * 86_400


class MongoContacts:
    """The collection `contacts`; `order` is the moment in milliseconds and the interaction."""

    def __init__(self, db: Database) -> None:
        self._contacts = db["contacts"]

    async def prepare(self) -> None:
        await self._contacts.create_indexes([
            IndexModel([("tenant", 1), ("customer_id", 1), ("order", 1)], name="tenant_customer_id_order"),
            IndexModel([("at", 1)], expireAfterSeconds=_KEPT_S, name="at"),
        ])

    async def seen(self, contact: SeenContact) -> None:
        known = {
            "customer_id": contact.customer_id, "customer_tier": contact.customer_tier, "agent_id": contact.agent_id, "product": contact.product,
            "type": contact.type, "summary": contact.summary, "emotion": contact.emotion,
        }
        first = {
            "at": contact.at, "interaction_id": contact.interaction_id,
            "order": f"{round(contact.at.timestamp() * 1000):0{_DIGITS}d}-{contact.interaction_id}",
        }
        update = {"$setOnInsert": first, "$set": {"tenant": contact.tenant} | {name: value for name, value in known.items() if value}}
        await self._contacts.update_one({"_id": f"{contact.tenant}/{contact.interaction_id}"}, update, upsert=True)

    async def get(self, tenant: str, interaction_id: str) -> SeenContact | None:
        found = await self._contacts.find_one({"_id": f"{tenant}/{interaction_id}"})
        return _contact(found) if found else None

    async def of_customer(self, tenant: str, customer_id: str, limit: int) -> Sequence[SeenContact]:
        found = await newest_first(self._contacts, {"tenant": tenant, "customer_id": customer_id}, limit, digits=_DIGITS)
        return [_contact(document) for document in found]


def _contact(document: Document) -> SeenContact:
    said = {name: document.get(name, "") for name in ("customer_id", "customer_tier", "agent_id", "product", "type", "summary", "emotion")}
    return SeenContact(tenant=document["tenant"], interaction_id=document["interaction_id"], at=document["at"].astimezone(UTC), **said)
