"""申诉: what agents do not agree with, by state, with the time by which it must be decided."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from client.quality_shapes import Appeal
from fastapi import Request
from nicegui import background_tasks, ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.live import RESUMED, Event
from console.domain.quality_words import APPEAL, APPEAL_TONE, who
from console.domain.words import NONE, due, when, word
from console.pages.controls import column, dialog, leads_on, switch_of, table, words
from console.pages.frame import Section, act, empty, title
from console.pages.paging import Paging
from console.pages.people import decision_form, may_decide

_SIZE = 20
COLUMNS = (
    column("opened", "提出时间"), column("agent", "坐席 / 班组"), column("reason", "理由"), column("items", "申诉项", "right"), column("state", "状态"),
    column("due", "裁定期限"), column("by", "裁定人", roomy=True), column("act", ""),
)
_CELLS = {
    "opened": '<a class="mj-cell-link" :href="props.row.href">{{props.row.opened}}</a>',
    "agent": '<div class="mj-two"><span>{{props.row.agent}}</span><small>{{props.row.team}}</small></div>',
    "reason": '<span class="mj-wide" :title="props.row.reason">{{props.row.reason}}</span>',
    "state": '<span :class="\'mj-chip \'+props.row.state_tone">{{props.row.state}}</span>',
    "due": '<div class="mj-two"><span :class="\'mj-due \'+props.row.due_tone">{{props.row.due}}</span><small>{{props.row.due_at}}</small></div>',
    "act": '<q-btn v-if="props.row.decides" flat dense no-caps color="primary" label="裁定" @click.stop="$parent.$emit(\'decide\', props.row)" />',
}


def row(session: Session, appeal: Appeal, now: datetime) -> dict[str, Any]:
    """What the list shows of one appeal at this moment."""
    words_left, tone = due(appeal.get("due_at"), appeal.get("decided_at"), now)
    return {
        "id": appeal.get("appeal_id", ""), "href": f"/interactions/{appeal.get('interaction_id', '')}?tab=people", "opened": when(appeal.get("opened_at")),
        "agent": appeal.get("agent_id") or NONE, "team": appeal.get("team_id", ""),
        "reason": appeal.get("reason", ""), "items": len(appeal.get("item_ids", [])),
        "state": word(APPEAL, appeal.get("state")), "state_tone": APPEAL_TONE.get(appeal.get("state", ""), "calm"), "due": words_left, "due_tone": tone,
        "due_at": when(appeal.get("due_at")), "by": who(appeal.get("decided_by"), session.caller.get("principal", "")), "decides": may_decide(session, appeal),
    }


class AppealList:
    """The page's state: the filters, and the page shown."""

    def __init__(self, session: Session, query: Mapping[str, str]) -> None:
        self.session = session
        self.filters = {"state": query.get("state", "open"), "agent_id": query.get("agent_id", ""), "team_id": query.get("team_id", "")}
        if self.filters["state"] not in APPEAL:
            self.filters["state"] = ""
        self.paging = Paging(self.load)
        self.shown: list[Appeal] = []
        self.section: Section[Any] | None = None

    async def load(self) -> None:
        if self.section:
            await self.section.load()

    async def fetch(self) -> Any:
        return await self.session.gateway.get("/v1/appeals", self.filters | {"page_size": str(_SIZE), "page_token": self.paging.token})

    def show(self, page: Any) -> None:
        self.shown = page.get("appeals", [])
        if not self.shown:
            step = "坐席可在会话详情的“评分”中对扣分项提出申诉。"
            empty("没有待裁定的申诉" if self.filters["state"] == "open" else "没有符合条件的申诉", step, icon="gavel")
        else:
            now = datetime.now(UTC)
            made = leads_on(table(COLUMNS, [row(self.session, a, now) for a in self.shown], key="id", cells=_CELLS))
            made.on("decide", lambda e: self.decide(e.args["id"]))
        self.paging.foot(page, len(self.shown))

    async def decide(self, appeal_id: str) -> None:
        appeal = next((a for a in self.shown if a.get("appeal_id") == appeal_id), None)
        if appeal is None or self.section is None:
            return
        evaluation = await act(self.session.gateway.get(path("interactions", appeal.get("interaction_id", ""), "evaluation")))
        if evaluation is None:
            return
        with self.section.box.client.content, dialog(f"裁定申诉 · 坐席 {appeal.get('agent_id')}", wide=True) as box:
            ui.link("查看会话与录音 →", f"/interactions/{appeal.get('interaction_id')}?tab=people", new_tab=True).classes("mj-link")
            with ui.element("div").classes("mj-scroll tall"):
                decision_form(self.session, appeal, evaluation.get("items", []), self.load, leave=box.close)

    async def filter(self, name: str, value: str) -> None:
        self.filters[name] = value
        self.paging.again()
        given = {k: v for k, v in self.filters.items() if v or k == "state"}
        ui.navigate.history.replace(f"/appeals?{urlencode(given)}")
        await self.load()

    def take(self, event: Event) -> None:
        """An appeal was opened or decided elsewhere."""
        if (event.name in ("AppealOpened", "AppealDecided") or event is RESUMED) and self.section:
            background_tasks.create(self.section.load(quiet=True), name="appeals after an event")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = AppealList(session, request.query_params)
    own = session.caller.get("role") == "agent"
    title("申诉", "我提出的申诉" if own else "坐席不同意的评分，由他人逐项裁定")
    with ui.element("div").classes("mj-filters"):
        switch_of(APPEAL | {"": "全部"}, state.filters["state"], lambda e: state.filter("state", e.value or ""))
        if not own:
            for name, label in (("agent_id", "坐席编号"), ("team_id", "班组")):
                words(label, value=state.filters[name], on_change=lambda e, n=name: state.filter(n, (e.value or "").strip())).classes("mj-filter")
    with ui.element("section").classes("mj-card flush"):
        state.section = Section(state.fetch, state.show, lines=8)
    ui.context.client.on_delete(session.events.listen(state.take))
