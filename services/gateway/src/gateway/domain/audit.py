"""The audit log: which calls are written down, and a chain of hashes in which no entry can be changed unseen."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.domain.roles import PII_READ

GENESIS = "0" * 64

# RPCs that only look and are written down all the same, each for the reason beside it.
_READS_ALWAYS = frozenset({
    "mingjian.ingestion.v1.IngestionService/DownloadAudio",  # a recording is the customer's voice
    "mingjian.nlp.v1.NlpService/GetOriginals",  # the vault
    "mingjian.routing.v1.DeskService/ExportTickets",  # many customers at once
    "mingjian.routing.v1.DeskService/DownloadAttachment",  # what customers sent
})
_READS_WITH_PII = frozenset({"mingjian.nlp.v1.NlpService/GetTranscript", "mingjian.nlp.v1.NlpService/GetEvaluation"})  # unmasked words
# Changes under these permissions are written down, whichever RPC makes them.
_CHANGES = frozenset({
    "tickets:write", "webhooks:write",
    "levels:write", "staff:write", "kpis:write", "keys:admin", "knowledge:review", "scorecards:write", "reviews:write", "appeals:write",
})
_LOOKING = ("Get", "List", "Search", "Query", "Compare")


def is_audited(method: str, permission: str, permissions: frozenset[str]) -> bool:
    """Is a call of `method` ("package.Service/Method") by somebody with these permissions written down?"""
    if method in _READS_ALWAYS:
        return True
    if method in _READS_WITH_PII:
        return PII_READ in permissions
    return permission in _CHANGES and not method.rpartition("/")[2].startswith(_LOOKING)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing somebody looked at or changed; `hash` covers all the rest and the hash of the entry before."""

    tenant: str
    sequence: int
    at: datetime
    principal: str
    action: str
    object_id: str
    status: str
    hash: str = ""


def hash_of(entry: Entry, previous: str) -> str:
    """SHA-256 of the entry before's hash and this entry as JSON with sorted keys, lower-case hex."""
    canonical = json.dumps(
        {
            "tenant": entry.tenant, "sequence": entry.sequence, "at": entry.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "principal": entry.principal, "action": entry.action, "object_id": entry.object_id, "status": entry.status,
        },
        sort_keys=True, ensure_ascii=True, separators=(",", ":"),
    )
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


def to_the_millisecond(at: datetime) -> datetime:
    """In UTC, without what the store does not keep."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def chained(entry: Entry, previous: str) -> Entry:
    """The entry with its hash; its time is cut to the millisecond, which is what the store keeps."""
    cut = replace(entry, at=to_the_millisecond(entry.at))
    return replace(cut, hash=hash_of(cut, previous))


@dataclass(slots=True)
class Chain:
    """Walks a tenant's entries in order; `broken_at` is the sequence of the first that is missing or was changed, else 0.

    Entries cut off at the end leave no trace in a chain: keep the newest hash elsewhere to notice that.
    """

    previous: str = GENESIS
    length: int = 0
    broken_at: int = 0

    def check(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if self.broken_at:
                return
            if entry.sequence != self.length + 1 or entry.hash != hash_of(entry, self.previous):
                self.broken_at = self.length + 1
                return
            self.length, self.previous = entry.sequence, entry.hash
