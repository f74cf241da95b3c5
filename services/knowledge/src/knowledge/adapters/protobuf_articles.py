"""Articles, findings and the graph between the wire and the domain."""

from collections.abc import Sequence
from datetime import date

from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction
from mingjian.knowledge.v1 import knowledge_service_pb2 as pb

from knowledge.app import Contact
from knowledge.domain.articles import Article, ArticleState, Node
from knowledge.domain.search import Found

_STATES = {
    ArticleState.SUBMITTED: pb.ARTICLE_STATE_SUBMITTED,
    ArticleState.PUBLISHED: pb.ARTICLE_STATE_PUBLISHED,
    ArticleState.RETIRED: pb.ARTICLE_STATE_RETIRED,
}
STATE_OF = {wire: state for state, wire in _STATES.items()}


def to_wire(article: Article) -> pb.Article:
    wire = pb.Article(
        article_id=article.article_id,
        title=article.title,
        questions=article.questions,
        answer=article.answer,
        script=article.script,
        industry=article.industry,
        product=article.product,
        issue=article.issue,
        tags=article.tags,
        state=_STATES[article.state],
        version=article.version,
    )
    if article.updated_at is not None:
        stamp = Timestamp()
        stamp.FromDatetime(article.updated_at)
        wire.updated_at.CopyFrom(stamp)
    return wire


def from_wire(wire: pb.Article, tenant: str, today: date) -> Article:
    """A text somebody submits; it is valid from today on and names its solution by its title."""
    return Article(
        article_id=wire.article_id,
        tenant=tenant,
        industry=wire.industry,
        title=wire.title,
        questions=tuple(wire.questions),
        answer=wire.answer,
        script=wire.script,
        product=wire.product,
        issue=wire.issue,
        solution=wire.title,
        tags=tuple(wire.tags),
        valid_from=today,
    )


def found_to_wire(found: Sequence[Found]) -> list[pb.Found]:
    return [pb.Found(article=to_wire(one.article), relevance=one.relevance, because=one.because) for one in found]


def graph_to_wire(nodes: Sequence[Node]) -> pb.GetSolutionGraphResponse:
    """Nodes, and the edges between those that are there."""
    there = {node.node_id for node in nodes}
    return pb.GetSolutionGraphResponse(
        nodes=[pb.GraphNode(node_id=n.node_id, kind=n.kind.value, name=n.name, article_id=n.article_id) for n in nodes],
        edges=[pb.GraphEdge(from_node_id=n.node_id, to_node_id=to) for n in nodes for to in n.leads_to if to in there],
    )


def contact_of(interaction: Interaction, tenant: str) -> Contact:
    """The tenant is the one the event was published for, never what the payload claims."""
    metadata = interaction.metadata
    return Contact(
        tenant, interaction.interaction_id, metadata.agent_id, metadata.industry, metadata.product, interaction.SerializeToString()
    )
