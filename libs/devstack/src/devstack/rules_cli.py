"""`mingjian rules`: scorecard files checked and tried where they are written; nlp does it, in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

rules = typer.Typer(no_args_is_help=True, help="Scorecard files: checked and tried before they are published.")
Files = Annotated[list[Path] | None, typer.Argument(help="Scorecard files; every shipped one where none is named.")]
Packs = Annotated[Path | None, typer.Option(help="Folder with the scorecards they extend; those shipped where not set.")]


@rules.command()
def test(files: Files = None, packs: Packs = None) -> None:
    """Try the test utterances written in the files; 1 where one comes out otherwise, 2 where a file cannot be read."""
    _nlp("test", files, packs)


@rules.command()
def lint(files: Files = None, packs: Packs = None) -> None:
    """Name what cannot be read, is never used, never holds, overlaps or contradicts; 1 where there is an error, 2 where a file cannot be read."""
    _nlp("lint", files, packs)


@rules.command()
def schema() -> None:
    """Print the JSON Schema of a scorecard file, for editors that check while people write."""
    _nlp("schema", None, None)


def _nlp(what: str, files: list[Path] | None, packs: Path | None) -> None:
    command = [sys.executable, "-m", "nlp.rule_files", *(["--packs", str(packs)] if packs else []), what, *map(str, files or ())]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
