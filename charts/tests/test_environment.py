"""What a chart puts into a service's environment is what that service's settings read, and all they must have."""

import importlib
import json
from pathlib import Path

import pytest
from chassis.settings import ServiceSettings
from devstack.charts import SERVICES, environment_of, render

CHARTS = Path(__file__).resolve().parents[1]
# Read by libraries, not by our settings.
LIBRARIES = {"NICEGUI_STORAGE_PATH"}


def settings_of(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"{service}.settings")
    (found,) = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, ServiceSettings) and c.__module__ == module.__name__]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_the_chart_sets_is_read(service: str) -> None:
    plain, secret = environment_of(render(CHARTS / service))
    known = {name.upper() for name in settings_of(service).model_fields} | LIBRARIES
    assert (plain.keys() | secret.keys()) - known == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_that_has_no_default_is_set(service: str) -> None:
    plain, secret = environment_of(render(CHARTS / service))
    needed = {name.upper() for name, f in settings_of(service).model_fields.items() if f.is_required()}
    assert needed - plain.keys() - {n for n, ref in secret.items() if not ref["optional"]} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_no_default_of_a_laptop_is_left_in_a_cluster(service: str) -> None:
    plain, secret = environment_of(render(CHARTS / service))
    laptops = {n.upper() for n, f in settings_of(service).model_fields.items() if isinstance(f.default, str) and "127.0.0.1" in f.default}
    unused = {"NATS_URL", "MONGO_URI"} if service == "console" else set()
    assert laptops - plain.keys() - secret.keys() - unused == set()


@pytest.mark.parametrize("service", SERVICES)
def test_the_settings_take_what_the_chart_sets(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, secret = environment_of(render(CHARTS / service))
    for name, value in {**plain, **{n: f"value of {ref['key']}" for n, ref in secret.items()}}.items():
        monkeypatch.setenv(name, value)
    read = settings_of(service)()
    assert read.metrics_address == plain["METRICS_ADDRESS"]
    assert read.identity_key == "value of identity-key"


def test_the_readme_explains_every_key_of_the_schema() -> None:
    readme = (CHARTS / "base/README.md").read_text()
    properties = json.loads((CHARTS / "base/values.schema.json").read_text())["properties"]
    keys = {*properties, *properties["global"]["properties"]} - {"base"}
    assert {k for k in keys if f"`{k}" not in readme and f"`{k}." not in readme} == set()
