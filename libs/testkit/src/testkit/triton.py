"""pytest fixture: the real tritonserver with the Whisper model, one per test session."""

from collections.abc import Iterator

import pytest
from devstack.triton import ENVIRONMENT, ROOT, Triton, site_packages
from devstack.weights import fetch


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    """A running server; `triton.grpc_address` is where it answers. Skips where .venv-triton is missing."""
    if not (ENVIRONMENT / "bin/python").exists():
        pytest.skip(f"{ENVIRONMENT.name} is missing; python3 libs/devstack/bootstrap.py makes it")
    weights = fetch("whisper-base", models=ROOT / ".mingjian/models", site=site_packages())
    with Triton(weights.path, tmp_path_factory.mktemp("triton"), name=weights.name) as server:
        yield server
