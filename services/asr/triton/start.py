#!/usr/bin/env python3
"""Start tritonserver with the Whisper model: fill in the model repository for this machine, then become the server.

Needs the standard library alone. With the `cpu` profile the server is the one that the nvidia-pytriton wheel carries
in the environment of the Python that runs this file; with `gpu` it is the `tritonserver` of Triton's own image.
Environment (all optional but WHISPER_DIR):

  WHISPER_DIR        folder with model.bin, config.json, tokenizer.json and the vocabulary, as CTranslate2 loads them
  WHISPER_NAME       name of the model that transcripts carry; the folder's name if not given
  WHISPER_LANGUAGE   language expected, ISO 639-1, or auto; zh
  WHISPER_PROMPT     text before the speech, in the language expected
  WHISPER_BEAM       beams of the decoder, 1 to 16
  WHISPER_COMPUTE    CTranslate2 compute type; int8 (cpu), float16 (gpu)
  TRITON_PROFILE     cpu or gpu; cpu
  TRITON_INSTANCES   copies of the model: one for each core (cpu), 1 per GPU (gpu)
  TRITON_CODE        folder with the model's Python files; models/whisper/1 beside this file
  TRITON_STATE       folder for what is generated here; a temporary one
  TRITON_ADDRESS     address to listen on; 127.0.0.1
  TRITON_HTTP_PORT, TRITON_GRPC_PORT, TRITON_METRICS_PORT   8000, 8001, 8002
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import string
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROMPT = "以下是普通话的句子。"
MAX_BATCH = {"cpu": 8, "gpu": 64}


def main() -> None:
    """Prepare what the server needs and replace this process by it."""
    state = Path(os.environ.get("TRITON_STATE") or tempfile.mkdtemp(prefix="triton-"))
    repository = render_repository(os.environ, state / "models")
    profile = os.environ.get("TRITON_PROFILE", "cpu")
    server, backends, env = _bundled_server(state) if profile == "cpu" else _image_server()
    command = [
        server,
        f"--model-repository={repository}",
        f"--backend-directory={backends}",
        "--disable-auto-complete-config",
        "--exit-timeout-secs=10",
        "--allow-sagemaker=false",
        "--allow-vertex-ai=false",
    ]
    address = os.environ.get("TRITON_ADDRESS", "127.0.0.1")
    for protocol, port in (("http", "8000"), ("grpc", "8001"), ("metrics", "8002")):
        command += [f"--{protocol}-address={address}", f"--{protocol}-port={os.environ.get(f'TRITON_{protocol.upper()}_PORT', port)}"]
    os.execve(server, command, env)


def render_repository(environ: Mapping[str, str], target: Path) -> Path:
    """Write the model repository that fits `environ` below `target` and return it.

    Raises SystemExit naming the variable that is missing or wrong.
    """
    model = target / "whisper"
    (model / "1").mkdir(parents=True, exist_ok=True)
    template = string.Template((HERE / "models/whisper/config.pbtxt.in").read_text(encoding="utf-8"))
    (model / "config.pbtxt").write_text(template.substitute(configuration(environ)), encoding="utf-8")
    for left in (model / "1").glob("*.py"):
        left.unlink()  # of an earlier version
    for source in Path(environ.get("TRITON_CODE") or HERE / "models/whisper/1").glob("*.py"):
        shutil.copyfile(source, model / "1" / source.name)
    return target


def configuration(environ: Mapping[str, str]) -> dict[str, str]:
    """Values of the template's fields, each checked."""
    profile = environ.get("TRITON_PROFILE", "cpu")
    if profile not in MAX_BATCH:
        raise SystemExit(f"TRITON_PROFILE: {profile!r} is neither cpu nor gpu")
    gpu = profile == "gpu"
    folder = Path(environ.get("WHISPER_DIR") or _missing("WHISPER_DIR", "the folder with the model's weights")).resolve()
    if not (folder / "model.bin").is_file():
        raise SystemExit(f"WHISPER_DIR: no model.bin in {folder}")
    compute = environ.get("WHISPER_COMPUTE", "float16" if gpu else "int8")
    return {
        "kind": "KIND_GPU" if gpu else "KIND_CPU",
        "instances": str(_number(environ, "TRITON_INSTANCES", 1 if gpu else len(os.sched_getaffinity(0)), most=256)),
        "max_batch_size": str(MAX_BATCH[profile]),
        "max_queue_size": str(64 * MAX_BATCH[profile]),
        "model_dir": _quoted(str(folder)),
        "model_name": _quoted(environ.get("WHISPER_NAME") or folder.name),
        "model_version": _quoted(f"ctranslate2-{importlib.metadata.version('ctranslate2')}/{compute}/sha256-{_sha256(folder / 'model.bin')[:16]}"),
        "device": "cuda" if gpu else "cpu",
        "compute_type": _quoted(compute),
        "language": _quoted(environ.get("WHISPER_LANGUAGE", "zh")),
        "prompt": _quoted(environ.get("WHISPER_PROMPT", PROMPT)),
        "beam_size": str(_number(environ, "WHISPER_BEAM", 5, most=16)),
    }


def _bundled_server(state: Path) -> tuple[str, Path, dict[str, str]]:
    """tritonserver from the wheel, its Python backend with the stub for this Python, and its environment."""
    site = Path(sysconfig.get_path("purelib"))
    bundled = site / "pytriton/tritonserver"
    stub = bundled / f"python_backend_stubs/{sys.version_info[0]}.{sys.version_info[1]}/triton_python_backend_stub"
    if not stub.is_file():
        raise SystemExit(f"no Triton stub for Python {sys.version_info[0]}.{sys.version_info[1]} in {bundled}; is nvidia-pytriton installed?")
    backends = state / "backends"
    shutil.copytree(bundled / "backends", backends, dirs_exist_ok=True)
    shutil.copy2(stub, backends / "python/triton_python_backend_stub")
    libraries = [sysconfig.get_config_var("LIBDIR"), str(site / "nvidia_pytriton.libs"), os.environ.get("LD_LIBRARY_PATH")]
    return (
        str(bundled / "bin/tritonserver"),
        backends,
        {
            **os.environ,
            "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
            # The stub embeds Python and takes for its own the first python3 of the path, with that one's packages.
            "PATH": f"{sysconfig.get_path('scripts')}:{os.environ.get('PATH', os.defpath)}",
            # Instances are as many as cores: a second thread in one of them only takes a core from another.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        },
    )


def _image_server() -> tuple[str, Path, dict[str, str]]:
    return "/opt/tritonserver/bin/tritonserver", Path("/opt/tritonserver/backends"), dict(os.environ)


def _missing(name: str, meaning: str) -> str:
    raise SystemExit(f"{name} is not set: {meaning}")


def _number(environ: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    text = environ.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise SystemExit(f"{name}: {text!r} is not a number from 1 to {most}")
    return int(text)


def _quoted(text: str) -> str:
    """Inside the quotes of a protobuf text field; JSON escapes are a subset of its escapes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(4 << 20):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    main()
