"""The pages in a real browser, where one is installed: they draw, fetch nothing from outside, and a link leads to its moment."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-component-update",
)


def browse(url: str, folder: Path, *extra: str, showing: str = "") -> subprocess.CompletedProcess[str]:
    """What the page is after some seconds of its own time; the browser's own log is on stderr.

    Its own time runs ahead of a busy machine's: a page that does not yet show what it will (a pattern) is opened again for longer.
    """
    command = [
        str(CHROMIUM),
        *FLAGS,
        f"--user-data-dir={folder}",
        "--enable-logging=stderr",
        "--window-size=1280,900",
        *extra,
    ]
    for seconds in (8, 32, 128, 512, 512, 512):
        done = subprocess.run([*command, f"--virtual-time-budget={seconds * 1000}", url], capture_output=True, text=True, timeout=120, check=True)
        if re.search(showing, done.stdout):
            break
    return done


@needs_chromium
def test_a_link_to_a_moment_marks_its_turn(console: str, gateway: Any, tmp_path: Path) -> None:
    call = next(c for c in gateway.state["calls"] if c["metadata"]["product"] == "宽带" and c["status"] == "scored")
    marked = r'class="[^"]*\basked\b[^"]*" id="turn-t6"'
    page = browse(f"{console}/interactions/{call['interaction_id']}#turn=t6", tmp_path, "--dump-dom", showing=marked).stdout
    turn = re.search(r'<div class="([^"]*)" id="turn-t6"', page)
    assert turn is not None
    assert "asked" in turn[1].split()
    assert 'data-items="no_shirking"' in page


@needs_chromium
def test_the_list_is_drawn_without_an_error_and_without_an_outside_host(console: str, gateway: Any, tmp_path: Path) -> None:
    net_log = tmp_path / "net.json"
    done = browse(f"{console}/interactions", tmp_path, f"--log-net-log={net_log}", "--dump-dom", showing="转写中")
    assert "转写中" in done.stdout
    assert "Uncaught" not in done.stderr
    assert "Content Security Policy" not in done.stderr
    # The browser's own services have no part in this: what the page asks for carries the console as its initiator.
    asked = set(re.findall(r'"initiator":"' + re.escape(console) + r'"[^}]*?"url":"([^"]+)"', net_log.read_text(errors="replace")))
    assert {u for u in asked if not u.startswith((console, console.replace("http", "ws")))} == set()


@needs_chromium
def test_the_dashboard_draws_its_charts(console: str, gateway: Any, tmp_path: Path) -> None:
    page = browse(f"{console}/dashboard", tmp_path, "--dump-dom", showing="<canvas").stdout
    assert "首次解决率" in page
    assert len(re.findall("<canvas", page)) >= 3


@needs_chromium
def test_clocks_of_the_board_run_by_the_second(console: str, gateway: Any, tmp_path: Path) -> None:
    # In the browser's own time the page is some seconds old, so a clock shows less than the server wrote.
    page = browse(f"{console}/tickets", tmp_path, "--dump-dom", showing=r'class="mj-tile mj-timed good').stdout
    assert len(re.findall(r"data-left=", page)) > 5
    shown = re.search(r'data-left="(\d+)"[^>]*>剩 (?:(\d+) 天 )?(\d+):(\d\d):(\d\d)<', page)
    assert shown is not None
    days, hours, minutes, seconds = (int(part or 0) for part in shown.groups()[1:])
    assert 0 < days * 86_400 + hours * 3_600 + minutes * 60 + seconds < int(shown[1])


@needs_chromium
def test_a_year_a_timeline_and_the_editor_are_drawn(console: str, gateway: Any, tmp_path: Path) -> None:
    done = browse(f"{console}/service-levels", tmp_path, "--dump-dom", showing=r"(?s)<canvas.*<canvas.*cm-content")
    assert len(re.findall("<canvas", done.stdout)) >= 2
    assert "cm-content" in done.stdout
    assert "Uncaught" not in done.stderr
    assert "Content Security Policy" not in done.stderr


@needs_chromium
def test_a_proof_is_drawn(console: str, gateway: Any, tmp_path: Path) -> None:
    ticket = next(t for t in gateway.state["tickets"] if t.get("rectification", {}).get("calls"))
    done = browse(f"{console}/rectifications/{ticket['ticket_id']}", tmp_path, "--dump-dom", showing="<canvas")
    assert re.search(r'data-clip="/audio/[^"]+"', done.stdout)
    assert "Uncaught" not in done.stderr


@needs_chromium
def test_the_rule_editor_draws_its_file_beside_what_was_found(console: str, gateway: Any, tmp_path: Path) -> None:
    done = browse(f"{console}/scorecards/telecom/edit", tmp_path, "--dump-dom", showing=r'class="cm-line"[\s\S]*没有发现问题')
    assert 'class="cm-line"' in done.stdout
    assert "没有发现问题" in done.stdout
    assert "Uncaught" not in done.stderr
    assert "Content Security Policy" not in done.stderr


@needs_chromium
def test_the_mood_is_drawn_with_the_moment_it_tipped(console: str, gateway: Any, tmp_path: Path) -> None:
    call = next(c for c in gateway.state["calls"] if c["metadata"]["product"] == "宽带" and c["status"] == "scored")
    done = browse(f"{console}/interactions/{call['interaction_id']}?tab=mood", tmp_path, "--dump-dom", showing=r"<canvas[\s\S]*未能挽回|未能挽回[\s\S]*<canvas")
    assert "未能挽回" in done.stdout
    assert "<canvas" in done.stdout
    assert "Uncaught" not in done.stderr
