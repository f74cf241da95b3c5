"""Child processes of the platform: started, watched, restarted when they die, and gone when their parent is."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_TAIL_LINES = 15


class Died(Exception):
    """A process ended that must run; the message ends with the last lines of its log."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def port_is_free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def ending_with_parent(command: Sequence[str | Path]) -> list[str]:
    """The command, run so that a parent that is killed takes it along (Linux).

    A small program asks the kernel for that and then becomes the command. Asking in subprocess's preexec_fn would fork this
    process with all its threads, and gRPC's do not survive that.
    """
    plain = [str(c) for c in command]
    if sys.platform != "linux":
        return plain
    ask = f"import ctypes,os,sys;ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG},{signal.SIGTERM.value});os.execv(sys.argv[1],sys.argv[1:])"
    return [sys.executable, "-ISc", ask, *plain]


class Process:
    """One program with its environment and its log; `start` again after it died is allowed."""

    def __init__(self, name: str, command: list[str | Path], env: dict[str, str], log: Path) -> None:
        self.name, self._command, self._env, self.log = name, [str(c) for c in command], env, log
        self._child: subprocess.Popen[bytes] | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        """Raises Died where it does not run."""
        if self._child is None:
            raise Died(f"{self.name} is not running")
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it. Call from the main thread: the child ends with the thread that started it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                ending_with_parent(self._command), env={**os.environ, **self._env}, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1

    def terminate(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code; killed where it takes longer than this."""
        if self._child is None:
            return None
        try:
            code = self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            code = self._child.wait()
        self._child = None
        return code

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]) if self.log.exists() else ""


def stop_all(processes: list[Process], grace_s: float) -> dict[str, int | None]:
    """Ask all to end at once, wait for each, and return their exit codes."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace_s
    return {p.name: p.wait(max(0.1, deadline - time.monotonic())) for p in processes}
