"""Articles in MongoDB: one document for what a tenant holds under one id, and the shared seed under the tenant ""."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from chassis.errors import InvalidInput, NotFound, Stale
from chassis.messaging import Events, wrap
from chassis.mongo import (
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    Outbox,
    decode_page_token,
    encode_page_token,
)
from mingjian.knowledge.v1.events_pb2 import ArticlePublished

from knowledge.adapters.mongo_seeding import insert_missing
from knowledge.adapters.protobuf_articles import to_wire
from knowledge.app import ArticlePage
from knowledge.domain.articles import Article, ArticleState, Entry

_MOST = 20_000
_CHUNK = 200


class MongoArticles:
    """The collection `articles`; `found` and `waiting` say which texts a document holds."""

    def __init__(self, db: Database, events: Events) -> None:
        self._articles = db["articles"]
        self.outbox = Outbox(self._articles, events)

    async def prepare(self) -> None:
        """Make the indexes: lists in order of id, and the newest publication."""
        await self._articles.create_indexes(
            [
                IndexModel([("tenant", 1), ("article_id", 1)], name="tenant_article_id"),
                IndexModel([("found", 1), ("published.updated_at", 1)], name="found_published_at"),
            ]
        )
        await self.outbox.prepare()

    async def seed(self, articles: Sequence[Article], at: datetime) -> int:
        """Make the shared articles exactly these: new and changed ones are written, vanished ones retired. Returns how many changed.

        Doing it again, or at the same time from several processes, changes nothing more.
        """
        stored = {d["article_id"]: d.get("digest", "") async for d in self._articles.find({"tenant": ""}, {"article_id": 1, "digest": 1})}
        new: list[Document] = []
        changed = 0
        for article in articles:
            digest, known = _digest(article), stored.pop(article.article_id, None)
            if known == digest:
                continue
            text = _text_document(replace(article, updated_at=at))
            document = {
                "tenant": "", "article_id": article.article_id, "published": text, "submitted": None, "found": True, "waiting": False,
                "revision": 1, "digest": digest,
            }
            changed += 1
            if known is None:
                new.append({"_id": _key("", article.article_id)} | document)
            else:
                await self._articles.update_one({"_id": _key("", article.article_id)}, {"$set": document})
        await insert_missing(self._articles, new)
        for article_id in stored:
            retired = {"published.state": ArticleState.RETIRED.value, "published.updated_at": at, "digest": ""}
            result = await self._articles.update_one(
                {"_id": _key("", article_id), "published.state": ArticleState.PUBLISHED.value}, {"$set": retired}
            )
            changed += result.modified_count
        return changed

    async def entry(self, tenant: str, article_id: str) -> tuple[Entry, int]:
        document = await self._articles.find_one({"_id": _key(tenant, article_id)})
        if document is None:
            raise NotFound(f"no article {article_id}")
        return _entry(document), document["revision"]

    async def put(self, tenant: str, entry: Entry, revision: int, *, announce: bool) -> None:
        article = entry.shown
        key = _key(tenant, article.article_id)
        fields: Document = {
            "tenant": tenant,
            "article_id": article.article_id,
            "published": _text_document(entry.published) if entry.published else None,
            "submitted": _text_document(entry.submitted) if entry.submitted else None,
            "found": entry.published is not None,
            "waiting": entry.submitted is not None,
            "revision": revision + 1,
        }
        told = []
        if announce:
            event = ArticlePublished(article=to_wire(article))
            told.append(wrap(event, tenant=tenant, key=f"{article.article_id}-{article.version}", about=article.article_id, at=article.updated_at))
        if revision == 0:
            try:
                await self._articles.insert_one({"_id": key} | fields | Outbox.pending(told))
            except DuplicateKeyError:
                raise Stale(f"article {article.article_id} was submitted by somebody else at the same time") from None
        else:
            update: Document = {"$set": fields} | (Outbox.appended(told) if told else {})
            result = await self._articles.update_one({"_id": key, "revision": revision}, update)
            if not result.matched_count:
                raise Stale(f"article {article.article_id} has changed meanwhile")
        await self.outbox.flush(key, told)

    async def page(self, tenant: str, industry: str, state: ArticleState | None, size: int, token: str) -> ArticlePage:
        after = _id_in(token)
        matching: list[Article] = []
        more = True
        while more and len(matching) <= size:
            chunk, more = await self._chunk(tenant, after, state)
            matching += [a for a in chunk if (not industry or a.industry == industry) and (state is None or a.state is state)]
            after = chunk[-1].article_id if chunk else after
        shown = matching[:size]
        return ArticlePage(tuple(shown), encode_page_token(shown[-1].article_id) if len(matching) > size else "")

    async def _chunk(self, tenant: str, after: str, state: ArticleState | None) -> tuple[list[Article], bool]:
        """The next articles a tenant sees, in order of id, its own before shared ones of the same id; and whether there are more."""
        own, shared = [[_shown(d, state) for d in await self._part(owner, after, _CHUNK)] for owner in (tenant, "")]
        # beyond the end of a part that was cut off, the other part is not complete
        ends = [part[-1].article_id for part in (own, shared) if len(part) == _CHUNK]
        merged = {article.article_id: article for article in (*shared, *own)}
        return [merged[i] for i in sorted(merged) if not ends or i <= min(ends)], bool(ends)

    async def _part(self, tenant: str, after: str, limit: int) -> list[Document]:
        found = self._articles.find({"tenant": tenant, "article_id": {"$gt": after}}).sort("article_id", 1).limit(limit)
        return list(await found.to_list(limit))

    async def stamp(self) -> object:
        newest = self._articles.find({"found": True}, {"published.updated_at": 1}).sort("published.updated_at", -1).limit(1)
        for document in await newest.to_list(1):
            at = document["published"]["updated_at"]
            latest = self._articles.find({"found": True, "published.updated_at": at}, {"revision": 1})
            return at, sorted([(d["_id"], d["revision"]) async for d in latest])
        return None

    async def published(self) -> Sequence[Article]:
        found = self._articles.find({"found": True, "published.state": ArticleState.PUBLISHED.value}).limit(_MOST)
        articles = [_text(d["published"]) for d in await found.to_list(_MOST)]
        return sorted(articles, key=lambda a: (a.tenant, a.article_id))


def _shown(document: Document, state: ArticleState | None) -> Article:
    entry = _entry(document)
    return entry.submitted if state is ArticleState.SUBMITTED and entry.submitted else entry.shown


def _id_in(token: str) -> str:
    key = decode_page_token(token)
    if not key:
        return ""
    if len(key) != 1 or not isinstance(key[0], str):
        raise InvalidInput("page_token", "is not a token this list gave out")
    return key[0]


def _key(tenant: str, article_id: str) -> str:
    return f"{tenant}/{article_id}"


def _digest(article: Article) -> str:
    return hashlib.sha256(json.dumps(_text_document(article), ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()


def _text_document(article: Article) -> Document:
    return {
        "article_id": article.article_id,
        "tenant": article.tenant,
        "industry": article.industry,
        "title": article.title,
        "questions": list(article.questions),
        "answer": article.answer,
        "script": article.script,
        "product": article.product,
        "issue": article.issue,
        "solution": article.solution,
        "tags": list(article.tags),
        "valid_from": article.valid_from.isoformat(),
        "state": article.state.value,
        "version": article.version,
        "submitted_by": article.submitted_by,
        "published_by": article.published_by,
        "updated_at": article.updated_at,
    }


def _text(document: Document) -> Article:
    lists = {"questions": tuple(document["questions"]), "tags": tuple(document["tags"])}
    parsed = {"valid_from": date.fromisoformat(document["valid_from"]), "state": ArticleState(document["state"])}
    return Article(**document | lists | parsed)


def _entry(document: Document) -> Entry:
    published, submitted = document.get("published"), document.get("submitted")
    return Entry(_text(published) if published else None, _text(submitted) if submitted else None)
