"""预警: what a supervisor must know, newest first, as it is raised, and beside it what agents are told."""

from collections.abc import Mapping
from typing import Any

from client.shapes import RaisedAlert
from fastapi import Request
from nicegui import background_tasks, ui

from console.app import Session
from console.domain.live import RESUMED, Event, Hinted, alert_of, hint_of
from console.domain.quality_words import HINT
from console.domain.words import ALERT, URGENCY, clock, when, word
from console.pages.controls import plain_button, switch_of
from console.pages.frame import Section, act, chip, empty, title
from console.pages.frame import card as box

_ICON = {"negative_emotion": "mood_bad", "forbidden_phrase": "gpp_bad", "complaint_keyword": "campaign", "long_silence": "volume_off"}
_SIZE = 50
_MOST = 500


def place(raised: RaisedAlert) -> str:
    """Whose call, and where in it; a chat has no times."""
    at_ms = raised.get("alert", {}).get("at_ms", 0)
    return f"坐席 {raised.get('agent_id') or '未知'}" + (f" · 通话 {clock(at_ms)}" if at_ms else "")


def card(raised: RaisedAlert) -> ui.link:
    """One alert, which leads to its moment."""
    alert = raised.get("alert", {})
    bad = alert.get("severity") == "high"
    target = f"/interactions/{raised.get('interaction_id')}#turn={alert.get('turn_id', '')}"
    with ui.link(target=target).classes(f"mj-alert {'bad' if bad else 'warn'}") as made:
        ui.icon(_ICON.get(alert.get("kind", ""), "flag")).classes("mj-alert-icon")
        with ui.element("div").classes("mj-alert-body"):
            with ui.element("div").classes("mj-hero-line"):
                ui.label(word(ALERT, alert.get("kind"))).classes("mj-strong")
                chip(word(URGENCY, alert.get("severity")), "bad" if bad else "warn")
                ui.label(alert.get("message", "")).classes("mj-muted")
            if alert.get("text"):
                ui.label(f"“{alert['text']}”").classes("mj-said")
            ui.label(place(raised)).classes("mj-muted small")
        with ui.element("div").classes("mj-alert-end"):
            ui.label(when(raised.get("raised_at"), seconds=True)).classes("mj-muted small")
            ui.label("查看这一刻 →").classes("mj-link")
    return made


class HintList:
    """Hints given to agents since the page was opened, newest first: they are events, which nobody keeps."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self.box = ui.element("div").classes("mj-section mj-hints").mark("hints")
        with self.box:
            ui.label("通话进行中给坐席的提示会实时出现在这里；只显示打开本页之后的。").classes("mj-muted small")

    def take(self, event: Event) -> None:
        hint = hint_of(event)
        if hint is None or hint.hint_id in self._known or self.box.is_deleted:
            return
        if not self._known:
            self.box.clear()
        self._known.add(hint.hint_id)
        with self.box:
            self._one(hint).move(target_index=0)
            for old in self.box.default_slot.children[_SIZE:]:
                old.delete()

    @staticmethod
    def _one(hint: Hinted) -> ui.link:
        with ui.link(target=f"/interactions/{hint.interaction_id}#turn={hint.turn_id}").classes("mj-row-link fresh") as made:
            with ui.element("div").classes("mj-hero-line"):
                chip(word(HINT, hint.kind), "info")
                ui.label(f"坐席 {hint.agent_id or '未知'}" + (f" · 通话 {clock(hint.at_ms)}" if hint.at_ms else "")).classes("mj-muted small")
                ui.space()
                ui.label(when(hint.time, seconds=True)[11:]).classes("mj-muted small")
            ui.label(hint.message)
        return made


class AlertList:
    """The page's state."""

    def __init__(self, session: Session, query: Mapping[str, str]) -> None:
        self.session = session
        self.kind = query.get("kind", "") if query.get("kind", "") in ALERT else ""
        self.shown: list[RaisedAlert] = []
        self.next_token = ""
        self.section: Section[Any] | None = None

    async def fetch(self) -> Any:
        return await self.session.gateway.get("/v1/alerts", {"kind": self.kind, "page_size": _SIZE})

    def show(self, page: Any) -> None:
        self.shown, self.next_token = list(page.get("alerts", [])), page.get("next_page_token", "")
        self.draw()

    def draw(self) -> None:
        if not self.shown:
            empty("没有预警", "出现违规用语、情绪激化、投诉风险词或长时间静音时，会立即出现在这里。", icon="notifications_none")
        for raised in self.shown:
            card(raised)
        if self.next_token and len(self.shown) < _MOST:
            plain_button("加载更早的预警", self.more).classes("mj-more")

    def redraw(self) -> None:
        if self.section:
            self.section.box.clear()
            with self.section.box:
                self.draw()

    async def more(self) -> None:
        page = await act(self.session.gateway.get("/v1/alerts", {"kind": self.kind, "page_size": _SIZE, "page_token": self.next_token}))
        if page is not None:
            self.shown, self.next_token = [*self.shown, *page.get("alerts", [])], page.get("next_page_token", "")
            self.redraw()

    async def filter(self, e: Any) -> None:
        self.kind = e.value or ""
        ui.navigate.history.replace("/alerts" + (f"?kind={self.kind}" if self.kind else ""))
        if self.section:
            await self.section.load()

    def take(self, event: Event) -> None:
        """An event: a new alert appears on top."""
        if event is RESUMED and self.section:
            background_tasks.create(self.section.load(quiet=True), name="alerts after a gap")
        raised = alert_of(event)
        if raised is None or self.section is None:
            return
        alert = raised.get("alert", {})
        if self.kind not in ("", alert.get("kind", "")) or any(a.get("alert", {}).get("alert_id") == alert.get("alert_id") for a in self.shown):
            return
        self.shown = [raised, *self.shown][:_MOST]
        if len(self.shown) == 1:
            self.section.box.clear()
        with self.section.box:
            # One card more, not the whole list again: in a storm of alerts every page gets every one of them.
            card(raised).classes("fresh").move(target_index=0)
            for old in self.section.box.default_slot.children[_MOST:]:
                old.delete()


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = AlertList(session, request.query_params)
    with ui.element("div").classes("mj-topline"):
        title("预警", "需要班组长立即知道的时刻，实时出现")
        ui.space()
        switch_of({"": "全部"} | ALERT, state.kind, state.filter)
    with ui.element("div").classes("mj-watch"):
        state.section = Section(state.fetch, state.show, lines=8, classes="mj-alerts")
        with box("坐席提示"):
            hints = HintList()
    ui.context.client.on_delete(session.events.listen(state.take))
    ui.context.client.on_delete(session.events.listen(hints.take))
