"""Reads scorecards and signals from the YAML files shipped in the package, or from a folder of the operator's."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml

from nlp.domain.engine import QualityEngine
from nlp.domain.rule_parser import RuleError
from nlp.domain.scorecards import Scorecard, parse_scorecard
from nlp.domain.sentences import SentenceEncoder
from nlp.domain.signals import parse_signals

SIGNALS = "signals"
MAX_PACK_BYTES = 2_000_000


def load_engine(folder: Path | None = None, encoder: SentenceEncoder | None = None) -> QualityEngine:
    """Compile the packs of `folder`, or those shipped; raises RuleError naming the file and the place."""
    sources = _sources(folder)
    signals = sources.pop(SIGNALS, None)
    if not isinstance(signals, dict):
        raise RuleError(SIGNALS, "signals.yaml is missing")
    return QualityEngine(_scorecards(sources), parse_signals(signals), encoder)


def _sources(folder: Path | None) -> dict[str, object]:
    entries = sorted((folder or files("nlp") / "packs").iterdir(), key=lambda entry: entry.name)
    sources: dict[str, object] = {}
    for entry in entries:
        if not entry.name.endswith(".yaml"):
            continue
        text = entry.read_text(encoding="utf-8")
        if len(text) > MAX_PACK_BYTES:
            raise RuleError(entry.name, f"is larger than {MAX_PACK_BYTES} bytes")
        try:
            sources[entry.name.removesuffix(".yaml")] = yaml.load(text, Loader=_LOADER)
        except yaml.YAMLError as error:
            raise RuleError(entry.name, f"is not YAML: {error}") from error
    return sources


def _scorecards(sources: dict[str, object]) -> list[Scorecard]:
    """Parents before children, whatever the order of files."""
    done: dict[str, Scorecard] = {}
    waiting = dict(sources)
    while waiting:
        ready = [name for name, node in waiting.items() if not isinstance(node, dict) or node.get("extends", name) in {name, *done}]
        if not ready:
            raise RuleError(next(iter(waiting)), "extends a scorecard that does not exist or, in the end, itself")
        for name in ready:
            card = parse_scorecard(waiting.pop(name), done)
            if card.scorecard_id in done:
                raise RuleError(name, f"the id {card.scorecard_id!r} is used twice")
            done[card.scorecard_id] = card
    return list(done.values())


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
