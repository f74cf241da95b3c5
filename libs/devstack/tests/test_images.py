"""How images are built and started: what is given to the engine. `python -m devstack.images --check` does it for real."""

import shutil
from pathlib import Path

import pytest
from devstack import images
from devstack.charts import SERVICES, only, pod_of, render
from devstack.image_check import Site, environment, run_flags
from devstack.images import GPU_IMAGE, ROOT, SERVICE_IMAGES, TRITON_IMAGES, ImageError, build_command, pip_configuration


@pytest.fixture(autouse=True)
def podman(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name == "podman" else None)


def site(tmp_path: Path) -> Site:
    ports = {name: {"grpc": 40000 + n, "metrics": 41000 + n, "http": 42000 + n} for n, name in enumerate((*SERVICES, "triton"))}
    return Site("nats://127.0.0.1:4999", ports, {"mongo-uri": "mongodb://127.0.0.1:5"}, tmp_path)


def test_every_service_has_an_image_and_all_come_from_one_file() -> None:
    assert {i.name for i in SERVICE_IMAGES} == {p.parent.name for p in (ROOT / "services").glob("*/pyproject.toml")}
    assert {i.dockerfile for i in SERVICE_IMAGES} == {"services/Dockerfile"}


@pytest.mark.parametrize("image", [*SERVICE_IMAGES, *TRITON_IMAGES, GPU_IMAGE], ids=lambda i: i.name)
def test_every_argument_and_stage_is_one_the_file_knows(image: images.Image) -> None:
    text = (ROOT / image.dockerfile).read_text()
    assert all(f"ARG {name}" in text for name in image.arguments)
    assert not image.target or f" AS {image.target}\n" in text


def test_no_file_an_image_is_built_from_names_an_index() -> None:
    for file in ("services/Dockerfile", "services/asr/triton/Dockerfile", "services/bare.sh", ".dockerignore"):
        text = (ROOT / file).read_text()
        assert "index-url" not in text
        assert "https://" not in text, file


def test_the_way_to_the_index_goes_into_a_build_as_a_secret_and_never_as_an_argument() -> None:
    command = build_command(SERVICE_IMAGES[0], "dev", base="python:3", secrets={"pip.conf": Path("/tmp/x/pip.conf")})
    assert "id=pip.conf,src=/tmp/x/pip.conf" in command
    assert [a for a in command if a.startswith(("PIP_", "UV_"))] == []
    assert {"BASE_IMAGE=python:3", "SERVICE=ingestion"} <= set(command)


def test_pips_configuration_is_handed_on_without_what_names_this_machine() -> None:
    text, authority = pip_configuration(
        "global.index-url='https://packages.example/simple'\n"
        "global.extra-index-url='file:///opt/simple https://more.example/simple'\n"
        "global.find-links='/opt/wheels'\n"
        "global.cert='/etc/ssl/own.crt'\n"
    )
    assert "index-url = https://packages.example/simple\n" in text
    assert "extra-index-url = https://more.example/simple\n" in text
    assert "/opt" not in text
    assert "cert = /run/secrets/ca.crt" in text
    assert authority == "/etc/ssl/own.crt"


def test_a_variable_wins_over_pips_files() -> None:
    text, _ = pip_configuration(":env:.index-url='https://variable.example'\nglobal.index-url='https://file.example'\n")
    assert "https://variable.example" in text
    assert "https://file.example" not in text


def test_no_configuration_at_all_is_an_empty_file() -> None:
    assert pip_configuration("") == ("[global]\n\n", "")


def test_without_an_engine_the_error_says_which_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ImageError, match="podman nor docker"):
        images.engine()


def test_an_unknown_image_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        images.main(["billing"])
    assert "no image billing" in capsys.readouterr().err


def test_a_container_gets_what_its_pod_gets(tmp_path: Path) -> None:
    pod = pod_of(only(render(ROOT / "charts/triton"), "Deployment"))
    flags = run_flags(pod, {"weights": tmp_path})
    assert {"--read-only", "--user=10001:10001", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=4g", "--shm-size=512m"} <= set(flags)
    assert f"--volume={tmp_path}:/weights:ro" in flags
    assert "--tmpfs=/tmp:rw,exec,mode=1777,size=2g" in flags


def test_a_container_listens_where_the_charts_values_say_and_finds_its_peers(tmp_path: Path) -> None:
    here = site(tmp_path)
    objects = render(ROOT / "charts/asr", here.values("asr"))
    env = environment(objects, {**here.secret, "identity-key": "k"})
    assert env["GRPC_ADDRESS"] == f"[::]:{here.ports['asr']['grpc']}"
    assert env["INGESTION_ADDRESS"] == f"127.0.0.1:{here.ports['ingestion']['grpc']}"
    assert env["TRITON_ADDRESS"] == f"127.0.0.1:{here.ports['triton']['grpc']}"
    assert env["NATS_URL"] == "nats://127.0.0.1:4999"
    assert env["MONGO_URI"] == "mongodb://127.0.0.1:5"


def test_a_secret_without_a_needed_key_is_named_and_an_optional_one_left_out(tmp_path: Path) -> None:
    here = site(tmp_path)
    with pytest.raises(ImageError, match="no key identity-key"):
        environment(render(ROOT / "charts/routing", here.values("routing")), here.secret)
    gateway = render(ROOT / "charts/gateway", here.values("gateway"))
    assert "BOOTSTRAP_API_KEY" not in environment(gateway, {**here.secret, "identity-key": "k", "api-key-pepper": "p"})
