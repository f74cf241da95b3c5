"""The emotion model: how likely a customer's turn shows dissatisfaction, from hashed characters and what came before."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import attrgetter

import numpy as np

from nlp.domain.emotion.features import BUCKETS, KEPT_TEXTS, buckets_of

NAME = "mingjian-emotion-1"
WEIGHTS = "weights.npz"
HEADS = ("dissatisfied", "negative", "angry")
_MOST_LOGIT = 8.0
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class TextScores:
    """Log-odds of a text alone: dissatisfied with a service, negative opinion, angry (against other feelings)."""

    dissatisfied: float
    negative: float
    angry: float


@dataclass(frozen=True, slots=True)
class Context:
    """What a turn is judged by beside its own characters; nothing in it is later than the turn.

    `angry`, `anxious` and `satisfied` are the strengths of the rules' words; `earlier` is the smoothed log-odds of the customer's
    turns before, `repeated` how much the turn repeats one of them (0-1), `waiting` how many turns it follows without an answer,
    `asked` how many of the last four asked, `turns` how many there were. `nothing_else` says that the turn only answers that there is
    nothing else to be done: it has no weight, for people label such turns either way.
    """

    angry: float = 0.0
    anxious: float = 0.0
    satisfied: float = 0.0
    earlier: float = 0.0
    repeated: float = 0.0
    waiting: int = 0
    asked: int = 0
    turns: int = 0
    nothing_else: bool = False

    def values(self) -> tuple[float, ...]:
        """On the scales that the weights are for."""
        return (
            min(2.0, self.angry), min(2.0, self.anxious), min(2.0, self.satisfied), self.earlier, self.repeated,
            math.log1p(self.waiting), float(self.asked), math.log1p(self.turns),
        )


_HEAD_SCORES = attrgetter(*HEADS)


class EmotionModel:
    """Linear, on numpy alone; texts of scripted speech repeat themselves, so the scores of recent ones are kept."""

    def __init__(self, weights: np.ndarray, biases: Sequence[float], context: Sequence[float], *, sha256: str) -> None:
        """`weights` is (BUCKETS, 6): for each head what a bucket adds, and what it adds divided by the root of the number of buckets.

        `context` holds the weights of the three text scores, then those of `Context.values`, then the constant.
        """
        self._weights, self._biases, self._context = weights, np.asarray(biases, np.float64), tuple(map(float, context))
        self.sha256 = sha256
        self._kept: dict[str, TextScores] = {}

    @classmethod
    def read(cls, content: bytes) -> EmotionModel:
        """Weights as the training script writes them. Raises ValueError where they are not for these features."""
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            if int(kept["buckets"]) != BUCKETS or kept["context"].shape != (len(HEADS) + len(Context().values()) + 1,):
                raise ValueError("these weights are for other features")
            weights = np.zeros((BUCKETS, 2 * len(HEADS)), np.float32)
            weights[kept["places"]] = kept["weights"].astype(np.float32)
            return cls(weights, kept["biases"].tolist(), kept["context"].tolist(), sha256=hashlib.sha256(content).hexdigest())

    @property
    def version(self) -> str:
        """Name and the SHA-256 of the weights, as an evaluation states what it was made with."""
        return f"{NAME}/sha256:{self.sha256}"

    def text_scores(self, text: str) -> TextScores:
        """Of a turn's words alone."""
        return self.scores_of([text])[text]

    def scores_of(self, texts: Iterable[str]) -> dict[str, TextScores]:
        """By text; many at once cost little more than one."""
        found = {text: self._kept.get(text) for text in texts}
        new = [text for text, scores in found.items() if scores is None]
        scored: dict[str, TextScores] = {}
        for first in range(0, len(new), _AT_ONCE):
            some = new[first : first + _AT_ONCE]
            scored.update(zip(some, self._scored(some), strict=True))
        if len(self._kept) > KEPT_TEXTS:
            self._kept.clear()
        self._kept.update(scored)
        return {text: scores or scored[text] for text, scores in found.items()}

    def _scored(self, texts: Sequence[str]) -> list[TextScores]:
        owners, places = buckets_of(texts)
        count = np.bincount(owners, minlength=len(texts))
        sums = np.zeros((len(texts), 2 * len(HEADS)))
        held = np.flatnonzero(count)
        if len(held):  # sums of half floats in double precision are exact in any order, on any machine
            sums[held] = np.add.reduceat(self._weights[places], (np.cumsum(count) - count)[held], axis=0, dtype=np.float64)
        logits = np.clip(sums[:, 0::2] + sums[:, 1::2] / np.sqrt(np.maximum(count, 1))[:, None] + self._biases, -_MOST_LOGIT, _MOST_LOGIT)
        logits[count == 0] = self._biases
        return [TextScores(*row) for row in logits.tolist()]

    def dissatisfaction(self, scores: TextScores, context: Context) -> float:
        """The probability (0-1) that the turn shows a dissatisfied customer."""
        values = (*_HEAD_SCORES(scores), *context.values(), 1.0)
        return 1 / (1 + math.exp(-sum(map(float.__mul__, self._context, values))))


@cache
def shipped() -> EmotionModel:
    """The weights that come with the service, read once."""
    return EmotionModel.read((files("nlp") / "emotion" / WEIGHTS).read_bytes())
