"""A tenant's records as a chain: each link is made of the record and of the link before it, so that none can be changed, lost or moved unseen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nlp.domain.canonical import sha256_of

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A record's place: 1, 2, … for each tenant, the link's digest and that of the link before; 64 zeros before the first."""

    sequence: int
    sha256: str
    previous_sha256: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain as last seen; sequence 0 is the chain without links."""

    sequence: int = 0
    sha256: str = GENESIS


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is kept: its place, the record it holds and that record's digest."""

    place: ChainLink
    evaluation_id: str
    record_sha256: str

    @property
    def head(self) -> Head:
        """The end of a chain that ends here."""
        return Head(self.place.sequence, self.place.sha256)


def appended(tenant: str, head: Head, records: Iterable[tuple[str, str]]) -> list[Link]:
    """Links for records, each (evaluation_id, SHA-256 of its canonical JSON), behind `head` and in their order."""
    links: list[Link] = []
    for evaluation_id, record_sha256 in records:
        sequence = head.sequence + 1
        digest = link_sha256(tenant, sequence, head.sha256, evaluation_id, record_sha256)
        links.append(Link(ChainLink(sequence, digest, head.sha256), evaluation_id, record_sha256))
        head = links[-1].head
    return links


def link_sha256(tenant: str, sequence: int, previous_sha256: str, evaluation_id: str, record_sha256: str) -> str:
    """SHA-256 of the canonical JSON of a link: with the link before in it, the last one stands for all."""
    return sha256_of({
        "tenant": tenant, "sequence": sequence, "previous_sha256": previous_sha256, "evaluation_id": evaluation_id, "record_sha256": record_sha256,
    })


def is_whole(tenant: str, link: Link, before: Head) -> bool:
    """Whether a link follows `before` and is what it says."""
    place = link.place
    return (
        place.sequence == before.sequence + 1
        and place.previous_sha256 == before.sha256
        and place.sha256 == link_sha256(tenant, place.sequence, place.previous_sha256, link.evaluation_id, link.record_sha256)
    )
