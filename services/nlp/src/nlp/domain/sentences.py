"""Sentences of a contact compared by meaning."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np

from nlp.domain.dialogue import Passage

MIN_SENTENCE_CHARS = 4
_SENTENCE = re.compile(r"(?:[^。？！?!；;\n.]|\.(?!\s|$))+")  # a full stop ends an English sentence, no number


class SentenceEncoder(Protocol):
    """Turns sentences into unit vectors."""

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Unit vectors, shape (len(sentences), d), float32."""
        ...


class SentenceIndex:
    """Every sentence of a contact: `places` are (passage, start, end), in order; a passage is embedded when it is first asked for."""

    def __init__(self, encoder: SentenceEncoder, passages: Sequence[Passage]) -> None:
        self._encoder, self._passages = encoder, passages
        self.places = [
            (index, match.start(), match.end())
            for index, passage in enumerate(passages) for match in _SENTENCE.finditer(passage.text) if len(match[0].strip()) >= MIN_SENTENCE_CHARS
        ]
        self._vectors: dict[tuple[int, int, int], np.ndarray] = {}

    def inside(self, passages: Collection[int]) -> tuple[list[tuple[int, int, int]], np.ndarray]:
        """The places of sentences in these passages, and their vectors as rows; what is new is embedded in one go."""
        places = [place for place in self.places if place[0] in passages]
        new = [place for place in places if place not in self._vectors]
        if new:
            vectors = self._encoder.encode([self._passages[passage].text[start:end].strip() for passage, start, end in new])
            self._vectors.update(zip(new, vectors, strict=True))
        return places, np.stack([self._vectors[place] for place in places]) if places else np.zeros((0, 1), dtype=np.float32)
