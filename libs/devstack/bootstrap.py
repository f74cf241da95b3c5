"""Make the environments this checkout needs, with the standard library alone, and only when something changed.

`.venv` holds the platform, `.venv-triton` the inference server and its models' packages (another numpy). Every
package is pinned and hashed: `requirements.lock` and `services/asr/triton/requirements.lock`.
"""

import hashlib
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
TRITON_LOCK = ROOT / "services/asr/triton/requirements.lock"
MEMBERS = sorted(p.parent for where in ("libs", "services") for p in (ROOT / where).glob("*/pyproject.toml"))


def main() -> None:
    if not (3, 11) <= sys.version_info < (3, 14):
        sys.exit(f"Mingjian needs Python 3.11 to 3.13, this is {sys.version.split()[0]}: set PYTHON=python3.12, for example.")
    main_venv = ROOT / ".venv"
    _environment(main_venv, LOCK, [*MEMBERS, LOCK], editable=MEMBERS)
    if TRITON_LOCK.exists():
        _environment(ROOT / ".venv-triton", TRITON_LOCK, [TRITON_LOCK], uv=main_venv / "bin/uv")


def _environment(path: Path, lock: Path, inputs: list[Path], *, editable: list[Path] | None = None, uv: Path | None = None) -> None:
    stamp, wanted = path / ".made-from", _digest(inputs)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    began = time.monotonic()
    print(f"setting up {path.name} from {lock.relative_to(ROOT)} …", flush=True)
    if not (path / "bin/python").exists():
        venv.create(path, with_pip=True)
    if uv is None:
        uv = path / "bin/uv"
        _install_uv(path, lock)
    env = {**os.environ, "VIRTUAL_ENV": str(path), "UV_LINK_MODE": "copy"}
    _run([uv, "pip", "install", "--require-hashes", "--no-deps", "-r", lock], env)
    if editable:
        _run([uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *(a for m in editable for a in ("-e", m))], env)
    stamp.write_text(wanted)
    print(f"{path.name} ready after {time.monotonic() - began:.0f} s", flush=True)


def _install_uv(path: Path, lock: Path) -> None:
    """Install uv itself from the same lock, hash checked, with the pip that every Python carries."""
    entry = re.search(r"^uv==.*?(?=^\S|\Z)", lock.read_text(), re.M | re.S)
    if entry is None:
        raise SystemExit(f"{lock} does not pin uv")
    only_uv = path / "uv.lock.txt"
    only_uv.write_text(entry.group())
    _run([path / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", only_uv], dict(os.environ))


def _digest(inputs: list[Path]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in inputs:
        digest.update((path / "pyproject.toml" if path.is_dir() else path).read_bytes())
    return digest.hexdigest()


def _run(command: list[object], env: dict[str, str]) -> None:
    result = subprocess.run([str(c) for c in command], env=env, cwd=ROOT)
    if result.returncode:
        sys.exit(f"setting up failed: {command[0]} exited with {result.returncode}; its message is above. Run the same command again to go on.")


if __name__ == "__main__":
    main()
