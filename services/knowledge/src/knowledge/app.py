"""What knowledge does: finds the reviewed answer, suggests it for a contact, and takes new answers in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from chassis.errors import InvalidInput, NotFound, Stale

from knowledge.domain.articles import (
    Article,
    ArticleState,
    Entry,
    Node,
    ProductNames,
    checked,
    with_publication,
    with_submission,
)
from knowledge.domain.recommend import problem_statements
from knowledge.domain.search import Found, SearchIndex, Vectors, because_of, best_per_article, sentences
from knowledge.domain.seed import INDUSTRIES

MAX_QUERY = 500
MAX_TEXT = 2_000
SUGGESTED = 10
_TRIES = 5


class Encoder(Protocol):
    """Turns texts into unit vectors whose product says how alike their meaning is."""

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), d)."""
        ...


@dataclass(frozen=True, slots=True)
class Contact:
    """The interaction suggestions are made for. `received` is the interaction as the wire carries it, passed on unread."""

    tenant: str
    interaction_id: str
    agent_id: str
    industry: str
    product: str
    received: bytes = b""


@dataclass(frozen=True, slots=True)
class Suggested:
    """What was suggested for a contact: article id, relevance and the customer's words, best first."""

    contact: Contact
    articles: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """Articles in order of id, and the token of the next page; empty on the last."""

    articles: tuple[Article, ...]
    next_token: str


class Articles(Protocol):
    """Where articles are kept, the shared seed under the tenant ""."""

    async def entry(self, tenant: str, article_id: str) -> tuple[Entry, int]:
        """What a tenant itself holds and its revision. Raises NotFound."""
        ...

    async def put(self, tenant: str, entry: Entry, revision: int, *, announce: bool) -> None:
        """Store an entry whose last revision was `revision` (0: new), telling of its publication once where asked. Raises Stale."""
        ...

    async def page(self, tenant: str, industry: str, state: ArticleState | None, size: int, token: str) -> ArticlePage:
        """The tenant's own and the shared ones. Raises InvalidInput for a token this list did not give out."""
        ...

    async def stamp(self) -> object:
        """Changes whenever a published text does."""
        ...

    async def published(self) -> Sequence[Article]:
        """Every published text of every tenant."""
        ...


class Graph(Protocol):
    """The solution graph."""

    async def reachable(self, industry: str, product: str) -> Sequence[Node]:
        """The products asked for (empty asks for all) and every node they lead to, at most 1,000."""
        ...

    async def products(self) -> Sequence[Node]:
        """All products."""
        ...


class Transcripts(Protocol):
    """What was said, masked."""

    async def customer_turns(self, interaction_id: str) -> Sequence[str]:
        """The customer's turns in order. Raises NotFound while there is no transcript."""
        ...


class Suggestions(Protocol):
    """What was suggested for which contact."""

    async def known(self, tenant: str, interaction_id: str) -> Suggested | None:
        """What was suggested, its event told again where a crash kept it back; None where nothing was suggested yet."""
        ...

    async def add(self, contact: Contact, found: Sequence[Found], matter: str) -> None:
        """Store and tell once: the articles, or the matter where none was found and there is one. A second add changes nothing."""
        ...


@dataclass(slots=True)
class Shelf:
    """The search index of this process, replaced as a whole when a published text has changed."""

    encoder: Encoder
    index: SearchIndex | None = None
    own: dict[tuple[str, str], Article] = field(default_factory=dict)
    products: ProductNames = field(default_factory=ProductNames)
    _stamp: object = None
    _vectors: dict[str, Vectors] = field(default_factory=dict)

    async def refresh(self, articles: Articles, graph: Graph) -> bool:
        """Look whether anything has changed, and index anew if so; unchanged sentences keep their vectors."""
        stamp = await articles.stamp()
        if self.index is not None and stamp == self._stamp:
            return False
        published = await articles.published()
        texts = sentences(published)
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            self._vectors |= dict(zip(missing, await self.encoder.encode(missing), strict=True))
        self._vectors = {text: self._vectors[text] for text in texts}
        self.index = SearchIndex.of(published, [self._vectors[text] for text in texts])
        self.own = {(article.tenant, article.article_id): article for article in published}
        self.products = ProductNames.of(await graph.products())
        self._stamp = stamp
        return True

    def visible(self, tenant: str, article: Article) -> bool:
        """A tenant finds its own articles, and the shared ones it has not replaced by its own."""
        return article.tenant == tenant or (not article.tenant and (tenant, article.article_id) not in self.own)

    def article(self, tenant: str, article_id: str) -> Article | None:
        return self.own.get((tenant, article_id)) or self.own.get(("", article_id))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """`now` gives the current time, aware; `new_id` a new id."""

    articles: Articles
    graph: Graph
    transcripts: Transcripts
    suggestions: Suggestions
    shelf: Shelf
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    async def refresh(self) -> bool:
        """Take in what others have published. Returns whether anything had changed."""
        return await self.shelf.refresh(self.articles, self.graph)

    async def search(self, tenant: str, query: str, industry: str, product: str, limit: int) -> tuple[Found, ...]:
        """Published articles that answer, best first; none where nothing fits. Raises InvalidInput."""
        if not query.strip() or len(query) > MAX_QUERY:
            raise InvalidInput("q", f"must have 1 to {MAX_QUERY} characters")
        if industry:
            _check_industry(industry)
        wanted = self.shelf.products.resolve(industry, product) if product else ""

        def allowed(article: Article) -> bool:
            return (not industry or article.industry == industry) and (not product or article.product in (product, wanted))

        (found,) = await self._found(tenant, (query,), allowed, lambda article: False, limit)
        return found

    async def recommend_for_words(self, tenant: str, text: str, industry: str, product: str, limit: int) -> tuple[Found, ...]:
        """Articles for words just said. Raises InvalidInput."""
        if not text.strip() or len(text) > MAX_TEXT:
            raise InvalidInput("text", f"must have 1 to {MAX_TEXT} characters where there is no interaction_id")
        if industry:
            _check_industry(industry)
        return await self._recommend(tenant, (text,), industry, product, limit)

    async def recommend_for_interaction(
        self, tenant: str, interaction_id: str, industry: str, product: str, limit: int
    ) -> tuple[Found, ...]:
        """Articles for an interaction, whose own industry and product count where they are known. Raises NotFound without transcript."""
        said = await self.transcripts.customer_turns(interaction_id)
        known = await self.suggestions.known(tenant, interaction_id)
        if known is not None:
            industry, product = known.contact.industry, known.contact.product
        return await self._recommend(tenant, said, industry, product, limit)

    async def _recommend(self, tenant: str, said: Sequence[str], industry: str, product: str, limit: int) -> tuple[Found, ...]:
        statements = problem_statements(said)
        if not statements:
            return ()
        # an industry without articles of its own is served from all of them
        narrowed = bool(industry) and self._index().has_industry(industry)
        wanted = self.shelf.products.resolve(industry, product)
        found = await self._found(
            tenant, statements, lambda article: not narrowed or article.industry == industry,
            lambda article: bool(wanted) and article.product == wanted, limit,
        )
        every = [one for said_here, there in zip(statements, found, strict=True) for one in because_of(there, said_here)]
        return best_per_article(every, limit)

    async def _found(
        self, tenant: str, queries: Sequence[str], allowed: Callable[[Article], bool], favoured: Callable[[Article], bool], limit: int
    ) -> list[tuple[Found, ...]]:
        index, today = self._index(), self.now().date()
        vectors = await self.shelf.encoder.encode(queries)

        def may_be_found(article: Article) -> bool:
            return article.searchable_on(today) and self.shelf.visible(tenant, article) and allowed(article)

        return [
            index.search(query, vector, allowed=may_be_found, favoured=favoured, limit=limit)
            for query, vector in zip(queries, vectors, strict=True)
        ]

    def _index(self) -> SearchIndex:
        if self.shelf.index is None:
            raise NotFound("no article has been read yet")
        return self.shelf.index

    async def on_scored(self, contact: Contact, summary: str) -> None:
        """Suggest articles for a scored contact, once. Raises NotFound while its transcript is not there."""
        if await self.suggestions.known(contact.tenant, contact.interaction_id) is not None:
            return
        said = await self.transcripts.customer_turns(contact.interaction_id)
        found = await self._recommend(contact.tenant, said, contact.industry, contact.product, SUGGESTED)
        statements = problem_statements(said)
        matter = "" if found or not statements else summary or max(statements, key=len)
        await self.suggestions.add(contact, found, matter)

    async def suggested(self, tenant: str, interaction_id: str, agent_id: str) -> tuple[Found, ...]:
        """What was suggested for an interaction; empty before, for another agent's, and for articles that are gone."""
        known = await self.suggestions.known(tenant, interaction_id)
        if known is None or (agent_id and known.contact.agent_id != agent_id):
            return ()
        found = ((self.shelf.article(tenant, article_id), relevance, because) for article_id, relevance, because in known.articles)
        return tuple(Found(article, relevance, because) for article, relevance, because in found if article is not None)

    async def get(self, tenant: str, article_id: str) -> Article:
        """The article as the tenant sees it. Raises NotFound."""
        own = await self._own(tenant, article_id)
        if own is not None and own[0].published is not None:
            return own[0].published
        shared = await self._own("", article_id)
        if shared is not None:
            return shared[0].shown
        if own is not None:
            return own[0].shown
        raise NotFound(f"no article {article_id}")

    async def _own(self, tenant: str, article_id: str) -> tuple[Entry, int] | None:
        try:
            return await self.articles.entry(tenant, article_id)
        except NotFound:
            return None

    async def page(self, tenant: str, industry: str, state: ArticleState | None, size: int, token: str) -> ArticlePage:
        """One page of articles. Raises InvalidInput."""
        if industry:
            _check_industry(industry)
        return await self.articles.page(tenant, industry, state, size, token)

    async def submit(self, article: Article, by: str) -> Article:
        """Propose a text; it is found only after it was published. Raises InvalidInput, and NotFound for an unknown id."""
        checked(article, INDUSTRIES)
        if not article.article_id:
            article_id = f"{article.industry}-{self.new_id()}"
            entry = with_submission(Entry(), replace(article, article_id=article_id), by, self._at())
            await self.articles.put(article.tenant, entry, 0, announce=False)
            return _waiting(entry)
        await self.get(article.tenant, article.article_id)
        for _ in range(_TRIES):
            own = await self._own(article.tenant, article.article_id)
            entry, revision = own if own is not None else (Entry(), 0)
            entry = with_submission(entry, article, by, self._at())
            try:
                await self.articles.put(article.tenant, entry, revision, announce=False)
                return _waiting(entry)
            except Stale:
                continue
        raise Stale(f"article {article.article_id} changes too fast; try again")

    async def publish(self, tenant: str, article_id: str, by: str) -> Article:
        """An expert's yes. Raises NotFound, NotAllowedNow, and Stale where the text changed meanwhile."""
        entry, revision = await self.articles.entry(tenant, article_id)
        after = with_publication(entry, by, self._at())
        await self.articles.put(tenant, after, revision, announce=True)
        await self.refresh()
        return after.shown

    async def solution_graph(self, industry: str, product: str) -> Sequence[Node]:
        """The part of the graph reachable from a product, or from all. Raises InvalidInput, NotFound."""
        if industry:
            _check_industry(industry)
        if len(product) > 100:
            raise InvalidInput("product", "at most 100 characters")
        nodes = await self.graph.reachable(industry, self.shelf.products.resolve(industry, product) if product else "")
        if product and not nodes:
            raise NotFound(f"the solution graph knows no product {product}")
        return nodes

    def _at(self) -> datetime:
        """Now, to the millisecond, as it is stored."""
        now = self.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _waiting(entry: Entry) -> Article:
    assert entry.submitted is not None
    return entry.submitted


def _check_industry(industry: str) -> None:
    if industry not in INDUSTRIES:
        raise InvalidInput("industry", f"must be one of {', '.join(sorted(INDUSTRIES))}")
