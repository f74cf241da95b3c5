"""工单详情: one ticket, its history, and what can be done with it now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.errors import Problem, Stale
from client.shapes import HistoryEntry, Ticket
from fastapi import Request
from nicegui import background_tasks, ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.live import RESUMED, Event, ticket_of
from console.domain.words import NONE, TICKET_ACTION, TICKET_KIND, TICKET_STATE, URGENCY, cause, due, short, when, word
from console.pages.controls import dialog, fact, line, plain_button, quiet_button, strong_button, words
from console.pages.frame import Section, card, chip, said
from console.pages.tickets import STATE_TONE


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done with a ticket; `asks` names the field that must be filled, its label and whether it is long."""

    verb: str
    name: str
    icon: str
    states: tuple[str, ...]
    asks: tuple[str, str, bool] | None = None
    first_line_only: bool = False


# As RoutingService allows them; it decides again.
ACTIONS = (
    Action("start", "开始处理", "play_arrow", ("assigned",)),
    Action("resolve", "解决", "task_alt", ("in_progress",), ("resolution", "解决办法", True)),
    Action("close", "关闭", "lock", ("resolved",)),
    Action("assign", "分配", "person_add", ("open", "assigned", "in_progress"), ("assignee", "分配给（工号或姓名）", False)),
    Action("escalate", "升级二线", "trending_up", ("open", "assigned", "in_progress"), ("note", "升级原因", True), first_line_only=True),
    Action("reopen", "重新打开", "replay", ("resolved", "closed"), ("note", "重新打开的原因", True)),
    Action("comment", "添加备注", "chat_bubble_outline", ("open", "assigned", "in_progress", "resolved", "closed"), ("note", "备注", True)),
)


def possible(ticket: Ticket) -> list[Action]:
    """What can be done with it as it stands."""
    return [a for a in ACTIONS if ticket.get("state") in a.states and not (a.first_line_only and ticket.get("line") == 2)]


class TicketPage:
    """One ticket."""

    def __init__(self, session: Session, ticket_id: str) -> None:
        self.session, self.id = session, ticket_id
        self.ticket: Ticket = {}
        self.section: Section[Ticket] | None = None

    async def fetch(self) -> Ticket:
        self.ticket = await self.session.gateway.get(path("tickets", self.id))
        return self.ticket

    def show(self, t: Ticket) -> None:
        with ui.element("section").classes("mj-card"):
            with ui.element("div").classes("mj-hero-line"):
                ui.label(t.get("title") or "（无标题）").classes("mj-h1").props("role=heading aria-level=1")
                chip(word(TICKET_STATE, t.get("state")), STATE_TONE.get(t.get("state", ""), "calm")).mark("state")
                chip(t.get("type") or NONE, "info")
                chip(word(URGENCY, t.get("urgency")), "bad" if t.get("urgency") == "high" else "calm")
                if t.get("line") == 2:
                    chip("二线", "warn")
                if t.get("overdue"):
                    chip("已超时", "bad")
            if self.session.may("tickets:write"):
                with ui.element("div").classes("mj-hero-line mj-action-bar"):
                    for n, action in enumerate(possible(t)):
                        button = strong_button if n == 0 and action.verb != "comment" else plain_button
                        button(action.name, self._starter(action), icon=action.icon).mark(action.verb)
        with ui.element("div").classes("mj-split even"):
            with ui.element("div").classes("mj-left"):
                self._deadlines(t)
                with card("情况说明"):
                    ui.label(t.get("description") or "没有补充说明。").classes("mj-text")
                    if t.get("resolution"):
                        ui.label("解决办法").classes("mj-h3")
                        ui.label(t["resolution"]).classes("mj-text")
                with card("基本信息"), line("mj-facts grid"):
                    fact("工单编号", short(t.get("ticket_id")))
                    fact("种类", word(TICKET_KIND, t.get("kind")))
                    fact("部门", t.get("department") or NONE)
                    fact("负责人", t.get("assignee") or NONE)
                    fact("客户", " ".join(x for x in (t.get("customer_id"), (t.get("customer_tier") or "").upper()) if x) or NONE)
                    fact("坐席", t.get("agent_id") or NONE)
                    fact("产品", t.get("product") or NONE)
                    fact("开单原因", "、".join(cause(c) for c in t.get("causes", [])) or NONE)
                    fact("开单时间", when(t.get("opened_at")))
                    fact("分派规则", t.get("routed_by") or NONE)
                    fact("版本", f"v{t.get('version', 0)}")
                    if t.get("interaction_id"):
                        with ui.element("div"):
                            ui.label("来源会话").classes("mj-fact-name")
                            ui.link("查看会话 →", f"/interactions/{t['interaction_id']}").classes("mj-link")
            with ui.element("div").classes("mj-right"), card("处理记录"), line("mj-history"):
                for entry in reversed(t.get("history", [])):
                    self._entry(entry)

    def _entry(self, entry: HistoryEntry) -> None:
        by, before, after = entry.get("by", ""), entry.get("from_state"), entry.get("to_state")
        with ui.element("div").classes(f"mj-history-entry {'bad' if entry.get('action') == 'overdue' else ''}"):
            with line():
                ui.label(word(TICKET_ACTION, entry.get("action"))).classes("mj-strong")
                ui.label("系统" if by == "system" or by.startswith("service:") else by).classes("mj-muted small")
                ui.space()
                ui.label(when(entry.get("at"), seconds=True)).classes("mj-muted small")
            if before in TICKET_STATE and before != after:
                ui.label(f"{word(TICKET_STATE, before)} → {word(TICKET_STATE, after)}").classes("mj-muted small")
            if entry.get("note"):
                ui.label(entry["note"]).classes("mj-text")

    def _deadlines(self, t: Ticket) -> None:
        now = datetime.now(UTC)
        with ui.element("div").classes("mj-cards two"):
            for name, limit, done in (
                ("首次响应期限", t.get("first_response_due_at"), t.get("first_responded_at")),
                ("解决期限", t.get("resolution_due_at"), t.get("resolved_at") or t.get("closed_at")),
            ):
                left, tone = due(limit, done, now)
                with ui.element("section").classes(f"mj-card mj-limit {tone}"):
                    ui.label(name).classes("mj-fact-name")
                    ui.label(left).classes(f"mj-limit-words mj-due {tone}")
                    ui.label(when(limit)).classes("mj-muted small")

    def _starter(self, action: Action) -> Callable[[], Any]:
        async def start() -> None:
            if action.asks is None:
                await self.send(action, {})
            else:
                self.ask(action, *action.asks)

        return start

    def ask(self, action: Action, field: str, label: str, long: bool) -> None:
        """What goes with the action."""
        async def send() -> None:
            if not (text.value or "").strip():
                text.error = f"请填写{label.partition('（')[0]}"
                return
            given = {field: text.value.strip()}
            if note is not None and (note.value or "").strip():
                given["note"] = note.value.strip()
            send_button.props("loading")
            done = await self.send(action, given)
            send_button.props(remove="loading")
            if done:
                box.close()

        with dialog(action.name) as box:
            text = (ui.textarea(label) if long else ui.input(label)).props("outlined dense autofocus maxlength=2000").classes("mj-full").mark("words")
            note = None if field == "note" else words("备注（可不填）", most=500).classes("mj-full")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                send_button = strong_button("确定", send).mark("confirm")

    async def send(self, action: Action, fields: dict[str, Any]) -> bool:
        """Do it to the version that is shown. After a conflict the current one is shown and nothing was changed."""
        seen = self.ticket.get("version", 0)
        try:
            await self.session.gateway.post(f"{path('tickets', self.id)}:{action.verb}", {"version": seen} | fields)
        except Stale:
            if self.section:
                await self.section.load(quiet=True)
            now = f"v{self.ticket.get('version', 0)}，{word(TICKET_STATE, self.ticket.get('state'))}"
            ui.notify(
                f"该工单刚被他人修改（您看到的是 v{seen}，现在是 {now}）。已为您刷新，本次操作未执行，请核对后再试。",
                type="warning", position="top", timeout=12000, close_button="知道了", multi_line=True,
            )
            return False
        except Problem as e:
            ui.notify(said(e), type="negative", position="top", timeout=8000, close_button="知道了")
            return False
        ui.notify(f"已{action.name}", type="positive", position="top")
        if self.section:
            await self.section.load(quiet=True)
        return True


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    page = TicketPage(session, request.path_params["ticket_id"])
    ui.link("← 返回工单列表", "/tickets").classes("mj-back")
    page.section = section = Section(page.fetch, page.show, lines=8)

    def take(event: Event) -> None:
        ticket = ticket_of(event)
        other = ticket and ticket.get("ticket_id") == page.id and ticket.get("version", 0) > page.ticket.get("version", 0)
        if other or event is RESUMED:
            background_tasks.create(section.load(quiet=True), name="ticket after an event")

    ui.context.client.on_delete(session.events.listen(take))
