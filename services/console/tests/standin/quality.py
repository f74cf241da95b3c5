"""The stand-in's answers about quality: reviews, appeals, calibrations, scorecards and simulations; they remember what they were told."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from calls import ITEMS, NOW, iso, uid
from fastapi import APIRouter, Request
from versions import published
from world import Json, Problem, missing, need, paged, world

router = APIRouter()
ORIGINAL = "13800005678"


def own(request: Request) -> str:
    return f"key:{uid('key', request.state.role)}"


def judged(interaction_id: str) -> Json:
    call = world.call(interaction_id)
    return call.evaluation if call.interaction["status"] == "scored" else missing()


def apply(evaluation: Json, answers: list[Json]) -> list[Json]:
    """Answers change the evaluation as the real platform does: what the machine said is kept beside."""
    kept = []
    for answer in answers:
        item = next((i for i in evaluation["items"] if i["item_id"] == answer["item_id"]), None)
        if item is None:
            raise Problem(400, "INVALID_ARGUMENT", "is no item of this evaluation", "items[0].item_id")
        kept.append({"before": item["result"], "note": "", **answer})
        item |= {"result": answer["result"], "reviewed": True, "points": item["max_points"] if answer["result"] == "pass" else 0}
    counted = [i for i in evaluation["items"] if i["result"] in ("pass", "fail")]
    most = sum(i["max_points"] for i in counted)
    evaluation |= {"score": round(sum(i["points"] for i in counted) / most * 100, 1) if most else 0.0, "reviewed_at": iso(datetime.now(UTC))}
    return kept


@router.get("/v1/reviews:queue")
async def queue(request: Request) -> Json:
    need(request, "reviews:read")
    done = {r["interaction_id"] for r in world.reviews}
    found = []
    for call in world.calls:
        if call.interaction["status"] != "scored" or call.id in done:
            continue
        e = call.evaluation
        reasons = (["fatal"] if e["fatal"] else []) + (["abstained"] if any(i["result"] == "abstain" for i in e["items"]) else [])
        reasons += ["low_score"] if e["score"] < 60 else []
        if reasons and request.query_params.get("reason", "") in ("", *reasons):
            found.append({"evaluation": e, "agent_id": call.metadata["agent_id"], "team_id": call.metadata["team_id"], "reasons": reasons})
    return paged(found, request, "candidates")


@router.get("/v1/reviews")
async def reviews(request: Request) -> Json:
    need(request, "evaluations:read")
    q = request.query_params
    return paged([r for r in world.reviews if all(q.get(k, "") in ("", r[k]) for k in ("interaction_id", "reviewer"))], request, "reviews")


@router.post("/v1/interactions/{interaction_id}/reviews")
async def review(interaction_id: str, request: Request) -> Json:
    need(request, "reviews:write")
    asked, evaluation = await request.json(), judged(interaction_id)
    made = {
        "review_id": uid("review", asked["idempotency_key"]), "interaction_id": interaction_id, "reviewer": own(request), "at": iso(datetime.now(UTC)),
        "items": apply(evaluation, asked["items"]), "note": asked.get("note", ""), "appeal_id": "",
    }
    world.reviews.insert(0, made)
    return {"review": made, "evaluation": evaluation}


@router.get("/v1/appeals")
async def appeals(request: Request) -> Json:
    need(request, "evaluations:read")
    q = request.query_params
    return paged([a for a in world.appeals if all(q.get(k, "") in ("", a[k]) for k in ("state", "agent_id", "interaction_id"))], request, "appeals")


@router.post("/v1/interactions/{interaction_id}/appeals")
async def appeal(interaction_id: str, request: Request) -> Json:
    need(request, "appeals:write")
    asked, call = await request.json(), world.call(interaction_id)
    made = {
        "appeal_id": uid("appeal", interaction_id), "interaction_id": interaction_id, "agent_id": call.metadata["agent_id"],
        "team_id": call.metadata["team_id"], "item_ids": asked["item_ids"], "reason": asked["reason"], "state": "open", "opened_at": iso(NOW),
        "due_at": iso(NOW + timedelta(days=3)), "opened_by": own(request), "decisions": [], "note": "",
    }
    world.appeals.insert(0, made)
    return made


@router.post("/v1/appeals/{appeal_id}:decide")
async def decide(appeal_id: str, request: Request) -> Json:
    need(request, "reviews:write")
    asked = await request.json()
    found = next((a for a in world.appeals if a["appeal_id"] == appeal_id), None) or missing()
    kept = apply(judged(found["interaction_id"]), asked["items"])
    state = "accepted" if any(k["before"] != k["result"] for k in kept) else "rejected"
    found |= {"state": state, "decisions": kept, "note": asked["note"], "decided_by": own(request), "decided_at": iso(datetime.now(UTC))}
    return found


@router.get("/v1/evaluations")
async def evaluations(request: Request) -> Json:
    need(request, "evaluations:read")
    wanted = request.query_params.get("interaction_id", "")
    scored = [c.evaluation for c in world.calls if c.interaction["status"] == "scored" and wanted in ("", c.id)]
    return paged(scored, request, "evaluations")


@router.get("/v1/promises")
async def promises(request: Request) -> Json:
    need(request, "evaluations:read")
    wanted = request.query_params.get("interaction_id", "")
    found = [
        {"promise": p | {"status": world.settled.get(p["promise_id"], "open")}, "interaction_id": c.id}
        for c in world.calls if wanted in ("", c.id) for p in c.evaluation["promises"]
    ]
    return paged(found, request, "promises")


@router.post("/v1/promises/{promise_id}:settle")
async def settle(promise_id: str, request: Request) -> Json:
    need(request, "reviews:write")
    world.settled[promise_id] = (await request.json())["status"]
    return {"promise": {"promise_id": promise_id, "status": world.settled[promise_id]}}


@router.get("/v1/interactions/{interaction_id}/originals")
async def originals(interaction_id: str, request: Request) -> Json:
    need(request, "pii:read")
    return {"originals": [{"redaction": r, "text": ORIGINAL} for r in judged(interaction_id)["redactions"]]}


# ---- calibrations


def seen(calibration: Json, principal: str) -> Json:
    """As the real platform shows it: others' answers once the caller has given all their own."""
    answers, total = calibration["answers"], len(calibration["interaction_ids"]) * len(calibration["inspectors"])
    mine = [a for a in answers if a["inspector"] == principal]
    blind = principal in calibration["inspectors"] and len(mine) < len(calibration["interaction_ids"])
    all_together = {"item_id": "", "kappa": 0.71, "agreement": 0.9, "with_machine": 0.88, "answers": 16}
    agreement = [] if blind else [all_together, {"item_id": "apology", "agreement": 1.0}]
    return calibration | {"answers": mine if blind else answers, "agreement": agreement, "done": len(answers), "total": total}


@router.get("/v1/calibrations")
async def calibrations(request: Request) -> Json:
    need(request, "reviews:read")
    return paged([seen(c, "") | {"answers": [], "agreement": []} for c in world.calibrations], request, "calibrations")


@router.post("/v1/calibrations")
async def calibrate(request: Request) -> Json:
    need(request, "reviews:write")
    asked = await request.json()
    made = asked | {"calibration_id": uid("calibration", asked["idempotency_key"]), "created_by": own(request), "created_at": iso(NOW), "answers": []}
    world.calibrations.insert(0, made)
    return seen(made, own(request))


@router.get("/v1/calibrations/{calibration_id}")
async def calibration(calibration_id: str, request: Request) -> Json:
    need(request, "reviews:read")
    return seen(next((c for c in world.calibrations if c["calibration_id"] == calibration_id), None) or missing(), own(request))


@router.post("/v1/calibrations/{calibration_id}:answer")
async def answer(calibration_id: str, request: Request) -> Json:
    need(request, "reviews:write")
    asked, found = await request.json(), next((c for c in world.calibrations if c["calibration_id"] == calibration_id), None) or missing()
    found["answers"].append({"inspector": own(request), "interaction_id": asked["interaction_id"], "items": asked["items"]})
    return seen(found, own(request))


# ---- scorecards


@router.get("/v1/scorecards")
async def scorecards(request: Request) -> Json:
    need(request, "evaluations:read")
    items = [
        {"item_id": k, "title": t, "dimension": d, "section": d, "max_points": p, "fatal": f, "bonus": False, "rule_text": f"坐席说到“{t}”", "options": []}
        for k, (t, d, p, f) in ITEMS.items()
    ]
    return {"scorecards": [{"ref": world.versions[0]["ref"], "title": "电信客服评分表", "industries": ["telecom"], "items": items}]}


@router.get("/v1/scorecards/{scorecard_id}/versions")
async def versions(scorecard_id: str, request: Request) -> Json:
    need(request, "evaluations:read")
    return paged([{**v, "source": ""} for v in world.versions], request, "versions")


@router.get("/v1/scorecards/{scorecard_id}/versions/{version}")
async def version(scorecard_id: str, version: str, request: Request) -> Json:
    need(request, "evaluations:read")
    return next((v for v in world.versions if v["ref"]["version"] == version), None) or missing()


@router.post("/v1/scorecards:lint")
async def lint(request: Request) -> Json:
    need(request, "scorecards:read")
    lines = (await request.json())["source"].splitlines()
    found = [
        {
            "severity": "error", "kind": "unknown_operator", "path": "rules", "line": n, "column": line.index("wordz") + 1, "message": "不认识的键“wordz”",
            "suggestion": "words", "example": "",
        }
        for n, line in enumerate(lines, 1) if "wordz" in line
    ]
    return {"findings": found} | ({} if found else {"scorecard": {"items": [{}] * 8}})


@router.post("/v1/scorecards:test")
async def test(request: Request) -> Json:
    need(request, "scorecards:read")
    cases = [{"name": "5: tests.thanks.pass[0]", "expected": "thanks: pass", "actual": "thanks: fail", "passed": False}]
    return {"cases": [*cases, {"name": "6: tests.thanks.fail[0]", "expected": "thanks: fail", "actual": "thanks: fail", "passed": True}], "failed": 1}


@router.post("/v1/rules:test")
async def try_rule(request: Request) -> Json:
    need(request, "scorecards:read")
    asked = await request.json()
    hits = [{"turn_id": f"t{n}", "text": t["text"], "confidence": 1} for n, t in enumerate(asked["turns"], 1) if "抱歉" in t["text"]]
    return {"holds": bool(hits), "confidence": 1, "hits": hits, "rule_text": "坐席说到“抱歉”"}


@router.post("/v1/scorecards")
async def publish(request: Request) -> Json:
    need(request, "scorecards:write")
    asked = await request.json()
    if "wordz" in asked["source"]:
        raise Problem(400, "INVALID_ARGUMENT", "5:3 不认识的键“wordz”", "source")
    name = next(line.split(":")[1].strip() for line in asked["source"].splitlines() if line.startswith("version:"))
    for v in world.versions:
        v["active"] = False
    world.versions.insert(0, published(name, asked["source"], asked["note"], own(request)))
    return world.versions[0]


@router.post("/v1/scorecards/{scorecard_id}:activate")
async def activate(scorecard_id: str, request: Request) -> Json:
    need(request, "scorecards:write")
    asked = await request.json()
    for v in world.versions:
        v["active"] = v["ref"]["version"] == asked["version"]
    return next(v for v in world.versions if v["active"])


# ---- simulations: each look moves them on


@router.get("/v1/simulations")
async def simulations(request: Request) -> Json:
    need(request, "scorecards:read")
    return paged(world.simulations, request, "simulations")


@router.post("/v1/simulations")
async def simulate(request: Request) -> Json:
    need(request, "scorecards:write")
    asked = await request.json()
    made: dict[str, Any] = {
        "simulation_id": uid("simulation", asked["idempotency_key"]), "candidate": {"id": "telecom", "version": "1.3.0"},
        "baseline": world.versions[0]["ref"], "state": "running", "done": 0, "total": 60, "started_by": own(request), "started_at": iso(NOW),
        "gate": asked.get("gate", {}), "source_sha256": hashlib.sha256(asked["source"].encode()).hexdigest(),
    }
    world.simulations.insert(0, made)
    return made


@router.get("/v1/simulations/{simulation_id}")
async def simulation(simulation_id: str, request: Request) -> Json:
    need(request, "scorecards:read")
    found = next((s for s in world.simulations if s["simulation_id"] == simulation_id), None) or missing()
    if found["state"] == "running" and found["done"] == 0:
        found |= {"done": 30}
    elif found["state"] == "running":
        call = next(c for c in world.calls if c.interaction["status"] == "scored")
        found |= {
            "state": "done", "done": 60, "mean_before": 71.2, "mean_after": 74.9, "became_fatal": 1, "ceased_fatal": 2,
            "gate_passed": not found["gate"], "gate_reasons": ["致命变化 3 条，超过 0 条"] if found["gate"] else [],
            "items": [{"item_id": "apology", "title": "致歉", "pass_to_fail": 2, "fail_to_pass": 9, "precision": 0.93, "reviewed": 14, "examples": [call.id]}],
            "agents": [{"id": "A1001", "interactions": 12, "mean_before": 60.0, "mean_after": 66.0}],
            "teams": [{"id": "宽带一班", "interactions": 30, "mean_before": 68.0, "mean_after": 68.01}],
        }
    return found


@router.post("/v1/simulations/{simulation_id}:cancel")
async def cancel(simulation_id: str, request: Request) -> Json:
    need(request, "scorecards:write")
    found = next(s for s in world.simulations if s["simulation_id"] == simulation_id)
    found["state"] = "cancelled"
    return found
