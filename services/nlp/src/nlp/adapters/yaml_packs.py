"""Reads scorecards and signals from the YAML files shipped in the package, or from a folder of the operator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from nlp.adapters.yaml_source import SourceError, YamlSource, read_yaml
from nlp.domain.engine import QualityEngine
from nlp.domain.rule_parser import RuleError
from nlp.domain.scorecard_files import FileRefused, ScorecardFile
from nlp.domain.scorecard_tests import parse_tests, without_tests
from nlp.domain.scorecard_parser import parse_scorecard
from nlp.domain.scorecards import Scorecard
from nlp.domain.sentences import SentenceEncoder
from nlp.domain.signals import Signals, parse_signals

SIGNALS = "signals"


@dataclass(frozen=True)
class Packs:
    """What judges where no tenant has published anything: scorecard files by id, parents before children, and the signals."""

    files: Mapping[str, ScorecardFile]
    signals: Signals

    @property
    def cards(self) -> dict[str, Scorecard]:
        """The scorecards by id."""
        return {name: file.card for name, file in self.files.items()}


def load_engine(folder: Path | None = None, encoder: SentenceEncoder | None = None) -> QualityEngine:
    """Compile the packs of `folder`, or those shipped; raises FileRefused naming file, line and column."""
    packs = load_packs(folder)
    return QualityEngine(packs.cards.values(), packs.signals, encoder)


def load_packs(folder: Path | None = None) -> Packs:
    """Read the packs of `folder`, or those shipped; raises FileRefused naming file, line and column."""
    texts, sources = {}, {}
    for entry in sorted((folder or files("nlp") / "packs").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            name = entry.name.removesuffix(".yaml")
            texts[name] = entry.read_text(encoding="utf-8")
            sources[name] = _read(texts[name], entry.name)
    signals = sources.pop(SIGNALS, None)
    if signals is None or not isinstance(signals.node, dict):
        raise FileRefused("", 1, 1, "signals.yaml is missing", f"{SIGNALS}.yaml")
    try:
        parsed = parse_signals(signals.node)
    except RuleError as error:
        raise _refused(error, signals, f"{SIGNALS}.yaml") from error
    return Packs(_ordered(texts, sources), parsed)


def read_scorecard(text: str, parents: Mapping[str, Scorecard], name: str = "") -> ScorecardFile:
    """Read one file; what it extends comes from `parents`. Raises FileRefused."""
    return _file(text, _read(text, name), parents, name)


def _read(text: str, name: str) -> YamlSource:
    try:
        return read_yaml(text)
    except SourceError as error:
        raise FileRefused("", error.position.line, error.position.column, error.reason, name) from error


def _file(text: str, source: YamlSource, parents: Mapping[str, Scorecard], name: str) -> ScorecardFile:
    try:
        card = parse_scorecard(without_tests(source.node), parents)
        cases = parse_tests(source.node, card)
    except RuleError as error:
        raise _refused(error, source, name) from error

    def locate(place: str) -> tuple[int, int]:
        at = source.position(place)
        return at.line, at.column

    extends = str(source.node.get("extends", "")) if isinstance(source.node, dict) else ""
    return ScorecardFile(text, card, cases, locate, extends, source.node)


def _refused(error: RuleError, source: YamlSource, name: str) -> FileRefused:
    at = source.position(error.place)
    return FileRefused(error.place, at.line, at.column, error.reason, name)


def _ordered(texts: Mapping[str, str], sources: Mapping[str, YamlSource]) -> dict[str, ScorecardFile]:
    """Parents before children, whatever the order of files."""
    done: dict[str, ScorecardFile] = {}
    waiting = dict(sources)
    while waiting:
        ready = [
            name for name, source in waiting.items() if not isinstance(source.node, dict) or source.node.get("extends", name) in {name, *done}
        ]
        if not ready:
            raise FileRefused("extends", 1, 1, "extends a scorecard that does not exist or, in the end, itself", f"{next(iter(waiting))}.yaml")
        for name in ready:
            file = _file(texts[name], waiting.pop(name), {known: other.card for known, other in done.items()}, f"{name}.yaml")
            if file.card.scorecard_id in done:
                raise FileRefused("id", *file.locate("id"), f"the id {file.card.scorecard_id!r} is used twice", f"{name}.yaml")
            done[file.card.scorecard_id] = file
    return done
