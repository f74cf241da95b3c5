"""Words of tickets in MongoDB: a document for each ticket beside it, so that opening a ticket pays for none of them."""

import re
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.mongo import LAST, Database, Document, DuplicateKeyError, IndexModel, newest_first

from routing.domain.search import TicketWords, grams_asked, grams_of, has_words, text_of, words_in

_DIGITS = 15
_FIRST, _BATCH = 64, 200  # candidates read at once: what a page needs where every one of them fits, then more
_SEARCHES = 10  # times 200 tickets that a word finds, looked at for one page
_IDS, _ID_LENGTH = 50, 36
_SAMPLE = 300
_COMMON_FOR_S = 600.0
_TENANTS = 200
_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")


@dataclass(frozen=True, slots=True)
class Hits:
    """Tickets that have the words, newest first, and the `order` before which the search goes on; "" where it is over."""

    keys: tuple[str, ...]
    until: str


class MongoSearch:
    """The collection `ticket_words`: `grams` (see domain.search), the text itself, and the ticket's id and `order`.

    A search reads the range of one gram, the rarest of those asked for, and holds each text against the words.
    """

    def __init__(self, db: Database) -> None:
        self._words, self._tickets = db["ticket_words"], db["tickets"]
        self._commons: OrderedDict[str, tuple[float, Counter[str]]] = OrderedDict()

    async def prepare(self) -> None:
        await self._words.create_indexes([
            IndexModel([("tenant", 1), ("grams", 1), ("order", 1)], name="tenant_grams_order"),
            IndexModel([("tenant", 1), ("ticket_id", 1)], name="tenant_ticket_id"),
        ])

    async def write_down(self, words: TicketWords) -> None:
        """Keep a ticket's words; those of an older version are passed over, and those that are there already cost a look."""
        key, order = f"{words.tenant}/{words.ticket_id}", f"{round(words.opened_at.timestamp() * 1000):0{_DIGITS}d}-{words.ticket_id}"
        found = await self._words.find_one({"_id": key}, {"text": 1, "version": 1})
        if found is not None and (found["version"] >= words.version or found["text"] == words.text):
            return
        document = {
            "tenant": words.tenant, "ticket_id": words.ticket_id, "order": order, "grams": sorted(grams_of(words.text)), "text": words.text,
            "version": words.version,
        }
        if found is None:
            try:
                await self._words.insert_one({"_id": key} | document)
                return
            except DuplicateKeyError:
                pass  # another event of the ticket came at the same moment
        await self._words.update_one({"_id": key, "version": {"$lt": words.version}}, {"$set": document})

    async def by_id(self, tenant: str, query: str) -> list[str]:
        """Keys of up to 50 tickets whose id begins so; [] where the query is no beginning of an id."""
        start = query.strip().lower()
        if not _ID.fullmatch(start):
            return []
        if len(start) == _ID_LENGTH:
            return [f"{tenant}/{start}"]
        begins = {"tenant": tenant, "ticket_id": {"$gte": start, "$lt": f"{start}~"}}
        return [d["_id"] for d in await self._words.find(begins, {"_id": 1}).limit(_IDS).to_list(_IDS)]

    async def page(self, tenant: str, query: str, asked: Document, size: int, until: str) -> tuple[list[Document], str]:
        """Documents of tickets with the words that equal what is `asked`, newest first, and the `order` to go on before; "" at the end.

        A page may be short where few of those that have the words are what else is asked for: so many are looked at, the rest next time.
        """
        keys = () if until else tuple(await self.by_id(tenant, query))
        if keys and (named := await self._of_keys(keys, asked)):
            return named[:size], ""
        shown: list[Document] = []
        for number in range(_SEARCHES):
            hits = await self.find(tenant, query, until, _BATCH if number or size > _FIRST else _FIRST)
            shown += await self._of_keys(hits.keys, asked)
            until = hits.until
            if len(shown) > size:
                return shown[:size], shown[size - 1]["order"]
            if not until:
                break
        return shown, until

    async def _of_keys(self, keys: Sequence[str], asked: Document) -> list[Document]:
        found = await self._tickets.find({"_id": {"$in": list(keys)}}, {"history": 0, "outbox": 0}).to_list(len(keys)) if keys else []
        return sorted((d for d in found if all(_holds(d, *pair) for pair in asked.items())), key=lambda d: str(d["order"]), reverse=True)

    async def find(self, tenant: str, query: str, until: str, limit: int = _BATCH) -> Hits:
        """What has the words of up to `limit` candidates further back than `until`. Raises InvalidInput."""
        words = words_in(query)
        gram = await self._rarest(tenant, grams_asked(words))
        found = await newest_first(self._words, {"tenant": tenant, "grams": gram}, limit, digits=_DIGITS, until=until or LAST, projection={"grams": 0})
        keys = tuple(document["_id"] for document in found if has_words(document["text"], words))
        return Hits(keys, found[-1]["order"] if len(found) == limit else "")

    async def _rarest(self, tenant: str, grams: tuple[str, ...]) -> str:
        """The gram that the fewest of the newest tickets have; the first of those where several are in none."""
        if len(grams) == 1:
            return grams[0]
        common = await self._common(tenant)
        return min(grams, key=lambda gram: common[gram])

    async def _common(self, tenant: str) -> Counter[str]:
        """How many of the newest 300 tickets have each gram, as of the last minutes. Counting in the index reads as much as it counts."""
        now = time.monotonic()
        known = self._commons.get(tenant)
        if known is not None and now - known[0] < _COMMON_FOR_S:
            return known[1]
        fields = {"title": 1, "description": 1, "resolution": 1, "customer_id": 1, "external_id": 1}
        found = await newest_first(self._tickets, {"tenant": tenant}, _SAMPLE, digits=_DIGITS, projection=fields | {"order": 1})
        counted = Counter(gram for d in found for gram in grams_of(text_of(*(str(d.get(name, "")) for name in fields))))
        self._commons[tenant] = (now, counted)
        if len(self._commons) > _TENANTS:
            self._commons.popitem(last=False)
        return counted


def _holds(document: Document, field: str, value: Any) -> bool:
    stored = document.get(field)
    return value in stored if isinstance(stored, list) else bool(stored == value)
