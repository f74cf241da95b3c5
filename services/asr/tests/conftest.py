"""What the tests of asr share: a recorded call, a place to load the model repository from, and the edit distance."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
CALLS = ROOT / "e2e/calls"
MODEL_REPOSITORY = ROOT / "services/asr/triton"


@pytest.fixture(scope="session")
def call() -> bytes:
    """A two-channel call of 44 s, 8 kHz: agent left, customer right, eight turns."""
    return (CALLS / "c01_broadband_complaint.wav").read_bytes()


@pytest.fixture(scope="session")
def truth() -> list[dict[str, object]]:
    """The true turns of `call`: role, text, start and end in seconds."""
    loaded: list[dict[str, object]] = json.loads((CALLS / "c01_broadband_complaint.truth.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def from_repository() -> Callable[[str], ModuleType]:
    """Load a file of the Triton folder as a module; they are no package, Triton finds them by place."""

    def load(path: str) -> ModuleType:
        name = f"triton_{Path(path).stem}"
        spec = importlib.util.spec_from_file_location(name, MODEL_REPOSITORY / path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def edits() -> Callable[[str, str], int]:
    """Levenshtein distance."""

    def distance(a: str, b: str) -> int:
        row = list(range(len(b) + 1))
        for i, x in enumerate(a, 1):
            before, row[0] = row[0], i
            for j, y in enumerate(b, 1):
                before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
        return row[-1]

    return distance
