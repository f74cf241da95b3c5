"""What one image needs of the lock: its own service's packages, all of them hashed, and nobody else's."""

import pytest
from devstack.charts import SERVICES
from devstack.images import ROOT
from devstack.lockfile import entries, members, pins, requirements, resolved, select

LOCK = """\
av==18.1.0 ; python_full_version < '3.12' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
av==19.0.2 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
Ruamel_Yaml==1.0 \\
    --hash=sha256:dd
"""


def test_a_name_pinned_twice_by_marker_keeps_both_entries() -> None:
    assert select(LOCK, ["AV"]).count("--hash") == 3


def test_names_are_compared_as_an_index_does() -> None:
    assert select(LOCK, ["ruamel.yaml"]).startswith("Ruamel_Yaml==1.0")


def test_a_name_the_lock_does_not_pin_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the lock: numpy"):
        select(LOCK, ["av", "numpy"])


def test_pins_are_the_lock_without_hashes() -> None:
    assert pins(LOCK) == "av==18.1.0 ; python_full_version < '3.12'\nav==19.0.2 ; python_full_version >= '3.12'\nRuamel_Yaml==1.0\n"


def test_names_are_read_from_pips_report() -> None:
    assert resolved('{"install": [{"metadata": {"name": "grpcio"}}, {"metadata": {"name": "PyYAML"}}]}') == ["grpcio", "PyYAML"]


def test_every_entry_of_the_real_lock_is_hashed() -> None:
    found = entries((ROOT / "requirements.lock").read_text())
    assert len(found) > 100
    assert all("--hash=sha256:" in block for _, block in found)


@pytest.mark.parametrize("service", SERVICES)
def test_libraries_come_before_what_stands_on_them_and_no_other_service_comes_along(service: str) -> None:
    names = [folder.name for folder in members(ROOT, service)]
    assert names[-1] == service
    assert set(names) & set(SERVICES) == {service}
    assert "devstack" not in names
    assert "testkit" not in names
    assert "chassis" not in names or names.index("wire") < names.index("chassis")


@pytest.mark.parametrize("service", SERVICES)
def test_everything_a_service_asks_for_is_pinned(service: str) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    names = [r.partition(">")[0].partition("[")[0].partition("<")[0].partition("=")[0].strip() for r in requirements(ROOT, service)]
    assert select(lock, names)


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(ValueError, match="no service 'billing'"):
        members(ROOT, "billing")
