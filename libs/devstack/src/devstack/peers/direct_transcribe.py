"""faster-whisper's `transcribe` with its defaults, called directly, one segment after the other.

Arguments: the weights' folder, a JSON file with [{"wav", "channel", "start_ms", "end_ms"}], threads. Prints JSON:
seconds taken by transcribing (loading the model and cutting the audio are not counted), and characters written.
"""

import json
import sys
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel


def cut(segment: dict[str, Any]) -> np.ndarray:
    with wave.open(segment["wav"]) as w:
        rate, channels = w.getframerate(), w.getnchannels()
        w.setpos(segment["start_ms"] * rate // 1000)
        frames = w.readframes((segment["end_ms"] - segment["start_ms"]) * rate // 1000)
    samples = np.frombuffer(frames, "<i2").reshape(-1, channels)[:, segment["channel"]].astype(np.float32) / 32768
    wanted = np.arange(0, len(samples), rate / 16000)
    return np.interp(wanted, np.arange(len(samples)), samples).astype(np.float32)


def main() -> None:
    weights, listed, threads = sys.argv[1:]
    clips = [cut(s) for s in json.loads(Path(listed).read_text(encoding="utf-8"))]
    model = WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=int(threads))
    list(model.transcribe(clips[0], language="zh")[0])  # the first run pays for warming up
    began = time.perf_counter()
    characters = 0
    for clip in clips:
        characters += sum(len(s.text.strip()) for s in model.transcribe(clip, language="zh")[0])
    print(json.dumps({"seconds": time.perf_counter() - began, "characters": characters}))


main()
