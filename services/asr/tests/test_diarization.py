from io import BytesIO

import numpy as np
from asr.adapters.pyav_audio import PyavAudio
from asr.adapters.silero_detector import SileroDetector
from asr.domain.diarization import by_speaker
from asr.domain.speech import Span, speech_spans


def test_two_voices_mixed_to_one_channel_are_told_apart(call: bytes, truth: list[dict[str, object]]) -> None:
    audio = PyavAudio(max_seconds=60).decode(BytesIO(call), "wav")
    mixed = audio.channels[0] // 2 + audio.channels[1] // 2
    speakers = by_speaker(mixed, speech_spans(SileroDetector().probabilities(mixed), audio.duration_ms))
    assert len(speakers) == 2
    right = wrong = 0
    for turn in truth:
        true = Span(int(float(str(turn["start"])) * 1000), int(float(str(turn["end"])) * 1000))
        for number, spans in enumerate(speakers):
            common = sum(true.overlap_ms(s) for s in spans)
            if number == ("agent", "customer").index(str(turn["role"])):
                right += common
            else:
                wrong += common
    assert right / (right + wrong) > 0.95


def test_one_voice_stays_one(call: bytes) -> None:
    audio = PyavAudio(max_seconds=60).decode(BytesIO(call), "wav")
    alone = audio.channels[0]
    spans = speech_spans(SileroDetector().probabilities(alone), audio.duration_ms)
    assert by_speaker(alone, spans) == [spans]


def test_too_little_speech_is_one_voice() -> None:
    samples = np.zeros(16_000, np.int16)
    assert by_speaker(samples, []) == [[]]
    assert by_speaker(samples, [Span(0, 400)]) == [[Span(0, 400)]]
