"""Real servers as child processes: started on a free port, waited for, ended by their own handle."""

import json
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SCRIPTS = Path(sysconfig.get_path("scripts"))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def process(command: list[str | Path], *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command running while the block runs; its output goes to `log`."""
    with log.open("ab") as out, subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT) as child:
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


@contextmanager
def nats_server(folder: Path, *, port: int = -1) -> Iterator[str]:
    """A nats-server with JetStream that keeps its streams in `folder`; yields its URL."""
    ports = folder / "ports"
    ports.mkdir(parents=True, exist_ok=True)
    for old in ports.glob("*.ports"):
        old.unlink()
    config = folder / "nats.conf"
    config.write_text(
        f'jetstream {{ store_dir: "{folder / "js"}", max_file_store: 40G }}\n'
        f'listen: "127.0.0.1:{port}"\nports_file_dir: "{ports}"\nmax_payload: 8MB\n'
    )
    with process([SCRIPTS / "nats-server", "-c", config], log=folder / "nats.log") as child:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and child.poll() is None:
            for file in ports.glob("*.ports"):
                with suppress(json.JSONDecodeError):
                    yield json.loads(file.read_text())["nats"][0]
                    return
            time.sleep(0.01)
        raise RuntimeError(f"nats-server did not start: {(folder / 'nats.log').read_text()[-2000:]}")


@contextmanager
def mongo_server(folder: Path, *, port: int = 0, storage: str = ":memory:") -> Iterator[str]:
    """A MongoDB-wire server on WiredTiger; yields its URI."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    log = folder / "mongo.log"
    with process([SCRIPTS / "secantusd-py", "--port", str(port), "--storage-path", storage], log=log) as child:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and child.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
                yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
                return
            time.sleep(0.02)
        raise RuntimeError(f"the MongoDB-wire server did not start: {log.read_text()[-2000:]}")
