"""Recognition by Triton with many clients against faster-whisper's defaults and against a model that loops over its batch.

All three get the same clips, weights, precision and cores, one after the other in the same run.
"""

import json
import os
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from devstack.character_errors import errors
from devstack.triton import ENVIRONMENT, ROOT, Triton, site_packages
from devstack.weights import fetch

MODEL = "whisper-base"
CALLS = ROOT / "e2e/calls"
PEERS = Path(__file__).parent / "peers"
CLIENTS = 16
ALONE = 16  # clips sent one after the other
MARGIN_MS = 200  # around each turn, as the service itself leaves

Row = tuple[str, float, float, float]
Clip = dict[str, Any]


def run(console: Console, calls: Path = CALLS) -> list[Row]:
    """Print and return (what, ours, peer, ratio) for the calls in a folder, each a WAV with its true turns beside it.

    Speeds are in x real time of the speech, errors in share of characters, latencies in seconds.
    """
    weights = fetch(MODEL, models=ROOT / ".mingjian/models", site=site_packages()).path
    clips = [c for wav in sorted(calls.glob("*.wav")) for c in _clips(wav)]
    cores = len(os.sched_getaffinity(0))
    with TemporaryDirectory(prefix="mingjian-bench-") as folder:
        state = Path(folder)
        ours, alone = _served(console, "our model in Triton", weights, state / "ours", clips, {})
        loop, loop_alone = _served(console, "a looping model in Triton", weights, state / "loop", clips, {"TRITON_CODE": str(PEERS / "looping_model")})
        with console.status("faster-whisper, defaults"):
            direct = _recognized(clips, state, "direct", str(weights), str(cores))
    speech = sum(c["end_ms"] - c["start_ms"] for c in clips) / 1000
    rows = [
        _row(f"x real time, {CLIENTS} clients, against faster-whisper's defaults", speech / ours["seconds"], speech / direct["seconds"]),
        _row(f"x real time, {CLIENTS} clients, against a looping model", speech / ours["seconds"], speech / loop["seconds"]),
        _row("p50 of one request alone in s, against a looping model", median(alone["each"]), median(loop_alone["each"])),
        _row("character errors, against faster-whisper's defaults", _error_rate(clips, ours), _error_rate(clips, direct)),
        _row("character errors, against a looping model", _error_rate(clips, ours), _error_rate(clips, loop)),
    ]
    table = Table(f"{len(clips)} clips, {speech / 60:.1f} min of speech, {cores} cores", "ours", "peer", "ratio")
    for what, mine, theirs, ratio in rows:
        table.add_row(what, f"{mine:.3g}", f"{theirs:.3g}", f"{ratio:.2f}")
    console.print(table)
    return rows


def _clips(wav: Path) -> list[Clip]:
    """The turns of one call, where they truly are."""
    truth = json.loads(wav.with_suffix(".truth.json").read_text(encoding="utf-8"))
    return [
        {
            "file": str(wav),
            "channel": int(turn["role"] == "customer"),
            "start_ms": max(0, int(turn["start"] * 1000) - MARGIN_MS),
            "end_ms": int(turn["end"] * 1000) + MARGIN_MS,
            "text": turn["text"],
        }
        for turn in truth
    ]


def _served(console: Console, what: str, weights: Path, state: Path, clips: list[Clip], settings: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All clips with many clients, and a few with a single one."""
    with console.status(what), Triton(weights, state, settings=settings) as server:
        together = _recognized(clips, state, "triton", server.grpc_address, str(CLIENTS))
        return together, _recognized(clips[:ALONE], state, "triton", server.grpc_address, "1")


def _recognized(clips: list[Clip], folder: Path, *how: str) -> dict[str, Any]:
    listed = folder / "clips.json"
    listed.write_text(json.dumps(clips), encoding="utf-8")
    command = [str(ENVIRONMENT / "bin/python"), str(PEERS / "recognize_clips.py"), str(listed), *how]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=1800)
    answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return answer


def _error_rate(clips: list[Clip], result: dict[str, Any]) -> float:
    pairs = [errors(clip["text"], text) for clip, text in zip(clips, result["texts"], strict=True)]
    return sum(wrong for wrong, _ in pairs) / sum(length for _, length in pairs)


def _row(what: str, ours: float, peer: float) -> Row:
    return what, ours, peer, ours / peer
