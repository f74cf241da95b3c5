"""What was suggested for which contact, in MongoDB, with the event that tells of it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import Database, Document, DuplicateKeyError, Outbox
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction
from mingjian.knowledge.v1.events_pb2 import KnowledgeGapFound, SolutionSuggested

from knowledge.adapters.protobuf_articles import found_to_wire
from knowledge.app import Contact, Suggested
from knowledge.domain.search import Found

_MATTER = 200


class MongoSuggestions:
    """The collection `suggestions`, one document for each contact."""

    def __init__(self, db: Database, events: Events) -> None:
        self._suggestions = db["suggestions"]
        self.outbox = Outbox(self._suggestions, events)

    async def prepare(self) -> None:
        await self.outbox.prepare()

    async def known(self, tenant: str, interaction_id: str) -> Suggested | None:
        document = await self._suggestions.find_one({"_id": _key(tenant, interaction_id)})
        if document is None:
            return None
        await self.outbox.flush_stored(document)
        return _suggested(document)

    async def add(self, contact: Contact, found: Sequence[Found], matter: str) -> None:
        told = _told(contact, found, matter)
        key = _key(contact.tenant, contact.interaction_id)
        document: Document = {
            "_id": key,
            "tenant": contact.tenant,
            "interaction_id": contact.interaction_id,
            "agent_id": contact.agent_id,
            "industry": contact.industry,
            "product": contact.product,
            "articles": [{"article_id": f.article.article_id, "relevance": f.relevance, "because": f.because} for f in found],
            "suggested_at": datetime.now(UTC),
            **Outbox.pending(told),
        }
        try:
            await self._suggestions.insert_one(document)
        except DuplicateKeyError:
            await self.known(contact.tenant, contact.interaction_id)
            return
        await self.outbox.flush(key, told)


def _told(contact: Contact, found: Sequence[Found], matter: str) -> list[Envelope]:
    interaction = Interaction.FromString(contact.received)
    event: SolutionSuggested | KnowledgeGapFound
    if found:
        event = SolutionSuggested(interaction=interaction, suggestions=found_to_wire(found))
    elif matter:
        event = KnowledgeGapFound(interaction=interaction, matter=matter[:_MATTER])
    else:
        return []
    return [wrap(event, tenant=contact.tenant, key=contact.interaction_id)]


def _key(tenant: str, interaction_id: str) -> str:
    return f"{tenant}/{interaction_id}"


def _suggested(document: Document) -> Suggested:
    contact = Contact(
        document["tenant"], document["interaction_id"], document["agent_id"], document["industry"], document["product"]
    )
    return Suggested(contact, tuple((a["article_id"], a["relevance"], a["because"]) for a in document["articles"]))
