"""工单详情: one ticket, its clocks, what it rests on, its history, and what can be done with it now."""

from datetime import UTC, datetime

from chassis.errors import Problem
from client.shapes import HistoryEntry, Ticket
from fastapi import Request
from nicegui import background_tasks, ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.deadlines import TARGET, Calendars, Countdown, countdowns, lasting
from console.domain.live import RESUMED, Event, ticket_of
from console.domain.ticket_steps import possible
from console.domain.words import FINDING, NONE, TICKET_ACTION, TICKET_KIND, TICKET_STATE, URGENCY, cause, short, when, word
from console.pages.controls import fact, line, plain_button, strong_button
from console.pages.frame import Section, card, chip
from console.pages.ticket_actions import TicketActions, menu
from console.pages.ticket_board import badges
from console.pages.ticket_clock import ClockLabel, calendars_of, ticket_head
from console.pages.ticket_contacts import Contacts
from console.pages.tickets import STATE_TONE

# More than these stand in the menu.
_BUTTONS = 5
_BAD = ("overdue", "unproven", "relapsed")
_GOOD = ("resolved", "closed", "proven", "called_back")


async def field_titles(session: Session) -> dict[str, str]:
    """Chinese names of standard fields; none where they cannot be had."""
    try:
        answer = await session.gateway.get("/v1/ticket-fields")
    except Problem:
        return {}
    return {f.get("field_id", ""): f.get("title", "") for kind in answer.get("types", []) for f in kind.get("fields", [])}


class TicketPage:
    """One ticket."""

    def __init__(self, session: Session, ticket_id: str) -> None:
        self.session, self.id = session, ticket_id
        self.ticket: Ticket = {}
        self.calendars = Calendars()
        self.clocks: list[tuple[int, ClockLabel]] = []
        self.actions = TicketActions(session, lambda: self.ticket, self.changed)
        self.section: Section[Ticket] | None = None
        self.titles: dict[str, str] = {}
        self.contacts = Contacts(session)

    async def fetch(self) -> Ticket:
        self.calendars = await calendars_of(self.session)
        self.ticket = await self.session.gateway.get(path("tickets", self.id))
        if self.ticket.get("missing_fields") and not self.titles:
            self.titles = await field_titles(self.session)
        return self.ticket

    async def changed(self, _: Ticket) -> None:
        """After a step: the whole ticket, whose history is longer now."""
        if self.section:
            await self.section.load(quiet=True)

    def show(self, t: Ticket) -> None:
        self._heading(t)
        with ui.element("div").classes("mj-split even"):
            with ui.element("div").classes("mj-left"):
                self._clocks(t)
                self._description(t)
                self._fields(t)
                self.contacts.show(t)
            with ui.element("div").classes("mj-right"):
                self._facts(t)
                with card("处理记录"), line("mj-history"):
                    for entry in reversed(t.get("history", [])):
                        self._entry(entry)

    def _heading(self, t: Ticket) -> None:
        with ui.element("section").classes("mj-card"):
            with ui.element("div").classes("mj-hero-line"):
                ui.label(t.get("title") or "（无标题）").classes("mj-h1").props("role=heading aria-level=1")
                chip(word(TICKET_STATE, t.get("state")), STATE_TONE.get(t.get("state", ""), "calm")).mark("state")
                chip(word(TICKET_KIND, t.get("kind")))
                chip(t.get("type") or NONE, "info")
                badges(t)
                if t.get("overdue"):
                    chip("已超时", "bad")
                if t.get("kind") == "rectification":
                    ui.link("查看整改与复核 →", f"/rectifications/{self.id}").classes("mj-link")
            if self.session.may("tickets:write"):
                with ui.element("div").classes("mj-hero-line mj-action-bar"):
                    for n, step in enumerate(possible(t)[:_BUTTONS]):
                        button = strong_button if n == 0 and step.verb != "comment" else plain_button
                        button(step.name, self.actions.starter(step), icon=step.icon).mark(step.verb)
                    watching = self.me in t.get("watchers", [])
                    watch = self._unwatch if watching else self._watch
                    plain_button("取消关注" if watching else "关注", watch, icon="visibility_off" if watching else "visibility").mark("watch")
                    with plain_button("更多操作", lambda: None, icon="more_horiz").mark("more"), ui.menu().props("auto-close"):
                        menu(self.actions, t)

    def _clocks(self, t: Ticket) -> None:
        self.clocks = []
        now = datetime.now(UTC)
        with card("时限"):
            shown = countdowns(t, self.calendars, now)
            for n, c in enumerate(shown):
                self._clock(n, c)
            if not shown:
                ui.label("没有时限。").classes("mj-muted")
            about = [f"时限政策 {t['policy_id']}"] if t.get("policy_id") else []
            about += [f"版本 {t['levels_version']}"] if t.get("levels_version") else []
            if about:
                calendar = self.calendars.of(t).title
                ui.label(f"{'，'.join(about)}，日历“{calendar}”，只计工作时间").classes("mj-muted small mj-foot")

    def _clock(self, n: int, c: Countdown) -> None:
        line_of_clock = ui.element("div").classes(f"mj-limit-line mj-timed {c.tone} {c.state}").style(f"--share:{c.share:.4f}")
        with line_of_clock.mark(f"clock-{c.target}"):
            ui.label(word(TARGET, c.target)).classes("mj-strong")
            with ui.element("div").classes("mj-bar"):
                ui.element("i")
            self.clocks.append((n, ClockLabel(c)))
            used = f"已用 {lasting(c.allowed_s - c.left_s)} / 限 {lasting(c.allowed_s)}"
            end = f"完成于 {when(c.met_at)}" if c.met_at else f"到期 {when(c.due_at)}" if c.due_at else "等待客户期间不计时"
            ui.label(f"{used} · {end}").classes("mj-muted small mj-limit-note")

    def tick(self) -> None:
        """A working period may have begun or ended."""
        shown = countdowns(self.ticket, self.calendars, datetime.now(UTC))
        for n, label in self.clocks:
            if n < len(shown):
                label.show(shown[n])

    def _description(self, t: Ticket) -> None:
        with card("情况说明"):
            ui.label(t.get("description") or "没有补充说明。").classes("mj-text")
            if t.get("resolution"):
                ui.label("解决办法").classes("mj-h3")
                ui.label(t["resolution"]).classes("mj-text")

    def _fields(self, t: Ticket) -> None:
        """Standard fields with where they are known from, and what does not agree with the contact."""
        if not (t.get("fields") or t.get("missing_fields") or t.get("findings")):
            return
        with card("工单要素与一致性"):
            for field in t.get("fields", []):
                with line("mj-field"):
                    ui.label(field.get("title") or field.get("field_id", "")).classes("mj-fact-name")
                    ui.label(field.get("value", "")).classes("mj-strong")
                    self._place(t, field.get("turn_id", ""), field.get("text", ""))
            if t.get("missing_fields"):
                ui.label(f"还缺：{'、'.join(self.titles.get(f, f) for f in t['missing_fields'])}").classes("mj-notice")
            for finding in t.get("findings", []):
                with line("mj-mismatch"):
                    chip(word(FINDING, finding.get("kind")), "bad")
                    ui.label(f"工单写“{finding.get('ticket_says') or '（空）'}”，会话中是“{finding.get('contact_says', '')}”").classes("mj-text")
                    self._place(t, finding.get("turn_id", ""), finding.get("text", ""))
            if self.session.may("tickets:write") and t.get("interaction_id"):
                plain_button("重新核对", self.check, icon="rule").mark("check")

    def _place(self, t: Ticket, turn_id: str, said: str) -> None:
        if turn_id and t.get("interaction_id"):
            link = ui.link(f"“{said[:60]}” →" if said else "查看这一刻 →", f"/interactions/{t['interaction_id']}#turn={turn_id}")
            link.classes("mj-link")

    async def check(self) -> None:
        """Hold the ticket against its contact again."""
        await self.actions.post("check", "核对", {})

    @property
    def me(self) -> str:
        """By what name this visitor watches."""
        return self.session.caller.get("principal", "")

    async def _watch(self) -> None:
        await self.actions.post("watch", "关注", {"watcher": self.me})

    async def _unwatch(self) -> None:
        await self.actions.post("unwatch", "取消关注", {"watcher": self.me})

    def _facts(self, t: Ticket) -> None:
        with card("基本信息"), line("mj-facts grid"):
            fact("工单编号", short(t.get("ticket_id")))
            fact("紧急程度", word(URGENCY, t.get("urgency")))
            fact("部门", t.get("department") or NONE)
            fact("负责人", t.get("assignee") or NONE)
            if t.get("skill"):
                fact("所需技能", t["skill"])
            fact("客户", " ".join(x for x in (t.get("customer_id"), (t.get("customer_tier") or "").upper()) if x) or NONE)
            fact("坐席", t.get("agent_id") or NONE)
            fact("产品", t.get("product") or NONE)
            fact("开单原因", "、".join(cause(c) for c in t.get("causes", [])) or NONE)
            fact("开单时间", when(t.get("opened_at")))
            fact("分派规则", t.get("routed_by") or NONE)
            fact("版本", f"v{t.get('version', 0)}")
            if t.get("watchers"):
                fact("关注", "、".join("我" if w == self.me else w for w in t["watchers"]))
            if t.get("attachments"):
                fact("附件", "、".join(a.get("name", "") for a in t["attachments"]))

    def _entry(self, entry: HistoryEntry) -> None:
        by, before, after, action = entry.get("by", ""), entry.get("from_state"), entry.get("to_state"), entry.get("action", "")
        tone = "bad" if action in _BAD else "good" if action in _GOOD else "warn" if action == "due_soon" else ""
        with ui.element("div").classes(f"mj-history-entry {tone}"):
            with line():
                ui.label(word(TICKET_ACTION, action)).classes("mj-strong")
                ui.label("系统" if by == "system" or by.startswith("service:") else by).classes("mj-muted small")
                ui.space()
                ui.label(when(entry.get("at"), seconds=True)).classes("mj-muted small")
            if before in TICKET_STATE and before != after:
                ui.label(f"{word(TICKET_STATE, before)} → {word(TICKET_STATE, after)}").classes("mj-muted small")
            if entry.get("note"):
                ui.label(entry["note"]).classes("mj-text")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    ticket_head()
    page = TicketPage(session, request.path_params["ticket_id"])
    ui.link("← 返回工单", "/tickets").classes("mj-back")
    page.section = section = Section(page.fetch, page.show, lines=8)
    ui.timer(30.0, page.tick)

    def take(event: Event) -> None:
        ticket = ticket_of(event)
        other = ticket and ticket.get("ticket_id") == page.id and ticket.get("version", 0) > page.ticket.get("version", 0)
        if other or event is RESUMED:
            background_tasks.create(section.load(quiet=True), name="ticket after an event")

    ui.context.client.on_delete(session.events.listen(take))
