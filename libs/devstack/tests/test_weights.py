import hashlib
from pathlib import Path

import pytest
from devstack import weights
from devstack.weights import Packaged, WeightsError, fetch

PARTS = (b"a" * 5_000_000, b"b" * 1_000_000)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages that carry a small model in two parts."""
    folder = tmp_path / "site/part/data"
    folder.mkdir(parents=True)
    for i, part in enumerate(PARTS):
        (folder / f"model.bin.part{i}").write_bytes(part)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).write_text("{}")
    digest = hashlib.sha256(b"".join(PARTS)).hexdigest()
    small = Packaged(("part/data/model.bin.part0", "part/data/model.bin.part1"), "part/data", sum(map(len, PARTS)), digest)
    monkeypatch.setitem(weights.PACKAGED, "small", small)
    return tmp_path / "site"


def test_parts_are_joined_and_progress_is_told(site: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    found = fetch("small", models=tmp_path / "models", site=site, progress=lambda *p: told.append(p))
    assert found.name == "small"
    assert (found.path / "model.bin").read_bytes() == b"".join(PARTS)
    assert {p.name for p in found.path.iterdir()} == {"model.bin", "model.bin.sha256", "config.json", "tokenizer.json", "vocabulary.txt"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1:] == (6_000_000, 6_000_000)


def test_weights_that_are_there_are_found_again_without_work(site: Path, tmp_path: Path) -> None:
    fetch("small", models=tmp_path / "models", site=site)
    told: list[object] = []
    fetch("small", models=tmp_path / "models", site=site, progress=lambda *p: told.append(p))
    assert told == []


def test_other_weights_than_meant_are_refused_and_not_left_behind(site: Path, tmp_path: Path) -> None:
    (site / "part/data/model.bin.part1").write_bytes(b"c" * 1_000_000)
    with pytest.raises(WeightsError, match="sha256"):
        fetch("small", models=tmp_path / "models", site=site)
    assert list((tmp_path / "models/small").glob("*model.bin*")) == []


def test_a_half_written_model_is_made_again(site: Path, tmp_path: Path) -> None:
    found = fetch("small", models=tmp_path / "models", site=site)
    (found.path / "model.bin").write_bytes(b"a")
    fetch("small", models=tmp_path / "models", site=site)
    assert (found.path / "model.bin").stat().st_size == 6_000_000


def test_a_missing_package_is_named(site: Path, tmp_path: Path) -> None:
    (site / "part/data/model.bin.part1").unlink()
    with pytest.raises(WeightsError, match=r"part/data/model\.bin\.part1"):
        fetch("small", models=tmp_path / "models", site=site)


def test_a_folder_of_ones_own_is_used_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "whisper-mine"
    folder.mkdir()
    with pytest.raises(WeightsError, match=r"model\.bin is missing"):
        fetch(str(folder), models=tmp_path, site=tmp_path)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    found = fetch(str(folder), models=tmp_path / "models", site=tmp_path)
    assert (found.name, found.path) == ("whisper-mine", folder)
    assert not (tmp_path / "models").exists()


def test_a_name_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="neither"):
        fetch("whisper-imaginary", models=tmp_path, site=tmp_path)
