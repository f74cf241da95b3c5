"""Trains the emotion model and prints how good it is; deterministic, on one core, in a few minutes.

Reads what others wrote and keeps none of it: the weights are of hashed characters, from which no text can be read back.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
from nlp.adapters.yaml_packs import load_packs
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp.domain.emotion.course import Strengths, contexts
from nlp.domain.emotion.features import BUCKETS, PROBE, buckets
from nlp.domain.emotion.model import WEIGHTS, Context, EmotionModel, TextScores
from nlp.domain.engine import QualityEngine
from nlp.domain.evaluation import Evaluator
from nlp.domain.signals import felt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

SOURCES = ("sentiment_food_delivery", "sentiment_online_shopping", "emotion_weibo", "jddc_dialogues")
FOLDS, SEED = 5, 7
# Shop reviews are another trade than deliveries: they help, but weigh less.
OTHER_TRADE = 0.3
_SHIPPED = Path(__file__).parents[1] / "src/nlp/emotion" / WEIGHTS
_LEAST_WEIGHT = 1e-3

Rows = Sequence[np.ndarray]


@dataclass(frozen=True)
class Head:
    """Log-odds of a text: what each bucket adds, what it adds over the root of their number, and a constant."""

    plain: np.ndarray
    scaled: np.ndarray
    bias: float

    def __call__(self, rows: Rows) -> np.ndarray:
        x = _matrix(rows)
        return np.asarray(x @ self.plain + _rooted(x) @ self.scaled + self.bias)


@dataclass(frozen=True)
class Corpus:
    """Texts as buckets with labels 0 or 1; `group` keeps rows of one dialogue together."""

    rows: Rows
    labels: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Talk:
    """One chat with what the rules found in it; `labels` by turn, 1 for dissatisfied, absent where nobody judged."""

    turns: tuple[Turn, ...]
    labels: dict[str, int]
    strengths: Strengths


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of every source. Exits naming what is missing."""
    missing = [name for name in SOURCES if not (folder / f"{name}.jsonl").is_file()]
    if missing:
        sys.exit("missing: " + ", ".join(str(folder / f"{name}.jsonl") for name in missing))
    return {name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n") if line] for name in SOURCES}


def corpus(rows: Iterable[tuple[str, int]]) -> Corpus:
    texts, labels = zip(*rows, strict=True)
    return Corpus([buckets(text) for text in texts], np.array(labels), np.arange(len(texts)))


def talks(dialogues: Iterable[dict[str, Any]]) -> Iterator[Talk]:
    packs = load_packs()
    engine = QualityEngine(packs.cards.values(), packs.signals)
    for dialogue in dialogues:
        turns = tuple(Turn(f"t{n}", Role(turn["role"]), turn["text"]) for n, turn in enumerate(dialogue["turns"]))
        labels = {f"t{n}": int(turn["sat"] == 0) for n, turn in enumerate(dialogue["turns"]) if turn.get("sat") is not None and turn["role"] == "customer"}
        scanned = engine.scan(engine.scorecards["common"], Dialogue(Interaction(dialogue["id"], channel="chat", spoken=False), turns))
        yield Talk(turns, labels, felt(packs.signals, Evaluator(scanned)).strengths)


def fit_head(data: Corpus, weights: np.ndarray | None = None, *, balanced: bool = False) -> Head:
    """Two linear views of the same buckets, mixed by how they do on rows held out.

    One weighs log-count ratios (Wang and Manning, 2012, "Baselines and Bigrams"), the other rows of unit length.
    """
    weights = np.ones(len(data.labels)) if weights is None else weights
    held_out = np.zeros((len(data.labels), 2))
    for train, test in GroupKFold(3, shuffle=True, random_state=SEED).split(data.labels, data.labels, data.group):
        views = _views(_taken(data.rows, train), data.labels[train], weights[train], balanced)
        x = _matrix(_taken(data.rows, test))
        held_out[test] = np.stack([x @ views[0][0] + views[0][1], _rooted(x) @ views[1][0] + views[1][1]], 1)
    mixing = LogisticRegression(C=1.0).fit(held_out, data.labels, sample_weight=weights)
    (one, two), constant = mixing.coef_[0], mixing.intercept_[0]
    (plain, bias_one), (scaled, bias_two) = _views(data.rows, data.labels, weights, balanced)
    return Head(one * plain, two * scaled, float(one * bias_one + two * bias_two + constant))


def _views(rows: Rows, labels: np.ndarray, weights: np.ndarray, balanced: bool) -> list[tuple[np.ndarray, float]]:
    whole = _matrix(rows)
    seen = np.unique(whole.indices)
    x = whole[:, seen]
    count = [np.asarray(x[labels == label].T @ weights[labels == label]).ravel() + 1 for label in (0, 1)]
    ratio = np.log(count[1] / count[1].sum()) - np.log(count[0] / count[0].sum())
    made = []
    for inputs, scale, penalty in ((x @ sparse.diags(ratio), ratio, 0.05 if balanced else 0.1), (_rooted(x), np.ones(len(seen)), 3.0 if balanced else 10.0)):
        fitted = LogisticRegression(C=penalty, solver="liblinear", class_weight="balanced" if balanced else None, random_state=SEED, max_iter=400)
        fitted.fit(inputs, labels, sample_weight=weights)
        coefficients = np.zeros(BUCKETS)
        coefficients[seen] = fitted.coef_[0] * scale
        made.append((coefficients, float(fitted.intercept_[0])))
    return made


def _matrix(rows: Rows) -> Any:
    ends = np.cumsum([0, *map(len, rows)])
    return sparse.csr_matrix((np.ones(ends[-1]), np.concatenate([*rows, np.zeros(0, np.int64)]), ends), (len(rows), BUCKETS))


def _rooted(x: Any) -> Any:
    return sparse.diags(1 / np.sqrt(np.maximum(1, np.diff(x.indptr)))) @ x


def _taken(rows: Rows, chosen: np.ndarray) -> Rows:
    return [rows[index] for index in chosen]


class Turns:
    """Every customer turn of the chats as rows: those judged are learned from, the others are context."""

    def __init__(self, kept: Sequence[Talk]) -> None:
        self.talks = kept
        self.places = [(number, turn) for number, talk in enumerate(kept) for turn in talk.turns if turn.role is Role.CUSTOMER]
        self.rows = [buckets(turn.text) for _, turn in self.places]
        self.talk = np.array([number for number, _ in self.places])
        self.labels = np.array([kept[number].labels.get(turn.turn_id, -1) for number, turn in self.places])
        self.judged = self.labels >= 0

    def corpus(self, chosen: np.ndarray) -> Corpus:
        index = np.flatnonzero(chosen & self.judged)
        return Corpus(_taken(self.rows, index), self.labels[index], self.talk[index])

    def context(self, scores: np.ndarray) -> np.ndarray:
        """The inputs of the second step for every row, from the text scores (rows, 3)."""
        made, row = [], iter(scores)
        for talk in self.talks:
            for _, found, context in contexts(talk.turns, talk.strengths, lambda _: TextScores(*map(float, next(row)))):
                made.append((found.dissatisfied, found.negative, found.angry, *context.values()))
        return np.array(made)

    def scored_apart(self, chosen: np.ndarray, folds: int) -> np.ndarray:
        """Dissatisfied scores of the chosen talks' turns, each by a head that saw nothing of its talk."""
        scores = np.zeros(len(self.rows))
        numbers = np.unique(self.talk[chosen])
        for train, test in GroupKFold(folds, shuffle=True, random_state=SEED).split(numbers, groups=numbers):
            inside = np.isin(self.talk, numbers[test])
            scores[inside] = fit_head(self.corpus(np.isin(self.talk, numbers[train])), balanced=True)(_taken(self.rows, np.flatnonzero(inside)))
        return scores


def fit_context(turns: Turns, chosen: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Weights of the text scores, the context and the constant; `others` are the two scores learned elsewhere."""
    inputs = turns.context(np.column_stack([turns.scored_apart(chosen, 4), others]))
    index = np.flatnonzero(chosen & turns.judged)
    spread = inputs[index].std(axis=0) + 1e-9
    fitted = LogisticRegression(C=0.05, max_iter=1000).fit(inputs[index] / spread, turns.labels[index])
    return np.append(fitted.coef_[0] / spread, fitted.intercept_[0])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=_SHIPPED)
    parser.add_argument("--no-figures", action="store_true", help="train only")
    chosen = parser.parse_args(arguments)
    with threadpool_limits(1):  # more threads add in another order, and the file would differ
        _train(chosen.data, chosen.out, figures=not chosen.no_figures)


def _train(data: Path, out: Path, *, figures: bool) -> None:
    sources = read(data)
    food = corpus((row["text"], 1 - row["label"]) for row in sources[SOURCES[0]])
    shop = corpus((row["text"], 1 - row["label"]) for row in sources[SOURCES[1]])
    weibo = corpus((row["text"], int(row["label"] == "angry")) for row in sources[SOURCES[2]])
    turns = Turns(list(talks(sources[SOURCES[3]])))
    negative, angry = _with_other_trade(food, shop), fit_head(weibo, balanced=True)
    others = np.column_stack([negative(turns.rows), angry(turns.rows)])
    everything = np.ones(len(turns.rows), bool)
    content = packed([fit_head(turns.corpus(everything), balanced=True), negative, angry], fit_context(turns, everything, others))
    out.write_bytes(content)
    print(f"{out.name}: {len(content)} bytes, sha256 {EmotionModel.read(content).sha256}")
    if figures:
        _sentiment(food, shop)
        _anger(weibo)
        _dissatisfaction(turns, others)
        _speed(EmotionModel.read(content), [turn.text for _, turn in turns.places])


def packed(heads: Sequence[Head], context: np.ndarray) -> bytes:
    """The file of weights; the same weights give the same bytes."""
    weights = np.stack([view for head in heads for view in (head.plain, head.scaled)], 1)
    places = np.flatnonzero(np.abs(weights).max(axis=1) > _LEAST_WEIGHT)
    file = io.BytesIO()
    np.savez_compressed(
        file, buckets=np.int64(BUCKETS), probe=buckets(PROBE).astype(np.uint32), places=places.astype(np.uint32), weights=weights[places].astype(np.float16),
        biases=np.array([head.bias for head in heads], np.float32), context=context.astype(np.float64),
    )
    return file.getvalue()


def _with_other_trade(food: Corpus, shop: Corpus) -> Head:
    both = Corpus([*food.rows, *shop.rows], np.r_[food.labels, shop.labels], np.arange(len(food.labels) + len(shop.labels)))
    return fit_head(both, np.r_[np.ones(len(food.labels)), np.full(len(shop.labels), OTHER_TRADE)])


def _sentiment(food: Corpus, shop: Corpus) -> None:
    scores, aucs = np.zeros(len(food.labels)), []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(food.labels, food.labels):
        head = _with_other_trade(Corpus(_taken(food.rows, train), food.labels[train], train), shop)
        scores[test] = head(_taken(food.rows, test))
        aucs.append(roc_auc_score(food.labels[test], scores[test]))
    _report("sentiment_food_delivery, negative", food.labels, 1 / (1 + np.exp(-scores)), aucs, 0.5)


def _anger(weibo: Corpus) -> None:
    scores, aucs = np.zeros(len(weibo.labels)), []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(weibo.labels, weibo.labels):
        scores[test] = fit_head(Corpus(_taken(weibo.rows, train), weibo.labels[train], train), balanced=True)(_taken(weibo.rows, test))
        aucs.append(roc_auc_score(weibo.labels[test], scores[test]))
    _report("emotion_weibo, angry", weibo.labels, 1 / (1 + np.exp(-scores)), aucs, 0.3)


def _dissatisfaction(turns: Turns, others: np.ndarray) -> None:
    alone, with_context = np.zeros(len(turns.rows)), np.zeros(len(turns.rows))
    aucs: list[list[float]] = [[], []]
    numbers = np.arange(len(turns.talks))
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=SEED).split(numbers, groups=numbers):
        inside, outside = np.isin(turns.talk, test), np.isin(turns.talk, train)
        alone[inside] = fit_head(turns.corpus(outside), balanced=True)(_taken(turns.rows, np.flatnonzero(inside)))
        weights = fit_context(turns, outside, others)
        with_context[inside] = (turns.context(np.column_stack([alone, others])) @ weights[:-1] + weights[-1])[inside]
        here = inside & turns.judged
        for found, scores in zip(aucs, (alone, with_context), strict=True):
            found.append(roc_auc_score(turns.labels[here], scores[here]))
    for name, scores, found in (("one turn alone", alone, aucs[0]), ("with context", with_context, aucs[1])):
        _report(f"jddc_dialogues, dissatisfied, {name}", turns.labels[turns.judged], 1 / (1 + np.exp(-scores[turns.judged])), found, 0.3)


def _report(name: str, labels: np.ndarray, chances: np.ndarray, aucs: Sequence[float], cut: float) -> None:
    chosen = chances >= cut
    binned = np.minimum((chances * 10).astype(int), 9)
    gaps = [abs(labels[binned == b].mean() - chances[binned == b].mean()) * (binned == b).mean() for b in range(10) if (binned == b).any()]
    print(
        f"{name}: AUC {np.mean(aucs):.4f} (folds {min(aucs):.3f}-{max(aucs):.3f}), at {cut}: accuracy {(chosen == labels).mean():.3f}, "
        f"macro-F1 {f1_score(labels, chosen, average='macro'):.3f}, confusion {confusion_matrix(labels, chosen).tolist()}, ECE {sum(gaps):.3f}"
    )


def _speed(model: EmotionModel, texts: Sequence[str]) -> None:
    different = list(dict.fromkeys(texts))[:2000]
    began = time.process_time()
    for text in different:
        model.dissatisfaction(model.text_scores(text), Context())
    print(f"{(time.process_time() - began) / len(different) * 1000:.3f} ms for each turn never seen before")


if __name__ == "__main__":
    main()
