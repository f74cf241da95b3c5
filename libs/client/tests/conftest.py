"""A small platform on a real port: it speaks the REST shapes, counts what it is asked, and misbehaves where a test says so."""

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from testkit.processes import free_port

KEY = "mj_test"


def problem(status, code, detail, field="", headers=None):
    said = {"type": "about:blank", "title": "The request is not right", "status": status, "detail": detail, "grpc_status": code}
    if field:
        said["field"] = field
    return Response(json.dumps(said), status, headers, media_type="application/problem+json")


class Platform:
    """`fail` maps a path to the answers it gives before the right one."""

    key = KEY
    problem = staticmethod(problem)

    def __init__(self, url):
        self.url = url
        self.asked = Counter()
        self.seen = []
        self.fail = {}
        self.interactions = {}
        self.statuses = ["received", "transcribing", "scoring", "scored"]
        self.uploaded = {}
        self.event_connections = []
        self.event_script = []


def app_of(platform: Platform) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def door(request: Request, answer):
        path = request.url.path
        platform.asked[request.method, path] += 1
        platform.seen.append((request.method, path, dict(request.query_params)))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "UNAUTHENTICATED", "nobody knows this key")
        if platform.fail.get(path):
            return platform.fail[path].pop(0)
        return await answer(request)

    @app.post("/v1/interactions")
    async def send(request: Request):
        if request.headers["content-type"].startswith("application/json"):
            sent = await request.json()
            if sent["metadata"].get("industry") == "farming":
                return problem(400, "INVALID_ARGUMENT", "must be one of telecom, bank", "metadata.industry")
            platform.uploaded["chat"] = sent
        else:
            form = await request.form()
            platform.uploaded = {
                "metadata": json.loads(form["metadata"]), "audio": await form["audio"].read(), "name": form["audio"].filename,
                "length": request.headers.get("content-length"),
            }
            await form.close()
        return JSONResponse({"interaction_id": "i1", "status": "received"}, 202)

    @app.get("/v1/interactions")
    async def interactions(page_size: int = 50, page_token: str = "", agent_id: str = ""):
        ids = [f"{agent_id}i{n}" for n in range(7)]
        begin = int(page_token or 0)
        page = [{"interaction_id": i, "status": "scored"} for i in ids[begin:begin + page_size]]
        return {"interactions": page, "next_page_token": str(begin + page_size) if begin + page_size < len(ids) else ""}

    @app.get("/v1/interactions/{interaction_id}")
    async def interaction(interaction_id: str):
        if interaction_id == "missing":
            return problem(404, "NOT_FOUND", "no such interaction", "interaction_id")
        status = platform.statuses.pop(0) if len(platform.statuses) > 1 else platform.statuses[0]
        return {"interaction_id": interaction_id, "status": status, "reason": "录音无法识别" if status == "failed" else ""}

    @app.get("/v1/interactions/{interaction_id}/audio")
    async def audio(interaction_id: str, redacted: bool = False):
        return Response(bytes(range(256)) * (2048 if redacted else 4096), media_type="audio/wav")

    @app.get("/v1/interactions/{interaction_id}/suggestions")
    async def suggestions(interaction_id: str):
        return {"suggestions": [{"article": {"article_id": "a1"}, "relevance": 0.9}]}

    @app.get("/v1/interactions/{interaction_id}/{what}")
    async def part(interaction_id: str, what: str):
        return {"interaction_id": interaction_id, "what": what, "score": 87.5, "turns": []}

    @app.get("/v1/tickets")
    async def tickets(interaction_id: str = "", overdue: bool = False):
        return {"tickets": [{"ticket_id": "t1", "interaction_id": interaction_id, "overdue": overdue}], "next_page_token": ""}

    @app.post("/v1/tickets/{call}")
    async def change(call: str, request: Request):
        return {"ticket_id": call, "said": await request.json()}

    @app.get("/v1/articles:search")
    async def search(q: str, industry: str = ""):
        return {"results": [{"article": {"title": q, "industry": industry}, "relevance": 0.5}]}

    @app.get("/v1/kpis")
    async def kpis(request: Request):
        return {"groups": [{"key": "all", "asked": dict(request.query_params)}]}

    @app.post("/v1/api-keys")
    async def create_key(request: Request):
        return {"key": {"key_id": "k1", **await request.json()}, "secret": "s"}

    @app.get("/v1/events")
    async def events(request: Request):
        platform.event_connections.append((request.headers.get("last-event-id", ""), request.query_params.get("types", "")))
        script = platform.event_script.pop(0) if platform.event_script else None
        if isinstance(script, Response):
            return script

        async def stream() -> AsyncIterator[bytes]:
            for chunk in script or []:
                await asyncio.sleep(0)
                yield chunk
            if script is None:
                await asyncio.sleep(30)

        return StreamingResponse(stream(), media_type="text/event-stream")

    return app


@pytest.fixture
def platform() -> Iterator[Platform]:
    port = free_port()
    made = Platform(f"http://127.0.0.1:{port}")
    config = uvicorn.Config(app_of(made), host="127.0.0.1", port=port, log_level="error", ws="none", lifespan="off", timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        with socket.socket() as probe:
            probe.connect_ex(("127.0.0.1", port))
    yield made
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
