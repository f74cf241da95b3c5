"""Contacts of one customer in MongoDB, by when they began: what came before one and what after it, from the evaluations that count."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from chassis.mongo import LAST, Database, Document

from nlp.adapters.mongo_pages import index_models, moment_of, order_of
from nlp.app import Contact
from nlp.app_promises import JudgedContact

CONTACT_INDEXES: tuple[tuple[str, ...], ...] = (("tenant", "customer_id", "began"),)
COUNTED_DAYS = (7, 30)
MOST_COUNTED = 1_000
_FACTS = {"interaction_id": 1, "customer_id": 1, "direction": 1, "began": 1, "unkept": 1}


class MongoContacts:
    """Satisfies app.Histories and app_promises.Contacts."""

    def __init__(self, db: Database) -> None:
        self._evaluations = db.evaluations

    async def prepare(self) -> None:
        """Make the index."""
        await self._evaluations.create_indexes(index_models(CONTACT_INDEXES))

    async def of(self, contact: Contact) -> Mapping[str, str]:
        """How many contacts of the same customer began in the 7 and 30 days before, at most a thousand; those not judged yet do not count."""
        if not contact.customer_id or contact.started_at is None:
            return {}
        found = {}
        for days in COUNTED_DAYS:
            asked = began_between(contact.tenant, contact.customer_id, order_of(contact.started_at - timedelta(days=days)), order_of(contact.started_at))
            found[f"previous_contacts_{days}d"] = str(await self._evaluations.count_documents(asked, limit=MOST_COUNTED))
        return found

    async def contact(self, tenant: str, interaction_id: str) -> JudgedContact | None:
        """One contact; None where it was not judged."""
        found = await self._evaluations.find_one({"tenant": tenant, "interaction_id": interaction_id}, _FACTS)
        return _from_document(found) if found and "began" in found else None

    async def later(self, tenant: str, customer_id: str, after: datetime, most: int) -> Sequence[JudgedContact]:
        """The first of those that began later, in order."""
        asked = began_between(tenant, customer_id, order_of(after + timedelta(milliseconds=1)), LAST)
        return [_from_document(document) async for document in self._evaluations.find(asked, _FACTS).sort("began", 1).limit(most)]


def began_between(tenant: str, customer_id: str, since: str, until: str) -> Document:
    """The contacts of a customer that began in [since, until)."""
    return {"tenant": tenant, "customer_id": customer_id, "began": {"$gte": since, "$lt": until}}


def _from_document(document: Document) -> JudgedContact:
    return JudgedContact(
        document["interaction_id"], document["customer_id"], document["direction"] == "outbound", moment_of(document["began"]),
        bool(document.get("unkept")),
    )
