"""Measures the engine in this process and prints one JSON object; `mingjian bench` runs it beside its peers.

`evaluation` judges a made-up call by the shipped packs, `books` by made-up books of 50 to 5,000 rules, with and without
sentences to embed, in words said before and in new ones; `phrases FILE` and `gaps FILE` scan the text of a JSON file for its phrases or
rules and print a digest of what was found,
`hearing FILE` counts what the shipped phrases are thought to have been heard as in turns that were written, `types FILE` says what
written chats are about.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from nlp.adapters.usem_sentences import UsemSentences
from nlp.adapters.yaml_packs import load_engine, load_packs
from nlp.domain.conditions import Words
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp.domain.engine import QualityEngine, customer_matter
from nlp.domain.evaluations import SUMMARY_CHARS
from nlp.domain.phrases import EXACT, PhraseScanner
from nlp.domain.rules import RuleBook
from nlp.domain.scanning.gaps import GapRule, GapRules
from nlp.domain.scanning.literals import Literals, Matches
from nlp.domain.scorecard_parser import parse_scorecard
from nlp.domain.scorecards import Scorecard
from nlp.domain.text import plain

TURNS = 60
SECONDS = 5.0
RULES = (50, 500, 5000)
PHRASES_A_RULE = 10
ITEMS = 50
BOOK = "bench"
RUNS = 5
WARM_UP = 3
CONFIDENCES = (1.0, 0.9, 0.75)
_unseen = itertools.count()
_AGENT = (
    "您好，很高兴为您服务，请问有什么可以帮您？", "非常抱歉给您带来不便，我先帮您核实一下情况，请您稍等。",
    "我查到您的套餐是每个月五十九元，包含三十个G的流量。",
    "我为您安排工程师上门检修，二十四小时之内会联系您。", "请问您的联系电话和地址是多少？", "好的，已经为您登记，由我本人全程跟进。",
)
_CUSTOMER = (
    "我家的宽带已经坏了三天了，报修了两次都没有人来维修。", "重启过很多次了，根本没有用，你们到底什么时候派人来？",
    "我的电话是13812345678，住在幸福路18号阳光小区3栋502室。",
    "那如果流量不够用怎么办，可以升级套餐吗？", "嗯，好的。", "你们上次就说会来，已经等了很久了，我非常着急。",
)


def call(turns: int = TURNS, industry: str = "telecom") -> Dialogue:
    """A call of alternating turns, 220 ms a character."""
    made, now = [], 0
    for number in range(turns):
        role, lines = ((Role.AGENT, _AGENT), (Role.CUSTOMER, _CUSTOMER))[number % 2]
        text = lines[number // 2 % len(lines)]
        made.append(Turn(f"t{number + 1}", role, text, now, now + 220 * len(text), 0.9))
        now += 220 * len(text) + 500
    return Dialogue(Interaction("bench", industry), tuple(made))


def measure(seconds: float = SECONDS) -> dict[str, float]:
    """Evaluations per second of CPU on one core by the shipped packs, and milliseconds for one."""
    engine = load_engine()
    dialogue = call()
    card = engine.scorecard_for(dialogue.interaction)
    return {"turns": float(TURNS), "items": float(len(card.items)), "phrases": float(engine.phrase_count(card)), **_rate(engine, dialogue, seconds)}


def measure_books(seconds: float = SECONDS, sizes: Sequence[int] = RULES) -> list[dict[str, float]]:
    """The same for books of rules that mostly do not hold, ten phrases each: embeddings kept from calls before, or all new."""
    packs = load_packs()
    encoder = UsemSentences()
    rows = []
    for size in sizes:
        for meaning in (False, True):
            engine = QualityEngine([packs.cards["common"], book(size, packs.cards, meaning)], packs.signals, encoder if meaning else None)
            dialogue = call(industry=BOOK)
            row = {"rules": float(size), "phrases": float(engine.phrase_count(engine.scorecards[BOOK])), "new_sentences": 0.0}
            if meaning:
                row["embedded"] = 1.0
            rows.append({**row, **_rate(engine, dialogue, seconds)})
            rows.append({**row, "new_sentences": 1.0, **_rate(engine, dialogue, seconds, new_sentences=True)})
    return rows


def book(rules: int, parents: Mapping[str, Scorecard], meaning: bool = False, seed: int = 7) -> Scorecard:
    """A scorecard that adds to the common one ITEMS items over so many rules of every kind, one in fifty of them with a phrase of the made-up call."""
    rng = random.Random(seed)
    letters = [chr(code) for code in range(0x4E00, 0x5200)]
    said = [text[at : at + 4] for text in (*_AGENT, *_CUSTOMER) for at in range(len(text) - 4) if "，" not in text[at : at + 4]]

    def phrase() -> str:
        text = "".join(rng.choices(letters, k=rng.randint(2, 6)))
        return text[:1] + "*" + text[1:] if len(text) > 3 and rng.random() < 0.1 else text

    named: dict[str, object] = {}
    for number in range(rules):
        listed = [phrase() for _ in range(PHRASES_A_RULE)]
        if number % 50 == 0:
            listed[0] = rng.choice(said)
        role = rng.choice(("agent", "customer"))
        half = PHRASES_A_RULE // 2
        named[f"r{number}"] = rng.choice((
            {"words": listed, "role": role},
            {"words": listed, "role": role, "not_negated": True},
            {"words": listed[:half], "unless": listed[half:], "role": role},
            {"words": listed, "range": {"first_turns": 4}},
            {"all": [{"words": listed[:half]}, {"words": listed[half:]}], "within_turns": 2},
            {"sequence": [{"words": listed[:half], "role": "agent"}, {"words": listed[half:], "role": "customer"}]},
            {"count": {"of": {"words": listed, "role": role}, "at_least": 2}},
        ))
    groups: list[list[str]] = [list(named)[item::ITEMS] for item in range(ITEMS)]
    items: list[dict[str, object]] = [
        {"id": f"i{number}", "title": f"第{number}项", "points": 2, "rule": {"any": group} if number % 2 else {"not": {"any": group}}}
        for number, group in enumerate(groups) if group
    ]
    if meaning:
        items.append({"id": "meant", "title": "致歉", "points": 2, "rule": {"meaning": ["真是给您添麻烦了", "实在对不起"], "role": "agent"}})
    sections = [{"dimension": "流程规范", "items": items}]
    about = {"id": BOOK, "version": "1.0.0", "title": "量测", "extends": "common", "industries": [BOOK]}
    return parse_scorecard({**about, "rules": named, "sections": sections}, parents)


def scan_phrases(text: str, phrases: Sequence[str], runs: int = RUNS) -> dict[str, object]:
    """Seconds of CPU (the least of some runs) for all places of all phrases in a text, how many there are, and a digest of them."""
    found = Literals(phrases)
    found.arrays("")
    return _timed(lambda: found.arrays(text), runs)


def scan_gaps(text: str, rules: Sequence[tuple[str, str, int]], runs: int = RUNS) -> dict[str, object]:
    """The same for rules of a literal, at most so many characters, and another; of overlapping places the first counts, as for `re.finditer`."""
    found = GapRules([GapRule(*rule) for rule in rules])
    found.find("")
    return _timed(lambda: found.find(text), runs, without_overlaps=True)


def false_hits(turns: Sequence[str], confidences: Sequence[float] = CONFIDENCES) -> dict[str, float]:
    """Hits by sound of the shipped phrases in a thousand written turns, scanned as if they had been recognised that surely."""
    packs = load_packs()
    books = [RuleBook({**card.rules, **packs.signals.rules}) for card in packs.cards.values()]
    conditions = [part for book in books for rule in book.rules.values() for part in book.inside(rule)]
    listed = {(phrase.text, phrase.heard): phrase for part in conditions if isinstance(part, Words) for phrase in part.phrases}
    scanner = PhraseScanner(listed.values())
    texts = [plain(turn) for turn in turns]
    found = {"turns": float(len(texts)), "phrases": float(len(scanner.phrases))}
    for confidence in confidences:
        hits = sum(place.confidence < EXACT for text in texts for places in scanner.scan(text, True, confidence).values() for place in places)
        found[f"at {confidence}"] = hits * 1000 / len(texts)
    return found


def contact_types(chats: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """What each written chat, {industry, turns: [{role, text}]}, is about: type, urgency and the customer's matter in words, masked."""
    engine = load_engine(encoder=UsemSentences())
    judged: list[dict[str, object]] = []
    for number, chat in enumerate(chats):
        turns = tuple(Turn(f"t{n + 1}", Role(turn["role"]), turn["text"]) for n, turn in enumerate(cast("list[dict[str, str]]", chat["turns"])))
        dialogue = Dialogue(Interaction(f"chat-{number}", str(chat["industry"]), "chat", spoken=False), turns)
        found = engine.assess(dialogue)
        words = " ".join(found.redaction.masked[turn_id] for turn_id, _ in customer_matter(dialogue, SUMMARY_CHARS))[:SUMMARY_CHARS]
        judged.append({"type": found.ticket_type, "urgent": found.urgent, "summary": words})
    return judged


def digest(found: Iterable[tuple[int, int, int]]) -> str:
    """One line that is the same for the same places (start, end, number), whatever their order."""
    return hashlib.sha256("".join(f"{start},{end},{number};" for start, end, number in sorted(found)).encode()).hexdigest()


def _timed(scan: Callable[[], Matches], runs: int, without_overlaps: bool = False) -> dict[str, object]:
    spent: list[float] = []
    for _ in range(runs):
        began = time.process_time()
        found = scan()
        spent.append(time.process_time() - began)
    places: list[tuple[int, int, int]] = list(zip(*(column.tolist() for column in found), strict=True))
    if without_overlaps:
        kept: list[tuple[int, int, int]] = []
        for start, end, number in places:
            if not kept or kept[-1][2] != number or start >= kept[-1][1]:
                kept.append((start, end, number))
        places = kept
    return {"seconds": min(spent), "found": len(places), "sha256": digest(places)}


def _rate(engine: QualityEngine, dialogue: Dialogue, seconds: float, new_sentences: bool = False) -> dict[str, float]:
    gc.collect()
    gc.freeze()  # as the service does once its rules are compiled
    began, done = time.process_time(), -WARM_UP
    while done <= 0 or time.process_time() - began < seconds:
        turns = dialogue.turns
        if new_sentences:  # the same length, but words that no cache has seen
            turns = tuple(replace(turn, text=f"{turn.text[:-1]}{chr(0x5200 + next(_unseen) % 9000)}。") for turn in turns)
        engine.assess(Dialogue(dialogue.interaction, turns))  # nothing kept from one to the next
        done += 1
        if done == 0:
            began = time.process_time()
    spent = time.process_time() - began
    return {"evaluations_per_s": done / spent, "ms_per_evaluation": spent / done * 1000}


def main(name: str = "evaluation", file: str = "") -> object:
    """One measurement by name."""
    given = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
    match name:
        case "evaluation":
            return measure()
        case "books":
            return measure_books()
        case "phrases":
            return scan_phrases(given["text"], given["phrases"])
        case "gaps":
            return scan_gaps(given["text"], given["rules"])
        case "hearing":
            return false_hits(given["turns"])
        case "types":
            return contact_types(given["chats"])
        case _:
            raise SystemExit(f"{name}: evaluation, books, phrases, gaps, hearing or types")


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:3]), sys.stdout)
    print()
