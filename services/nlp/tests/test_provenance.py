"""What an evaluation says it was made with, and that it changes with everything that judges."""

import shutil
from dataclasses import replace
from pathlib import Path

import nlp
import pytest
from nlp.bench import call
from nlp.domain import provenance
from nlp.domain.dialogue import Role, Turn
from nlp.domain.engine import ENGINE, QualityEngine
from nlp.domain.provenance import AsrModel, engine_build, provenance_of, turns_sha256

TURN = Turn("t1", Role.AGENT, "您好", 0, 900, 0.9)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that a test may change; `built` is what it calls itself."""
    copied = tmp_path / "nlp"
    shutil.copytree(Path(nlp.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "files", lambda name: copied)
    return copied


def built():
    return engine_build.__wrapped__()


def test_the_build_is_the_same_for_the_same_sources_and_names_the_engine(package):
    assert built() == engine_build()
    assert built().startswith(f"{ENGINE}+")


@pytest.mark.parametrize("change", [
    lambda package: (package / "domain/judging.py").write_text("pass"), lambda package: (package / "domain/pii/names.py").unlink(),
    lambda package: (package / "emotion/weights.npz").write_bytes(b"other"), lambda package: (package / "domain/new.py").write_text(""),
])
def test_whatever_judges_is_part_of_the_build(package, change):
    before = built()
    change(package)
    assert built() != before


def test_a_library_in_another_version_makes_another_build(package, monkeypatch):
    before, installed = built(), provenance.version
    monkeypatch.setattr(provenance, "version", lambda name: "99" if name == "pypinyin" else installed(name))
    assert built() != before


def test_what_does_not_judge_is_no_part_of_the_build(package):
    before = built()
    (package / "app.py").write_text("pass")
    (package / "packs/telecom.yaml").write_text("")
    assert built() == before


@pytest.mark.parametrize("other", [
    replace(TURN, turn_id="t2"), replace(TURN, role=Role.CUSTOMER), replace(TURN, text="您好。"), replace(TURN, start_ms=1), replace(TURN, end_ms=901),
])
def test_every_turn_counts_in_all_that_was_said(other):
    assert turns_sha256([other]) != turns_sha256([TURN])
    assert turns_sha256([TURN, other]) != turns_sha256([other, TURN])


def test_the_digest_of_the_rules_changes_with_any_of_them(engine):
    card = engine.scorecards["telecom"]
    worth_more = replace(card, items=(replace(card.items[0], points=card.items[0].points + 1), *card.items[1:]))
    other = QualityEngine([*(c for c in engine.scorecards.values() if c is not card), worth_more], engine._signals)
    assert other.rules_sha256(worth_more) != engine.rules_sha256(card)
    assert other.rules_sha256(other.scorecards["bank"]) == engine.rules_sha256(engine.scorecards["bank"])


def test_everything_is_named(engine):
    card = engine.scorecards["telecom"]
    made_with = provenance_of(engine, card, call(4).turns, AsrModel("whisper-base", "1"))
    assert made_with.models == engine.models
    assert (made_with.engine, made_with.rules_sha256, made_with.asr.model) == (engine_build(), engine.rules_sha256(card), "whisper-base")
