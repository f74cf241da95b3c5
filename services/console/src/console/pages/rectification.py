"""整改详情: where it went wrong, what to say instead, a drill, the plan, and the proof by later calls."""

from datetime import UTC, datetime

from client.shapes import DrillLine, EvidenceClip, Rectification, Ticket
from fastapi import Request
from nicegui import background_tasks, ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.deadlines import Calendars, next_due
from console.domain.live import RESUMED, Event, ticket_of
from console.domain.proof_words import failing_chart, found_words, progress, relapse_words, standard_words
from console.domain.words import NONE, ROOT_CAUSE, TARGET_OF, TICKET_STATE, VERDICT, clock, when, word
from console.pages.controls import choice, fact, line, plain_button, strong_button
from console.pages.frame import Section, card, chip, empty
from console.pages.rectifications import VERDICT_TONE, dots
from console.pages.ticket_actions import TicketActions
from console.pages.ticket_clock import ClockLabel, calendars_of, ticket_head
from console.pages.tickets import STATE_TONE

_SPEAKER = {"scene": "情景", "customer": "客户", "agent": "坐席"}


class RectificationPage:
    """One rectification."""

    def __init__(self, session: Session, ticket_id: str) -> None:
        self.session, self.id = session, ticket_id
        self.ticket: Ticket = {}
        self.calendars = Calendars()
        self.section: Section[Ticket] | None = None
        # What somebody types stays when an event draws the page anew.
        self.draft: dict[str, str] = {"cause": "", "action": ""}
        self.actions = TicketActions(session, lambda: self.ticket, self.changed)

    async def fetch(self) -> Ticket:
        self.calendars = await calendars_of(self.session)
        self.ticket = await self.session.gateway.get(path("tickets", self.id))
        return self.ticket

    async def changed(self, _: Ticket) -> None:
        if self.section:
            await self.section.load(quiet=True)

    def show(self, t: Ticket) -> None:
        matter = t.get("rectification")
        if not matter:
            empty("这不是整改工单", icon="help_outline", action="查看工单", on_action=lambda: ui.navigate.to(f"/tickets/{self.id}"))
            return
        self._heading(t, matter)
        with ui.element("div").classes("mj-split even"):
            with ui.element("div").classes("mj-left"):
                self._evidence(matter)
                self._script(matter)
            with ui.element("div").classes("mj-right"):
                self._plan(t, matter)
                self._proof(t, matter)

    def _heading(self, t: Ticket, matter: Rectification) -> None:
        due = next_due(t, self.calendars, datetime.now(UTC))
        with ui.element("section").classes("mj-card mj-timed"):
            with line():
                heading = f"{word(TARGET_OF, matter.get('target'))} {matter.get('target_id')}：{matter.get('item_title')}"
                ui.label(heading).classes("mj-h1").props("role=heading aria-level=1")
                if matter.get("fatal"):
                    ui.label("致命项").classes("mj-fatal")
                chip(word(TICKET_STATE, t.get("state")), STATE_TONE.get(t.get("state", ""), "calm")).mark("state")
                if matter.get("proof_since") or matter.get("verdict") != "not_yet":
                    chip(word(VERDICT, matter.get("verdict")), VERDICT_TONE.get(matter.get("verdict", ""), "calm"))
                ui.space()
                if due:
                    ClockLabel(due)
            with line("mj-facts mj-top"):
                fact("发现", found_words(matter))
                fact("开单时间", when(t.get("opened_at")))
                fact("负责人", t.get("assignee") or NONE)
                relapse = relapse_words(matter, datetime.now(UTC))
                if relapse:
                    fact("复发", relapse)
                with ui.element("div"):
                    ui.label("工单").classes("mj-fact-name")
                    ui.link("处理记录与操作 →", f"/tickets/{self.id}").classes("mj-link")

    def _evidence(self, matter: Rectification) -> None:
        clips = matter.get("evidence", [])
        with card(f"证据片段（{len(clips)}）"):
            hears = self.session.may("audio:read")
            if not clips:
                ui.label("没有片段。").classes("mj-muted")
            for clip in clips:
                self._clip(clip, hears)
            spoken = any(clip.get("end_ms") for clip in clips)
            if spoken and hears:
                ui.element("audio").props("preload=none controls").classes("mj-audio mj-clip")
            elif spoken:
                ui.label("您的密钥没有收听录音的权限，只显示文字。").classes("mj-muted small")

    def _clip(self, clip: EvidenceClip, hears: bool) -> None:
        one = clip.get("interaction_id", "")
        with ui.element("div").classes("mj-evidence").mark("clip"):
            if hears and clip.get("end_ms"):
                places = f'data-from-ms={clip.get("start_ms", 0)} data-to-ms={clip.get("end_ms", 0)}'
                with ui.element("button").props(f'type=button aria-label=播放 data-clip="/audio/{one}" {places}').classes("mj-play"):
                    ui.icon("play_arrow").classes("off")
                    ui.icon("stop").classes("on")
            if clip.get("end_ms"):
                ui.label(clock(clip.get("start_ms"))).classes("mj-moment-at")
            ui.label(f"“{clip.get('text', '')}”").classes("mj-text mj-grow")
            ui.link("查看这一刻 →", f"/interactions/{one}#turn={clip.get('turn_id', '')}").classes("mj-link")

    def _script(self, matter: Rectification) -> None:
        with card("标准话术"):
            if matter.get("script"):
                ui.label(matter["script"]).classes("mj-script")
            else:
                ui.label("这一项没有标准话术。").classes("mj-muted")
        if matter.get("drill"):
            with card("模拟演练"):
                _Drill(matter["drill"])

    def _plan(self, t: Ticket, matter: Rectification) -> None:
        with card("整改方案"):
            if matter.get("action"):
                fact("根因", word(ROOT_CAUSE, matter.get("root_cause")))
                fact("措施", matter["action"])
                if matter.get("proof_since"):
                    fact("复核开始", when(matter.get("proof_since")))
            plans_anew = not matter.get("action") or matter.get("verdict") == "failed" or not matter.get("proof_since")
            if not self.session.may("tickets:write"):
                if not matter.get("action"):
                    ui.label("班组长还没有填写方案。").classes("mj-muted")
            elif t.get("state") in ("resolved", "closed"):
                pass
            elif plans_anew:
                self._form(matter)
            else:
                with ui.expansion("修改方案（复核将重新开始）").classes("mj-expansion mj-full"):
                    self._form(matter)

    def _form(self, matter: Rectification) -> None:
        suggested = matter.get("suggested_cause")
        known = matter.get("root_cause") if matter.get("root_cause") in ROOT_CAUSE else suggested

        async def send() -> None:
            if not (action.value or "").strip():
                action.error = "请填写措施"
                return
            button.props("loading")
            if await self.actions.post("plan", "提交方案", {"root_cause": cause.value, "action": action.value.strip()}):
                self.draft |= {"cause": "", "action": ""}
            button.props(remove="loading")

        with ui.element("div").classes("mj-plan"):
            self.draft["cause"] = self.draft["cause"] or (known if known in ROOT_CAUSE else "") or "training"
            cause = choice(ROOT_CAUSE, label="根因", value=self.draft["cause"]).bind_value(self.draft, "cause").classes("mj-full").mark("cause")
            if suggested in ROOT_CAUSE:
                ui.label(f"根据证据建议先查：{ROOT_CAUSE[suggested]}").classes("mj-muted small")
            action = ui.textarea("措施：做什么、谁来做、何时做完", value=self.draft["action"]).bind_value(self.draft, "action")
            action.props("outlined dense rows=3 maxlength=2000").classes("mj-full").mark("action")
            button = strong_button("提交方案，开始复核", send, icon="rule").mark("plan")

    def _proof(self, t: Ticket, matter: Rectification) -> None:
        with card("复核"):
            ui.label(progress(matter, t.get("state", ""))).classes("mj-strong")
            dots(t)
            if matter.get("calls"):
                ui.echart(failing_chart(matter)).classes("mj-proof-chart")
            for words in standard_words(matter.get("standard", {})):
                ui.label(words).classes("mj-muted small")


class _Drill:
    """Line by line: what the agent should say is hidden until one has tried."""

    def __init__(self, lines: list[DrillLine]) -> None:
        self._lines, self._shown = lines, 1
        self._box = ui.element("div").classes("mj-drill")
        with line():
            self._next = plain_button("下一句", self.forward, icon="arrow_downward").mark("drill-next")
            self._again = plain_button("重新开始", self.restart, icon="replay")
        self.draw()

    def draw(self) -> None:
        """The lines so far; of an agent's line that comes next only that it comes."""
        self._box.clear()
        with self._box:
            for spoken in self._lines[: self._shown]:
                with ui.element("div").classes(f"mj-drill-line {spoken.get('role', '')}"):
                    ui.label(word(_SPEAKER, spoken.get("role"))).classes("mj-fact-name")
                    ui.label(spoken.get("text", "")).classes("mj-text")
            following = self._lines[self._shown] if self._shown < len(self._lines) else None
            if following and following.get("role") == "agent":
                ui.label("轮到您了：先自己说一遍，再看参考。").classes("mj-drill-line agent unsaid")
        self._next.set_visibility(following is not None)
        self._next.set_text("看参考话术" if following and following.get("role") == "agent" else "下一句")
        self._again.set_visibility(self._shown > 1)

    def forward(self) -> None:
        self._shown = min(len(self._lines), self._shown + 1)
        self.draw()

    def restart(self) -> None:
        self._shown = 1
        self.draw()


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    ticket_head()
    page = RectificationPage(session, request.path_params["ticket_id"])
    ui.link("← 返回整改", "/rectifications").classes("mj-back")
    page.section = section = Section(page.fetch, page.show, lines=8)

    def take(event: Event) -> None:
        ticket = ticket_of(event)
        other = ticket and ticket.get("ticket_id") == page.id and ticket.get("version", 0) > page.ticket.get("version", 0)
        if other or event is RESUMED:
            background_tasks.create(section.load(quiet=True), name="rectification after an event")

    ui.context.client.on_delete(session.events.listen(take))
