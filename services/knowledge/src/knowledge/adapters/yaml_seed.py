"""The shared articles and the graph, read from the folder they ship in."""

from pathlib import Path

from knowledge.domain.articles import Article, Node, graph_of
from knowledge.domain.seed import articles_in, products_in

GRAPH = "graph.yaml"


def read_seed(folder: Path) -> tuple[tuple[Article, ...], tuple[Node, ...]]:
    """Every article of every file but graph.yaml, and the graph over them. Raises InvalidInput naming what is wrong."""
    articles = tuple(
        article for file in sorted(folder.glob("*.yaml")) if file.name != GRAPH for article in articles_in(file.read_text("utf-8"))
    )
    return articles, graph_of(products_in((folder / GRAPH).read_text("utf-8")), articles)
