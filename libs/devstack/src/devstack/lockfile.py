"""What one image needs from the workspace and its one lock; the standard library alone, so a bare builder can run it.

    lockfile.py members SERVICE            folders of the service and of the libraries it stands on, one a line
    lockfile.py requirements SERVICE       what those folders ask of other people, sorted
    lockfile.py pins LOCK                  the lock as plain constraints
    lockfile.py select LOCK NAME|REPORT …  the lock's hashed entries of these names, or of those in a pip report (.json)
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(name: str) -> str:
    """The name as indexes compare it: lower case, runs of -_. as one dash."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(requirement: str) -> str:
    found = _NAME.match(requirement)
    if found is None:
        raise ValueError(f"{requirement!r} names no package")
    return normal(found.group())


def _project(folder: Path) -> dict[str, list[str]]:
    loaded: dict[str, dict[str, list[str]]] = tomllib.loads((folder / "pyproject.toml").read_text())
    return loaded["project"]


def members(root: Path, service: str) -> list[Path]:
    """Folders of the service and, in the order in which they can be installed, of its libraries first."""
    libraries = {p.parent.name: p.parent for p in (root / "libs").glob("*/pyproject.toml")}
    found: list[Path] = []

    def visit(folder: Path) -> None:
        for requirement in _project(folder)["dependencies"]:
            if (library := libraries.get(_named(requirement))) is not None and library not in found:
                visit(library)
        found.append(folder)

    if not (root / "services" / service / "pyproject.toml").is_file():
        raise ValueError(f"no service {service!r}")
    visit(root / "services" / service)
    return found


def requirements(root: Path, service: str) -> list[str]:
    """What the service and its libraries ask of other people."""
    folders = members(root, service)
    own = {folder.name for folder in folders}
    return sorted({r for folder in folders for r in _project(folder)["dependencies"] if _named(r) not in own})


def entries(lock: str) -> list[tuple[str, str]]:
    """Every entry of the lock as (normal name, its lines with the hashes). One name can have several, told apart by marker."""
    return [(_named(block), block) for block in re.findall(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", lock, re.M | re.S)]


def pins(lock: str) -> str:
    """The lock as constraints: the same versions and markers, no hashes."""
    return "".join(block.partition("\\\n")[0].strip() + "\n" for _, block in entries(lock))


def select(lock: str, names: Iterable[str]) -> str:
    """The entries of these names. Raises ValueError naming those that the lock does not pin."""
    wanted = {normal(name) for name in names}
    found = [(name, block) for name, block in entries(lock) if name in wanted]
    if missing := wanted - {name for name, _ in found}:
        raise ValueError(f"not in the lock: {', '.join(sorted(missing))}")
    return "".join(block for _, block in found)


def resolved(report: str) -> list[str]:
    """Names in what `pip install --dry-run --report` writes."""
    return [item["metadata"]["name"] for item in json.loads(report)["install"]]


def main(arguments: list[str]) -> str:
    """The text that the command in `arguments` prints."""
    match arguments:
        case ["members", service]:
            return "".join(f"{folder}\n" for folder in members(Path(), service))
        case ["requirements", service]:
            return "".join(f"{line}\n" for line in requirements(Path(), service))
        case ["pins", lock]:
            return pins(Path(lock).read_text())
        case ["select", lock, *given] if given:
            names = [name for item in given for name in (resolved(Path(item).read_text()) if item.endswith(".json") else [item])]
            return select(Path(lock).read_text(), names)
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
