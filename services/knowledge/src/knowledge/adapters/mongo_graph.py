"""The solution graph in MongoDB, walked by `$graphLookup`."""

from collections.abc import Sequence
from typing import Any

from chassis.mongo import Database, Document, IndexModel

from knowledge.adapters.mongo_seeding import insert_missing
from knowledge.domain.articles import Node, NodeKind

_MOST = 1_000


class MongoGraph:
    """The collection `graph_nodes`: a node's id is the document's, its edges are the ids in `leads_to`."""

    def __init__(self, db: Database) -> None:
        self._nodes = db["graph_nodes"]

    async def prepare(self) -> None:
        """Make the index that a walk starts from."""
        await self._nodes.create_indexes([IndexModel([("kind", 1), ("industry", 1), ("name", 1)], name="kind_industry_name")])

    async def seed(self, nodes: Sequence[Node]) -> None:
        """Make the graph exactly these nodes; doing it again changes nothing."""
        wanted = {node.node_id: _document(node) for node in nodes}
        stored = {d.pop("_id"): d async for d in self._nodes.find({})}
        for node_id in wanted.keys() & stored.keys():
            if stored[node_id] != wanted[node_id]:
                await self._nodes.replace_one({"_id": node_id}, wanted[node_id])
        await insert_missing(self._nodes, [{"_id": node_id} | wanted[node_id] for node_id in wanted.keys() - stored.keys()])
        await self._nodes.delete_many({"_id": {"$in": sorted(stored.keys() - wanted.keys())}})

    async def products(self) -> Sequence[Node]:
        found = self._nodes.find({"kind": NodeKind.PRODUCT.value}).limit(_MOST)
        return [_node(document) for document in await found.to_list(_MOST)]

    async def reachable(self, industry: str, product: str) -> Sequence[Node]:
        start: Document = {"kind": NodeKind.PRODUCT.value}
        if industry:
            start["industry"] = industry
        if product:
            start["name"] = product
        walk: list[dict[str, Any]] = [
            {"$match": start},
            {
                "$graphLookup": {
                    "from": self._nodes.name,
                    "startWith": "$leads_to",
                    "connectFromField": "leads_to",
                    "connectToField": "_id",
                    "as": "reached",
                    "maxDepth": 4,
                }
            },
        ]
        nodes: dict[str, Node] = {}
        async for document in self._nodes.aggregate(walk):
            for one in (document, *document["reached"]):
                nodes.setdefault(one["_id"], _node(one))
        order = list(NodeKind)
        return sorted(nodes.values(), key=lambda n: (order.index(n.kind), n.node_id))[:_MOST]


def _document(node: Node) -> Document:
    return {
        "kind": node.kind.value,
        "name": node.name,
        "industry": node.industry,
        "aliases": list(node.aliases),
        "article_id": node.article_id,
        "leads_to": list(node.leads_to),
    }


def _node(document: Document) -> Node:
    return Node(
        document["_id"], NodeKind(document["kind"]), document["name"], document["industry"], tuple(document["aliases"]),
        document["article_id"], tuple(document["leads_to"]),
    )
