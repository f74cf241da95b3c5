"""Charts rendered by the real Helm engine, offline, as the objects a cluster would get."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import helm_python
import yaml

SERVICES = ("ingestion", "asr", "nlp", "routing", "knowledge", "reporting", "gateway", "console")

Object = dict[str, Any]


def render(chart: Path, values: Mapping[str, Any] | None = None, *, name: str = "mingjian", namespace: str = "mingjian") -> list[Object]:
    """Every object of the chart. Raises helm_python.HelmError where Helm or the chart's schema refuses the values."""
    with _quiet(), helm_python.Chart.load(chart) as loaded:
        rendered: dict[str, str] = loaded.render(dict(values or {}), name=name, namespace=namespace)
    return [document for file, text in rendered.items() if file.endswith(".yaml") for document in yaml.safe_load_all(text) if document]


@contextmanager
def _quiet() -> Iterator[None]:
    """Helm writes a line to standard error for each symbolic link, and every chart is joined to `base` by one. Errors are raised."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 (no path, a device)
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def only(objects: Sequence[Object], kind: str, name: str = "") -> Object:
    """The one object of this kind, and of this name where one is given. Raises LookupError where there is none or more."""
    found = [o for o in objects if o["kind"] == kind and name in ("", o["metadata"]["name"])]
    if len(found) != 1:
        raise LookupError(f"{len(found)} objects of kind {kind} {name}, not one")
    return found[0]


def pod_of(deployment: Object) -> Object:
    """The pod's spec inside a Deployment."""
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def environment_of(objects: Sequence[Object], name: str = "") -> tuple[dict[str, str], dict[str, Object]]:
    """What the container gets: plain variables, and variables that refer to a key of a Secret ({name, key, optional})."""
    container = pod_of(only(objects, "Deployment", name))["containers"][0]
    plain: dict[str, str] = {}
    for source in container.get("envFrom", []):
        plain |= only(objects, "ConfigMap", source["configMapRef"]["name"])["data"] or {}
    secret = {e["name"]: e["valueFrom"]["secretKeyRef"] for e in container.get("env", []) if "valueFrom" in e}
    # As in a pod, `env` wins over `envFrom`.
    return {name: value for name, value in plain.items() if name not in secret}, secret
