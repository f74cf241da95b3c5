"""The whole platform, as processes on this machine (--target=local) or wherever MINGJIAN_URL and MINGJIAN_KEY say (--target=cluster)."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from devstack.platform import Platform
from rest import client, load_calls

HERE = Path(__file__).parent
OWN_CALLS = HERE / "calls"
SHARED_CALLS = HERE.parents[1] / "shared/calls"


@pytest.fixture(scope="session")
def platform(request, tmp_path_factory, collector):
    if request.config.getoption("--target") == "cluster":
        pytest.skip("processes are ours to kill on the local target only")
    with Platform(tmp_path_factory.mktemp("platform"), env={"*": {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}}) as running:
        yield running


@pytest.fixture(scope="session")
def target(request):
    """Where the platform is: (url, key)."""
    if request.config.getoption("--target") == "cluster":
        return os.environ["MINGJIAN_URL"], os.environ["MINGJIAN_KEY"]
    platform = request.getfixturevalue("platform")
    return platform.url, platform.api_key


@pytest.fixture(scope="session")
def key(target):
    """Clients for API keys, closed at the end."""
    with ExitStack() as clients:
        yield lambda secret: clients.enter_context(client(target[0], secret))


@pytest.fixture(scope="session")
def admin(target, key):
    return key(target[1])


@pytest.fixture(scope="session")
def viewer(admin, key):
    """A key that may read what is masked and nothing more."""
    secret = admin.post("/v1/api-keys", {"name": "e2e viewer", "role": "viewer"})["secret"]
    return key(secret)


@pytest.fixture(scope="session")
def calls():
    """The two calls that ship with the project."""
    return load_calls(OWN_CALLS)


@pytest.fixture(scope="session")
def seven_calls():
    if not SHARED_CALLS.exists():
        pytest.skip("the seven spoken calls are not beside this checkout")
    return load_calls(SHARED_CALLS)

