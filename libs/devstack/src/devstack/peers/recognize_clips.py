"""Recognise clips, by Triton with many clients or by faster-whisper's `transcribe` with its defaults, and say how long it took.

Arguments: a JSON file with [{"file", "channel", "start_ms", "end_ms"}], then `triton ADDRESS CLIENTS` or
`direct WEIGHTS THREADS`. Prints JSON: seconds for all clips (loading and decoding not counted), texts in order, and the
seconds each took. Runs in the environment that holds faster-whisper.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import av
import numpy as np

RATE = 16_000
LANGUAGE = "zh"


def main() -> None:
    listed, how, *rest = sys.argv[1:]
    clips = [_decoded(s["file"])[s["channel"], s["start_ms"] * 16 : s["end_ms"] * 16] for s in json.loads(Path(listed).read_text(encoding="utf-8"))]
    recognize, clients = _triton(rest[0], int(rest[1])) if how == "triton" else _direct(rest[0], int(rest[1]))
    for clip in clips[:2]:
        recognize(clip)  # the first runs pay for warming up
    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        results = list(pool.map(lambda clip: _timed(recognize, clip), clips))
        seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "texts": [t for t, _ in results], "each": [s for _, s in results]}))


def _timed(recognize: Callable[[np.ndarray], str], clip: np.ndarray) -> tuple[str, float]:
    began = time.perf_counter()
    return recognize(clip), time.perf_counter() - began


@cache
def _decoded(file: str) -> np.ndarray:
    """[channels, samples] at 16 kHz, float32."""
    resampler = av.AudioResampler(format="fltp", rate=RATE)
    with av.open(file) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([f.to_ndarray() for f in frames], axis=1)


def _triton(address: str, clients: int) -> tuple[Callable[[np.ndarray], str], int]:
    import tritonclient.grpc as triton

    client = triton.InferenceServerClient(address)

    def recognize(clip: np.ndarray) -> str:
        audio = triton.InferInput("AUDIO", [1, len(clip)], "FP32")
        audio.set_data_from_numpy(np.ascontiguousarray(clip[None]))
        return str(client.infer("whisper", [audio], client_timeout=300).as_numpy("TEXT")[0, 0].decode())

    return recognize, clients


def _direct(weights: str, threads: int) -> tuple[Callable[[np.ndarray], str], int]:
    from faster_whisper import WhisperModel

    model = WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=threads)
    return lambda clip: "".join(s.text for s in model.transcribe(clip, language=LANGUAGE)[0]), 1


if __name__ == "__main__":
    main()
