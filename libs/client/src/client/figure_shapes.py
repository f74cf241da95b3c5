"""Articles, the solution graph and figures as the REST API answers them."""

from typing import Literal, TypedDict

KpiUnit = Literal["ratio", "points", "minutes", "count", "nps"]
TargetSense = Literal["at_least", "at_most"]


class Article(TypedDict, total=False):
    article_id: str
    title: str
    questions: list[str]
    answer: str
    script: str
    industry: str
    product: str
    issue: str
    tags: list[str]
    state: Literal["submitted", "published", "retired"]
    version: int
    updated_at: str


class Found(TypedDict, total=False):
    """An article with why it was found; `relevance` 0 to 1."""

    article: Article
    relevance: float
    because: str


class GraphNode(TypedDict, total=False):
    """A product, an issue or a solution; a solution names its article."""

    node_id: str
    kind: Literal["product", "issue", "solution"]
    name: str
    article_id: str


class GraphEdge(TypedDict):
    from_node_id: str
    to_node_id: str


class Graph(TypedDict, total=False):
    nodes: list[GraphNode]
    edges: list[GraphEdge]


class Kpi(TypedDict, total=False):
    kpi: str
    title: str
    unit: KpiUnit
    value: float
    numerator: float
    denominator: float
    target: float
    sense: TargetSense
    met: bool


class KpiGroup(TypedDict, total=False):
    key: str
    kpis: list[Kpi]


class KpiChange(TypedDict, total=False):
    """One figure in two spans of days; `change` and `better` are absent where there is nothing to compare."""

    current: Kpi
    baseline: Kpi
    change: float
    better: bool


class ItemRate(TypedDict, total=False):
    """How often one item was passed; `rate` is absent where nobody was judged by it."""

    item_id: str
    title: str
    dimension: str
    passed: int
    failed: int
    abstained: int
    rate: float


class Target(TypedDict, total=False):
    """A KPI with its definition; `target` is absent where there is none."""

    kpi: str
    title: str
    definition: str
    unit: KpiUnit
    target: float
    sense: TargetSense
