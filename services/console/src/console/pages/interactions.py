"""会话: the live list of interactions with filters, paging, upload and export."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from client.shapes import Interaction
from fastapi import Request
from nicegui import background_tasks, ui

from console.app import Session
from console.domain.live import RESUMED, Event, changed, fits, received
from console.domain.words import (
    CHANNEL,
    DIRECTION,
    EMOTION,
    INDUSTRY,
    MEDIUM,
    NONE,
    STATUS,
    clock,
    day_begins,
    day_ends,
    points,
    score_tone,
    short,
    today,
    when,
    word,
)
from console.pages.controls import choice, column, day, leads_on, pager, plain_button, quiet_button, strong_button, table, words
from console.pages.frame import Section, empty, title
from console.pages.upload import upload_dialog

STATUS_TONE = {"received": "calm", "transcribing": "info busy", "scoring": "info busy", "scored": "good", "failed": "bad"}
EMOTION_TONE = {"angry": "bad", "anxious": "warn", "neutral": "calm", "satisfied": "good"}
_SIZES = (20, 50, 100)

COLUMNS = (
    column("at", "接收时间"), column("who", "会话"), column("agent", "坐席 / 班组"), column("customer", "客户", roomy=True),
    column("about", "行业 / 产品"), column("length", "时长", "right", roomy=True), column("status", "状态"), column("score", "得分", "right"),
    column("type", "类型 / 紧急"), column("emotion", "客户情绪"), column("alerts", "预警", "center"),
)
_CELLS = {
    "at": '<a class="mj-cell-link" :href="props.row.href">{{props.row.at}}</a>',
    "who": '<div class="mj-two"><span>{{props.row.who}}</span><small>{{props.row.ref}}</small></div>',
    "agent": '<div class="mj-two"><span>{{props.row.agent}}</span><small>{{props.row.team}}</small></div>',
    "customer": '<span>{{props.row.customer}}</span> <span v-if="props.row.tier" class="mj-chip gold">{{props.row.tier}}</span>',
    "about": '<div class="mj-two"><span>{{props.row.industry}}</span><small>{{props.row.product}}</small></div>',
    "status": '<span :class="\'mj-chip \'+props.row.status_tone" :title="props.row.reason">{{props.row.status}}</span>',
    "score": '<span v-if="props.row.fatal" class="mj-fatal" title="有致命项未通过">致命</span> '
    '<b :class="\'mj-score \'+props.row.score_tone">{{props.row.score}}</b>',
    "type": '<span>{{props.row.type}}</span> <span v-if="props.row.urgent" class="mj-chip bad">紧急</span>',
    "emotion": '<span v-if="props.row.emotion_tone" :class="\'mj-chip \'+props.row.emotion_tone">{{props.row.emotion}}</span><span v-else>—</span>',
    "alerts": '<span v-if="props.row.alerts" class="mj-count">{{props.row.alerts}}</span><span v-else class="mj-muted">—</span>',
}


def row(interaction: Interaction) -> dict[str, Any]:
    """What the list shows of one interaction."""
    metadata, outcome = interaction.get("metadata", {}), interaction.get("outcome", {})
    identifier, status = interaction.get("interaction_id", ""), interaction.get("status", "")
    direction = MEDIUM["chat"] if interaction.get("medium") == "chat" else word(DIRECTION, metadata.get("direction"))
    score = outcome.get("score", 0.0) if outcome else None
    return {
        "id": identifier,
        "href": f"/interactions/{identifier}",
        "at": when(interaction.get("received_at")),
        "who": f"{word(CHANNEL, metadata.get('channel'))} · {direction}",
        "ref": metadata.get("external_id") or short(identifier),
        "agent": metadata.get("agent_id") or NONE,
        "team": metadata.get("team_id", ""),
        "customer": metadata.get("customer_id") or NONE,
        "tier": metadata.get("customer_tier", "").upper(),
        "industry": word(INDUSTRY, metadata.get("industry")),
        "product": metadata.get("product", ""),
        "length": clock(interaction.get("audio", {}).get("duration_ms")) if interaction.get("audio") else NONE,
        "status": word(STATUS, status),
        "status_tone": STATUS_TONE.get(status, "calm"),
        "reason": interaction.get("reason", ""),
        "score": points(score),
        "score_tone": score_tone(score, fatal=outcome.get("fatal", False)),
        "fatal": outcome.get("fatal", False),
        "type": outcome.get("ticket_type") or NONE,
        "urgent": outcome.get("urgency") == "high",
        "emotion": word(EMOTION, outcome.get("customer_emotion")),
        "emotion_tone": EMOTION_TONE.get(outcome.get("customer_emotion", ""), ""),
        "alerts": outcome.get("alerts", 0),
    }


class InteractionList:
    """The page's state: filters (also in the address, so that a view can be shared), the page shown, and its rows."""

    def __init__(self, session: Session, query: Mapping[str, str]) -> None:
        self.session = session
        self.filters = {k: query.get(k, "") for k in ("status", "industry", "agent_id", "from", "to")}
        size = query.get("page_size", "")
        self.size = int(size) if size.isdigit() and int(size) in _SIZES else 20
        self.tokens = [""]
        self.next_token = ""
        self.shown: list[Interaction] = []
        self.table: ui.table | None = None
        self.section: Section[Any] | None = None

    def query(self) -> dict[str, str]:
        """The filters as the gateway wants them; a day that is none is left out."""
        asked = {k: v for k, v in self.filters.items() if v and k not in ("from", "to")}
        for name, edge in (("from", day_begins), ("to", day_ends)):
            try:
                if self.filters[name]:
                    asked[name] = edge(self.filters[name])
            except ValueError:
                continue
        return asked

    async def fetch(self) -> Any:
        return await self.session.gateway.get("/v1/interactions", self.query() | {"page_size": str(self.size), "page_token": self.tokens[-1]})

    def show(self, page: Any) -> None:
        self.shown, self.next_token = list(page.get("interactions", [])), page.get("next_page_token", "")
        self.table = None
        if not self.shown:
            self._nothing()
            return
        self.table = leads_on(table(COLUMNS, [row(i) for i in self.shown], key="id", cells=_CELLS))
        back, forward = self.back if len(self.tokens) > 1 else None, self.forward if self.next_token else None
        with pager(f"第 {len(self.tokens)} 页 · 本页 {len(self.shown)} 条", back, forward):
            ui.select({n: f"每页 {n} 条" for n in _SIZES}, value=self.size, on_change=self.resize).props("dense borderless options-dense aria-label=每页条数")

    def _nothing(self) -> None:
        if any(self.filters.values()):
            empty("没有符合条件的会话", "试试放宽筛选条件。", icon="search_off", action="清除筛选", on_action=self.reset)
        elif self.session.may("interactions:write"):
            step = "上传一段录音，或通过 REST / gRPC 接入，评分结果会实时出现在这里。"
            empty("还没有会话", step, icon="forum", action="上传录音", on_action=self.open_upload)
        else:
            empty("还没有会话", "接入后，评分结果会实时出现在这里。", icon="forum")

    async def filter(self, name: str, e: Any) -> None:
        """One filter has a new value."""
        self.filters[name] = e.value or ""
        await self.changed()

    async def changed(self) -> None:
        """A filter was changed: first page again."""
        self.tokens = [""]
        given = {k: v for k, v in self.filters.items() if v} | ({"page_size": str(self.size)} if self.size != _SIZES[0] else {})
        ui.navigate.history.replace("/interactions" + (f"?{urlencode(given)}" if given else ""))
        if self.section:
            await self.section.load()

    async def reset(self) -> None:
        ui.navigate.to("/interactions")

    async def resize(self, e: Any) -> None:
        self.size = int(e.value)
        await self.changed()

    async def back(self) -> None:
        self.tokens.pop()
        if self.section:
            await self.section.load()

    async def forward(self) -> None:
        self.tokens.append(self.next_token)
        if self.section:
            await self.section.load()

    def open_upload(self) -> None:
        upload_dialog(self.session)

    def export(self) -> None:
        ui.navigate.to(f"/export/interactions.csv?{urlencode(self.query())}")

    def take(self, event: Event) -> None:
        """An event: rows change in place, a new interaction appears on the first page."""
        if event is RESUMED:
            if self.section:
                background_tasks.create(self.section.load(quiet=True), name="list after a gap")
            return
        new = received(event)
        if new is not None:
            known = any(i.get("interaction_id") == new.get("interaction_id") for i in self.shown)
            if len(self.tokens) > 1 or known or not fits(new, self.query()):
                return
            if self.table is None and self.section:
                self.section.box.clear()
                with self.section.box:
                    self.show({"interactions": [new]})
                return
            self.shown = [new, *self.shown][: self.size]
        else:
            at = next((n for n, i in enumerate(self.shown) if i.get("interaction_id") == event.interaction_id), None)
            if at is None:
                return
            after = changed(self.shown[at], event)
            if after is self.shown[at]:
                return
            self.shown[at] = after
        if self.table is not None:
            self.table.rows = [row(i) for i in self.shown]


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = InteractionList(session, request.query_params)
    with ui.element("div").classes("mj-topline"):
        title("会话", "每一通通话与在线会话，从接收到评分实时更新")
        ui.space()
        plain_button("导出 CSV", state.export, icon="download")
        if session.may("interactions:write"):
            strong_button("上传录音", state.open_upload, icon="upload")
    with ui.element("div").classes("mj-filters"):
        for name, label, known in (("status", "状态", STATUS), ("industry", "行业", INDUSTRY)):
            chosen = state.filters[name] if state.filters[name] in known else ""
            choice({"": "全部"} | known, label=label, value=chosen, on_change=partial(state.filter, name)).classes("mj-filter")
        words("坐席编号", value=state.filters["agent_id"], on_change=partial(state.filter, "agent_id")).classes("mj-filter")
        for name, label in (("from", "从"), ("to", "到")):
            day(label, state.filters[name], last=today(datetime.now(UTC)), on_change=partial(state.filter, name))
        quiet_button("重置", state.reset, icon="restart_alt")
    with ui.element("section").classes("mj-card flush"):
        state.section = Section(state.fetch, state.show, lines=8)
    ui.context.client.on_delete(session.events.listen(state.take))
