"""An article, the states it passes through, and the solution graph it hangs in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum

from chassis.errors import InvalidInput, NotAllowedNow

MAX_TITLE = 120
MAX_QUESTIONS = 20
MAX_QUESTION = 200
MAX_ANSWER = 8_000
MAX_SCRIPT = 2_000
MAX_TAGS = 20
MAX_NAME = 60


class ArticleState(Enum):
    """Where an article stands: an agent's text becomes everybody's answer only after an expert's yes."""

    SUBMITTED = "submitted"
    PUBLISHED = "published"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Article:
    """One reviewed (or to be reviewed) entry.

    `questions` are ways customers ask for it; `script` (话术) is what an agent may say word for word;
    `solution` names in one line what is done and is the article's node in the solution graph.
    `tenant` is empty for the shared seed. `version` grows by one with every published text; 0 before the first.
    """

    article_id: str
    tenant: str
    industry: str
    title: str
    questions: tuple[str, ...]
    answer: str
    script: str
    product: str
    issue: str
    solution: str
    tags: tuple[str, ...]
    valid_from: date
    state: ArticleState = ArticleState.SUBMITTED
    version: int = 0
    submitted_by: str = ""
    published_by: str = ""
    updated_at: datetime | None = None

    def searchable_on(self, day: date) -> bool:
        """Published and already valid."""
        return self.state is ArticleState.PUBLISHED and self.valid_from <= day


def checked(article: Article, industries: frozenset[str]) -> Article:
    """Return the article if every field holds. Raises InvalidInput naming the first field that does not."""
    _text("title", article.title, MAX_TITLE)
    _text("answer", article.answer, MAX_ANSWER)
    _text("product", article.product, MAX_NAME)
    _text("issue", article.issue, MAX_NAME)
    if article.industry not in industries:
        raise InvalidInput("industry", f"must be one of {', '.join(sorted(industries))}")
    if len(article.script) > MAX_SCRIPT:
        raise InvalidInput("script", f"at most {MAX_SCRIPT} characters")
    if not article.questions or len(article.questions) > MAX_QUESTIONS:
        raise InvalidInput("questions", f"between 1 and {MAX_QUESTIONS} questions are needed")
    for question in article.questions:
        _text("questions", question, MAX_QUESTION)
    if len(article.tags) > MAX_TAGS:
        raise InvalidInput("tags", f"at most {MAX_TAGS} tags")
    for tag in article.tags:
        _text("tags", tag, MAX_NAME)
    return article


def _text(name: str, value: str, limit: int) -> None:
    if not value.strip():
        raise InvalidInput(name, "must not be empty")
    if len(value) > limit:
        raise InvalidInput(name, f"at most {limit} characters")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tenant holds under one article id: the text everybody finds, and a text that waits for an expert."""

    published: Article | None = None
    submitted: Article | None = None

    @property
    def shown(self) -> Article:
        """The published text, or the waiting one where nothing was published yet."""
        article = self.published or self.submitted
        assert article is not None, "an entry holds at least one text"
        return article


def with_submission(entry: Entry, article: Article, by: str, at: datetime) -> Entry:
    """The entry with a text that waits; one that waited before is replaced."""
    version = entry.published.version if entry.published else 0
    waiting = replace(article, state=ArticleState.SUBMITTED, version=version, submitted_by=by, published_by="", updated_at=at)
    return replace(entry, submitted=waiting)


def with_publication(entry: Entry, by: str, at: datetime) -> Entry:
    """The entry after an expert's yes. Raises NotAllowedNow where nothing waits or it is the expert's own text."""
    waiting = entry.submitted
    if waiting is None:
        raise NotAllowedNow("no text of this article waits to be published")
    if by == waiting.submitted_by:
        raise NotAllowedNow("who submitted an article cannot publish it: a second pair of eyes is needed")
    text = replace(waiting, state=ArticleState.PUBLISHED, version=waiting.version + 1, published_by=by, updated_at=at)
    return Entry(published=text)


class NodeKind(Enum):
    """The three layers of the solution graph."""

    PRODUCT = "product"
    ISSUE = "issue"
    SOLUTION = "solution"


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the solution graph; `leads_to` holds node ids, what is tried first standing first."""

    node_id: str
    kind: NodeKind
    name: str
    industry: str
    aliases: tuple[str, ...] = ()
    article_id: str = ""
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductEntry:
    """One product of the seed: its issues and, for each, the articles whose solutions form the ladder."""

    name: str
    industry: str
    aliases: tuple[str, ...]
    issues: Mapping[str, Sequence[str]]


def product_node(industry: str, name: str) -> str:
    return f"product:{industry}/{name}"


def issue_node(industry: str, product: str, name: str) -> str:
    return f"issue:{industry}/{product}/{name}"


def solution_node(article_id: str) -> str:
    return f"solution:{article_id}"


def graph_of(products: Iterable[ProductEntry], articles: Iterable[Article]) -> tuple[Node, ...]:
    """All nodes of the graph. Raises InvalidInput when an edge names an article that does not exist."""
    by_id = {article.article_id: article for article in articles}
    nodes: dict[str, Node] = {}
    for product in products:
        issue_ids = []
        for issue, article_ids in product.issues.items():
            for article_id in article_ids:
                if article_id not in by_id:
                    raise InvalidInput("issues", f"{product.name} -> {issue} names the unknown article {article_id}")
                article = by_id[article_id]
                node_id = solution_node(article_id)
                nodes[node_id] = Node(node_id, NodeKind.SOLUTION, article.solution, article.industry, (), article_id)
            node_id = issue_node(product.industry, product.name, issue)
            issue_ids.append(node_id)
            leads_to = tuple(solution_node(article_id) for article_id in article_ids)
            nodes[node_id] = Node(node_id, NodeKind.ISSUE, issue, product.industry, leads_to=leads_to)
        node_id = product_node(product.industry, product.name)
        nodes[node_id] = Node(
            node_id, NodeKind.PRODUCT, product.name, product.industry, product.aliases, leads_to=tuple(issue_ids)
        )
    return tuple(nodes.values())


@dataclass(frozen=True, slots=True)
class ProductNames:
    """Which seed product a caller's wording means: exact name, alias, then containment, longest first."""

    _known: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> "ProductNames":
        known: dict[str, dict[str, str]] = {}
        for node in nodes:
            if node.kind is NodeKind.PRODUCT:
                names = known.setdefault(node.industry, {})
                names.update(dict.fromkeys(node.aliases, node.name))
        for node in nodes:
            if node.kind is NodeKind.PRODUCT:  # a product's own name wins over another's alias
                known[node.industry][node.name] = node.name
        return cls(known)

    def resolve(self, industry: str, wording: str) -> str:
        """The product's own name, or the wording itself where nothing is known."""
        names = self._known.get(industry, {})
        if wording in names:
            return names[wording]
        contained = [name for name in names if wording and (name in wording or wording in name)]
        return names[max(contained, key=len)] if contained else wording
