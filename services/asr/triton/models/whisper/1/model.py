"""Triton's side of the recogniser: tensors in, tensors out; the recognising is in recognition.py beside this file."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils
from recognition import LONGEST, RATE, SHORTEST, Clip, Options, Recognized, Whisper


class TritonPythonModel:
    """One instance: one thread on a CPU, one stream of batches on a GPU."""

    def initialize(self, args):
        """Load the weights named by the parameters of config.pbtxt."""
        parameters = {k: v["string_value"] for k, v in json.loads(args["model_config"])["parameters"].items()}
        self._whisper = Whisper(
            parameters["model_dir"],
            Options(
                device=parameters["device"],
                device_index=int(args["model_instance_device_id"]) if parameters["device"] == "cuda" else 0,
                compute_type=parameters["compute_type"],
                language=parameters["language"],
                prompt=parameters["prompt"],
                beam_size=int(parameters["beam_size"]),
            ),
        )

    def execute(self, requests):
        """Recognise the sound clips of a batch together; a malformed one is refused alone."""
        clips, faults = [], {}
        for i, request in enumerate(requests):
            samples = pb_utils.get_input_tensor_by_name(request, "AUDIO").as_numpy().reshape(-1)
            language = json.loads(request.parameters() or "{}").get("language", "")
            if fault := _fault(samples) or self._unknown(language):
                faults[i] = fault
            else:
                clips.append(Clip(samples, language))
        heard = iter(self._whisper.recognize(clips))
        return [_refusal(faults[i]) if i in faults else _response(next(heard)) for i in range(len(requests))]

    def _unknown(self, language):
        return f"language: {language!r} is none the model knows" if language and not self._whisper.knows(language) else None


def _fault(samples):
    if len(samples) < SHORTEST:
        return f"AUDIO: {len(samples)} samples, at least {SHORTEST} are needed"
    if len(samples) > LONGEST:
        return f"AUDIO: {len(samples) / RATE:.1f} s, at most {LONGEST / RATE:.0f} s are taken"
    if not np.isfinite(samples).all():
        return "AUDIO: holds a sample that is not a number"
    return None


def _refusal(fault):
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(fault, pb_utils.TritonError.INVALID_ARG))


def _response(heard: Recognized):
    return pb_utils.InferenceResponse(
        output_tensors=[
            pb_utils.Tensor("TEXT", np.array([[heard.text.encode()]], dtype=object)),
            pb_utils.Tensor("AVG_LOGPROB", np.array([[heard.avg_logprob]], dtype=np.float32)),
            pb_utils.Tensor("NO_SPEECH_PROB", np.array([[heard.no_speech_prob]], dtype=np.float32)),
            pb_utils.Tensor("LANGUAGE", np.array([[heard.language.encode()]], dtype=object)),
        ]
    )
