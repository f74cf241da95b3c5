"""Recognition by the model `whisper` in Triton, over its gRPC protocol."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
import tritonclient.grpc.aio as triton
from chassis.errors import Unavailable
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from asr.domain.transcript import Heard, Model

log = logging.getLogger(__name__)

MODEL = "whisper"
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
# What passes by itself: the server is away, still loading, or its queue is full.
PASSING = ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED", "StatusCode.RESOURCE_EXHAUSTED", "StatusCode.CANCELLED")
OUTPUTS = ("TEXT", "AVG_LOGPROB", "NO_SPEECH_PROB", "LANGUAGE")

T = TypeVar("T")


class RecognitionRefused(Exception):
    """Triton answered that the request is wrong, or the model failed on it: asking again will not help."""


class TritonRecognizer:
    """Many clips at once, so that Triton can batch them; what is over the limit waits here and not in Triton's queue."""

    def __init__(self, client: Any, *, concurrency: int, timeout_s: float, patience_s: float) -> None:
        """`timeout_s` is for one request, `patience_s` for a clip with all its repetitions."""
        self._client = client
        self._free = asyncio.Semaphore(concurrency)
        self._timeout_s = timeout_s
        self._patience_s = patience_s

    async def recognize(self, clip: NDArray[np.float32], language: str = "") -> Heard:
        """Raises Unavailable when Triton stays away for `patience_s`, RecognitionRefused when it will not take the clip."""
        samples = np.ascontiguousarray(clip, np.float32)[None]
        audio = triton.InferInput("AUDIO", list(samples.shape), "FP32")
        audio.set_data_from_numpy(samples)
        outputs = [triton.InferRequestedOutput(name) for name in OUTPUTS]
        parameters = {"language": language} if language else None
        async with self._free:
            result = await self._asked(
                lambda: self._client.infer(MODEL, [audio], outputs=outputs, client_timeout=self._timeout_s, parameters=parameters)
            )
        text, logprob, silent, spoken = (result.as_numpy(name).reshape(-1)[0] for name in OUTPUTS)
        return Heard(text.decode(), float(logprob), float(silent), spoken.decode())

    async def model(self) -> Model:
        """Name and version as the model's configuration states them. Raises as `recognize` does."""
        answer = await self._asked(lambda: self._client.get_model_config(MODEL, client_timeout=self._timeout_s))
        parameters = answer.config.parameters
        return Model(parameters["model_name"].string_value, parameters["model_version"].string_value)

    async def _asked(self, call: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await call()
            except InferenceServerException as failure:
                if failure.status() not in PASSING:
                    raise RecognitionRefused(f"{failure.status()}: {failure.message()}") from failure
                if loop.time() + pause > until:
                    raise Unavailable(f"Triton is away: {failure.status()}") from failure
                log.info("Triton is away", extra={"status": failure.status(), "pause_s": pause})
            # Spread, or all that wait come back in the same instant.
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(LONGEST_PAUSE_S, pause * 2)


@asynccontextmanager
async def triton_client(address: str) -> AsyncIterator[Any]:
    """A client of Triton's gRPC endpoint at host:port; connects when first used, and again whenever that is needed."""
    client = triton.InferenceServerClient(
        address,
        channel_args=[
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", int(LONGEST_PAUSE_S * 1000)),
            ("grpc.max_send_message_length", 16 << 20),
            ("grpc.max_receive_message_length", 16 << 20),
        ],
    )
    try:
        yield client
    finally:
        await client.close()
