"""Reads the seed that ships with the service: YAML texts into articles and graph entries, each field checked."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml
from chassis.errors import InvalidInput

from knowledge.domain.articles import Article, ArticleState, ProductEntry, checked

INDUSTRIES = frozenset({"telecom", "appliance", "automotive", "electronics", "ecommerce", "bank", "insurance"})


def articles_in(text: str) -> tuple[Article, ...]:
    """The articles of one industry's file. Raises InvalidInput naming article and field."""
    shelf = yaml.safe_load(text)
    return tuple(_article(shelf["industry"], entry) for entry in shelf["articles"])


def _article(industry: str, entry: Mapping[str, Any]) -> Article:
    try:
        valid_from = entry["valid_from"]
        if not isinstance(valid_from, date):
            raise InvalidInput("valid_from", "must be a date")
        article = Article(
            article_id=entry["id"],
            tenant="",
            industry=industry,
            title=entry["title"],
            questions=tuple(entry["questions"]),
            answer=entry["answer"].strip(),
            script=entry["script"].strip(),
            product=entry["product"],
            issue=entry["issue"],
            solution=entry["solution"],
            tags=tuple(entry["tags"]),
            valid_from=valid_from,
            state=ArticleState.PUBLISHED,
            version=1,
            submitted_by="seed",
            published_by="seed",
        )
        return checked(article, INDUSTRIES)
    except KeyError as missing:
        raise InvalidInput(str(missing.args[0]), f"missing in article {entry.get('id', '?')}") from None


def products_in(text: str) -> tuple[ProductEntry, ...]:
    """The products of the graph file."""
    return tuple(
        ProductEntry(entry["name"], entry["industry"], tuple(entry.get("aliases", ())), entry["issues"])
        for entry in yaml.safe_load(text)["products"]
    )
