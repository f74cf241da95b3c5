"""The real tritonserver as a process on this machine, with the model repository of services/asr/triton."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from devstack.processes import ending_with_parent

ROOT = Path(__file__).resolve().parents[4]
ENVIRONMENT = ROOT / ".venv-triton"
LOG_TAIL = 30  # lines shown when it does not start


class TritonError(Exception):
    """The server could not be started, or died; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens on 127.0.0.1."""

    http: int
    grpc: int
    metrics: int


class Triton:
    """Start with `start()` or as a context manager; `ports`, `pid` and `grpc_address` hold while it runs.

    It keeps what it generates and its log below `state`, so two servers need two folders.
    """

    def __init__(
        self,
        weights: Path,
        state: Path,
        *,
        name: str = "whisper-base",
        instances: int | None = None,
        grpc_port: int | None = None,
        environment: Path = ENVIRONMENT,
        settings: dict[str, str] | None = None,
    ) -> None:
        """`weights` is a folder as `devstack.weights.fetch` returns it; `settings` are variables of start.py."""
        self._weights = weights
        self._state = state
        self._name = name
        self._instances = instances
        self._grpc_port = grpc_port
        self._environment = environment
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: Ports | None = None

    @property
    def ports(self) -> Ports:
        """Ports of the running server."""
        if self._ports is None:
            raise TritonError("Triton is not running")
        return self._ports

    @property
    def running(self) -> bool:
        """Whether the server's process is alive; it may still be loading."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise TritonError("Triton is not running")
        return self._process.pid

    @property
    def grpc_address(self) -> str:
        """host:port of the gRPC endpoint."""
        return f"127.0.0.1:{self.ports.grpc}"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._state / "triton.log"

    def launch(self) -> None:
        """Start the process and return at once; `wait_ready` tells when it serves.

        The gRPC port is the one asked for, so that a restarted server is found where it was; what an earlier one that
        died left behind is ended. Raises TritonError.
        """
        self.stop()
        python = self._environment / "bin/python"
        if not python.exists():
            raise TritonError(f"{self._environment.name} is missing: run python3 libs/devstack/bootstrap.py")
        self._state.mkdir(parents=True, exist_ok=True)
        http, grpc, metrics = _free_ports(3)
        self._ports = Ports(http, self._grpc_port or grpc, metrics)
        env = {
            **os.environ,
            **({"TRITON_INSTANCES": str(self._instances)} if self._instances else {}),
            **self._settings,
            "WHISPER_DIR": str(self._weights),
            "WHISPER_NAME": self._name,
            "TRITON_STATE": str(self._state),
            "TRITON_HTTP_PORT": str(self._ports.http),
            "TRITON_GRPC_PORT": str(self._ports.grpc),
            "TRITON_METRICS_PORT": str(self._ports.metrics),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ending_with_parent([python, ROOT / "services/asr/triton/start.py"]),
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for who started it; the stubs of its instances are ended with it
            )

    def wait_ready(self, timeout: float = 120) -> None:
        """Block until the model answers. Raises TritonError with the end of the log when it dies or takes longer."""
        deadline = time.monotonic() + timeout
        while not self.ready():
            if not self.running:
                raise TritonError(f"Triton exited while starting:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise TritonError(f"Triton was not ready within {timeout:.0f} s:\n{self._log_tail()}")
            time.sleep(0.1)

    def ready(self) -> bool:
        """Whether the Whisper model is loaded and answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports.http}/v2/models/whisper/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def start(self, timeout: float = 120) -> "Triton":
        """`launch` and `wait_ready`."""
        self.launch()
        self.wait_ready(timeout)
        return self

    def stop(self, grace: float = 15) -> None:
        """End the server and its model processes; killed after `grace` seconds. Stopping twice is allowed."""
        process, self._process, self._ports = self._process, None, None
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the server, if it hangs, and stubs it left behind
        process.wait()

    def __enter__(self) -> "Triton":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL:])


def site_packages(environment: Path = ENVIRONMENT) -> Path:
    """The site-packages folder of the Triton environment, where the pinned weights are. Raises TritonError."""
    found = sorted(environment.glob("lib/python3.*/site-packages"))
    if not found:
        raise TritonError(f"{environment.name} is missing: run python3 libs/devstack/bootstrap.py")
    return found[-1]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
