"""Evaluations as documents: the machine's fields, which never change, its record, which waits to be chained, and over them what people say."""

import zlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from chassis.mongo import Document, IndexModel

from nlp.adapters.mongo_documents import read, write
from nlp.app import Contact
from nlp.domain.canonical import written
from nlp.domain.evaluations import Evaluation
from nlp.domain.records import Subject, digest, record_of

UNCHAINED_SINCE = "unchained_since"
_QUICK = 1  # a tenth larger than zlib's usual level, in a quarter of the time
CHAIN_INDEXES = (
    IndexModel([(UNCHAINED_SINCE, 1)], name=UNCHAINED_SINCE, sparse=True), IndexModel([("place", 1)], name="place", sparse=True),
)


def to_document(contact: Contact, evaluation: Evaluation) -> Document:
    """An evaluation as it is kept, without what its lists are read by."""
    subject = Subject(contact.tenant, contact.agent_id, contact.team_id, contact.duration_ms, contact.received)
    record = written(record_of(evaluation, subject))
    fields: Document = write(evaluation)
    fields["_id"] = fields.pop("evaluation_id")
    waits = {"record": zlib.compress(record, _QUICK), "record_sha256": digest(record), UNCHAINED_SINCE: datetime.now(UTC)}
    return fields | asdict(subject) | waits


def as_judged(document: Document) -> Evaluation:
    """The machine's evaluation. Raises KeyError, TypeError where the document is none."""
    return read(Evaluation, document | {"evaluation_id": document["_id"]})


def shown(document: Document) -> Evaluation:
    """The evaluation with people's answers laid over the machine's."""
    over = document.get("shown")
    if not over:
        return as_judged(document)
    changed = {item["item_id"]: item for item in over["items"]}
    items = [item | changed.get(item["item_id"], {}) for item in document["items"]]
    return as_judged(document | over["fields"] | {"items": items})


def laid_over(machine: Evaluation, after: Evaluation) -> Document:
    """What `shown` has to hold so that `after` is read where the machine had said `machine`."""
    before, now = asdict(machine), asdict(after)
    items = [
        {"item_id": new["item_id"]} | {name: value for name, value in new.items() if value != old[name]}
        for old, new in zip(before.pop("items"), now.pop("items"), strict=True) if new != old
    ]
    fields: dict[str, Any] = {name: value for name, value in now.items() if value != before[name]}
    return {"fields": fields, "items": items}
