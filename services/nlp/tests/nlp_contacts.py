"""Contacts written as short tables, and the spoken calls where they are at hand."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn, in_order

SHARED = Path(os.environ.get("MINGJIAN_SHARED", Path(__file__).resolve().parents[4] / "shared"))
DIALOGUES = Path(__file__).parent / "dialogues"
MS_PER_CHARACTER = 220
WRITTEN = ("chat", "app", "online")


def contact(turns: Sequence[Mapping[str, Any]], meta: Mapping[str, str] | None = None, *, timed: bool = True) -> Dialogue:
    """Turns as `{agent: words}` or `{customer: words, gap: seconds}`, one after the other; `confidence` in `meta` is the recogniser's."""
    meta = meta or {}
    channel = meta.get("channel", "hotline")
    timed = timed and channel not in WRITTEN
    sure = float(meta.get("confidence", 1.0))
    now = 500
    made: list[Turn] = []
    for number, entry in enumerate(turns):
        role = Role.AGENT if "agent" in entry else Role.CUSTOMER
        start = now + int(float(entry.get("gap", 0.5)) * 1000) if made else now
        end = start + len(entry[role.value]) * MS_PER_CHARACTER
        made.append(Turn(f"t{number + 1}", role, entry[role.value], start if timed else None, end if timed else None, sure))
        now = end
    attributes = {name: meta.get(name, "") for name in ("product", "customer_tier")}
    interaction = Interaction("i1", meta.get("industry", ""), channel, meta.get("direction", "inbound"), attributes, spoken=channel not in WRITTEN)
    return Dialogue(interaction, tuple(made))


def said(*lines: str, **meta: str) -> Dialogue:
    """Turns as "a: words" and "c: words"."""
    return contact([{"agent" if line[0] == "a" else "customer": line[3:]} for line in lines], meta)


def cases() -> Iterator[dict[str, Any]]:
    """The written contacts with what an inspector would conclude."""
    for file in sorted(DIALOGUES.glob("*.yaml")):
        yield from yaml.safe_load(file.read_text())


def recorded_calls() -> Iterator[tuple[dict[str, Any], Dialogue]]:
    """The spoken calls with their true words and times, where they are at hand."""
    for file in sorted((SHARED / "calls").glob("*.yaml")):
        script = yaml.safe_load(file.read_text())
        truth = json.loads(file.with_suffix(".truth.json").read_text())
        turns = [Turn(f"t{n + 1}", Role(t["role"]), t["text"], int(t["start"] * 1000), int(t["end"] * 1000)) for n, t in enumerate(truth)]
        meta = script["meta"]
        yield script, Dialogue(Interaction(file.stem, meta["industry"], meta["channel"], "inbound", {"product": meta["product"]}), in_order(turns))
