"""Rules that hold for the whole tree, checked rather than remembered."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MEMBERS = sorted(p.parent for where in ("libs", "services") for p in (ROOT / where).glob("*/pyproject.toml"))
PACKAGES = [m for m in MEMBERS if m.name != "wire"]
MODULES = sorted(
    ".".join(p.relative_to(m / "src").with_suffix("").parts).removesuffix(".__init__")
    for m in PACKAGES
    for p in (m / "src").rglob("*.py")
    if p.name != "__main__.py" and "peers" not in p.parts
)


def test_importing_does_nothing():
    """No connection, no thread, no reading of the environment: an import with an empty one starts nothing."""
    script = (
        "import importlib, json, socket, sys, threading\n"
        "def refuse(*a, **k): raise AssertionError('a connection while importing')\n"
        "socket.socket.connect = refuse\n"
        f"for name in {MODULES!r}: importlib.import_module(name)\n"
        "print(json.dumps([t.name for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]))"
    )
    result = subprocess.run([sys.executable, "-c", script], env={"HOME": "/nonexistent"}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    assert json.loads(result.stdout.splitlines()[-1]) == []


# What a declared package brings along by its own contract: pydantic-settings is pydantic, FastAPI is Starlette, motor is pymongo.
IMPLIED = {
    "pydantic", "starlette", "pymongo", "protobuf", "googleapis-common-protos", "opentelemetry-api", "opentelemetry-sdk", "opentelemetry-proto",
    "grpcio", "prometheus-client",
}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def normal(distribution):
    return re.split(r"[\[<>=~; ]", distribution)[0].lower().replace("_", "-")


@pytest.mark.parametrize("member", PACKAGES, ids=lambda m: m.name)
def test_a_package_imports_only_what_it_declares(member):
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    allowed = {normal(d) for d in project["dependencies"]} | IMPLIED
    distributions = packages_distributions()
    undeclared = set()
    for file in (member / "src").rglob("*.py"):
        if "peers" in file.parts:
            continue  # programs for another environment
        for name in imported(ast.parse(file.read_text())):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top == member.name or top not in distributions:
                continue
            if not allowed & {normal(d) for d in distributions[top]}:
                undeclared.add(f"{top} ({file.name})")
    assert undeclared == set()


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / f for f in listed.stdout.decode().split("\0") if f]


def test_no_file_names_where_packages_are_downloaded_from():
    hosts = re.compile(r"py[p]i\.org|python[h]osted|npm[j]s\.org|deb\.[d]ebian")
    files = [f for f in tracked_files() if f.is_file() and f.stat().st_size < 4_000_000]
    assert [str(f.relative_to(ROOT)) for f in files if hosts.search(f.read_text(errors="ignore"))] == []


def test_every_locked_package_has_a_hash():
    for lock in [ROOT / "requirements.lock", ROOT / "services/asr/triton/requirements.lock"]:
        entries = re.split(r"\n(?=\S)", lock.read_text().strip())
        assert len(entries) > 10
        assert [e.split()[0] for e in entries if "--hash=sha256:" not in e] == []


def test_motor_is_known_to_one_file():
    files = [f for m in PACKAGES for f in (m / "src").rglob("*.py")]
    users = [str(f.relative_to(ROOT)) for f in files if "motor" in {n.split(".")[0] for n in imported(ast.parse(f.read_text()))}]
    assert users == ["libs/chassis/src/chassis/mongo.py"]


@pytest.mark.parametrize("service", sorted(p.parent.name for p in ROOT.glob("services/*/pyproject.toml")))
def test_a_service_has_its_page(service):
    text = (ROOT / "services" / service / "README.md").read_text()
    assert [w for w in ("Owns", "Settings") if w not in text] == []
