"""What the desk adds to a ticket's document, and saved filters: one document for each person, with all of his."""

from dataclasses import asdict
from typing import Any

from chassis.errors import Stale
from chassis.mongo import Database, Document, DuplicateKeyError, IndexModel

from routing.app_desk import BulkRun, Criteria, SavedFilter, SavedFilters
from routing.domain.attachments import Attachment
from routing.domain.tickets import Kind, State, Ticket


def desk_document(ticket: Ticket) -> Document:
    """Fields of a ticket's document."""
    return {
        "watchers": list(ticket.watchers), "attachments": [asdict(attachment) for attachment in ticket.attachments],
        "external_id": ticket.external_id, "done_keys": list(ticket.done_keys),
    }


def desk_in(document: Document) -> dict[str, Any]:
    """The same as fields of a ticket; a document of before has none of them."""
    return {
        "watchers": tuple(document.get("watchers", ())), "attachments": tuple(Attachment(**a) for a in document.get("attachments", ())),
        "external_id": document.get("external_id", ""), "done_keys": tuple(document.get("done_keys", ())),
    }


class MongoSavedFilters:
    """The collection `saved_filters`."""

    def __init__(self, db: Database) -> None:
        self._saved = db["saved_filters"]

    async def of(self, tenant: str, principal: str) -> SavedFilters:
        found = await self._saved.find_one({"_id": f"{tenant}/{principal}"})
        if found is None:
            return SavedFilters(tenant, principal, (), 0)
        return SavedFilters(tenant, principal, tuple(_filter_in(f) for f in found["filters"]), found["version"])

    async def keep(self, saved: SavedFilters) -> None:
        document = {"filters": [_filter_document(f) for f in saved.filters], "version": saved.version + 1}
        key = f"{saved.tenant}/{saved.principal}"
        if saved.version == 0:
            try:
                await self._saved.insert_one({"_id": key} | document)
            except DuplicateKeyError:
                raise Stale("the filters have just been changed") from None
            return
        changed = await self._saved.update_one({"_id": key, "version": saved.version}, {"$set": document})
        if not changed.matched_count:
            raise Stale("the filters have just been changed")


class MongoBulkRuns:
    """The collection `bulk_runs`: what each idempotency key was used for, kept for a week."""

    def __init__(self, db: Database) -> None:
        self._runs = db["bulk_runs"]

    async def prepare(self) -> None:
        await self._runs.create_indexes([IndexModel([("at", 1)], expireAfterSeconds=7 * 86_400, name="at")])

    async def begin(self, run: BulkRun) -> BulkRun:
        document = {"_id": run.run_id, "content": run.content, "at": run.at}
        try:
            await self._runs.insert_one(document)
        except DuplicateKeyError:
            found = await self._runs.find_one({"_id": run.run_id})
            return BulkRun(run.run_id, found["content"], found["at"]) if found else run
        return run


def _filter_document(saved: SavedFilter) -> Document:
    criteria = asdict(saved.criteria)
    criteria["state"] = saved.criteria.state.value if saved.criteria.state else ""
    criteria["kind"] = saved.criteria.kind.value if saved.criteria.kind else ""
    return {"filter_id": saved.filter_id, "name": saved.name, "criteria": criteria}


def _filter_in(document: Document) -> SavedFilter:
    given = dict(document["criteria"])
    given["state"] = State(given["state"]) if given["state"] else None
    given["kind"] = Kind(given["kind"]) if given["kind"] else None
    return SavedFilter(document["filter_id"], document["name"], Criteria(**given))
