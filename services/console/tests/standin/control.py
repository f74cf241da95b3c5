"""Levers for tests: emit events, break paths, cut streams, look at what was asked."""

from fastapi import APIRouter, Request
from world import Json, world

router = APIRouter()


@router.post("/_control/emit")
async def emit(request: Request) -> Json:
    asked = await request.json()
    world.emit(asked["name"], asked["data"])
    return {"listeners": len(world.listeners)}


@router.post("/_control/score/{interaction_id}")
async def score(interaction_id: str) -> Json:
    """Take an interaction to its end, with the events that go with it."""
    call = world.call(interaction_id)
    for name, status in (("TranscriptionStarted", "transcribing"), ("TranscriptCompleted", "scoring"), ("InteractionScored", "scored")):
        call.interaction["status"] = status
        if status == "scored":
            call.interaction["outcome"] = call.outcome
        world.emit(
            name, {"interaction_id": call.id} if name == "TranscriptionStarted" else {"interaction": call.interaction, "evaluation": call.evaluation}
        )
    return {}


@router.post("/_control/break")
async def break_paths(request: Request) -> Json:
    world.broken = await request.json()
    return {}


@router.post("/_control/cut")
async def cut() -> Json:
    """End every event stream, as a restart would."""
    for queue in world.listeners:
        queue.put_nowait(b"")
    return {}


@router.get("/_control/state")
async def state() -> Json:
    return {
        "listeners": len(world.listeners),
        "asked": world.asked[-400:],
        "calls": [c.interaction for c in world.calls],
        "tickets": world.tickets,
        "keys": world.keys,
        "targets": world.targets,
    }


@router.post("/_control/reset")
async def reset() -> Json:
    listeners = world.listeners
    world.__init__()  # type: ignore[misc]
    world.listeners = listeners
    return {}


@router.post("/_control/edit")
async def edit(request: Request) -> Json:
    """Change one call: {"interaction_id": …, "turns": […], "transcript": {…}} or empty everything."""
    asked = await request.json()
    if asked.get("empty"):
        world.calls, world.tickets = [], []
    else:
        call = world.call(asked["interaction_id"])
        call.turns[:] = asked["turns"]
    return {}
