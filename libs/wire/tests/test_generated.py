"""The contracts: documented, linted, unbroken, and generated afresh."""

import filecmp
import importlib.util
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUF = Path(sysconfig.get_path("scripts")) / "buf"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "libs/wire/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.lay_dependencies()
    return module


def test_generated_code_is_fresh(generator, tmp_path):
    generator.generate(tmp_path)
    committed = ROOT / "libs/wire/src"
    made = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    kept = sorted(p.relative_to(committed) for p in committed.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    assert made == kept
    assert [p for p in made if not filecmp.cmp(tmp_path / p, committed / p, shallow=False)] == []


def test_contracts_are_documented_and_in_style(generator):
    result = subprocess.run([BUF, "lint"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_contracts_do_not_break_what_was_committed(generator):
    """Against the last commit: a change that breaks readers has to be made as a new version."""
    if subprocess.run(["git", "cat-file", "-e", "HEAD:buf.yaml"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("not a git checkout with contracts in it")
    against = ROOT / ".proto_deps/against"
    subprocess.run(["rm", "-rf", against], check=True)
    against.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD", "proto", "buf.yaml"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", against], input=archive, check=True)
    (against / ".proto_deps").symlink_to(ROOT / ".proto_deps", target_is_directory=True)
    result = subprocess.run([BUF, "breaking", "--against", against], cwd=ROOT, capture_output=True, text=True)
    subprocess.run(["rm", "-rf", against], check=True)
    assert result.returncode == 0, result.stdout + result.stderr
