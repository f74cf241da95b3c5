"""The contracts: documented, linted, unbroken, and generated afresh."""

import filecmp
import importlib.util
import shutil
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


def test_contracts_do_not_break_what_was_committed(generator, tmp_path):
    """Against the last commit: a change that breaks readers has to be made as a new version."""
    if subprocess.run(["git", "cat-file", "-e", "HEAD:buf.yaml"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("not a git checkout with contracts in it")
    archive = subprocess.run(["git", "archive", "HEAD", "proto", "buf.yaml"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", tmp_path], input=archive, check=True)
    shutil.copytree(ROOT / ".proto_deps", tmp_path / ".proto_deps")
    result = subprocess.run([BUF, "breaking", "--against", tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
