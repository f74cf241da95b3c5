"""The quality engine on one core, beside its peers in the same run: pyahocorasick for phrases, a loop over compiled `re` for gaps.

The engine runs in a process of its own (devstack knows services as programs only) on texts and phrases given to both, and
tells a digest of what it found, so that "faster" is only said of the same places.
"""

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ahocorasick
from rich.console import Console
from rich.table import Table

from devstack.triton import ROOT

SHARED = Path(os.environ.get("MINGJIAN_SHARED", ROOT.parent / "shared"))
AIM_PER_S = 100.0
AIM_NEW_SENTENCES_PER_S = 25.0
AIM_TIMES_AS_DEAR = 2.0
AIMS = {1_000: 10.0, 10_000: 15.0}
AIM_GAPS = 50.0
AIM_FALSE_HITS = 1.0  # in a thousand turns
WRITTEN_CHATS = "jddc_dialogues.jsonl"
TEXT_BYTES = 10_000_000
GAP_TEXT_BYTES = 1_000_000
GAP_RULES, GAP_REACH = 1_000, 10
_TIMEOUT_S = 600

Row = tuple[str, float, float, float]


def run(console: Console) -> list[Row]:
    """Prints and returns (what, ours, aim or peer, ratio); rates are per second of CPU, sizes in megabytes of UTF-8."""
    rng = random.Random(11)
    source, sentences = _sentences(rng)
    return [*evaluations(console), *phrases(console, source, sentences, rng), *gaps(console, source, sentences, rng), *false_hits(console)]


def evaluations(console: Console) -> list[Row]:
    """Whole evaluations of a call of 60 turns, masking included."""
    with console.status("judging a call of 60 turns again and again"):
        shipped, books = _measured("evaluation"), _measured("books")
    table = Table("one evaluation, masking included", "per second and core", "ms each", "aim per second", "ratio")
    rows: list[Row] = []
    for figures in (shipped, *books):
        new = bool(figures.get("new_sentences"))
        what = (f"{figures['rules']:.0f} rules" if "rules" in figures else f"shipped, {figures['items']:.0f} items") + f", {figures['phrases']:.0f} phrases"
        embedded = bool(figures.get("embedded"))
        what += (", every sentence embedded anew" if new else ", sentences embedded before") if embedded else ", every turn in new words" if new else ""
        aim = AIM_NEW_SENTENCES_PER_S if new and embedded else AIM_PER_S
        rows.append((what, figures["evaluations_per_s"], aim, figures["evaluations_per_s"] / aim))
        table.add_row(what, f"{rows[-1][1]:.1f}", f"{figures['ms_per_evaluation']:.1f}", f"{aim:.0f}", f"{rows[-1][3]:.2f}")
    plain = [figures for figures in books if "embedded" not in figures and not figures["new_sentences"]]
    first, last = plain[0], plain[-1]
    dearer = last["ms_per_evaluation"] / first["ms_per_evaluation"]
    rows.append((f"cost at {last['rules']:.0f} rules against {first['rules']:.0f}", dearer, AIM_TIMES_AS_DEAR, AIM_TIMES_AS_DEAR / dearer))
    table.add_row(rows[-1][0], f"{dearer:.2f} times", "", f"at most {AIM_TIMES_AS_DEAR:.0f} times", f"{rows[-1][3]:.2f}")
    console.print(table)
    return rows


def phrases(console: Console, source: str, sentences: Sequence[str], rng: random.Random) -> list[Row]:
    """All places of many phrases; the peer is given one utterance after the other, as it comes, and the whole text at once."""
    utterances = list(_sampled(sentences, TEXT_BYTES, rng))
    text = "\n".join(utterances)
    size = len(text.encode()) / 1e6
    table = Table(f"phrases in {size:.0f} MB of {source}", "found", "MB/s", "pyahocorasick by utterance", "whole text", "aim", "ratio to by utterance")
    rows: list[Row] = []
    for count, aim in AIMS.items():
        listed = _phrases(sentences, count, rng)
        automaton = ahocorasick.Automaton()
        for number, phrase in enumerate(listed):
            automaton.add_word(phrase, (number, len(phrase)))
        automaton.make_automaton()
        began = time.process_time()
        for utterance in utterances:
            for _ in automaton.iter(utterance):
                pass
        alone = time.process_time() - began
        began = time.process_time()
        places = [(end - length + 1, end + 1, number) for end, (number, length) in automaton.iter(text)]
        whole = time.process_time() - began
        ours = _measured("phrases", {"text": text, "phrases": listed})
        _same(ours, places)
        rows.append((f"{count} phrases", size / ours["seconds"], size / alone, alone / ours["seconds"]))
        table.add_row(
            str(count), str(len(places)), f"{rows[-1][1]:.0f}", f"{rows[-1][2]:.1f}", f"{size / whole:.1f}", f"{aim:.0f}", f"{rows[-1][3]:.1f}"
        )
    console.print(table)
    return rows


def gaps(console: Console, source: str, sentences: Sequence[str], rng: random.Random) -> list[Row]:
    """Rules "A within 10 characters before B"; the peer tries every rule on every utterance, and on the whole text."""
    utterances = list(_sampled(sentences, GAP_TEXT_BYTES, rng))
    text = "\n".join(utterances)
    size = len(text.encode()) / 1e6
    rules = list(_gap_rules(sentences, rng))
    compiled = [re.compile(f"{re.escape(first)}.{{0,{reach}}}?{re.escape(then)}") for first, then, reach in rules]
    began = time.process_time()
    for utterance in utterances:
        for expression in compiled:
            for _ in expression.finditer(utterance):
                pass
    alone = time.process_time() - began
    began = time.process_time()
    places = [(*match.span(), number) for number, expression in enumerate(compiled) for match in expression.finditer(text)]
    whole = time.process_time() - began
    ours = _measured("gaps", {"text": text, "rules": rules})
    _same(ours, places)
    row = (f"{len(rules)} rules", size / ours["seconds"], size / alone, alone / ours["seconds"])
    table = Table(f"A within {GAP_REACH} characters before B, in {size:.0f} MB of {source}", "found", "MB/s", "`re` by utterance", "whole text", "aim", "ratio")
    table.add_row(row[0], str(len(places)), f"{row[1]:.1f}", f"{row[2]:.2f}", f"{size / whole:.2f}", f"{AIM_GAPS:.0f}", f"{row[3]:.0f}")
    console.print(table)
    return [row]


def false_hits(console: Console) -> list[Row]:
    """What the shipped phrases are thought to have been heard as in chats that were written, by how sure the recogniser would have been."""
    chats = SHARED / "data" / WRITTEN_CHATS
    if not chats.exists():
        console.print(f"hits by sound in written chats: ../shared/data/{WRITTEN_CHATS} is absent")
        return []
    turns = [turn["text"] for line in chats.read_text(encoding="utf-8").splitlines() for turn in json.loads(line)["turns"]]
    figures = _measured("hearing", {"turns": turns})
    table = Table(f"{figures['phrases']:.0f} phrases in {len(turns)} written turns", "hits by sound in 1,000 turns", "aim")
    rows: list[Row] = []
    for name, found in figures.items():
        if name.startswith("at "):
            rows.append((f"recognised with a confidence of {name[3:]}", found, AIM_FALSE_HITS, found / AIM_FALSE_HITS))
            table.add_row(rows[-1][0], f"{found:.2f}", f"at most {AIM_FALSE_HITS:.0f}" if name == "at 1.0" else "")
    console.print(table)
    return rows


def _measured(name: str, given: object = None) -> Any:
    with TemporaryDirectory(prefix="mingjian-bench-") as folder:
        command = [sys.executable, "-m", "nlp.bench", name]
        if given is not None:
            file = Path(folder) / "given.json"
            file.write_text(json.dumps(given), encoding="utf-8")
            command.append(str(file))
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S).stdout)


def _same(ours: dict[str, Any], places: Iterable[tuple[int, int, int]]) -> None:
    digest = hashlib.sha256("".join(f"{start},{end},{number};" for start, end, number in sorted(places)).encode()).hexdigest()
    if ours["sha256"] != digest:
        raise RuntimeError("not the same places were found")


def _sentences(rng: random.Random) -> tuple[str, list[str]]:
    """Where sentences come from, and the sentences: customer service written by others where it is at hand, else made of words at random."""
    found = [
        text
        for file in sorted((SHARED / "data").glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
        for text in _texts(json.loads(line))
        if len(re.findall("[一-鿿]", text)) >= 4
    ]
    if found:
        return "sentences from ../shared/data", list(dict.fromkeys(found))
    words = ["".join(chr(0x4E00 + min(int(rng.paretovariate(0.6)), 5000)) for _ in range(rng.randint(1, 3))) for _ in range(20_000)]
    return "made-up words (../shared/data is absent)", ["".join(rng.choices(words, k=rng.randint(3, 20))) for _ in range(20_000)]


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _texts(inner)


def _sampled(sentences: Sequence[str], size: int, rng: random.Random) -> Iterator[str]:
    while size > 0:
        sentence = rng.choice(sentences).replace("\n", " ")
        size -= len(sentence.encode()) + 1
        yield sentence


def _phrases(sentences: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Phrases of three to eight characters: nine in ten begin like one sentence and end like another, one in ten is said somewhere."""
    chosen: set[str] = set()
    while len(chosen) < count:
        length = rng.randint(3, 8)
        one, other = (re.sub("[^一-鿿]", "", rng.choice(sentences)) for _ in range(2))
        if min(len(one), len(other)) <= length:
            continue
        at, to = rng.randrange(len(one) - length), rng.randrange(len(other) - length)
        chosen.add(one[at : at + length] if rng.random() < 0.1 else one[at : at + length // 2] + other[to : to + length - length // 2])
    return sorted(chosen)


def _gap_rules(sentences: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str, int]]:
    """Two pieces of two or three characters that some sentence has within reach."""
    count = 0
    while count < GAP_RULES:
        sentence = re.sub("[^一-鿿]", "", rng.choice(sentences))
        first, then, gap = rng.randint(2, 3), rng.randint(2, 3), rng.randint(0, GAP_REACH)
        if len(sentence) > first + gap + then:
            at = rng.randrange(len(sentence) - first - gap - then)
            count += 1
            yield sentence[at : at + first], sentence[at + first + gap : at + first + gap + then], GAP_REACH
