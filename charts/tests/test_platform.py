"""The umbrella chart, and what builds and deploys it: one release that holds every service, and images that are the charts'."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from devstack.charts import SERVICES, Object, environment_of, only, pod_of, render

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
UMBRELLA = CHARTS / "mingjian"
WORKLOADS = (*SERVICES, "triton")
LOCAL = yaml.safe_load((UMBRELLA / "values.local.yaml").read_text())
SKAFFOLD = yaml.safe_load((ROOT / "skaffold.yaml").read_text())


@cache
def platform() -> tuple[Object, ...]:
    return tuple(render(UMBRELLA))


def images_of(objects: list[Object] | tuple[Object, ...]) -> set[str]:
    pods = [pod_of(o) for o in objects if o["kind"] == "Deployment"]
    return {c["image"].rpartition(":")[0] for pod in pods for c in (*pod["containers"], *pod.get("initContainers", []))}


def applied(document: Any, patches: list[dict[str, Any]]) -> Any:
    """JSON Patch as far as skaffold.yaml uses it."""
    document = json.loads(json.dumps(document))
    for patch in patches:
        *path, last = patch["path"].lstrip("/").split("/")
        at = document
        for step in path:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if patch["op"] == "remove":
            del at[last]
        elif last == "-":
            at.append(patch["value"])
        else:
            assert patch["op"] == "add" or last in at, f"{patch['path']} is not there to be replaced"
            at[last] = patch["value"]
    return document


def profile(name: str) -> Any:
    (found,) = [p for p in SKAFFOLD["profiles"] if p["name"] == name]
    return applied(SKAFFOLD, found.get("patches", []))


def test_one_release_holds_every_service_once() -> None:
    assert sorted(o["metadata"]["name"] for o in platform() if o["kind"] == "Deployment") == sorted(WORKLOADS)


def test_no_two_objects_share_a_kind_and_a_name() -> None:
    names = [(o["kind"], o["metadata"]["name"]) for o in platform()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("service", WORKLOADS)
def test_every_service_can_be_left_out_of_the_release(service: str) -> None:
    left = {o["metadata"]["name"] for o in render(UMBRELLA, {service: {"enabled": False}}) if o["kind"] == "Deployment"}
    assert left == set(WORKLOADS) - {service}


def test_global_settings_reach_every_service() -> None:
    objects = render(UMBRELLA, {"global": {"env": {"NATS_URL": "nats://elsewhere:4222"}, "imageRegistry": "images.example", "imageTag": "7"}})
    for service in SERVICES:
        assert environment_of(objects, service)[0]["NATS_URL"] == "nats://elsewhere:4222"
    assert all(image.startswith("images.example/mingjian/") for image in images_of(objects))
    assert pod_of(only(objects, "Deployment", "triton"))["initContainers"][0]["image"] == "images.example/mingjian/triton-weights:7"


def test_a_prefix_renames_objects_and_the_addresses_that_lead_to_them() -> None:
    objects = render(UMBRELLA, {"global": {"namePrefix": "blue-"}})
    services = {o["metadata"]["name"] for o in objects if o["kind"] == "Service"}
    for service in SERVICES:
        for name, value in environment_of(objects, f"blue-{service}")[0].items():
            if name.endswith("_ADDRESS") and not value.startswith(("0.0.0.0:", "[::]:")):
                assert value.partition(":")[0] in services


@pytest.mark.parametrize("service", SERVICES)
def test_every_peer_is_a_service_of_the_release_and_listens_on_that_port(service: str) -> None:
    for name, value in environment_of(platform(), service)[0].items():
        if name.endswith("_ADDRESS") and not value.startswith(("0.0.0.0:", "[::]:")):
            host, _, port = value.partition(":")
            assert int(port) in {p["port"] for p in only(platform(), "Service", host)["spec"]["ports"]}, name


def test_no_secret_value_is_rendered_only_where_to_find_it() -> None:
    assert not [o for o in platform() if o["kind"] == "Secret"]
    for service in SERVICES:
        plain, secret = environment_of(platform(), service)
        assert secret["IDENTITY_KEY"]["name"] == "mingjian"
        assert not [n for n in plain if n.endswith(("_URI", "_KEY", "_PASSWORD", "_TOKEN", "_PEPPER", "_SECRET"))], service


def test_nats_with_a_password_comes_from_the_secret() -> None:
    objects = render(UMBRELLA, {"global": {"natsUrlKey": "nats-url"}})
    plain, secret = environment_of(objects, "routing")
    assert "NATS_URL" not in plain
    assert secret["NATS_URL"] == {"name": "mingjian", "key": "nats-url", "optional": False}


def test_the_local_values_need_no_other_peoples_kinds() -> None:
    objects = render(UMBRELLA, LOCAL)
    assert {o["kind"] for o in objects}.isdisjoint({"ScaledObject", "ServiceMonitor"})
    assert {only(objects, "Deployment", s)["spec"]["replicas"] for s in WORKLOADS} == {1}
    for thing in objects:
        kubernetes_validate.validate(thing, "1.34", strict=True)


@pytest.mark.parametrize("name", ["cpu", "gpu", "local"])
def test_skaffold_builds_exactly_the_images_that_the_charts_run(name: str) -> None:
    config = profile(name)
    (release,) = config["deploy"]["helm"]["releases"]
    values: dict[str, Any] = {"triton": {"profile": release["setValues"]["triton.profile"]}}
    assert {a["image"] for a in config["build"]["artifacts"]} == images_of(render(UMBRELLA, values))


@pytest.mark.parametrize("name", ["cpu", "gpu", "local"])
def test_skaffold_gives_every_image_it_built_to_the_chart(name: str) -> None:
    config = profile(name)
    (release,) = config["deploy"]["helm"]["releases"]
    values: dict[str, Any] = {}
    for path, text in {**release["setValueTemplates"], **release["setValues"]}.items():
        at = values
        *keys, last = path.split(".")
        for key in keys:
            at = at.setdefault(key, {})
        # As Skaffold does it: the artifact's name with / and - as _, after IMAGE_REPO_ or IMAGE_TAG_.
        at[last] = text.replace("{{.IMAGE_REPO_", "built/").replace("{{.IMAGE_TAG_", "tag-").replace("}}", "")
    assert images_of(render(UMBRELLA, values)) == {"built/" + a["image"].replace("/", "_").replace("-", "_") for a in config["build"]["artifacts"]}


def test_skaffold_builds_from_files_and_stages_that_exist() -> None:
    for name in ("cpu", "gpu", "local"):
        for artifact in profile(name)["build"]["artifacts"]:
            docker = artifact["docker"]
            text = (ROOT / docker["dockerfile"]).read_text()
            assert f"AS {docker['target']}\n" in text if "target" in docker else docker["buildArgs"]["SERVICE"] in SERVICES


@pytest.mark.parametrize("file", sorted((CHARTS / "infra").glob("*.yaml")), ids=lambda f: f.stem)
def test_values_for_other_peoples_charts_are_yaml_maps(file: Path) -> None:
    assert isinstance(yaml.safe_load(file.read_text()), dict)
