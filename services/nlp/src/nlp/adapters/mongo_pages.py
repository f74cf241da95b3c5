"""Lists in MongoDB, newest first: each is one range of an index that ends in `order`, time and id in one string.

No list names its index with `hint`: the embedded server then reads all of it. Every index ascends: on a descending one that server loses
documents of a range bound on both sides.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.errors import InvalidInput
from chassis.mongo import LAST, Collection, Document, IndexModel, decode_page_token, encode_page_token, newest_first, page_size

DIGITS = 14


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list must equal by the fields of its index, what `beyond` them, and the span of `order` it may come from."""

    equal: Document
    index: str
    beyond: Document
    since: str = ""
    until: str = LAST


def list_query(tenant: str, asked: Document, by: Sequence[str], since: str = "", until: str = LAST) -> ListQuery:
    """A list narrowed to `asked`, read by the index over the tenant, the fields named in `by` and `order`."""
    equal = {"tenant": tenant} | {name: asked[name] for name in by}
    beyond = {name: value for name, value in asked.items() if name not in by}
    return ListQuery(equal, index_name(["tenant", *by, "order"]), beyond, since, until)


def order_of(at: datetime, identity: str = "") -> str:
    """Sorts as (time, id) does."""
    return f"{int(at.timestamp() * 1000):0{DIGITS}d}{identity}"


def moment_of(order: str) -> datetime:
    """The time in an `order`."""
    return datetime.fromtimestamp(int(order[:DIGITS]) / 1000, UTC)


async def page(collection: Collection, asked: ListQuery, size: int, token: str, projection: Document | None = None) -> tuple[list[Document], str]:
    """One page and the token of the next, empty on the last. Raises InvalidInput on "page_size" and "page_token"."""
    size = page_size(size)
    seal = seal_of(asked)
    top = asked.until
    if key := decode_page_token(token):
        if len(key) != 2 or not isinstance(key[0], str) or key[1] != seal:
            raise InvalidInput("page_token", "belongs to a list with other filters")
        top = min(top, key[0])
    found = await newest_first(
        collection, asked.equal, size + 1, digits=DIGITS, since=asked.since, until=top, beyond=asked.beyond, projection=projection,
    )
    return found[:size], encode_page_token(found[size - 1]["order"], seal) if len(found) > size else ""


def seal_of(asked: object) -> str:
    """What a token carries of the filters of its list, so that it is of no use to another."""
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


def index_name(fields: Sequence[str]) -> str:
    """A list's index is named after its fields."""
    return "_".join(fields)


def index_models(indexes: Sequence[Sequence[str]]) -> list[IndexModel]:
    """Ascending indexes over the fields named."""
    return [IndexModel([(field, 1) for field in fields], name=index_name(fields)) for fields in indexes]
