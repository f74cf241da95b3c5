"""`mingjian simulate`: asks a platform what a scorecard file would change, waits for it and shows it; publishes it where asked and the gate is reached."""

import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from client.problems import problem_of
from client.settings import headers
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from devstack.verify_cli import Refused, platform_at

GATE_MISSED, REFUSED = 1, 2
TIMEOUT_S = 60.0
ASKED_EVERY_S = 0.5
SHOWN = 20

console = Console(highlight=False)


def simulate(
    file: Annotated[Path, typer.Argument(help="The scorecard file to try.")],
    at_most: Annotated[int, typer.Option(min=0, max=100_000, help="Contacts to replay, newest first; 100,000 where 0.")] = 0,
    since: Annotated[str, typer.Option("--from", help="Only those judged at or after, for example 2026-11-01T00:00:00Z.")] = "",
    until: Annotated[str, typer.Option("--to", help="Only those judged before.")] = "",
    min_precision: Annotated[float | None, typer.Option(min=0, max=1, help="Share of failures found that reviewers agree with.")] = None,
    min_recall: Annotated[float | None, typer.Option(min=0, max=1, help="Share of reviewers' failures that are found.")] = None,
    max_fatal_flips: Annotated[int | None, typer.Option(min=0, help="Contacts that may change between fatal and not fatal.")] = None,
    max_mean_change: Annotated[float | None, typer.Option(min=0, help="How far the mean score may move, either way.")] = None,
    publish: Annotated[bool, typer.Option(help="Publish the file where the gate is reached.")] = False,
    note: Annotated[str, typer.Option(help="Why, for the version's record.")] = "",
    url: Annotated[str, typer.Option(envvar="MINGJIAN_URL", help="Where the gateway answers; that of `make up` where empty.")] = "",
    api_key: Annotated[str, typer.Option(envvar="MINGJIAN_API_KEY", help="A key that may scorecards:write; that of `make up` where empty.")] = "",
) -> None:
    """Replay contacts already judged under the scorecard in force and this file. Ends with 1 where the gate is missed, 2 where it cannot be asked."""
    url, api_key = platform_at(url, api_key)
    limits = {"min_precision": min_precision, "min_recall": min_recall, "max_fatal_flips": max_fatal_flips, "max_mean_change": max_mean_change}
    gate = {name: limit for name, limit in limits.items() if limit is not None}
    asked: dict[str, Any] = {"at_most": at_most, "gate": gate} | ({"from": since} if since else {}) | ({"to": until} if until else {})
    try:
        source = file.read_text(encoding="utf-8")
        with httpx.Client(base_url=url, headers=headers(api_key), timeout=TIMEOUT_S) as http:
            simulation = _wait(http, _ask(http, "POST", "/v1/simulations", {"source": source, **asked}))
            _show(simulation)
            if not simulation["state"].lower().endswith("done"):
                raise Refused(simulation.get("reason") or f"the simulation was not finished: {simulation['state']}")
            if not simulation.get("gate_passed"):
                raise typer.Exit(GATE_MISSED)
            if publish:
                answer = _ask(http, "POST", "/v1/scorecards", {"source": source, "note": note, "simulation_id": simulation["simulation_id"] if gate else ""})
                console.print(f"[green]published[/]: {answer['ref']['id']} {answer['ref']['version']} judges now")
    except (httpx.TransportError, Refused, OSError) as failure:
        console.print(f"[red]{failure or type(failure).__name__}[/]")
        raise typer.Exit(REFUSED) from None


def _wait(http: httpx.Client, simulation: dict[str, Any]) -> dict[str, Any]:
    """Until it has ended; it goes on by itself where this is interrupted."""
    path = f"/v1/simulations/{simulation['simulation_id']}"
    console.print(f"simulation {simulation['simulation_id']}")
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("", total=int(simulation["total"]))
        while "running" in simulation["state"].lower():
            time.sleep(ASKED_EVERY_S)
            simulation = _ask(http, "GET", path)
            progress.update(bar, completed=int(simulation["done"]))
    return simulation


def _ask(http: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    response = http.request(method, path, json=body)
    if not response.is_success:
        raise Refused(str(problem_of(response)))
    found: dict[str, Any] = response.json()
    return found


def _show(simulation: dict[str, Any]) -> None:
    versions = " -> ".join(f"{simulation[name]['id']} {simulation[name]['version']}" for name in ("baseline", "candidate"))
    console.print(
        f"{versions}: {int(simulation['done']):,} replayed, {int(simulation['skipped']):,} left out; "
        f"mean {simulation['mean_before']:.1f} -> {simulation['mean_after']:.1f}; "
        f"{int(simulation['became_fatal']):,} became fatal, {int(simulation['ceased_fatal']):,} ceased to be"
    )
    table = Table("item", "pass -> fail", "fail -> pass", "other", "reviewed", "precision", "recall")
    for item in simulation["items"][:SHOWN]:
        counts = [str(item[name]) for name in ("pass_to_fail", "fail_to_pass", "other_changes", "reviewed")]
        shares = [f"{item[name]:.0%}" if item.get(name) is not None else "" for name in ("precision", "recall")]
        table.add_row(f"{item['title']} ({item['item_id']})", *counts, *shares)
    if table.row_count:
        console.print(table)
    for kind in ("agents", "teams"):
        changed = Table(kind, "contacts", "before", "after")
        for group in simulation[kind][:SHOWN]:
            if abs(group["mean_after"] - group["mean_before"]) >= 0.05:
                changed.add_row(group["id"], str(group["interactions"]), f"{group['mean_before']:.1f}", f"{group['mean_after']:.1f}")
        if changed.row_count:
            console.print(changed)
    for reason in simulation["gate_reasons"]:
        console.print(f"[red]{reason}[/]")
    if simulation.get("gate_passed"):
        console.print("[green]the gate is reached[/]")
