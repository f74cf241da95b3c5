"""`mingjian`: the platform on one machine. demo shows one call all the way, up keeps it running, bench measures it."""

import asyncio
import importlib
import json
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from devstack.platform import ROOT, Platform, end_leftovers, write_description
from devstack.processes import Died, port_is_free
from devstack.rules_cli import rules
from devstack.simulate_cli import simulate
from devstack.triton import TritonError
from devstack.verify_cli import verify
from devstack.weights import WeightsError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
console = Console(highlight=False)

STATE = ROOT / ".mingjian"
DESCRIPTION = STATE / "dev.json"
DEMO_CALL = ROOT / "e2e/calls/c01_broadband_complaint.wav"
BENCHES = {
    "asr": "devstack.bench_asr", "platform": "devstack.bench_platform", "messaging": "devstack.bench_messaging", "nlp": "devstack.bench_nlp",
    "live": "devstack.bench_live", "routing": "devstack.bench_routing",
}


@app.command()
def demo(
    call: Annotated[Path, typer.Option(help="A recorded call: wav, mp3, opus or flac, mono or stereo, 8-48 kHz.")] = DEMO_CALL,
    meta: Annotated[str, typer.Option(help='What is known of it, as JSON, for example {"industry": "telecom"}.')] = "",
) -> None:
    """Start the platform, send one recorded call through it, print what came out, and leave nothing running."""
    from devstack.demo import metadata_for, show

    metadata = metadata_for(call, meta)
    with TemporaryDirectory(prefix="mingjian-demo-") as folder:
        platform = _started(Platform(Path(folder)))
        try:
            show(platform, call, metadata, console)
        finally:
            with console.status("stopping"):
                platform.stop()


@app.command()
def up(
    port: Annotated[int, typer.Option(envvar="MINGJIAN_PORT", help="Where the gateway answers.")] = 8080,
) -> None:
    """Start the platform and keep it running until Ctrl-C; its data stays in .mingjian/."""
    if left := end_leftovers(DESCRIPTION):
        console.print(f"ended what an earlier run left behind: {', '.join(left)}")
    if not port_is_free(port):
        console.print(f"[red]port {port} is in use.[/] Stop what uses it, or choose another: MINGJIAN_PORT=8090 make up")
        raise typer.Exit(1)
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    platform = _started(Platform(STATE / "data", gateway_port=port))
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        write_description(platform, DESCRIPTION)
        _print_addresses(platform)
        while not stopping:
            if again := platform.watch():
                console.print(f"[yellow]started again: {', '.join(again)}[/] (logs in {platform.folder / 'logs'})")
                write_description(platform, DESCRIPTION)
            time.sleep(0.2)
    finally:
        console.print("stopping …")
        DESCRIPTION.unlink(missing_ok=True)
        platform.stop()


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help=f"Any of {', '.join(BENCHES)}; all where none is named.")] = None,
) -> None:
    """Measure against the raw libraries in the same run and print ratios. Never fails: a figure is a figure."""
    for name in names or BENCHES:
        if name not in BENCHES:
            raise typer.BadParameter(f"{name}: choose from {', '.join(BENCHES)}")
        console.rule(f"[bold]{name}")
        importlib.import_module(BENCHES[name]).run(console)


app.add_typer(rules, name="rules")
app.command()(verify)
app.command()(simulate)
deadletters = typer.Typer(no_args_is_help=True, help="Events that could not be handled.")
app.add_typer(deadletters, name="deadletters")
NatsUrl = Annotated[str, typer.Option(envvar="NATS_URL", help="NATS servers; those of `make up` where empty.")]


@deadletters.command("list")
def list_dead_letters(nats_url: NatsUrl = "", limit: int = 100) -> None:
    """Show them, oldest first, with the reason."""
    table = Table("sequence", "consumer", "event", "reason")
    for letter in asyncio.run(_dead_letters(_nats(nats_url), limit)):
        table.add_row(str(letter[0]), letter[1], letter[2], letter[3])
    console.print(table if table.row_count else "no dead letters")


@deadletters.command("replay")
def replay_dead_letters(
    sequence: Annotated[list[int] | None, typer.Argument(help="Which ones; all where none is named.")] = None, nats_url: NatsUrl = ""
) -> None:
    """Send them again, each to the consumer that could not handle it."""
    console.print(f"{asyncio.run(_replay(_nats(nats_url), set(sequence or ())))} sent again")


def main() -> None:
    """The console script. A failure the user can mend is one sentence, not a traceback."""
    try:
        app()
    except (Died, TritonError, WeightsError) as e:
        console.print(f"[red]{e}[/]", markup=True)
        sys.exit(1)


def _started(platform: Platform) -> Platform:
    began = time.monotonic()
    with console.status("starting") as status:
        platform.start(lambda what: status.update(f"[bold]{what}"))
    console.print(f"platform up after {time.monotonic() - began:.0f} s")
    return platform


def _print_addresses(platform: Platform) -> None:
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("console", platform.console_url), ("REST", platform.url), ("API page", f"{platform.url}/docs"), ("gRPC", f"127.0.0.1:{platform.ports['gateway']}"),
        ("NATS", platform.nats_url), ("API key", platform.api_key), ("all of it", str(DESCRIPTION.relative_to(ROOT))),
    ):
        table.add_row(f"[bold]{name}", value)
    console.print(table)
    console.print(f"[dim]try: .venv/bin/mingjian demo, or curl -H 'Authorization: Bearer {platform.api_key}' {platform.url}/v1/interactions — Ctrl-C stops")


def _nats(url: str) -> str:
    if url:
        return url
    if not DESCRIPTION.exists():
        raise typer.BadParameter("no platform is up here; name the servers with --nats-url")
    return str(json.loads(DESCRIPTION.read_text())["nats_url"])


async def _dead_letters(url: str, limit: int) -> list[tuple[int, str, str, str]]:
    from chassis.messaging import connected
    from chassis.messaging.deadletters import dead_letters

    async with connected(url, "deadletters", publishes=False) as events:
        return [(d.sequence, d.consumer, d.subject, d.reason) async for d in dead_letters(events, limit=limit)]


async def _replay(url: str, only: set[int]) -> int:
    from chassis.messaging import connected
    from chassis.messaging.deadletters import dead_letters, replay

    async with connected(url, "deadletters", publishes=False) as events:
        letters = [d async for d in dead_letters(events, limit=100_000) if not only or d.sequence in only]
        for letter in letters:
            await replay(events, letter)
        return len(letters)
