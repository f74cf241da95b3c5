"""The whole platform as processes on this machine: embedded servers, Triton and every service."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import grpc
from grpc_health.v1 import health_pb2

from devstack.processes import Died, Process, free_port, stop_all
from devstack.triton import Triton, site_packages
from devstack.weights import fetch

ROOT = Path(__file__).resolve().parents[4]
SCRIPTS = Path(sysconfig.get_path("scripts"))
SERVICES = ("ingestion", "asr", "nlp", "routing", "knowledge", "reporting", "gateway", "console")
TENANT = "demo"
MODEL = "whisper-base"
MODELS = ROOT / ".mingjian/models"
_START_S = 120.0
_STOP_S = 20.0
_RESTART_PAUSE_S = 0.5

Progress = Callable[[str], None]


class Platform:
    """Start with `start()` or as a context manager; everything it keeps lies below `folder`.

    `env` adds variables to services, by service name or "*" for all. With `watch()` called now and then, what dies is started again.
    """

    def __init__(self, folder: Path, *, gateway_port: int = 0, env: dict[str, dict[str, str]] | None = None, without: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self._extra = env or {}
        self._without = without
        self.ports = {s: free_port() for s in (*SERVICES, *(f"{s}-metrics" for s in SERVICES), "gateway-http", "console-http", "nats", "mongo", "triton")}
        if gateway_port:
            self.ports["gateway-http"] = gateway_port
        self.url = f"http://127.0.0.1:{self.ports['gateway-http']}"
        self.console_url = f"http://127.0.0.1:{self.ports['console-http']}"
        self.nats_url = f"nats://127.0.0.1:{self.ports['nats']}"
        self.mongo_uri = f"mongodb://127.0.0.1:{self.ports['mongo']}/?directConnection=true"
        self.processes: dict[str, Process] = {}
        self._triton: Triton | None = None
        self._died: dict[str, float] = {}

    # -- life -------------------------------------------------------------------------------------------------------------------

    def start(self, progress: Progress = lambda _: None) -> "Platform":
        """Start everything and return once it all answers. Raises Died with the end of the log of what did not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.api_key = self._kept("api-key", lambda: f"mj_{secrets.token_urlsafe(32)}")
        self._identity_key = self._kept("identity-key", lambda: secrets.token_hex(32))
        try:
            self._start_servers(progress)
            for service in SERVICES:
                if service not in self._without:
                    self._start(service, [sys.executable, "-m", service], self._environment(service))
            for service in SERVICES:
                if service not in self._without:
                    progress(f"waiting for {service}")
                    self._until(lambda s=service: self._answers(s), service)  # type: ignore[misc]
            if self._triton:
                progress("waiting for the speech model")
                self._triton.wait_ready(_START_S)
        except BaseException:
            self.stop()
            raise
        return self

    def _start_servers(self, progress: Progress) -> None:
        progress("starting nats-server and the MongoDB-wire server")
        config = self.folder / "nats.conf"
        config.write_text(
            f'jetstream {{ store_dir: "{self.folder / "jetstream"}", max_file_store: 40G }}\n'
            f'listen: "127.0.0.1:{self.ports["nats"]}"\nmax_payload: 8MB\n'
        )
        self._start("nats", [SCRIPTS / "nats-server", "-c", config], {})
        self._start("mongo", [SCRIPTS / "secantusd-py", "--port", str(self.ports["mongo"]), "--storage-path", self.folder / "mongo"], {})
        if "triton" not in self._without:
            progress(f"speech model {MODEL}")
            weights = fetch(MODEL, models=MODELS, site=site_packages(), progress=lambda what, done, total: progress(f"{what} {done * 100 // total} %"))
            progress("starting Triton")
            self._triton = Triton(weights.path, self.folder / "triton", grpc_port=self.ports["triton"])
            self._triton.launch()
        for name in ("nats", "mongo"):
            self._until(lambda n=name: _accepts(self.ports[n]), name)  # type: ignore[misc]

    def stop(self) -> dict[str, int | None]:
        """End everything, services first, and return the exit codes."""
        codes = stop_all([p for n, p in self.processes.items() if n in SERVICES], _STOP_S)
        if self._triton:
            self._triton.stop()
            self._triton = None
        codes |= stop_all([p for n, p in self.processes.items() if n not in SERVICES], _STOP_S)
        self.processes.clear()
        return codes

    def watch(self) -> list[str]:
        """Start again what has died since the last look, each after a short pause, and return the names."""
        again = []
        for name, process in self.processes.items():
            if process.alive:
                self._died.pop(name, None)
            elif name not in self._died:
                self._died[name] = time.monotonic()
            elif time.monotonic() - self._died[name] > _RESTART_PAUSE_S * min(process.starts, 20):
                process.start()
                again.append(name)
        if self._triton and not self._triton.running:
            self._triton.launch()
            again.append("triton")
        return again

    def kill(self, name: str) -> None:
        """kill -9 one process; `restart` or `watch` brings it back."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Start one that was killed, and wait until it answers."""
        self.processes[name].start()
        if name in SERVICES:
            self._until(lambda: self._answers(name), name)
        else:
            self._until(lambda: _accepts(self.ports[name]), name)

    def add_tenant(self, tenant: str) -> str:
        """Another company on this platform: the secret of its administrator's key."""
        command = [sys.executable, "-m", "gateway", "add-tenant", tenant]
        made = subprocess.run(command, env={**os.environ, **self._environment("gateway")}, capture_output=True, text=True, check=True, timeout=60)
        return made.stdout.strip()

    @property
    def pids(self) -> dict[str, int]:
        pids = {name: process.pid for name, process in self.processes.items() if process.alive}
        if self._triton and self._triton.running:
            pids["triton"] = self._triton.pid
        return pids

    @property
    def triton(self) -> Triton:
        if self._triton is None:
            raise Died("triton is not running")
        return self._triton

    def describe(self) -> dict[str, object]:
        """What a client on this machine needs, as written to dev.json."""
        return {
            "url": self.url, "api_key": self.api_key, "console_url": self.console_url, "nats_url": self.nats_url, "mongo_uri": self.mongo_uri,
            "grpc": {s: f"127.0.0.1:{self.ports[s]}" for s in SERVICES if s != "console"},
            "metrics": {s: f"http://127.0.0.1:{self.ports[f'{s}-metrics']}/metrics" for s in SERVICES if s != "console"},
            "tenant": TENANT, "pid": os.getpid(), "pids": self.pids,
            "logs": str(self.folder / "logs"),
        }

    def __enter__(self) -> "Platform":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # -- inside -----------------------------------------------------------------------------------------------------------------

    def _environment(self, service: str) -> dict[str, str]:
        env = {
            "NATS_URL": self.nats_url, "MONGO_URI": self.mongo_uri, "GRPC_ADDRESS": f"127.0.0.1:{self.ports[service]}",
            "METRICS_ADDRESS": f"127.0.0.1:{self.ports[f'{service}-metrics']}",
            "IDENTITY_KEY": self._identity_key, "OTEL_EXPORTER_OTLP_ENDPOINT": os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
            **{f"{peer.upper()}_ADDRESS": f"127.0.0.1:{self.ports[peer]}" for peer in SERVICES if peer not in ("gateway", "console")},
        }
        own = {
            "ingestion": {"BLOB_URL": (self.folder / "blobs").resolve().as_uri()},
            "asr": {"TRITON_ADDRESS": self._triton.grpc_address if self._triton else "127.0.0.1:1"},
            "gateway": {
                "HTTP_ADDRESS": f"127.0.0.1:{self.ports['gateway-http']}", "BOOTSTRAP_API_KEY": self.api_key, "BOOTSTRAP_TENANT": TENANT,
                "API_KEY_PEPPER": self._identity_key,
            },
            "console": {
                "HTTP_ADDRESS": f"127.0.0.1:{self.ports['console-http']}", "GATEWAY_URL": self.url, "GATEWAY_API_KEY": self.api_key,
                "STORAGE_SECRET": self._identity_key,
            },
        }
        return env | own.get(service, {}) | self._extra.get("*", {}) | self._extra.get(service, {})

    def _start(self, name: str, command: list[str | Path], env: dict[str, str]) -> None:
        process = Process(name, command, env, self.folder / "logs" / f"{name}.log")
        process.start()
        self.processes[name] = process

    def _until(self, ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + _START_S
        while not ready():
            process = self.processes[name]
            if not process.alive:
                raise Died(f"{name} ended while starting:\n{process.tail()}")
            if time.monotonic() > deadline:
                raise Died(f"{name} did not answer within {_START_S:.0f} s:\n{process.tail()}")
            time.sleep(0.05)

    def _answers(self, service: str) -> bool:
        if service == "console":
            return _responds(f"{self.console_url}/readyz")
        with grpc.insecure_channel(f"127.0.0.1:{self.ports[service]}") as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check", request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.RpcError:
                return False
        serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
        return serving and (service != "gateway" or _responds(f"{self.url}/readyz"))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """A secret made once and found again, readable by its owner alone."""
        path = self.folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(make())
        return path.read_text()


def write_description(platform: Platform, path: Path) -> None:
    """Write dev.json in one step: a reader sees the old or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(platform.describe(), indent=2))
    shutil.move(temporary, path)


def end_leftovers(path: Path) -> list[str]:
    """End what a killed `up` left running, as its dev.json names it, and return the names; a process that is not of this checkout is let be.

    Raises Died where that `up` still runs.
    """
    if not path.exists():
        return []
    described = json.loads(path.read_text())
    if _is_ours(described["pid"]):
        raise Died(f"this checkout's platform is already up, at {described['url']}: stop it first (process {described['pid']})")
    left = {name: pid for name, pid in described["pids"].items() if _is_ours(pid)}
    for sig, patience_s in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience_s
        for pid in left.values():
            with suppress(ProcessLookupError):
                os.kill(pid, sig)
        while any(_is_ours(pid) for pid in left.values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not any(_is_ours(pid) for pid in left.values()):
            break
    path.unlink()
    return list(left)


def _is_ours(pid: int) -> bool:
    try:
        return str(ROOT).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


def _responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
