"""Silero's voice activity detector, the ONNX file that faster-whisper carries, run over whole recordings at once."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from asr.domain.speech import FRAME_SAMPLES, Pcm, as_float

CONTEXT = 64  # samples of the frame before that the model wants in front of each frame
BLOCK = 10_000  # frames a run: 320 s; the state is handed on, so the blocks make one sequence


class SileroDetector:
    """One session on one thread; it is called from several threads, which the session allows."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # hours of audio would stay reserved
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(_model_file()), options, providers=["CPUExecutionProvider"])

    def probabilities(self, samples: Pcm) -> NDArray[np.float32]:
        """Probability of speech in each frame of 512 samples at 16 kHz, the last one filled up with silence."""
        state_h, state_c = np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)
        last = np.zeros(CONTEXT, np.float32)
        found = [np.zeros(0, np.float32)]
        for first in range(0, len(samples), BLOCK * FRAME_SAMPLES):
            block = as_float(samples[first : first + BLOCK * FRAME_SAMPLES])
            block = np.pad(block, (0, -len(block) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
            before = np.concatenate([last[None], block[:-1, -CONTEXT:]])
            last = block[-1, -CONTEXT:]
            out, state_h, state_c = self._session.run(None, {"input": np.concatenate([before, block], axis=1), "h": state_h, "c": state_c})
            found.append(out.reshape(-1).astype(np.float32))
        return np.concatenate(found)


def _model_file() -> Path:
    """Found without importing the package, which would load a whole inference engine."""
    spec = find_spec("faster_whisper")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("faster-whisper, which carries the voice activity detector, is not installed")
    files = sorted(Path(spec.submodule_search_locations[0], "assets").glob("silero_vad*.onnx"))
    if not files:
        raise RuntimeError("faster-whisper carries no silero_vad*.onnx")
    return files[-1]
