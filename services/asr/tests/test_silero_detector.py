from io import BytesIO

import numpy as np
import pytest
from asr.adapters import silero_detector
from asr.adapters.pyav_audio import PyavAudio
from asr.adapters.silero_detector import SileroDetector
from asr.domain.speech import speech_spans


def test_the_turns_of_a_real_call_are_found_on_the_millisecond_scale(call: bytes, truth: list[dict[str, object]]) -> None:
    audio = PyavAudio(max_seconds=60).decode(BytesIO(call), "wav")
    detector = SileroDetector()
    for number, role in enumerate(("agent", "customer")):
        spans = speech_spans(detector.probabilities(audio.channels[number]), audio.duration_ms)
        for turn in truth:
            if turn["role"] == role:
                start, end = float(str(turn["start"])) * 1000, float(str(turn["end"])) * 1000
                assert min(abs(s.start_ms - start) for s in spans) < 250
                assert min(abs(s.end_ms - end) for s in spans) < 350


def test_noise_and_silence_are_not_speech() -> None:
    detector = SileroDetector()
    noise = np.random.default_rng(0).normal(0, 650, 16_000 * 5).astype(np.int16)
    assert speech_spans(detector.probabilities(noise), 5000) == []
    assert speech_spans(detector.probabilities(np.zeros(16_000, np.int16)), 1000) == []


def test_no_audio_has_no_frames() -> None:
    assert SileroDetector().probabilities(np.zeros(0, np.int16)).shape == (0,)


def test_a_recording_longer_than_a_block_is_one_sequence(call: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = PyavAudio(max_seconds=60).decode(BytesIO(call), "wav").channels[0]
    detector = SileroDetector()
    at_once = detector.probabilities(samples)
    monkeypatch.setattr(silero_detector, "BLOCK", 97)
    assert detector.probabilities(samples) == pytest.approx(at_once, abs=1e-4)
