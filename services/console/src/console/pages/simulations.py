"""模拟记录: replays of stored interactions under a candidate, newest first, and one with its result."""

from typing import Any

from client.quality_shapes import Simulation
from fastapi import Request
from nicegui import ui

from console.app import Session
from console.domain.quality_words import RUN, RUN_TONE, signed, verdict, who
from console.domain.words import points, when, word
from console.pages.controls import column, leads_on, table
from console.pages.frame import Section, card, empty, title
from console.pages.paging import Paging
from console.pages.replay import Replay

_SIZE = 20
COLUMNS = (
    column("at", "开始时间"), column("card", "评分表"), column("versions", "版本"), column("state", "状态"), column("done", "重放", "right"),
    column("mean", "平均分", "right"), column("fatal", "致命变化", "right"), column("gate", "闸门"), column("by", "发起人", roomy=True),
)
_CELLS = {
    "at": '<a class="mj-cell-link" :href="props.row.href">{{props.row.at}}</a>',
    "state": '<span :class="\'mj-chip \'+props.row.state_tone">{{props.row.state}}</span>',
    "gate": '<span :class="\'mj-chip \'+props.row.gate_tone">{{props.row.gate}}</span>',
}


def row(s: Simulation, own: str) -> dict[str, Any]:
    """What the list shows of one simulation."""
    candidate, baseline = s.get("candidate", {"id": "", "version": ""}), s.get("baseline", {"id": "", "version": ""})
    gate, tone = verdict(s)
    change = s.get("mean_after", 0.0) - s.get("mean_before", 0.0)
    return {
        "id": s.get("simulation_id", ""), "href": f"/simulations/{s.get('simulation_id', '')}", "at": when(s.get("started_at")), "card": candidate.get("id"),
        "versions": f"{baseline.get('version')} → {candidate.get('version')}", "state": word(RUN, s.get("state")),
        "state_tone": RUN_TONE.get(s.get("state", ""), "calm"), "done": f"{s.get('done', 0):,}", "mean": f"{points(s.get('mean_after'))}（{signed(change)}）",
        "fatal": s.get("became_fatal", 0) + s.get("ceased_fatal", 0), "gate": gate, "gate_tone": tone, "by": who(s.get("started_by"), own),
    }


class Simulations:
    """The page's state."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.paging = Paging(self.load)
        self.section: Section[Any] | None = None

    async def load(self) -> None:
        if self.section:
            await self.section.load()

    async def fetch(self) -> Any:
        return await self.session.gateway.get("/v1/simulations", {"page_size": _SIZE, "page_token": self.paging.token})

    def show(self, page: Any) -> None:
        found = page.get("simulations", [])
        if not found:
            empty("还没有模拟", "在评分表的编辑页可以用已有会话模拟修改后的效果。", icon="science")
        else:
            own = self.session.caller.get("principal", "")
            leads_on(table(COLUMNS, [row(s, own) for s in found], key="id", cells=_CELLS))
        self.paging.foot(page, len(found))


async def build(session: Session, request: Request) -> None:
    """Build the list."""
    ui.link("← 返回评分表", "/scorecards").classes("mj-back")
    title("模拟记录", "用已有会话重放，看修改评分表会带来什么变化")
    state = Simulations(session)
    with ui.element("section").classes("mj-card flush"):
        state.section = Section(state.fetch, state.show, lines=6)


async def build_one(session: Session, request: Request) -> None:
    """Build the page of one."""
    ui.link("← 返回模拟记录", "/simulations").classes("mj-back")
    with card("模拟"):
        Replay(session, request.path_params["simulation_id"])
