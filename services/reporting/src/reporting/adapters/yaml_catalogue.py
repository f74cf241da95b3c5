"""The KPI catalogue and the compliance lists from YAML: checked line by line when the service starts."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from reporting.domain.figures import Compliance
from reporting.domain.kpis import AT_LEAST, AT_MOST, UNITS, Catalogue, Kpi, checked_target

_FIELDS = frozenset(Kpi.__dataclass_fields__)
_SIDES = ("script", "process")


class BadCatalogue(ValueError):
    """A catalogue file says something that cannot be counted; the message names the line's KPI and field."""


def load_catalogue(path: str = "") -> Catalogue:
    """Every KPI in the file's order. Raises BadCatalogue."""
    lines = _read(path, "kpis.yaml")
    if not isinstance(lines, list) or not lines:
        raise BadCatalogue("the KPI catalogue must be a list")
    made = tuple(_kpi(line) for line in lines)
    if len({k.kpi for k in made}) != len(made):
        raise BadCatalogue("a KPI is named twice")
    return Catalogue(made)


def load_compliance(path: str = "") -> Compliance:
    """Which items count as script and which as process. Raises BadCatalogue."""
    sides = _read(path, "compliance.yaml")
    items: dict[str, str] = {}
    dimensions: dict[str, str] = {}
    if not isinstance(sides, dict) or set(sides) != set(_SIDES):
        raise BadCatalogue("the compliance lists must be script and process")
    for side in _SIDES:
        for key, into in (("items", items), ("dimensions", dimensions)):
            for each in sides[side].get(key, ()):
                if into.setdefault(str(each), side) != side:
                    raise BadCatalogue(f"{each} is both script and process")
    return Compliance(items, dimensions)


def _read(path: str, shipped: str) -> Any:
    text = Path(path).read_text("utf-8") if path else (resources.files("reporting.catalogue") / shipped).read_text("utf-8")
    return yaml.safe_load(text)


def _kpi(line: Mapping[str, Any]) -> Kpi:
    if not isinstance(line, dict) or not line.get("kpi"):
        raise BadCatalogue(f"no KPI: {line!r}")
    name = line["kpi"]
    if unknown := set(line) - _FIELDS:
        raise BadCatalogue(f"{name}: unknown fields {sorted(unknown)}")
    if missing := {"title", "definition", "unit"} - set(line):
        raise BadCatalogue(f"{name}: missing {sorted(missing)}")
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in line.items()}
    kpi = Kpi(**given)
    if kpi.unit not in UNITS:
        raise BadCatalogue(f"{name}: unit must be one of {sorted(UNITS)}")
    if kpi.sense not in ("", AT_LEAST, AT_MOST):
        raise BadCatalogue(f"{name}: sense must be {AT_LEAST} or {AT_MOST}")
    if bool(kpi.numerator) == (kpi.share is not None):
        raise BadCatalogue(f"{name}: needs a numerator or a share")
    if kpi.target is not None:
        checked_target(kpi, kpi.target)
    return kpi
