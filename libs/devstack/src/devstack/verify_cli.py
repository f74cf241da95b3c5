"""`mingjian verify`: asks a platform whether any stored evaluation is not what it was, and names the first."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from client.problems import problem_of
from client.settings import headers
from rich.console import Console

from devstack.platform import ROOT

DESCRIPTION = ROOT / ".mingjian/dev.json"
PATH = "/v1/evaluations:verify"
CHECKED_AT_ONCE, RECOMPUTED_AT_ONCE = 1000, 100
TIMEOUT_S = 60.0
DIFFERS, REFUSED = 1, 2

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class KeptHead:
    """The end of a chain as an earlier run saw it, kept where the platform cannot reach it."""

    sequence: int
    sha256: str


def verify(
    recompute: Annotated[bool, typer.Option(help="Judge every contact again, and compare byte for byte.")] = False,
    first: Annotated[int, typer.Option("--from", min=1, help="First record.")] = 1,
    head_file: Annotated[Path | None, typer.Option(help="Keeps the end of the chain from run to run, to notice records cut off it.")] = None,
    url: Annotated[str, typer.Option(envvar="MINGJIAN_URL", help="Where the gateway answers; that of `make up` where empty.")] = "",
    api_key: Annotated[str, typer.Option(envvar="MINGJIAN_API_KEY", help="A key that may audit:read; that of `make up` where empty.")] = "",
) -> None:
    """Prove that no stored evaluation was changed, removed or moved. Ends with 1 and names the first that was; with 2 where it cannot be asked."""
    url, api_key = platform_at(url, api_key)
    try:
        with httpx.Client(base_url=url, headers=headers(api_key), timeout=TIMEOUT_S) as http:
            kept = _read_head(head_file)
            if kept and not _is_in_chain(http, kept):
                console.print(f"[red]record {kept.sequence} is not the one that was seen before, or was cut off[/]: {kept.sha256} is not its SHA-256 any more")
                raise typer.Exit(DIFFERS)
            head = _walk(http, first, recompute=recompute)
    except (httpx.TransportError, Refused) as failure:
        console.print(f"[red]{failure or type(failure).__name__}[/]")
        raise typer.Exit(REFUSED) from None
    if head_file and head:
        head_file.write_text(f"{head.sequence} {head.sha256}\n")


class Refused(Exception):
    """The platform did not do what it was asked, with its reason."""


def _walk(http: httpx.Client, first: int, *, recompute: bool) -> KeptHead | None:
    """From record to record to the end, telling how far it is."""
    at_most, following = RECOMPUTED_AT_ONCE if recompute else CHECKED_AT_ONCE, first
    checked = recomputed = not_recomputable = 0
    head = None
    with console.status("asking") as status:
        while following:
            found = _ask(http, following, at_most, recompute=recompute)
            checked += found["checked"]
            recomputed += found["recomputed"]
            not_recomputable += found["not_recomputable"]
            told = f"{checked:,} checked" + (f", {recomputed:,} made again byte for byte, {not_recomputable:,} not recomputable" if recompute else "")
            status.update(told)
            if difference := found.get("difference"):
                console.print(f"{told}, then")
                _show(difference)
                raise typer.Exit(DIFFERS)
            if found["checked"]:
                head = KeptHead(following + found["checked"] - 1, found["head_sha256"])
            following = found["next_sequence"]
    console.print(f"{told}: [green]none differs[/]")
    if head:
        console.print(f"record {head.sequence} is {head.sha256}: keep this elsewhere")
    return head


def _ask(http: httpx.Client, first: int, at_most: int, *, recompute: bool) -> dict[str, Any]:
    response = http.post(PATH, json={"from_sequence": first, "at_most": at_most, "recompute": recompute})
    if not response.is_success:
        raise Refused(str(problem_of(response)))
    found: dict[str, Any] = response.json()
    return found


def _show(difference: dict[str, Any]) -> None:
    console.print(f"[red]record {difference['sequence']} {difference['kind']}[/]" + _said(" evaluation ", difference["evaluation_id"]))
    for name in ("path", "stored", "expected"):
        if difference[name]:
            console.print(f"  {name:9}{difference[name]}", markup=False)


def _said(name: str, value: str) -> str:
    return f"{name}{value}" if value else ""


def _is_in_chain(http: httpx.Client, kept: KeptHead) -> bool:
    found = _ask(http, kept.sequence, 1, recompute=False)
    return bool(found["checked"]) and found["head_sha256"] == kept.sha256


def _read_head(file: Path | None) -> KeptHead | None:
    if file is None or not file.exists():
        return None
    sequence, _, sha256 = file.read_text().strip().partition(" ")
    if not sequence.isdecimal() or not sha256:
        raise Refused(f"{file} does not hold the end of a chain")
    return KeptHead(int(sequence), sha256)


def platform_at(url: str, api_key: str) -> tuple[str, str]:
    """The platform named, or the one that `make up` keeps up here."""
    if url and api_key:
        return url, api_key
    if not DESCRIPTION.exists():
        raise typer.BadParameter("no platform is up here; name one with --url and --api-key")
    described = json.loads(DESCRIPTION.read_text())
    return url or described["url"], api_key or described["api_key"]
