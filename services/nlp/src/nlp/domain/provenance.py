"""What an evaluation was made with: engine, rules, models and turns, enough to make it again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import requires, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from nlp.domain.canonical import sha256_of
from nlp.domain.courses import Asked
from nlp.domain.dialogue import Turn
from nlp.domain.engine import ENGINE, QualityEngine
from nlp.domain.scorecards import Scorecard

JUDGING, WEIGHTS = "domain/", (".npz", ".onnx", ".bin")
_LIBRARY = re.compile(r"[A-Za-z0-9._-]+")
_BUILD_DIGITS = 16
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AsrModel:
    """What wrote a transcript; "chat" for written turns, empty where nobody said."""

    model: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything that decides what an evaluation says; digests are SHA-256 in lower-case hex.

    `engine` is the engine's name, its version and the digest of its sources: "mingjian-rules/1.0.0+0123456789abcdef". Two builds of
    one version may judge alike; only where the whole of it agrees must they. `looked_up` are attributes of the contact that were looked
    up when it was judged and may be otherwise now, `asked` what a language model was asked then: judged again, it is judged with these.
    """

    engine: str
    rules_sha256: str
    models: Mapping[str, str]
    asr: AsrModel
    turns_sha256: str
    looked_up: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[Asked, ...] = field(default=(), repr=False)


def provenance_of(
    engine: QualityEngine, card: Scorecard, turns: Iterable[Turn], asr: AsrModel, looked_up: Mapping[str, str] = NOTHING, asked: Iterable[Asked] = (),
) -> Provenance:
    """What judging these turns by this scorecard with this engine is made with."""
    return Provenance(engine_build(), engine.rules_sha256(card), dict(engine.models), asr, turns_sha256(turns), dict(looked_up), tuple(asked))


def turns_sha256(turns: Iterable[Turn]) -> str:
    """SHA-256 over turn ids, roles, milliseconds and texts."""
    return sha256_of([[turn.turn_id, turn.role, turn.start_ms, turn.end_ms, turn.text] for turn in turns])


@cache
def engine_build() -> str:
    """The engine's name, version and the digest of what it is made of: no change of judgement goes without a new one.

    That is every source file of `nlp.domain`, every file of weights in the package, and the versions of the libraries the service asks
    for; the rules have their own digest.
    """
    digest = hashlib.sha256("\n".join(sorted(_libraries())).encode())
    for name, content in sorted(_made_of(files("nlp"), "")):
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return f"{ENGINE}+{digest.hexdigest()[:_BUILD_DIGITS]}"


def _libraries() -> Iterable[str]:
    for required in requires("nlp") or ():
        if name := _LIBRARY.match(required):
            yield f"{name[0]}=={version(name[0])}"


def _made_of(folder: Traversable, below: str) -> Iterable[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = below + entry.name
        if entry.is_dir():
            yield from _made_of(entry, f"{name}/")
        elif name.endswith(WEIGHTS) or (name.startswith(JUDGING) and name.endswith(".py")):
            yield name, entry.read_bytes()
