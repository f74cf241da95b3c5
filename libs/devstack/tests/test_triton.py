import os
import time
from pathlib import Path

import pytest
from devstack.triton import ENVIRONMENT, Triton, TritonError, site_packages


def test_a_missing_environment_is_named(tmp_path: Path) -> None:
    with pytest.raises(TritonError, match=r"bootstrap\.py"):
        Triton(tmp_path, tmp_path / "state", environment=tmp_path / ".venv-triton").start()
    with pytest.raises(TritonError, match=r"bootstrap\.py"):
        site_packages(tmp_path / ".venv-triton")


def test_ports_are_there_only_while_it_runs(tmp_path: Path) -> None:
    with pytest.raises(TritonError, match="not running"):
        _ = Triton(tmp_path, tmp_path / "state").ports


@pytest.mark.skipif(not ENVIRONMENT.exists(), reason=".venv-triton is missing")
def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(TritonError, match=r"WHISPER_DIR: no model\.bin"):
        Triton(tmp_path, tmp_path / "state").start()


@pytest.mark.skipif(not ENVIRONMENT.exists(), reason=".venv-triton is missing")
def test_weights_that_are_none_end_the_start_with_the_servers_own_words(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    began = time.monotonic()
    with pytest.raises(TritonError, match="failed to load"):
        Triton(tmp_path, tmp_path / "state", instances=1).start()
    assert time.monotonic() - began < 60


def test_a_running_server_answers_and_is_a_process_of_its_own(triton: Triton) -> None:
    assert triton.ready()
    assert os.getpgid(triton.pid) == triton.pid != os.getpgid(0)
    assert triton.grpc_address == f"127.0.0.1:{triton.ports.grpc}"
