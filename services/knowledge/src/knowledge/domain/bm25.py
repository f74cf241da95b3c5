"""Keyword search: Okapi BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework")."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

K1 = 1.2
B = 0.6  # articles differ in length by how thorough they are, not by how often they repeat themselves


@dataclass(frozen=True, slots=True)
class Weighted:
    """One field of a document: its words and how many times each counts."""

    words: Sequence[str]
    weight: float


@dataclass(frozen=True, slots=True)
class Bm25:
    """An immutable index: word -> ((document number, weighted term frequency part), …)."""

    _postings: Mapping[str, tuple[tuple[int, float], ...]]
    _idf: Mapping[str, float]
    _unseen_idf: float

    @classmethod
    def of(cls, documents: Sequence[Sequence[Weighted]]) -> "Bm25":
        """Index documents, each given as weighted fields (BM25F with one shared length normalisation)."""
        counts: list[Counter[str]] = []
        for fields in documents:
            count: Counter[str] = Counter()
            for field in fields:
                for word in field.words:
                    count[word] += field.weight  # type: ignore[assignment]
            counts.append(count)
        lengths = [sum(count.values()) for count in counts]
        mean_length = sum(lengths) / len(lengths) if lengths else 1.0
        postings: dict[str, list[tuple[int, float]]] = {}
        for number, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            norm = K1 * (1 - B + B * length / mean_length) if mean_length else K1
            for word, frequency in count.items():
                postings.setdefault(word, []).append((number, frequency * (K1 + 1) / (frequency + norm)))
        n = len(documents)
        idf = {word: math.log(1 + (n - len(found) + 0.5) / (len(found) + 0.5)) for word, found in postings.items()}
        return cls({word: tuple(found) for word, found in postings.items()}, idf, math.log(1 + (n + 0.5) / 0.5))

    def scores(self, query: Sequence[str]) -> dict[int, float]:
        """Document number -> the share, 0 to 1, of the query's information that the document covers.

        The plain BM25 sum is divided by the most any document could reach for this query, (K1 + 1) * sum of idf;
        a word that no document has counts against the share, so a query of unknown words stays near 0.
        """
        wanted = dict.fromkeys(query)
        most = sum(self._idf.get(word, self._unseen_idf) for word in wanted) * (K1 + 1)
        found: dict[int, float] = {}
        for word in wanted:
            idf = self._idf.get(word, 0.0)
            for number, part in self._postings.get(word, ()):
                found[number] = found.get(number, 0.0) + idf * part
        return {number: score / most for number, score in found.items()} if most else {}
