"""Finding the article that answers: keywords and meaning together, with a confidence and a floor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowledge.domain.articles import Article
from knowledge.domain.bm25 import Bm25, Weighted
from knowledge.domain.words import words

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the two kinds of evidence become one relevance.

    A cosine of `cosine_low` between query and nearest question counts 0 and one of `cosine_high` counts 1; `keywords` is the
    keywords' share of the sum. Under `floor` nothing is returned. Chosen on the development half of `tests/queries.yaml`.
    An article of the product in question gets `product_bonus`, after the floor.
    """

    cosine_low: float = 0.30
    cosine_high: float = 0.85
    keywords: float = 0.45
    floor: float = 0.18
    product_bonus: float = 0.08


@dataclass(frozen=True, slots=True)
class Found:
    """An article, how well it fits (0 to 1), and the customer's words it answers (empty for a search)."""

    article: Article
    relevance: float
    because: str = ""


def sentences(articles: Sequence[Article]) -> list[str]:
    """What stands for each article's meaning: its title and the ways customers ask."""
    return [sentence for article in articles for sentence in (article.title, *article.questions)]


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """Articles with their keyword index and the vectors of their titles and questions. Never changed; replaced."""

    articles: tuple[Article, ...]
    _keywords: Bm25
    _vectors: Vectors
    _owner: NDArray[np.intp]
    _tuning: Tuning

    @classmethod
    def of(cls, articles: Sequence[Article], vectors: Sequence[Vectors], tuning: Tuning | None = None) -> "SearchIndex":
        """Index articles. `vectors` are the unit vectors of `sentences(articles)`, each of shape (d,), in that order."""
        owner = [number for number, article in enumerate(articles) for _ in sentences([article])]
        keywords = Bm25.of(
            [
                (
                    Weighted(words(article.title), 2.0),
                    Weighted(words("，".join(article.questions)), 1.5),
                    Weighted(words(" ".join((*article.tags, article.product, article.issue))), 1.5),
                    Weighted(words(article.answer), 0.5),
                )
                for article in articles
            ]
        )
        return cls(tuple(articles), keywords, np.stack(vectors) if vectors else np.zeros((0, 1), np.float32), np.asarray(owner, np.intp), tuning or Tuning())

    def has_industry(self, industry: str) -> bool:
        return any(article.industry == industry for article in self.articles)

    def search(
        self,
        query: str,
        vector: Vectors,
        *,
        allowed: Callable[[Article], bool] = lambda article: True,
        favoured: Callable[[Article], bool] = lambda article: False,
        limit: int = 10,
        floor: float | None = None,
    ) -> tuple[Found, ...]:
        """Articles over the floor, best first. `vector` is the query's unit vector, shape (d,); `favoured` ones get a small bonus."""
        if not self.articles:
            return ()
        tuning = self._tuning
        similar = np.full(len(self.articles), -1.0, np.float32)
        np.maximum.at(similar, self._owner, self._vectors @ vector)
        meaning = np.clip((similar - tuning.cosine_low) / (tuning.cosine_high - tuning.cosine_low), 0.0, 1.0)
        lexical = self._keywords.scores(words(query))
        least = tuning.floor if floor is None else floor
        found = []
        for number, article in enumerate(self.articles):
            if not allowed(article):
                continue
            relevance = (1 - tuning.keywords) * float(meaning[number]) + tuning.keywords * lexical.get(number, 0.0)
            if relevance >= least:
                if favoured(article):
                    relevance = min(1.0, relevance + tuning.product_bonus)
                found.append(Found(article, relevance))
        found.sort(key=lambda f: (-f.relevance, f.article.article_id))
        return tuple(found[:limit])


def best_per_article(found: Sequence[Found], limit: int) -> tuple[Found, ...]:
    """Each article once, with the words that found it best; best first."""
    best: dict[str, Found] = {}
    for one in found:
        known = best.get(one.article.article_id)
        if known is None or one.relevance > known.relevance:
            best[one.article.article_id] = one
    return tuple(sorted(best.values(), key=lambda f: (-f.relevance, f.article.article_id))[:limit])


def because_of(found: Sequence[Found], said: str) -> tuple[Found, ...]:
    """The same articles, each with the customer's words that led to it."""
    return tuple(replace(one, because=said) for one in found)
