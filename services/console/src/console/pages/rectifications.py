"""整改: what has to be put right, by agent, team and product, how far each proof is, and what came of them (PDCA)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from client.shapes import RectificationSum, Ticket
from fastapi import Request
from nicegui import background_tasks, ui

from console.app import Session
from console.domain.deadlines import Calendars, next_due
from console.domain.live import RESUMED, Event, ticket_of
from console.domain.proof_words import found_words, is_over, progress
from console.domain.words import NONE, ROOT_CAUSE, TARGET_OF, TICKET_STATE, VERDICT, figure, when, word
from console.pages.controls import line, plain_button, switch_of
from console.pages.frame import Section, act, chip, empty, title
from console.pages.ticket_clock import ClockLabel, calendars_of, ticket_head

VERDICT_TONE = {"not_yet": "info", "passed": "good", "failed": "bad"}
_TABS = {**TARGET_OF, "summary": "成效（PDCA）"}
_STANDING = {"running": "进行中", "over": "已结束", "all": "全部"}
_DAYS = {30: "近 30 天", 90: "近 90 天", 180: "近 180 天"}
_SIZE, _MOST, _DOTS = 100, 500, 40


def dots(ticket: Ticket) -> None:
    """One dot for each call of the proof; those still needed are hollow."""
    matter = ticket.get("rectification", {})
    calls = matter.get("calls", [])
    with ui.element("div").classes("mj-dots").props('role=img aria-label="复核进度"'):
        for n, call in enumerate(calls[-_DOTS:], max(0, len(calls) - _DOTS) + 1):
            failed = call.get("failed", False)
            with ui.link(target=f"/interactions/{call.get('interaction_id')}#item={matter.get('item_id')}").classes(f"mj-dot {'bad' if failed else 'good'}"):
                ui.tooltip(f"第 {n} 通 {when(call.get('at'))} {'未通过' if failed else '通过'}")
        if matter.get("verdict") == "not_yet" and matter.get("proof_since"):
            for _ in range(min(_DOTS, matter.get("still_needed", 0))):
                ui.element("i").classes("mj-dot")


class Rectifications:
    """The page's state."""

    def __init__(self, session: Session, query: Mapping[str, str]) -> None:
        self.session = session
        self.tab = query.get("tab", "agent") if query.get("tab", "agent") in _TABS else "agent"
        self.standing = query.get("standing", "running") if query.get("standing", "running") in _STANDING else "running"
        self.days = int(query["days"]) if query.get("days", "").isdigit() and int(query["days"]) in _DAYS else 90
        self.tickets: list[Ticket] = []
        self.sums: list[RectificationSum] = []
        self.looked_at = 0
        self.next_token = ""
        self.calendars = Calendars()
        self.clocks: list[tuple[Ticket, ClockLabel]] = []
        self.section: Section[None] | None = None

    async def fetch(self) -> None:
        if self.tab == "summary":
            since = (datetime.now(UTC) - timedelta(days=self.days)).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = await self.session.gateway.get("/v1/rectifications:summary", {"from": since})
            self.sums, self.looked_at = answer.get("sums", []), answer.get("tickets", 0)
            return
        self.calendars = await calendars_of(self.session)
        page = await self._page("")
        self.tickets, self.next_token = page.get("tickets", []), page.get("next_page_token", "")

    async def _page(self, token: str) -> Any:
        return await self.session.gateway.get("/v1/tickets", {"kind": "rectification", "page_size": _SIZE, "page_token": token})

    def show(self, _: None) -> None:
        self.clocks = []
        if self.tab == "summary":
            self._summary()
            return
        shown = [t for t in self.tickets if t.get("rectification", {}).get("target") == self.tab and self._stands(t)]
        if not shown:
            nothing = "没有进行中的整改" if self.standing == "running" else "没有整改"
            empty(nothing, "致命项未通过、同一项反复未通过，或同一产品问题集中出现时，会自动开出整改工单。", icon="verified")
        for ticket in shown:
            self._card(ticket)
        if self.next_token and len(self.tickets) < _MOST:
            plain_button("加载更早的整改", self.more).classes("mj-more")

    def _stands(self, ticket: Ticket) -> bool:
        return self.standing == "all" or is_over(ticket) == (self.standing == "over")

    def _card(self, t: Ticket) -> None:
        matter, due = t.get("rectification", {}), next_due(t, self.calendars, datetime.now(UTC))
        verdict = matter.get("verdict", "not_yet")
        with ui.element("section").classes(f"mj-card mj-matter mj-timed {due.tone if due else ''}").mark("matter"):
            with line("mj-hero-line mj-full"):
                heading = f"{matter.get('target_id') or NONE}：{matter.get('item_title', '')}"
                ui.link(heading, f"/rectifications/{t.get('ticket_id')}").classes("mj-matter-title")
                if matter.get("fatal"):
                    ui.label("致命项").classes("mj-fatal")
                chip(word(TICKET_STATE, t.get("state")))
                if matter.get("proof_since") or verdict != "not_yet":
                    chip(word(VERDICT, verdict), VERDICT_TONE.get(verdict, "calm"))
                if matter.get("relapses"):
                    chip(f"复发 {matter['relapses']} 次", "bad")
                ui.space()
                if due:
                    self.clocks.append((t, ClockLabel(due)))
            dots(t)
            with line("mj-hero-line mj-full"):
                ui.label(progress(matter, t.get("state", ""))).classes("mj-text")
                ui.space()
                ui.label(f"{found_words(matter)} · {when(t.get('opened_at'))}").classes("mj-muted small")

    def _summary(self) -> None:
        if not self.sums:
            empty("这段时间没有整改", icon="verified")
            return
        ui.label(f"{_DAYS[self.days]}共 {self.looked_at} 件整改，按原因与项目汇总").classes("mj-muted")
        for one in self.sums:
            self._sum(one)

    def _sum(self, one: RectificationSum) -> None:
        with ui.element("section").classes("mj-card").mark("sum"):
            with line("mj-hero-line mj-full"):
                ui.label(one.get("item_title") or one.get("item_id", "")).classes("mj-h2")
                chip(f"原因：{word(ROOT_CAUSE, one.get('root_cause'))}", "info")
                chip(word(TARGET_OF, one.get("target")))
            with ui.element("div").classes("mj-pdca"):
                with ui.element("div"):
                    ui.label("发现 P").classes("mj-fact-name")
                    ui.label(f"{one.get('opened', 0)} 件").classes("mj-pdca-figure")
                    ui.label(f"进行中 {one.get('running', 0)}").classes("mj-muted small")
                with ui.element("div"):
                    ui.label("措施 D").classes("mj-fact-name")
                    for action in one.get("actions", []) or ["还没有措施"]:
                        ui.label(action).classes("mj-text small")
                with ui.element("div"):
                    ui.label("验证 C").classes("mj-fact-name")
                    _bar("整改前", one.get("failing_before"), "bad")
                    _bar("整改后", one.get("failing_after"), "good" if one.get("failing_after", 0.0) < one.get("failing_before", 1.0) else "bad")
                with ui.element("div"):
                    ui.label("巩固 A").classes("mj-fact-name")
                    ui.label(f"通过 {one.get('passed', 0)} · 未通过 {one.get('failed', 0)} · 复发 {one.get('relapsed', 0)}").classes("mj-text")

    async def more(self) -> None:
        page = await act(self._page(self.next_token))
        if page is not None:
            self.tickets, self.next_token = [*self.tickets, *page.get("tickets", [])], page.get("next_page_token", "")
            self.redraw()

    def redraw(self) -> None:
        if self.section:
            self.section.box.clear()
            with self.section.box:
                self.show(None)

    async def choose(self, name: str, e: Any) -> None:
        setattr(self, name, e.value)
        told = {"tab": self.tab} | ({"days": str(self.days)} if self.tab == "summary" else {"standing": self.standing})
        ui.navigate.history.replace(f"/rectifications?{urlencode(told)}")
        if name == "standing":
            self.redraw()
        elif self.section:
            await self.section.load()

    def tick(self) -> None:
        """A working period may have begun or ended."""
        now = datetime.now(UTC)
        for ticket, label in self.clocks:
            label.show(next_due(ticket, self.calendars, now))

    def take(self, event: Event) -> None:
        """An event: a rectification changes where it stands, a new one comes first."""
        ticket = ticket_of(event)
        if event is RESUMED and self.section:
            background_tasks.create(self.section.load(quiet=True), name="rectifications after a gap")
        if self.tab == "summary" or ticket is None or ticket.get("kind") != "rectification" or not ticket.get("rectification"):
            return
        at = next((n for n, t in enumerate(self.tickets) if t.get("ticket_id") == ticket.get("ticket_id")), None)
        if at is None:
            self.tickets = [ticket, *self.tickets][:_MOST]
        elif ticket.get("version", 0) >= self.tickets[at].get("version", 0):
            self.tickets[at] = ticket
        self.redraw()





def _bar(name: str, share: float | None, tone: str) -> None:
    with ui.element("div").classes(f"mj-before mj-timed {tone}").style(f"--share:{share or 0:.4f}"):
        ui.label(name).classes("mj-muted small")
        with ui.element("div").classes("mj-bar"):
            ui.element("i")
        ui.label(figure(share, "ratio") if share is not None else "未复核").classes("mj-strong small")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    ticket_head()
    page = Rectifications(session, request.query_params)
    own = session.caller.get("role") == "agent"
    with ui.element("div").classes("mj-topline"):
        title("我的整改" if own else "整改", "有措施、有复核，凭后续会话证明改好了才关闭")
        ui.space()
        with ui.element("div").classes("mj-hero-line"):
            in_list, in_sum = ui.element("div"), ui.element("div")
            with in_list:
                switch_of(_STANDING, page.standing, partial(page.choose, "standing")).mark("standing")
            with in_sum:
                switch_of(_DAYS, page.days, partial(page.choose, "days"))
    tabs = {k: v for k, v in _TABS.items() if not own or k in ("agent", "summary")}
    chosen = switch_of(tabs, page.tab if page.tab in tabs else "agent", partial(page.choose, "tab")).classes("mj-fit").mark("tab")
    in_list.bind_visibility_from(chosen, "value", lambda v: v != "summary")
    in_sum.bind_visibility_from(chosen, "value", lambda v: v == "summary")
    page.tab = str(chosen.value)
    page.section = Section(page.fetch, page.show, lines=8)
    ui.timer(30.0, page.tick)
    ui.context.client.on_delete(session.events.listen(page.take))
