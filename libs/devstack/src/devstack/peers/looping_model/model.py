"""The usual way to put Whisper into Triton: a batch is a loop over its requests. What the bench compares with."""
# mypy: ignore-errors
# (it is loaded by Triton, whose module is nowhere else)

import json

import numpy as np
import triton_python_backend_utils as pb_utils
from faster_whisper import WhisperModel


class TritonPythonModel:
    """Same weights, precision and threads as the real model; one request after the other, greedy, in windows of 30 s."""

    def initialize(self, args):
        """Load the weights."""
        parameters = {k: v["string_value"] for k, v in json.loads(args["model_config"])["parameters"].items()}
        self._language, self._prompt = parameters["language"], parameters["prompt"]
        self._whisper = WhisperModel(parameters["model_dir"], device="cpu", compute_type=parameters["compute_type"], cpu_threads=1)

    def execute(self, requests):
        """Recognise each request by itself."""
        return [self._answer(pb_utils.get_input_tensor_by_name(r, "AUDIO").as_numpy().reshape(-1)) for r in requests]

    def _answer(self, samples):
        segments = list(self._whisper.transcribe(samples, language=self._language, initial_prompt=self._prompt, beam_size=1)[0])
        text = "".join(s.text for s in segments)
        logprob = float(np.mean([s.avg_logprob for s in segments])) if segments else 0.0
        silent = max((s.no_speech_prob for s in segments), default=1.0)
        return pb_utils.InferenceResponse(
            output_tensors=[
                pb_utils.Tensor("TEXT", np.array([[text.encode()]], dtype=object)),
                pb_utils.Tensor("AVG_LOGPROB", np.array([[logprob]], dtype=np.float32)),
                pb_utils.Tensor("NO_SPEECH_PROB", np.array([[silent]], dtype=np.float32)),
                pb_utils.Tensor("LANGUAGE", np.array([[self._language.encode()]], dtype=object)),
            ]
        )
