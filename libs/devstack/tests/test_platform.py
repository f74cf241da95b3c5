"""What `make up` promises to whoever kills it, checked on processes of its own kind."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from devstack.platform import ROOT, end_leftovers
from devstack.processes import Died, Process, ending_with_parent, stop_all

SLEEPER = [sys.executable, "-c", f"import time; '{ROOT}'; time.sleep(60)"]


def gone(pid):
    """Not there, or only its entry in the table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_ends_with_the_process_that_started_it():
    started = f"import subprocess; print(subprocess.Popen({ending_with_parent(SLEEPER)!r}).pid, flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", started], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        time.sleep(0.5)  # until the child has asked the kernel
        assert not gone(child)
        parent.kill()
    deadline = time.monotonic() + 10
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(child)


def test_what_a_killed_run_left_is_ended_and_other_processes_are_let_be(tmp_path):
    description = tmp_path / "dev.json"
    stranger = subprocess.Popen(["sleep", "60"])
    ours = subprocess.Popen(SLEEPER)
    try:
        time.sleep(0.3)
        description.write_text(json.dumps({"url": "http://here", "pid": ours.pid, "pids": {}}))
        with pytest.raises(Died, match="already up, at http://here"):
            end_leftovers(description)
        description.write_text(json.dumps({"url": "http://here", "pid": stranger.pid, "pids": {"nlp": ours.pid, "sleep": stranger.pid}}))
        assert end_leftovers(description) == ["nlp"]
        assert ours.wait(5) < 0
        assert stranger.poll() is None
        assert not description.exists()
        assert end_leftovers(description) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ignores_sigterm_is_killed(tmp_path):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    process = Process("deaf", [sys.executable, "-c", deaf], dict(os.environ), tmp_path / "deaf.log")
    process.start()
    deadline = time.monotonic() + 10
    while "deaf" not in process.tail() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stop_all([process], 0.5) == {"deaf": -9}


@pytest.mark.parametrize("given", ["", "{", "[]"])
def test_metadata_that_is_no_object_is_refused(tmp_path, given):
    import typer
    from devstack.demo import metadata_for

    call = tmp_path / "call.wav"
    call.touch()
    if given:
        with pytest.raises(typer.BadParameter):
            metadata_for(call, given)
    else:
        assert metadata_for(call, given) == {}
