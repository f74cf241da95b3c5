"""Sentences of a contact compared by meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    """Every sentence of a contact with its vector: `places[i]` is (passage, start, end) of row i of `vectors`."""

    def __init__(self, encoder: SentenceEncoder, passages: Sequence[Passage]) -> None:
        self.places: list[tuple[int, int, int]] = []
        texts: list[str] = []
        for index, passage in enumerate(passages):
            for match in _SENTENCE.finditer(passage.text):
                if len(match[0].strip()) >= MIN_SENTENCE_CHARS:
                    self.places.append((index, match.start(), match.end()))
                    texts.append(match[0].strip())
        self.vectors = encoder.encode(texts) if texts else np.zeros((0, 1), dtype=np.float32)
