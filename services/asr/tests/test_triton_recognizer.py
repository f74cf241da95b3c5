import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from asr.adapters.opencc_script import OpenccScript
from asr.adapters.pyav_audio import PyavAudio
from asr.adapters.triton_recognizer import RecognitionRefused, TritonRecognizer, triton_client
from asr.domain.speech import SAMPLE_RATE, Span, as_float, cut
from chassis.errors import Unavailable
from devstack.triton import ROOT, Triton
from numpy.typing import NDArray
from testkit.waiting import eventually


def _recognizer(client: object, *, patience_s: float = 60) -> TritonRecognizer:
    return TritonRecognizer(client, concurrency=32, timeout_s=60, patience_s=patience_s)


@pytest.fixture
async def recognizer(triton: Triton) -> AsyncIterator[TritonRecognizer]:
    async with triton_client(triton.grpc_address) as client:
        yield _recognizer(client)


@pytest.fixture(scope="module")
def spoken(call: bytes, truth: list[dict[str, object]]) -> list[tuple[str, NDArray[np.float32]]]:
    """The true text and the sound of each turn of the call."""
    audio = PyavAudio(max_seconds=60).decode(BytesIO(call), "wav")
    return [
        (
            str(turn["text"]),
            as_float(cut(
                audio.channels[("agent", "customer").index(str(turn["role"]))],
                Span(int(float(str(turn["start"])) * 1000) - 200, int(float(str(turn["end"])) * 1000) + 200),
            )),
        )
        for turn in truth
    ]


def letters(text: str) -> str:
    return "".join(re.findall(r"\w", text))


async def test_a_real_call_is_recognized(
    recognizer: TritonRecognizer, spoken: list[tuple[str, NDArray[np.float32]]], edits: Callable[[str, str], int]
) -> None:
    heard = await asyncio.gather(*(recognizer.recognize(sound) for _, sound in spoken))
    simplify = OpenccScript()
    reference = "".join(letters(text) for text, _ in spoken)
    hypothesis = "".join(letters(simplify(h.text)) for h in heard)
    assert edits(reference, hypothesis) / len(reference) < 0.2
    assert {h.language for h in heard} == {"zh"}
    assert all(-1.5 < h.avg_logprob <= 0 and 0 <= h.no_speech_prob <= 1 for h in heard)


async def test_clips_of_different_length_are_batched(
    triton: Triton, recognizer: TritonRecognizer, spoken: list[tuple[str, NDArray[np.float32]]]
) -> None:
    def count(figure: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{triton.ports.metrics}/metrics", timeout=10) as answer:
            return sum(float(v) for v in re.findall(rf"^{figure}{{.*}} (\S+)$", answer.read().decode(), re.M))

    async def clips() -> bool:  # Triton answers first and counts afterwards
        return count("nv_inference_count") - before[0] >= len(spoken) * 3

    before = count("nv_inference_count"), count("nv_inference_exec_count")
    await asyncio.gather(*(recognizer.recognize(sound) for _, sound in spoken * 3))
    await eventually(clips)
    assert count("nv_inference_exec_count") - before[1] <= len(spoken) * 3 / 2


async def test_the_model_says_what_it_is(recognizer: TritonRecognizer) -> None:
    model = await recognizer.model()
    assert model.name == "whisper-base"
    assert re.fullmatch(r"ctranslate2-[\d.]+/int8/sha256-d01c3014881c9c6f", model.version)


async def test_a_malformed_clip_is_refused_and_its_neighbours_are_answered(
    recognizer: TritonRecognizer, spoken: list[tuple[str, NDArray[np.float32]]]
) -> None:
    good = spoken[0][1]
    odd = [np.zeros(0, np.float32), np.zeros(31 * SAMPLE_RATE, np.float32), np.full(SAMPLE_RATE, np.nan, np.float32)]
    results = await asyncio.gather(*(recognizer.recognize(c) for c in (good, *odd, good)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, RecognitionRefused)]
    assert [("at least 800" in str(r), "at most 30" in str(r), "not a number" in str(r)) for r in refused] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]
    assert not isinstance(results[0], BaseException) and not isinstance(results[-1], BaseException)
    assert results[0].text and results[-1].text


async def test_a_language_no_model_has_is_refused(recognizer: TritonRecognizer, spoken: list[tuple[str, NDArray[np.float32]]]) -> None:
    with pytest.raises(RecognitionRefused, match="language"):
        await recognizer.recognize(spoken[0][1], "xx")


async def test_a_named_language_is_written(recognizer: TritonRecognizer, spoken: list[tuple[str, NDArray[np.float32]]]) -> None:
    assert (await recognizer.recognize(spoken[0][1], "en")).language == "en"


async def test_noise_is_not_turned_into_a_long_text(recognizer: TritonRecognizer) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 8 * SAMPLE_RATE).astype(np.float32)
    heard = await recognizer.recognize(noise)
    assert len(heard.text) < 40
    assert heard.no_speech_prob > 0.5 or not heard.text


async def test_nobody_there_is_unavailable_after_a_while() -> None:
    async with triton_client("127.0.0.1:9") as client:
        with pytest.raises(Unavailable, match="Triton is away"):
            await _recognizer(client, patience_s=0.5).recognize(np.zeros(SAMPLE_RATE, np.float32))


async def test_work_goes_on_when_triton_comes_back(triton: Triton, tmp_path: Path, spoken: list[tuple[str, NDArray[np.float32]]]) -> None:
    weights = ROOT / ".mingjian/models/whisper-base"
    with Triton(weights, tmp_path / "one", instances=1) as first:
        address, port = first.grpc_address, first.ports.grpc
        async with triton_client(address) as client:
            recognizer = _recognizer(client)
            assert (await recognizer.recognize(spoken[0][1])).text
            first.stop()
            waiting = asyncio.create_task(recognizer.recognize(spoken[0][1]))
            with Triton(weights, tmp_path / "two", instances=1, grpc_port=port) as second:
                assert second.grpc_address == address
                assert (await waiting).text
