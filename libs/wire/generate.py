"""Write libs/wire/src from proto/: `make proto` here, and a test into a temporary folder to prove the result fresh."""

import importlib.resources
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTO, DEPS, OUT = ROOT / "proto", ROOT / ".proto_deps", ROOT / "libs/wire/src"
GOOGLE_API = ("annotations.proto", "http.proto")


def lay_dependencies() -> None:
    """Copy google/api from its wheel, where buf and protoc can find it without a module registry."""
    target = DEPS / "google/api"
    target.mkdir(parents=True, exist_ok=True)
    for name in GOOGLE_API:
        target.joinpath(name).write_bytes((importlib.resources.files("google.api") / name).read_bytes())


def generate(out: Path) -> None:
    lay_dependencies()
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    files = sorted(str(p.relative_to(PROTO)) for p in PROTO.rglob("*.proto"))
    outputs = [f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    # The contracts with their comments, from which the edge writes its OpenAPI page.
    described = out / "mingjian/descriptors.binpb"
    described.parent.mkdir(parents=True, exist_ok=True)
    outputs += [f"--descriptor_set_out={described}", "--include_source_info"]
    binary = Path(sys.executable).parent
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"-I{DEPS}", f"-I{well_known}", *outputs, *files],
        check=True, env={"PATH": f"{binary}:/usr/bin:/bin"},
    )
    for package in {p.parent for p in out.rglob("*_pb2.py")}:
        (package / "py.typed").touch()


if __name__ == "__main__":
    shutil.rmtree(OUT / "mingjian", ignore_errors=True)
    OUT.mkdir(parents=True, exist_ok=True)
    generate(OUT)
