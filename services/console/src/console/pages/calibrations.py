"""校准: the same interactions judged by several inspectors, blind; the list, and beginning one."""

import secrets
from typing import Any

from chassis.errors import Problem
from client.quality_shapes import Calibration
from client.shapes import Evaluation
from fastapi import Request
from nicegui import ui

from console.app import Session
from console.domain.quality_words import who
from console.domain.words import NONE, ROLE_OF_KEY, points, when, word
from console.pages.controls import choice, column, dialog, leads_on, line, quiet_button, strong_button, table, words
from console.pages.frame import Section, act, empty, title, together
from console.pages.paging import Paging

_SIZE = 20
_OFFERED = 100
COLUMNS = (
    column("title", "校准"), column("at", "发起时间"), column("by", "发起人"), column("calls", "会话", "right"), column("people", "质检员", "right"),
    column("done", "进度"), column("mine", "我"),
)
_CELLS = {
    "title": '<a class="mj-cell-link mj-wide" :href="props.row.href">{{props.row.title}}</a>',
    "done": '<div class="mj-meter"><i :style="{width: props.row.share + \'%\'}"></i></div><small class="mj-muted">{{props.row.done}}</small>',
    "mine": '<span v-if="props.row.mine" class="mj-chip info">参与</span><span v-else class="mj-muted">—</span>',
}
_OFFER = (
    column("at", "评分时间"), column("agent", "会话"), column("score", "得分", "right"), column("about", "待定 / 致命"),
)


def row(calibration: Calibration, own: str) -> dict[str, Any]:
    """What the list shows of one calibration."""
    done, total = calibration.get("done", 0), calibration.get("total", 0)
    return {
        "id": calibration.get("calibration_id", ""), "href": f"/calibrations/{calibration.get('calibration_id', '')}",
        "title": calibration.get("title") or NONE,
        "at": when(calibration.get("created_at")), "by": who(calibration.get("created_by"), own), "calls": len(calibration.get("interaction_ids", [])),
        "people": len(calibration.get("inspectors", [])), "done": f"{done} / {total}", "share": round(done / total * 100) if total else 0,
        "mine": own in calibration.get("inspectors", []),
    }


class Calibrations:
    """The page's state."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.own = session.caller.get("principal", "")
        self.paging = Paging(self.load)
        self.section: Section[Any] | None = None

    async def load(self) -> None:
        if self.section:
            await self.section.load()

    async def fetch(self) -> Any:
        return await self.session.gateway.get("/v1/calibrations", {"page_size": _SIZE, "page_token": self.paging.token})

    def show(self, page: Any) -> None:
        found: list[Calibration] = page.get("calibrations", [])
        if not found:
            step, may = "选几条会话，请几位质检员各自盲评，看看大家的尺度是否一致。", self.session.may("reviews:write")
            empty("还没有校准", step, icon="balance", action="发起校准" if may else "", on_action=self.ask)
        else:
            leads_on(table(COLUMNS, [row(c, self.own) for c in found], key="id", cells=_CELLS))
        self.paging.foot(page, len(found))

    async def _people(self) -> dict[str, str]:
        """Who can be asked: keys by name where the visitor may see them, else people who have reviewed."""
        known = {self.own: "我"}
        if self.session.may("keys:admin"):
            answers = await together(self.session.gateway.get("/v1/api-keys"))
            keys = [] if isinstance(answers[0], Problem) else answers[0].get("keys", [])  # type: ignore[attr-defined]
            known |= {
                f"key:{k['key_id']}": f"{k.get('name', '')}（{word(ROLE_OF_KEY, k.get('role'))}）" for k in keys
                if k.get("role") in ("supervisor", "inspector", "admin") and not k.get("revoked_at") and f"key:{k['key_id']}" != self.own
            }
        answers = await together(self.session.gateway.get("/v1/reviews", {"page_size": 200}))
        seen = [] if isinstance(answers[0], Problem) else answers[0].get("reviews", [])  # type: ignore[attr-defined]
        return {r["reviewer"]: who(r["reviewer"]) for r in seen if r.get("reviewer")} | known

    async def ask(self) -> None:
        """Choose interactions and people."""
        page = await act(self.session.gateway.get("/v1/evaluations", {"page_size": _OFFERED}))
        if page is None or self.section is None:
            return
        people, key = await self._people(), secrets.token_hex(16)

        async def create() -> None:
            others = [p.strip() for p in (more.value or "").replace("，", ",").split(",") if p.strip()]
            inspectors = list(dict.fromkeys([*asked.value, *others]))
            chosen = [r["interaction_id"] for r in offered.selected]
            if not (name.value or "").strip():
                name.error = "请填写名称"
            elif not chosen:
                ui.notify("请选择会话。", type="warning", position="top")
            elif len(inspectors) < 2:
                ui.notify("至少需要两位质检员。", type="warning", position="top")
            else:
                body = {"title": name.value.strip(), "interaction_ids": chosen, "inspectors": inspectors, "idempotency_key": key}
                made = await act(self.session.gateway.post("/v1/calibrations", body))
                if made:
                    ui.navigate.to(f"/calibrations/{made.get('calibration_id')}")

        with self.section.box.client.content, dialog("发起校准", wide=True) as box:
            name = words("名称", hint="如：十一月投诉类会话", most=200).props("autofocus").classes("mj-full").mark("calibration-title")
            asked = choice(people, label="质检员", value=[self.own], multiple=True).classes("mj-full").mark("inspectors")
            more = words("其他质检员的身份（可不填，逗号分隔）", hint="key:…", most=1000).classes("mj-full").mark("more-inspectors")
            ui.label(f"您的身份：{self.own}，可复制给发起人。").classes("mj-muted small")
            with ui.element("div").classes("mj-scroll"):
                offered = table(_OFFER, [_offer(e) for e in page.get("evaluations", [])], key="interaction_id", dense=True)
                offered.props("selection=multiple").mark("offered")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                strong_button("发起", create).mark("create-calibration")


def _offer(evaluation: Evaluation) -> dict[str, Any]:
    waiting = sum(1 for i in evaluation.get("items", []) if i.get("result") == "abstain")
    marks = [f"待定 {waiting} 项"] if waiting else []
    marks += ["致命"] if evaluation.get("fatal") else []
    return {
        "interaction_id": evaluation.get("interaction_id", ""), "at": when(evaluation.get("scored_at")), "agent": (evaluation.get("summary") or NONE)[:28],
        "score": points(evaluation.get("score")), "about": " · ".join(marks),
    }


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = Calibrations(session)
    with ui.element("div").classes("mj-topline"):
        title("校准", "几位质检员各自盲评同样的会话，看尺度是否一致")
        ui.space()
        if session.may("reviews:write"):
            strong_button("发起校准", state.ask, icon="add").mark("new-calibration")
    with ui.element("section").classes("mj-card flush"):
        state.section = Section(state.fetch, state.show, lines=6)
