"""工单: the board and the list of tickets with filters and running clocks, and opening one by hand."""

import secrets
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from client.shapes import Ticket
from fastapi import Request
from nicegui import background_tasks, ui

from console.app import Session
from console.domain.deadlines import Calendars, next_due
from console.domain.live import RESUMED, Event, ticket_of
from console.domain.ticket_filter import MOST_QUERY, TicketFilter
from console.domain.words import NONE, TICKET_KIND, TICKET_STATE, TICKET_TYPES, URGENCY, when, word
from console.pages.controls import choice, column, dialog, leads_on, line, pager, quiet_button, strong_button, switch_of, table, words
from console.pages.frame import Section, act, empty, title, together
from console.pages.ticket_board import Board
from console.pages.ticket_clock import calendars_of, clock_row, ticket_head

STATE_TONE = {"open": "warn", "assigned": "info", "in_progress": "info", "waiting": "calm", "resolved": "good", "closed": "calm"}
# Suggestions for the filter; departments are the company's own words, so any other can be typed.
DEPARTMENTS = ("市场部", "网维部", "研发部", "仓配部", "服务部", "班组", "客户关怀部")
_SIZE = 20
# Where the gateway cannot narrow by all that is asked, so many tickets are looked at for one page.
_LOOKED_AT, _AT_A_TIME = 1_000, 200

COLUMNS = (
    column("title", "工单"), column("type", "类型"), column("department", "部门"), column("state", "状态"), column("assignee", "负责人", roomy=True),
    column("clock", "下一期限"), column("opened", "开单时间", roomy=True),
)
_CELLS = {
    "title": '<a class="mj-cell-link mj-wide" :href="props.row.href">{{props.row.title}}</a>'
    '<span v-if="props.row.tier" class="mj-chip gold">{{props.row.tier}}</span>',
    "type": '<span>{{props.row.type}}</span> <span v-if="props.row.urgent" class="mj-chip bad">紧急</span>',
    "department": '<span>{{props.row.department}}</span> <span v-if="props.row.second" class="mj-chip warn">二线</span>',
    "state": '<span :class="\'mj-chip \'+props.row.state_tone">{{props.row.state}}</span>',
    "clock": '<div class="mj-two mj-timed" :class="props.row.clock_tone" :style="\'--share:\'+props.row.share">'
    '<span class="mj-clock" :class="props.row.clock_tone" :data-left="props.row.left" :data-from="props.row.from" :data-to="props.row.to" '
    ':data-allowed="props.row.allowed">{{props.row.clock}}</span><i v-if="props.row.clock_target" class="mj-clock-bar"></i>'
    '<small>{{props.row.clock_target}} {{props.row.due}} <span v-if="props.row.level" class="mj-chip bad">升级 {{props.row.level}} 级</span></small></div>',
}


def row(ticket: Ticket, calendars: Calendars, now: datetime) -> dict[str, Any]:
    """What the list shows of one ticket at this moment."""
    due = next_due(ticket, calendars, now)
    return {
        "id": ticket.get("ticket_id", ""), "href": f"/tickets/{ticket.get('ticket_id', '')}", "title": ticket.get("title") or "（无标题）",
        "tier": ticket.get("customer_tier", "").upper(), "type": ticket.get("type") or NONE, "urgent": ticket.get("urgency") == "high",
        "department": ticket.get("department") or NONE, "second": ticket.get("line") == 2, "state": word(TICKET_STATE, ticket.get("state")),
        "state_tone": STATE_TONE.get(ticket.get("state", ""), "calm"), "assignee": ticket.get("assignee") or NONE, "level": ticket.get("level", 0),
        "due": f"· 至 {when(due.due_at)[5:]}" if due and due.due_at else "", "opened": when(ticket.get("opened_at"))[5:],
    } | clock_row(due, "已完成" if ticket.get("state") in ("resolved", "closed") else NONE)


class TicketsPage:
    """The page's state: what is asked for, and the board or the list that shows it."""

    def __init__(self, session: Session, wanted: TicketFilter) -> None:
        self.session, self.wanted = session, wanted
        self.calendars = Calendars()
        self.tokens, self.next_token = [""], ""
        self.shown: list[Ticket] = []
        self.table: ui.table | None = None
        self.board: Board | None = None
        self.section: Section[Any] | None = None

    async def page(self, extra: dict[str, Any], token: str, size: int) -> tuple[list[Ticket], str]:
        """One page of what is asked for; where the gateway cannot say all of it, so many are looked at until the page is full."""
        if not self.wanted.sieves:
            answer = await self.session.gateway.get("/v1/tickets", self.wanted.asked | extra | {"page_size": size, "page_token": token})
            return answer.get("tickets", []), answer.get("next_page_token", "")
        found: list[Ticket] = []
        for _ in range(_LOOKED_AT // _AT_A_TIME):
            query = self.wanted.asked | extra | {"page_size": _AT_A_TIME, "page_token": token}
            answer = await self.session.gateway.get("/v1/tickets", query)
            found += [t for t in answer.get("tickets", []) if self.wanted.fits(t)]
            token = answer.get("next_page_token", "")
            if not token or len(found) >= size:
                break
        return found, token

    @property
    def states(self) -> tuple[str, ...]:
        """Columns of the board."""
        return (self.wanted.state,) if self.wanted.state else tuple(TICKET_STATE)

    async def fetch(self) -> dict[str, tuple[list[Ticket], str]]:
        self.calendars = await calendars_of(self.session)
        if self.wanted.view == "list" or self.wanted.order_by == "due":
            return {"": await self.page({}, self.tokens[-1], _SIZE if self.wanted.view == "list" else 5 * _SIZE)}
        pages = await together(*(self.page({"state": s}, "", _SIZE) for s in self.states))
        for page in pages:
            if isinstance(page, Exception):
                raise page
        return dict(zip(self.states, pages, strict=True))  # type: ignore[arg-type]

    def show(self, pages: dict[str, tuple[list[Ticket], str]]) -> None:
        self.table = self.board = None
        self.shown, self.next_token = pages.get("", ([], ""))
        # A page without tickets may have others behind it where they are picked out here.
        if not any(tickets or token for tickets, token in pages.values()):
            if self.wanted.narrows:
                empty("没有符合条件的工单", "试试放宽筛选条件。", icon="search_off", action="清除筛选", on_action=lambda: ui.navigate.to("/tickets"))
                return
            if self.wanted.view == "list":
                empty("还没有工单", "质检发现投诉、故障或致命项时会自动开单，也可以人工开单。", icon="assignment")
                return
        if self.wanted.view == "board":
            self._show_board(pages)
        else:
            with ui.element("section").classes("mj-card flush"):
                self.table = leads_on(table(COLUMNS, [], key="id", cells=_CELLS))
                self.refresh()
                back, forward = self.back if len(self.tokens) > 1 else None, self.forward if self.next_token else None
                pager(f"第 {len(self.tokens)} 页 · 本页 {len(self.shown)} 条", back, forward)

    def _show_board(self, pages: dict[str, tuple[list[Ticket], str]]) -> None:
        if self.wanted.order_by != "due":
            self.board = Board(self.session, self.calendars, self.states, self.more)
            for state, (tickets, token) in pages.items():
                self.board.fill(state, tickets, token)
            return
        ui.label("按到期先后：只含正在计时的工单，最急的 100 张。").classes("mj-muted small")
        states = tuple(s for s in self.states if s not in ("resolved", "closed"))
        self.board = Board(self.session, self.calendars, states, self.more)
        for state in states:
            self.board.fill(state, [t for t in self.shown if t.get("state") == state], "")

    async def more(self, state: str) -> None:
        """The next page of one column."""
        if self.board:
            board, column = self.board, self.board.columns[state]
            page = await act(self.page({"state": state}, column.next_token, _SIZE))
            if page and board is self.board:
                board.fill(state, *page)

    def refresh(self) -> None:
        """Let the clocks pass into the next working period; within one the browser counts by itself."""
        now = datetime.now(UTC)
        if self.table is not None:
            self.table.rows = [row(t, self.calendars, now) for t in self.shown]
        if self.board is not None:
            self.board.tick(now)

    async def filter(self, name: str, e: Any) -> None:
        self.wanted = self.wanted.changed(name, e.value)
        self.tokens = [""]
        given = self.wanted.address
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
        """An event: a ticket changes where it stands; a new one appears on the board, and on the first page of the list."""
        ticket = ticket_of(event)
        if event is RESUMED:
            self._ask_again()
        elif ticket and self.board:
            self.board.put(ticket, fits=self.wanted.fits(ticket))
        elif ticket:
            at = next((n for n, t in enumerate(self.shown) if t.get("ticket_id") == ticket.get("ticket_id")), None)
            if at is None:
                if len(self.tokens) == 1 and event.name in ("TicketOpened", "TicketReopened") and self.wanted.fits(ticket):
                    self._ask_again()
            elif ticket.get("version", 0) >= self.shown[at].get("version", 0):
                self.shown[at] = ticket
                self.refresh()

    def _ask_again(self) -> None:
        if self.section:
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
    ticket_head()
    page = TicketsPage(session, TicketFilter.of(request.query_params))
    wanted = page.wanted
    with ui.element("div").classes("mj-topline"):
        title("工单", "投诉、故障与致命项自动开单，跟踪到解决为止；计时只算工作时间")
        ui.space()
        switch_of({"board": "看板", "list": "列表"}, wanted.view, partial(page.filter, "view")).mark("view")
        if session.may("tickets:write"):
            strong_button("人工开单", lambda: open_dialog(session), icon="add")
    with ui.element("div").classes("mj-filters"):
        search = words("搜索", value=wanted.query, hint="标题、说明、客户编号", on_change=partial(page.filter, "query"), most=MOST_QUERY)
        search.classes("mj-filter slim").mark("query")
        types = {t: t for t in TICKET_TYPES}
        for name, label, known in (("kind", "种类", TICKET_KIND), ("type", "类型", types), ("urgency", "紧急程度", URGENCY), ("state", "状态", TICKET_STATE)):
            chosen = getattr(wanted, name) if getattr(wanted, name) in known else ""
            choice({"": "全部"} | known, label=label, value=chosen, on_change=partial(page.filter, name)).classes("mj-filter slim").mark(f"filter-{name}")
        for name, label, suggestions in (("department", "部门", list(DEPARTMENTS)), ("assignee", "负责人", None)):
            words(label, value=getattr(wanted, name), on_change=partial(page.filter, name), suggestions=suggestions).classes("mj-filter slim")
        choice({"": "最新", "due": "到期"}, label="排序", value=wanted.order_by, on_change=partial(page.filter, "order_by")).classes("mj-filter slim")
        ui.switch("只看超时", value=wanted.overdue, on_change=partial(page.filter, "overdue")).props("dense color=negative")
    page.section = Section(page.fetch, page.show, lines=8)
    ui.timer(30.0, page.refresh)
    ui.context.client.on_delete(session.events.listen(page.take))
