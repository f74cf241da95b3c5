"""A gateway to ask (tests/standin, a real process), the pages as one visitor sees them, and the console as a real process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from console.__main__ import entrance_to
from console.adapters.entrance import COOKIE, Entrance
from console.pages import register
from console.settings import Settings
from nicegui import Client
from nicegui.testing import User
from nicegui.testing.user_simulation import user_simulation
from testkit.processes import free_port, process

STANDIN = Path(__file__).parent / "standin"


class Gateway:
    """The stand-in, and the levers that tests pull."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, path: str, **body: Any) -> Any:
        return httpx.post(f"{self.url}/_control/{path}", json=body, timeout=10).json()

    def emit(self, event: str, **data: Any) -> None:
        self.control("emit", name=event, data=data)

    def ask(self, path: str, **body: Any) -> Any:
        """As another visitor would."""
        return httpx.post(f"{self.url}{path}", json=body, headers={"Authorization": "Bearer mj_admin"}, timeout=10).raise_for_status().json()

    def get(self, path: str, key: str = "mj_admin") -> Any:
        return httpx.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {key}"}, timeout=10).raise_for_status().json()

    def caller(self, key: str) -> Any:
        return self.get("/v1/caller", key)

    @property
    def state(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/_control/state", timeout=10).json())

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [a for a in self.state["asked"] if a["path"] == path]

    def interaction(self, status: str) -> dict[str, Any]:
        return next(c for c in self.state["calls"] if c["status"] == status)


def wait_until_up(url: str, log: Path, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        try:
            httpx.get(url, timeout=1)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One stand-in for the run."""
    log, port = tmp_path_factory.mktemp("standin") / "log", free_port()
    with process([sys.executable, STANDIN, "--port", str(port)], log=log) as child:
        wait_until_up(f"http://127.0.0.1:{port}/_control/state", log, child)
        yield Gateway(f"http://127.0.0.1:{port}")


@pytest.fixture
def gateway(standin: Gateway) -> Gateway:
    """The stand-in as it was at first."""
    standin.control("break")
    standin.control("reset")
    return standin


@pytest.fixture
async def entrance(gateway: Gateway) -> AsyncIterator[Entrance]:
    async with entrance_to(Settings(gateway_url=gateway.url, gateway_timeout_s=3)) as made:
        yield made


@pytest.fixture
async def user(entrance: Entrance) -> AsyncIterator[User]:
    """A visitor without a browser. The page framework sees pages registered inside its own simulation only."""
    async with user_simulation(root=lambda: None) as visitor:
        register(entrance)
        yield visitor
        # At its end the framework takes the modules of known pages out of sys.modules; ours are imported by tests as well.
        Client.page_routes.clear()
        for client in list(Client.instances.values()):
            client.delete()


@pytest.fixture
def visit(user: User, entrance: Entrance) -> Callable[..., Any]:
    """Open a page signed in with a key of the stand-in."""

    async def open_page(path: str, key: str = "mj_admin") -> User:
        user.http_client.cookies.set(COOKIE, await entrance.sign_in(key))
        await user.open(path)
        return user

    return open_page


@contextmanager
def console_process(folder: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """The console as it runs; yields its address, the process and its log."""
    port, log = free_port(), folder / "console.log"
    settings = {"HTTP_ADDRESS": f"127.0.0.1:{port}", "METRICS_ADDRESS": "", **environment}
    with (
        log.open("ab") as out,
        subprocess.Popen([sys.executable, "-m", "console"], stdout=out, stderr=out, env=os.environ | settings, cwd=folder) as child,
    ):
        try:
            wait_until_up(f"http://127.0.0.1:{port}/healthz", log, child)
            yield f"http://127.0.0.1:{port}", child, log
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()


@pytest.fixture
def console_with(tmp_path: Path) -> Callable[..., Any]:
    """`with console_with(GATEWAY_URL=…) as (address, process, log)`."""
    return lambda **environment: console_process(tmp_path, **environment)


@pytest.fixture(scope="module")
def console(standin: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console that signs everybody in as administrator."""
    with console_process(tmp_path_factory.mktemp("console"), GATEWAY_URL=standin.url, GATEWAY_API_KEY="mj_admin") as (url, _, _):
        yield url


@pytest.fixture(scope="module")
def guarded_console(standin: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console that asks for a key."""
    with console_process(tmp_path_factory.mktemp("guarded"), GATEWAY_URL=standin.url) as (url, _, _):
        yield url
