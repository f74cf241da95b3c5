"""Container images: `python -m devstack.images` builds them all, `--check` starts each as its chart would and stops it again."""

import argparse
import configparser
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from devstack.charts import SERVICES

ROOT = Path(__file__).resolve().parents[4]
DEFAULT_BASE = "docker.io/library/python:3.11-slim-bookworm"
# Settings of pip that name files or folders of this machine mean nothing inside a build.
_LOCAL = ("file://", "/", "./", "../", "~")
_CA_IN_BUILD = "/run/secrets/ca.crt"

# A table of figures wants its columns also where the output is a file.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


class ImageError(Exception):
    """An image could not be built, started or stopped as it must; the message ends with the last lines of what it said."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its name, the file it is built from, and what is given to the build."""

    name: str
    dockerfile: str
    arguments: Mapping[str, str]
    target: str = ""


SERVICE_IMAGES = tuple(Image(name, "services/Dockerfile", {"SERVICE": name}) for name in SERVICES)
TRITON_IMAGES = tuple(Image(name, "services/asr/triton/Dockerfile", {}, target) for name, target in (("triton", "cpu"), ("triton-weights", "weights")))
# Its base is 10 GB and needs a GPU to be of use: built when asked for by name.
GPU_IMAGE = Image("triton-gpu", "services/asr/triton/Dockerfile", {}, "gpu")


def engine() -> str:
    """podman or docker, whichever is there. Raises ImageError."""
    for name in ("podman", "docker"):
        if found := shutil.which(name):
            return found
    raise ImageError("neither podman nor docker is installed")


def reference(name: str, tag: str) -> str:
    return f"mingjian/{name}:{tag}"


def run(command: Sequence[str | Path], *, timeout_s: float = 120.0, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Raises ImageError with the end of its output where the command fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout_s, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    if check and done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise ImageError(f"{Path(str(command[0])).name} {command[1]} ended with {done.returncode}:\n{tail}")
    return done


def pip_configuration(listed: str) -> tuple[str, str]:
    """From the output of `pip config list`: a pip.conf that holds inside a build, and the certificate file it asks for ("" for none).

    Of a setting given more than once the later one in pip's order (files, then environment) stands.
    """
    settings: dict[str, str] = {}
    authority = ""
    # pip lists :env: before the files, which it reads first.
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, separator, quoted = line.partition("=")
        key, value = name.rpartition(".")[2], quoted.strip().strip("'\"")
        if not separator or key in ("config-file", "user", "target", "prefix", "cache-dir", "log"):
            continue
        if key in ("cert", "client-cert"):
            authority = value if key == "cert" else authority
            continue
        seen = [word for word in value.split() if not word.startswith(_LOCAL)]
        if seen:
            settings[key] = "\n".join(seen)
    if authority:
        settings["cert"] = _CA_IN_BUILD
    parser = configparser.RawConfigParser()
    parser["global"] = settings
    with tempfile.TemporaryFile("w+") as text:
        parser.write(text)
        text.seek(0)
        return text.read(), authority


@contextmanager
def pip_secrets() -> Iterator[dict[str, Path]]:
    """Files that hand this machine's way to a package index into a build, by secret name; nothing of them stays in an image."""
    listed = run([sys.executable, "-m", "pip", "config", "list"]).stdout
    text, authority = pip_configuration(listed)
    with tempfile.TemporaryDirectory() as folder:
        secrets = {"pip.conf": Path(folder) / "pip.conf"}
        secrets["pip.conf"].write_text(text)
        if authority:
            secrets["ca.crt"] = Path(authority)
        yield secrets


def build_command(image: Image, tag: str, *, base: str, secrets: Mapping[str, Path]) -> list[str]:
    """The engine's command line, to be run in the project's root."""
    command = [engine(), "build", "--network=host", "-f", str(ROOT / image.dockerfile), "-t", reference(image.name, tag)]
    for name, value in {"BASE_IMAGE": base, **image.arguments}.items():
        command += ["--build-arg", f"{name}={value}"]
    for name, path in secrets.items():
        command += ["--secret", f"id={name},src={path}"]
    if image.target:
        command += ["--target", image.target]
    return [*command, str(ROOT)]


def size_of(name: str, tag: str) -> int:
    """Bytes of the image unpacked, layers that it shares with others included."""
    return int(run([engine(), "image", "inspect", "--format", "{{.Size}}", reference(name, tag)]).stdout)


def build(images: Sequence[Image], tag: str, base: str) -> dict[str, float]:
    """Build each and return its seconds."""
    took: dict[str, float] = {}
    with pip_secrets() as secrets:
        for image in images:
            began = time.monotonic()
            with console.status(f"building {image.name}"):
                run(build_command(image, tag, base=base, secrets=secrets), timeout_s=3600)
            took[image.name] = time.monotonic() - began
            console.print(f"built {reference(image.name, tag)} in {took[image.name]:.0f} s, {size_of(image.name, tag) / 1e6:.0f} MB")
    return took


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where everything asked for was built (and held in the check)."""
    every = {i.name: i for i in (*SERVICE_IMAGES, *TRITON_IMAGES, GPU_IMAGE)}
    parser = argparse.ArgumentParser(prog="python -m devstack.images", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="IMAGE", help=f"of {', '.join(every)}; all but {GPU_IMAGE.name} without any")
    parser.add_argument("--check", action="store_true", help="start each read-only and as nobody in particular against real servers, and stop it")
    parser.add_argument("--no-build", action="store_true", help="check what was built before")
    parser.add_argument("--base-image", default=DEFAULT_BASE, help="Python 3.11 on Debian; default %(default)s")
    parser.add_argument("--tag", default="dev")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - every.keys():
        parser.error(f"no image {', '.join(sorted(unknown))}")
    images = [i for i in every.values() if i.name in given.names] or [*SERVICE_IMAGES, *TRITON_IMAGES]
    try:
        took = {} if given.no_build else build(images, given.tag, given.base_image)
        if given.check:
            # Imported here: building alone needs no servers and no gRPC.
            from devstack.image_check import check

            results = check([i.name for i in images], given.tag)
        else:
            results = {}
    except ImageError as error:
        console.print(f"[red]{error}[/red]", markup=True)
        return 1
    table = Table(Column("image", no_wrap=True), "size", *(["built"] if took else []), *(["ready", "memory", "stopped", "exit", "verdict"] if results else []))
    for image in images:
        row = [reference(image.name, given.tag), f"{size_of(image.name, given.tag) / 1e6:.0f} MB"]
        if took:
            row.append(f"{took[image.name]:.0f} s")
        if results:
            row += results[image.name].row() if image.name in results else ["", "", "", "", "not checked"]
        table.add_row(*row)
    console.print(table)
    for name, result in results.items():
        if result.fault:
            console.print(f"[red]{name}[/red]: {result.fault}", markup=True)
    return 1 if any(r.fault for r in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
