"""A small HTTP server that speaks OpenAI's chat completions and embeddings, and misbehaves as a test asks."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Endpoint:
    """`answer` gives status and body of each request; a body that is no bytes is sent as JSON. `asked` are the requests with their headers."""

    answer: Callable[[str, Any], Awaitable[tuple[int, Any]]]
    url: str = ""
    asked: list[tuple[dict[str, str], Any]] = field(default_factory=list)


def completion(content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content} | more.pop("message", {})
    return {"id": "c1", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"} | more]}


def said(holds: bool | None, confidence: float = 0.95, turns: tuple[int, ...] = ()) -> dict[str, Any]:
    return completion(json.dumps({"holds": holds, "confidence": confidence, "turns": list(turns)}))


@asynccontextmanager
async def endpoint(answer: Callable[[str, Any], Awaitable[tuple[int, Any]]]) -> AsyncIterator[Endpoint]:
    made = Endpoint(answer)
    serving: set[Any] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                asked = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
                made.asked.append((headers, asked))
                status, body = await made.answer(first.split()[1], asked)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield made
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)
