import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def start(from_repository: Callable[[str], ModuleType]) -> ModuleType:
    return from_repository("start.py")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "model.bin").write_bytes(b"weights")
    return {"WHISPER_DIR": str(tmp_path), "WHISPER_NAME": "whisper-base"}


def rendered(start: ModuleType, environ: dict[str, str], target: Path) -> str:
    repository = start.render_repository(environ, target)
    return str((repository / "whisper/config.pbtxt").read_text(encoding="utf-8"))


def test_the_cpu_profile_has_one_instance_for_each_core(start: ModuleType, environ: dict[str, str], tmp_path: Path) -> None:
    config = rendered(start, environ | {"TRITON_INSTANCES": "6"}, tmp_path / "out")
    assert "instance_group [ { kind: KIND_CPU count: 6 } ]" in config
    assert 'key: "compute_type" value: { string_value: "int8" }' in config
    assert "max_batch_size: 8" in config


def test_the_gpu_profile_comes_from_the_same_template(start: ModuleType, environ: dict[str, str], tmp_path: Path) -> None:
    config = rendered(start, environ | {"TRITON_PROFILE": "gpu"}, tmp_path / "out")
    assert "instance_group [ { kind: KIND_GPU count: 1 } ]" in config
    assert 'key: "device" value: { string_value: "cuda" }' in config
    assert "max_batch_size: 64" in config


def test_the_model_files_stand_beside_the_configuration(start: ModuleType, environ: dict[str, str], tmp_path: Path) -> None:
    start.render_repository(environ, tmp_path / "out")
    assert {p.name for p in (tmp_path / "out/whisper/1").iterdir()} == {"model.py", "recognition.py"}


def test_the_version_names_engine_precision_and_weights(start: ModuleType, environ: dict[str, str]) -> None:
    version = start.configuration(environ)["model_version"]
    assert re.fullmatch(r"ctranslate2-[\d.]+/int8/sha256-[0-9a-f]{16}", version)
    (Path(environ["WHISPER_DIR"]) / "model.bin").write_bytes(b"other weights")
    assert start.configuration(environ)["model_version"] != version


def test_quotes_in_a_prompt_cannot_break_the_configuration(start: ModuleType, environ: dict[str, str], tmp_path: Path) -> None:
    config = rendered(start, environ | {"WHISPER_PROMPT": '他说"你好"\n'}, tmp_path / "out")
    assert '{ string_value: "他说\\"你好\\"\\n" }' in config


@pytest.mark.parametrize(
    ("name", "value"), [("TRITON_PROFILE", "tpu"), ("TRITON_INSTANCES", "0"), ("TRITON_INSTANCES", "many"), ("WHISPER_BEAM", "99"), ("WHISPER_DIR", "")]
)
def test_a_wrong_setting_ends_the_start_with_its_name(start: ModuleType, environ: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SystemExit, match=name):
        start.configuration(environ | {name: value})


def test_a_folder_without_weights_ends_the_start(start: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"model\.bin"):
        start.configuration({"WHISPER_DIR": str(tmp_path)})
