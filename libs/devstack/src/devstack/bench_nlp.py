"""Evaluations per second of the quality engine on one core, in a process of its own: devstack knows services as programs only."""

import json
import subprocess
import sys

from rich.console import Console
from rich.table import Table

AIM_PER_S = 100.0
_TIMEOUT_S = 120

Row = tuple[str, float, float, float]


def run(console: Console) -> list[Row]:
    """Prints and returns (what, evaluations/s, aim, ratio)."""
    with console.status("judging a call of 60 turns again and again"):
        done = subprocess.run([sys.executable, "-m", "nlp.bench"], capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
    figures = json.loads(done.stdout)
    what = f"{figures['turns']:.0f} turns, {figures['items']:.0f} items, {figures['phrases']:.0f} phrases"
    row = (what, figures["evaluations_per_s"], AIM_PER_S, figures["evaluations_per_s"] / AIM_PER_S)
    table = Table("one evaluation, masking included", "per second and core", "ms each", f"ratio to the aim of {AIM_PER_S:.0f}/s")
    table.add_row(what, f"{row[1]:.0f}", f"{figures['ms_per_evaluation']:.1f}", f"{row[3]:.2f}")
    console.print(table)
    return [row]
