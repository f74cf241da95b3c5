"""工单: the list of tickets with filters and running deadlines, and opening one by hand."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from client.shapes import Ticket
from fastapi import Request
from nicegui import background_tasks, ui

from console.app import Session
from console.domain.live import RESUMED, Event, ticket_of
from console.domain.words import NONE, TICKET_KIND, TICKET_STATE, TICKET_TYPES, URGENCY, due, when, word
from console.pages.controls import choice, column, dialog, leads_on, line, pager, quiet_button, strong_button, table, words
from console.pages.frame import Section, act, empty, title

STATE_TONE = {"open": "warn", "assigned": "info", "in_progress": "info", "waiting": "calm", "resolved": "good", "closed": "calm"}
# Suggestions for the filter; departments are the company's own words, so any other can be typed.
DEPARTMENTS = ("市场部", "网维部", "研发部", "仓配部", "服务部", "班组", "客户关怀部")
_SIZE = 20

COLUMNS = (
    column("title", "工单"), column("type", "类型"), column("department", "部门"), column("state", "状态"), column("assignee", "负责人", roomy=True),
    column("first", "首次响应"), column("resolution", "解决期限"), column("opened", "开单时间", roomy=True),
)
_CELLS = {
    "title": '<a class="mj-cell-link mj-wide" :href="props.row.href">{{props.row.title}}</a>'
    '<span v-if="props.row.tier" class="mj-chip gold">{{props.row.tier}}</span>',
    "type": '<span>{{props.row.type}}</span> <span v-if="props.row.urgent" class="mj-chip bad">紧急</span>',
    "department": '<span>{{props.row.department}}</span> <span v-if="props.row.second" class="mj-chip warn">二线</span>',
    "state": '<span :class="\'mj-chip \'+props.row.state_tone">{{props.row.state}}</span>',
} | {
    name: f'<div class="mj-two"><span :class="\'mj-due \'+props.row.{name}_tone">{{{{props.row.{name}}}}}</span>'
    f'<small>{{{{props.row.{name}_at}}}}</small></div>'
    for name in ("first", "resolution")
}


def row(ticket: Ticket, now: datetime) -> dict[str, Any]:
    """What the list shows of one ticket at this moment."""
    first, first_tone = due(ticket.get("first_response_due_at"), ticket.get("first_responded_at"), now)
    resolution, resolution_tone = due(ticket.get("resolution_due_at"), ticket.get("resolved_at") or ticket.get("closed_at"), now)
    return {
        "id": ticket.get("ticket_id", ""), "href": f"/tickets/{ticket.get('ticket_id', '')}", "title": ticket.get("title") or "（无标题）",
        "tier": ticket.get("customer_tier", "").upper(), "type": ticket.get("type") or NONE, "urgent": ticket.get("urgency") == "high",
        "department": ticket.get("department") or NONE, "second": ticket.get("line") == 2, "state": word(TICKET_STATE, ticket.get("state")),
        "state_tone": STATE_TONE.get(ticket.get("state", ""), "calm"), "assignee": ticket.get("assignee") or NONE,
        "first": first, "first_tone": first_tone, "first_at": when(ticket.get("first_response_due_at"))[5:],
        "resolution": resolution, "resolution_tone": resolution_tone, "resolution_at": when(ticket.get("resolution_due_at"))[5:],
        "opened": when(ticket.get("opened_at"))[5:],
    }


class TicketList:
    """The page's state."""

    def __init__(self, session: Session, query: Mapping[str, str]) -> None:
        self.session = session
        self.filters: dict[str, Any] = {k: query.get(k, "") for k in ("state", "kind", "department", "assignee")} | {"overdue": query.get("overdue") == "true"}
        self.tokens, self.next_token = [""], ""
        self.shown: list[Ticket] = []
        self.table: ui.table | None = None
        self.section: Section[Any] | None = None

    async def fetch(self) -> Any:
        return await self.session.gateway.get("/v1/tickets", self.filters | {"page_size": _SIZE, "page_token": self.tokens[-1]})

    def show(self, page: Any) -> None:
        self.shown, self.next_token, self.table = list(page.get("tickets", [])), page.get("next_page_token", ""), None
        if not self.shown:
            if any(self.filters.values()):
                empty("没有符合条件的工单", "试试放宽筛选条件。", icon="search_off", action="清除筛选", on_action=lambda: ui.navigate.to("/tickets"))
            else:
                empty("还没有工单", "质检发现投诉、故障或致命项时会自动开单，也可以人工开单。", icon="assignment")
            return
        self.table = leads_on(table(COLUMNS, [], key="id", cells=_CELLS))
        self.refresh()
        back, forward = self.back if len(self.tokens) > 1 else None, self.forward if self.next_token else None
        pager(f"第 {len(self.tokens)} 页 · 本页 {len(self.shown)} 条", back, forward)

    def refresh(self) -> None:
        """Let the deadlines run."""
        if self.table is not None:
            now = datetime.now(UTC)
            self.table.rows = [row(t, now) for t in self.shown]

    async def filter(self, name: str, e: Any) -> None:
        self.filters[name] = e.value or ("" if name != "overdue" else False)
        self.tokens = [""]
        given = {k: "true" if v is True else v for k, v in self.filters.items() if v}
        ui.navigate.history.replace("/tickets" + (f"?{urlencode(given)}" if given else ""))
        await self.reload()

    async def reload(self) -> None:
        if self.section:
            await self.section.load()

    async def back(self) -> None:
        self.tokens.pop()
        await self.reload()

    async def forward(self) -> None:
        self.tokens.append(self.next_token)
        await self.reload()

    def take(self, event: Event) -> None:
        """An event: a shown ticket changes in place; a new one makes the first page be asked again."""
        ticket = ticket_of(event)
        at = next((n for n, t in enumerate(self.shown) if ticket and t.get("ticket_id") == ticket.get("ticket_id")), None)
        if ticket and at is not None:
            if ticket.get("version", 0) >= self.shown[at].get("version", 0):
                self.shown[at] = ticket
                self.refresh()
        elif self.section and len(self.tokens) == 1 and (event is RESUMED or event.name in ("TicketOpened", "TicketReopened")):
            background_tasks.create(self.section.load(quiet=True), name="tickets after an event")


def open_dialog(session: Session, interaction_id: str = "") -> None:
    """人工开单."""
    form: dict[str, Any] = {"kind": "service", "type": "投诉", "urgency": "normal", "interaction_id": interaction_id}
    form |= dict.fromkeys(("title", "description", "customer_id", "product", "agent_id"), "")
    # Pressing twice, or again after a lost answer, opens one ticket.
    key = secrets.token_hex(16)

    async def send() -> None:
        if not form["title"].strip():
            heading.error = "请填写标题"
            return
        send_button.props("loading")
        ticket = await act(session.gateway.post("/v1/tickets", {k: v for k, v in form.items() if v} | {"idempotency_key": key}), "工单已创建")
        send_button.props(remove="loading")
        if ticket:
            ui.navigate.to(f"/tickets/{ticket.get('ticket_id')}")

    with dialog("人工开单") as box:
        heading = words("标题", most=200).bind_value(form, "title").props("autofocus").classes("mj-full")
        ui.textarea("情况说明").bind_value(form, "description").props("outlined dense rows=3 maxlength=2000").classes("mj-full")
        with ui.element("div").classes("mj-form"):
            choice(TICKET_KIND, label="工单种类", value=form["kind"]).bind_value(form, "kind")
            choice(list(TICKET_TYPES), label="问题类型", value=form["type"]).bind_value(form, "type")
            choice(URGENCY, label="紧急程度", value=form["urgency"]).bind_value(form, "urgency")
            for name, label in (("product", "产品"), ("customer_id", "客户编号"), ("agent_id", "坐席编号"), ("interaction_id", "关联会话编号")):
                words(label).bind_value(form, name)
        with line("mj-actions"):
            quiet_button("取消", box.close)
            send_button = strong_button("开单", send)


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = TicketList(session, request.query_params)
    with ui.element("div").classes("mj-topline"):
        title("工单", "投诉、故障与致命项自动开单，跟踪到解决为止")
        ui.space()
        if session.may("tickets:write"):
            strong_button("人工开单", lambda: open_dialog(session), icon="add")
    with ui.element("div").classes("mj-filters"):
        for name, label, known in (("state", "状态", TICKET_STATE), ("kind", "种类", TICKET_KIND)):
            chosen = state.filters[name] if state.filters[name] in known else ""
            choice({"": "全部"} | known, label=label, value=chosen, on_change=partial(state.filter, name)).classes("mj-filter")
        for name, label, suggestions in (("department", "部门", list(DEPARTMENTS)), ("assignee", "负责人", None)):
            words(label, value=state.filters[name], on_change=partial(state.filter, name), suggestions=suggestions).classes("mj-filter")
        ui.switch("只看超时", value=state.filters["overdue"], on_change=partial(state.filter, "overdue")).props("dense color=negative")
    with ui.element("section").classes("mj-card flush"):
        state.section = Section(state.fetch, state.show, lines=8)
    ui.timer(30.0, state.refresh)
    ui.context.client.on_delete(session.events.listen(state.take))
