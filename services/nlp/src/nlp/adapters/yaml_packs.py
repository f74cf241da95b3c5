"""Reads scorecards and signals from the YAML files shipped in the package, or from a folder of the operator's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from nlp.adapters.yaml_source import SourceError, YamlSource, read_yaml
from nlp.app_scorecards import SIGNALS, Shipped
from nlp.domain.engine import QualityEngine
from nlp.domain.rule_parser import RuleError
from nlp.domain.scorecard_files import FileRefused, Locate, ScorecardFile
from nlp.domain.scorecard_parser import parse_scorecard
from nlp.domain.scorecard_tests import parse_tests, without_tests
from nlp.domain.scorecards import Scorecard
from nlp.domain.sentences import SentenceEncoder
from nlp.domain.signals import Signals, parse_signals


class YamlFiles:
    """Satisfies app_scorecards.Files."""

    def read(self, text: str, parents: Mapping[str, Scorecard]) -> ScorecardFile:
        """Raises FileRefused."""
        return read_scorecard(text, parents)

    def read_signals(self, text: str) -> Signals:
        """Raises FileRefused."""
        return _signals(text)

    def read_rule(self, text: str) -> tuple[object, Locate]:
        """One condition as plain values, and where they stand. Raises FileRefused."""
        source = _read(text, "")
        return source.node, _locator(source)


def load_engine(folder: Path | None = None, encoder: SentenceEncoder | None = None) -> QualityEngine:
    """Compile the packs of `folder`, or those shipped; raises FileRefused naming file, line and column."""
    packs = load_packs(folder)
    return QualityEngine(packs.cards.values(), packs.signals, encoder)


def load_packs(folder: Path | None = None) -> Shipped:
    """Read the packs of `folder`, or those shipped; raises FileRefused naming file, line and column."""
    texts = {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in sorted((folder or files("nlp") / "packs").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    }
    if SIGNALS not in texts:
        raise FileRefused("", 1, 1, "signals.yaml is missing", f"{SIGNALS}.yaml")
    cards = {name: text for name, text in texts.items() if name != SIGNALS}
    sources = {name: _read(text, f"{name}.yaml") for name, text in cards.items()}
    return Shipped(_ordered(cards, sources), _signals(texts[SIGNALS]), texts[SIGNALS])


def read_scorecard(text: str, parents: Mapping[str, Scorecard], name: str = "") -> ScorecardFile:
    """Read one file; what it extends comes from `parents`. Raises FileRefused."""
    return _file(text, _read(text, name), parents, name)


def _signals(text: str) -> Signals:
    name = f"{SIGNALS}.yaml"
    source = _read(text, name)
    if not isinstance(source.node, dict):
        raise FileRefused("", 1, 1, "expected a mapping", name)
    try:
        return parse_signals(source.node)
    except RuleError as error:
        raise _refused(error, source, name) from error


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

    extends = str(source.node.get("extends", "")) if isinstance(source.node, dict) else ""
    return ScorecardFile(text, card, cases, _locator(source), extends, source.node)


def _locator(source: YamlSource) -> Locate:
    def locate(place: str) -> tuple[int, int]:
        at = source.position(place)
        return at.line, at.column

    return locate


def _refused(error: RuleError, source: YamlSource, name: str) -> FileRefused:
    at = source.position(error.place)
    return FileRefused(error.place, at.line, at.column, error.reason, name, error.suggestion)


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
