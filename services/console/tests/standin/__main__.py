"""A gateway to develop the pages against: the REST paths of proto/ with realistic answers, server-sent events and audio ranges, on a real port.

Run it with `python services/console/tests/standin --port 8080`; the keys are in KEYS. Paths under /_control let a test emit events, break
things, and look at what was asked.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import control
import quality
import uvicorn
import work
from calls import NOW, Call, iso, tone, uid
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from figures import ARTICLES, KPIS, RATES, audit, by_day, by_name, changes, graph
from world import KEYS, Problem, missing, need, paged, world

Json = dict[str, Any]
app = FastAPI()
app.include_router(control.router)
app.include_router(quality.router)
app.include_router(work.router)


@app.exception_handler(Problem)
async def problem(_: Request, failure: Problem) -> Response:
    return JSONResponse(failure.said, failure.status, media_type="application/problem+json")


@app.middleware("http")
async def door(request: Request, call_next: Any) -> Response:
    path = request.url.path
    if path.startswith("/_control"):
        return await call_next(request)
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    world.asked.append(
        {"method": request.method, "path": path, "query": dict(request.query_params), "key": key, "range": request.headers.get("range", "")}
    )
    for prefix, (status, delay) in world.broken.items():
        if path.startswith(prefix):
            await asyncio.sleep(delay)
            if status:
                return JSONResponse(
                    {"title": "broken", "status": status, "detail": "something this needs is away; try again", "grpc_status": "UNAVAILABLE"}, status
                )
    if key not in KEYS:
        return JSONResponse(
            {"title": "Nobody knows the caller", "status": 401, "detail": "this API key is not known", "grpc_status": "UNAUTHENTICATED"}, 401
        )
    request.state.role, request.state.permissions = KEYS[key]
    return await call_next(request)


@app.get("/v1/caller")
async def caller(request: Request) -> Json:
    return {
        "tenant": "demo",
        "principal": f"key:{uid('key', request.state.role)}",
        "role": request.state.role,
        "permissions": sorted(request.state.permissions),
    }


@app.get("/v1/interactions")
async def interactions(request: Request) -> Json:
    need(request, "interactions:read")
    q = request.query_params
    found = [
        c.interaction
        for c in world.calls
        if q.get("status", "") in ("", c.interaction["status"])
        and q.get("industry", "") in ("", c.metadata["industry"])
        and q.get("agent_id", "") in ("", c.metadata["agent_id"])
        and c.interaction["received_at"] >= q.get("from", "")
        and (not q.get("to") or c.interaction["received_at"] < q["to"])
    ]
    return paged(found, request, "interactions")


@app.post("/v1/interactions", status_code=202)
async def upload(request: Request) -> Json:
    need(request, "interactions:write")
    form = await request.form()
    metadata = json.loads(str(form["metadata"]))
    audio = form["audio"]
    content = await audio.read()  # type: ignore[union-attr]
    if not content.startswith(b"RIFF"):
        raise Problem(400, "INVALID_ARGUMENT", "is not audio that can be read", "audio")
    world.asked[-1] |= {"metadata": metadata, "bytes": len(content)}
    call = Call(
        next(s for s in (c.script for c in world.calls) if metadata.get("industry") in (None, s["industry"])),
        5000 + len(world.calls),
        NOW,
        "received",
    )
    call.interaction["metadata"] = call.metadata = call.metadata | metadata
    call.interaction.pop("outcome", None)
    world.calls.insert(0, call)
    return {"interaction_id": call.id}


@app.get("/v1/interactions/{interaction_id}")
async def interaction(interaction_id: str, request: Request) -> Json:
    need(request, "interactions:read")
    return world.call(interaction_id).interaction


@app.get("/v1/interactions/{interaction_id}/{part}")
async def part(interaction_id: str, part: str, request: Request) -> Any:
    call = world.call(interaction_id)
    scored = call.interaction["status"] == "scored"
    if part == "audio":
        need(request, "audio:read")
        return ranged(tone(call.length_ms / 1000), request) if "audio" in call.interaction else missing()
    if part == "transcript":
        need(request, "interactions:read")
        return call.transcript if scored or call.interaction["status"] == "scoring" else missing()
    if part == "evaluation":
        need(request, "evaluations:read")
        return call.evaluation if scored else missing()
    need(request, "knowledge:read")
    said = call.turns[1]["text"]
    return {
        "suggestions": [
            {"article": a, "relevance": 0.86 - n * 0.14, "because": said}
            for n, a in enumerate(a for a in ARTICLES if a["industry"] == call.metadata["industry"])
        ][:3]
        if scored
        else []
    }


def ranged(content: bytes, request: Request) -> Response:
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    headers = {"Accept-Ranges": "bytes", "ETag": '"tone"'}
    if not match:
        return Response(content, media_type="audio/wav", headers=headers)
    first, last = int(match[1]), min(int(match[2] or len(content) - 1), len(content) - 1)
    if first >= len(content):
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    return Response(
        content[first : last + 1], 206, media_type="audio/wav", headers=headers | {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
    )


@app.get("/v1/alerts")
async def alerts(request: Request) -> Json:
    need(request, "evaluations:read")
    kind = request.query_params.get("kind", "")
    found = [
        {"alert": a, "interaction_id": c.id, "agent_id": c.metadata["agent_id"], "raised_at": c.interaction["updated_at"]}
        for c in world.calls
        if c.interaction["status"] == "scored"
        for a in c.evaluation["alerts"]
        if kind in ("", a["kind"])
    ]
    return paged(found, request, "alerts")


def span(request: Request) -> tuple[date, date]:
    return date.fromisoformat(request.query_params["from"]), date.fromisoformat(request.query_params["to"])


@app.get("/v1/kpis")
async def kpis(request: Request) -> Json:
    need(request, "kpis:read")
    first, last = span(request)
    by = request.query_params.get("group_by", "all")
    names = {k: sorted({c.metadata[f"{k}_id"] for c in world.calls}) for k in ("agent", "team")}
    return {"from": first.isoformat(), "to": last.isoformat(), "groups": by_day(first, last) if by == "day" else by_name(names.get(by, ["all"]))}


@app.get("/v1/kpis:compare")
async def compare(request: Request) -> Json:
    need(request, "kpis:read")
    first, last = span(request)
    return {"changes": changes((last - first).days + 1)}


@app.get("/v1/item-rates")
async def rates(request: Request) -> Json:
    need(request, "kpis:read")
    found = [{"item_id": i, "title": t, "dimension": d, "passed": p, "failed": f, "abstained": 2, "rate": p / (p + f)} for i, t, d, p, f in RATES]
    return {"items": sorted(found, key=lambda r: r["rate"])}


@app.get("/v1/kpi-targets")
async def targets(request: Request) -> Json:
    need(request, "kpis:read")
    return {
        "targets": [
            {"kpi": k[0], "title": k[1], "definition": f"{k[1]}的计算口径", "unit": k[2], "sense": k[6]}
            | ({} if world.targets[k[0]] is None else {"target": world.targets[k[0]]})
            for k in KPIS
        ]
    }


@app.post("/v1/kpi-targets/{kpi}")
async def set_target(kpi: str, request: Request) -> Json:
    need(request, "kpis:write")
    world.targets[kpi] = (await request.json())["target"]
    return {"kpi": kpi, "target": world.targets[kpi]}


@app.get("/v1/articles:search")
async def search(request: Request) -> Json:
    need(request, "knowledge:read")
    q, industry = request.query_params["q"], request.query_params.get("industry", "")
    scored = [
        ({"article": a, "relevance": min(0.98, sum(c in a["title"] + "".join(a["questions"]) for c in q) / len(q)), "because": ""})
        for a in ARTICLES
        if industry in ("", a["industry"])
    ]
    return {"results": sorted((s for s in scored if s["relevance"] > 0.3), key=lambda s: -s["relevance"])}


@app.get("/v1/articles")
async def articles(request: Request) -> Json:
    need(request, "knowledge:read")
    return paged([a for a in ARTICLES if request.query_params.get("industry", "") in ("", a["industry"])], request, "articles")


@app.get("/v1/articles/{article_id}")
async def article(article_id: str, request: Request) -> Json:
    need(request, "knowledge:read")
    return next((a for a in ARTICLES if a["article_id"] == article_id), None) or missing()


@app.get("/v1/solution-graph")
async def solution_graph(request: Request) -> Json:
    need(request, "knowledge:read")
    return graph(request.query_params.get("industry", ""), request.query_params.get("product", ""))


@app.get("/v1/api-keys")
async def keys(request: Request) -> Json:
    need(request, "keys:admin")
    return {"keys": world.keys}


@app.post("/v1/api-keys")
async def create_key(request: Request) -> Json:
    need(request, "keys:admin")
    made = {"key_id": uid("made", len(world.keys)), "agent_id": "", "extra_permissions": [], "created_at": iso(NOW)} | await request.json()
    world.keys.insert(0, made)
    return {"key": made, "secret": "mj_once_5f2c9d7e1b"}


@app.post("/v1/api-keys/{key_id}:revoke")
async def revoke(key_id: str, request: Request) -> Json:
    need(request, "keys:admin")
    found = next((k for k in world.keys if k["key_id"] == key_id), None) or missing()
    found["revoked_at"] = iso(NOW)
    return {"key": found}


@app.get("/v1/audit")
async def audit_log(request: Request) -> Json:
    need(request, "audit:read")
    wanted = request.query_params.get("object_id", "")
    return paged([e for e in audit() if wanted in ("", e["object_id"])], request, "entries")


@app.get("/v1/events")
async def events(request: Request) -> Response:
    need(request, "events:read")
    queue: asyncio.Queue[bytes] = asyncio.Queue(1000)
    world.listeners.append(queue)

    async def written() -> AsyncIterator[bytes]:
        try:
            yield f": events of your company\nretry: 2000\nid: nlp={world.events}\n\n".encode()
            while True:
                chunk = await queue.get()
                if not chunk:
                    return
                yield chunk
        finally:
            world.listeners.remove(queue)

    return StreamingResponse(written(), media_type="text/event-stream")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8080)
    config = uvicorn.Config(app, host="127.0.0.1", port=parser.parse_args().port, log_level="warning", timeout_graceful_shutdown=1)
    sys.exit(uvicorn.Server(config).run())
