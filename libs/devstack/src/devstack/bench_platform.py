"""Transcription through the whole platform against faster-whisper called directly on the same segments, weights and cores."""

import asyncio
import json
import os
import subprocess
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
from chassis.messaging import connected, subject_of
from mingjian.asr.v1.events_pb2 import TranscriptCompleted
from nats.aio.msg import Msg
from rich.console import Console
from rich.table import Table

from devstack.platform import MODEL, MODELS, ROOT, Platform
from devstack.triton import site_packages
from devstack.weights import fetch

CALLS = tuple(sorted((ROOT / "e2e/calls").glob("*.wav")))
IN_FLIGHT = 20
ROUNDS = 3

Row = tuple[str, float, float, float]


def run(console: Console) -> list[Row]:
    """Rounds of platform and peer, one after the other; prints and returns (what, platform, peer, ratio), in x real time."""
    weights = fetch(MODEL, models=MODELS, site=site_packages()).path
    with TemporaryDirectory(prefix="mingjian-bench-") as folder:
        with console.status("starting the platform"):
            platform = Platform(Path(folder)).start()
        try:
            sent, ours, theirs = list(_copies()), [], []
            seconds = sum(_seconds(p) for p in sent)
            # The peer takes one call after the other, so each of them once says how fast it is.
            alone = sum(_seconds(p) for p in CALLS)
            segments = _segments(platform, asyncio.run(_through(platform, list(CALLS), "warm"))[1], list(CALLS))
            for n in range(ROUNDS):
                with console.status(f"round {n + 1} of {ROUNDS}: the platform"):
                    ours.append(seconds / asyncio.run(_through(platform, sent, f"round{n}"))[0])
                with console.status(f"round {n + 1} of {ROUNDS}: faster-whisper, defaults"):
                    theirs.append(alone / _direct(weights, segments, Path(folder)))
        finally:
            platform.stop()
    row = (f"{len(sent)} calls, {seconds / 60:.0f} min of audio, {IN_FLIGHT} in flight", median(ours), median(theirs), median(ours) / median(theirs))
    table = Table("upload -> TranscriptCompleted", "platform, x real time", "faster-whisper defaults", "ratio (aim 3)")
    table.add_row(row[0], f"{row[1]:.1f}", f"{row[2]:.1f}", f"{row[3]:.2f}")
    console.print(table)
    return [row]


def _copies() -> Iterator[Path]:
    for n in range(IN_FLIGHT):
        yield CALLS[n % len(CALLS)]


def _seconds(wav: Path) -> float:
    with wave.open(str(wav)) as w:
        return float(w.getnframes() / w.getframerate())


async def _through(platform: Platform, calls: list[Path], name: str) -> tuple[float, list[str]]:
    """Seconds from the first upload to the last TranscriptCompleted, and the interactions."""
    done: set[str] = set()
    all_done = asyncio.Event()
    async with (
        connected(platform.nats_url, "bench", publishes=False) as events,
        httpx.AsyncClient(base_url=platform.url, headers={"Authorization": f"Bearer {platform.api_key}"}, timeout=120) as http,
    ):
        async def completed(message: Msg) -> None:
            done.add(TranscriptCompleted.FromString(message.data).interaction.interaction_id)
            if len(done) >= len(calls):
                all_done.set()

        subscription = await events.nc.subscribe(subject_of(TranscriptCompleted), cb=completed)
        bodies = [p.read_bytes() for p in calls]

        async def upload(n: int) -> str:
            metadata = {"external_id": f"bench-{name}-{n}", "industry": "telecom"}
            parts: dict[str, tuple[str | None, bytes | str, str]] = {"metadata": (None, json.dumps(metadata), "application/json")}
            parts["audio"] = (f"{n}.wav", bodies[n], "audio/wav")
            answer = await http.post("/v1/interactions", files=parts)
            answer.raise_for_status()
            return str(answer.json()["interaction_id"])

        began = time.perf_counter()
        ids = await asyncio.gather(*(upload(n) for n in range(len(calls))))
        async with asyncio.timeout(600):
            await all_done.wait()
        taken = time.perf_counter() - began
        await subscription.unsubscribe()
        return taken, list(ids)


def _segments(platform: Platform, ids: list[str], calls: list[Path]) -> list[dict[str, object]]:
    """What the platform heard as speech, so that the peer hears the same."""
    segments: list[dict[str, object]] = []
    with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {platform.api_key}"}, timeout=30) as http:
        for interaction_id, call in zip(ids, calls, strict=True):
            while http.get(f"/v1/interactions/{interaction_id}").json()["status"] != "scored":
                time.sleep(0.2)
            segments.extend(
                {"wav": str(call), "channel": int(turn["role"] == "customer"), "start_ms": turn["start_ms"], "end_ms": turn["end_ms"]}
                for turn in http.get(f"/v1/interactions/{interaction_id}/transcript").json()["turns"]
            )
    return segments


def _direct(weights: Path, segments: list[dict[str, object]], folder: Path) -> float:
    listed = folder / "segments.json"
    listed.write_text(json.dumps(segments))
    script = Path(__file__).parent / "peers/direct_transcribe.py"
    result = subprocess.run(
        [ROOT / ".venv-triton/bin/python", script, weights, listed, str(os.cpu_count() or 1)], capture_output=True, text=True, check=True, timeout=1800
    )
    return float(json.loads(result.stdout.splitlines()[-1])["seconds"])
