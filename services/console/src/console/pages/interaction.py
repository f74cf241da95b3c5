"""会话详情: one interaction: the recording, the words, the scorecard with its evidence, and what follows from it."""

from datetime import UTC, datetime
from typing import Any, cast

from chassis.errors import NotFound, Problem
from client.shapes import Evaluation, Found, Interaction, Ticket, Transcript
from fastapi import Request
from nicegui import background_tasks, ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain import charts
from console.domain.live import RESUMED, Event, changed
from console.domain.words import (
    CHANNEL,
    DIRECTION,
    EMOTION,
    INDUSTRY,
    MEDIUM,
    NONE,
    STATUS,
    TICKET_STATE,
    clock,
    due,
    points,
    score_tone,
    short,
    when,
    word,
)
from console.pages.conversation import alerts_html, promises_html, scorecard_html, transcript_html
from console.pages.frame import Section, card, chip, empty, failed, together
from console.pages.interactions import EMOTION_TONE, STATUS_TONE

_STEPS = ("received", "transcribing", "scoring", "scored")


class InteractionPage:
    """One interaction and everything known about it."""

    def __init__(self, session: Session, interaction_id: str) -> None:
        self.session, self.id = session, interaction_id
        self.interaction: Interaction = {"interaction_id": interaction_id, "status": "received"}
        self.transcript: Transcript | Problem = {}
        self.evaluation: Evaluation | Problem = {}
        self.tickets: list[Ticket] | Problem = []
        self.suggestions: list[Found] | Problem = []

    async def fetch(self) -> None:
        get, may = self.session.gateway.get, self.session.may
        self.interaction = await get(path("interactions", self.id))

        async def nothing() -> Any:
            return {}

        transcript, evaluation, tickets, suggestions = await together(
            get(path("interactions", self.id, "transcript")),
            get(path("interactions", self.id, "evaluation")) if may("evaluations:read") else nothing(),
            get("/v1/tickets", {"interaction_id": self.id, "page_size": 20}) if may("tickets:read") else nothing(),
            get(path("interactions", self.id, "suggestions")) if may("knowledge:read") else nothing(),
        )
        self.transcript, self.evaluation = cast("Transcript | Problem", transcript), cast("Evaluation | Problem", evaluation)
        if isinstance(evaluation, dict) and evaluation:
            # The interaction's own status follows a moment after the evaluation is there.
            self.interaction["status"] = "scored"
        self.tickets = tickets if isinstance(tickets, Problem) else cast("Any", tickets).get("tickets", [])
        self.suggestions = suggestions if isinstance(suggestions, Problem) else cast("Any", suggestions).get("suggestions", [])

    def show(self, _: None) -> None:
        evaluation = self.evaluation if not isinstance(self.evaluation, Problem) else {}
        self._heading(evaluation)
        with ui.element("div").classes("mj-split"):
            with ui.element("div").classes("mj-left"):
                self._audio(evaluation)
                self._transcript(evaluation)
            with ui.element("div").classes("mj-right"):
                self._judged(evaluation)
        ui.run_javascript("window.mingjian && window.mingjian.arrived()")

    def _heading(self, evaluation: Evaluation) -> None:
        i, metadata = self.interaction, self.interaction.get("metadata", {})
        with ui.element("section").classes("mj-card mj-hero"):
            if evaluation:
                tone = score_tone(evaluation.get("score", 0.0), fatal=evaluation.get("fatal", False))
                with ui.element("div").classes(f"mj-ring {tone}").style(f"--share:{evaluation.get('score', 0.0):.0f}"):
                    ui.label(points(evaluation.get("score", 0.0))).classes("mj-ring-score")
                    ui.label("总分").classes("mj-ring-unit")
            with ui.element("div").classes("mj-hero-body"):
                with ui.element("div").classes("mj-hero-line"):
                    about = (metadata.get("product"), word(INDUSTRY, metadata.get("industry")), word(MEDIUM, i.get("medium")))
                    ui.label(" · ".join(x for x in about if x and x != NONE)).classes("mj-h1").props("role=heading aria-level=1")
                    chip(word(STATUS, i.get("status")), STATUS_TONE.get(i.get("status", ""), "calm")).mark("status")
                    if evaluation:
                        if evaluation.get("fatal"):
                            ui.label("致命项未通过").classes("mj-fatal")
                        chip(evaluation.get("ticket_type") or NONE, "info")
                        if evaluation.get("urgency") == "high":
                            chip("紧急", "bad")
                        chip(f"客户{word(EMOTION, evaluation.get('customer_emotion'))}", EMOTION_TONE.get(evaluation.get("customer_emotion", ""), "calm"))
                        for keyword in evaluation.get("risk_keywords", []):
                            chip(f"风险词 {keyword}", "warn")
                if evaluation.get("summary"):
                    ui.label(evaluation["summary"]).classes("mj-summary")
                with ui.element("div").classes("mj-facts"):
                    for name, value in (
                        ("坐席", " / ".join(x for x in (metadata.get("agent_id"), metadata.get("team_id")) if x)),
                        ("客户", " ".join(x for x in (metadata.get("customer_id"), (metadata.get("customer_tier") or "").upper()) if x)),
                        ("渠道", f"{word(CHANNEL, metadata.get('channel'))} {word(DIRECTION, metadata.get('direction'))}"),
                        ("开始", when(metadata.get("started_at") or i.get("received_at"))),
                        ("时长", clock(i.get("audio", {}).get("duration_ms")) if i.get("audio") else NONE),
                        ("评分表", " ".join(str(v) for v in evaluation.get("scorecard", {}).values())),
                        ("编号", metadata.get("external_id") or short(i.get("interaction_id"))),
                    ):
                        if value and value != NONE:
                            with ui.element("div"):
                                ui.label(name).classes("mj-fact-name")
                                ui.label(value).classes("mj-fact")
                if evaluation.get("highlights"):
                    with ui.element("div").classes("mj-hero-line"):
                        for highlight in evaluation["highlights"]:
                            chip(f"★ {highlight}", "good")
            if i.get("status") == "failed":
                ui.label(f"处理失败：{i.get('reason') or '原因未知'}").classes("mj-problem")
            elif i.get("status") != "scored":
                reached = _STEPS.index(i["status"]) if i.get("status") in _STEPS else 0
                with ui.element("div").classes("mj-steps"):
                    for n, step in enumerate(_STEPS):
                        ui.label(word(STATUS, step)).classes("mj-step" + (" done" if n < reached else " now" if n == reached else ""))

    def _audio(self, evaluation: Evaluation) -> None:
        if self.interaction.get("medium") == "chat" or not self.interaction.get("audio"):
            return
        with ui.element("section").classes("mj-card mj-player"):
            if not self.session.may("audio:read"):
                ui.label("您的密钥没有收听录音的权限。").classes("mj-muted")
                return
            if not self.session.may("pii:read"):
                if self.interaction.get("status") != "scored":
                    ui.label("质检完成后可收听已消音个人信息的录音。").classes("mj-muted")
                    return
                ui.label("个人信息已消音。").classes("mj-muted")
            length = self.interaction.get("audio", {}).get("duration_ms", 0)
            ui.element("audio").props(f'src="/audio/{self.id}" controls preload=metadata').classes("mj-audio").mark("audio")
            if length and evaluation.get("alerts"):
                with ui.element("div").classes("mj-ticks").props("aria-hidden=true"):
                    for alert in evaluation["alerts"]:
                        ui.element("i").style(f"left:{min(100.0, alert.get('at_ms', 0) / length * 100):.2f}%").props(f'title="{clock(alert.get("at_ms"))}"')

    def _transcript(self, evaluation: Evaluation) -> None:
        with card(classes="mj-words"):
            with ui.element("div").classes("mj-card-line"):
                ui.label("对话内容").classes("mj-h2")
                ui.space()
                seekable = "点击话轮可定位录音，" if self.interaction.get("audio") and self.session.may("audio:read") else ""
                ui.label(f"{seekable}点击高亮可查看评分项").classes("mj-muted small")
            if isinstance(self.transcript, NotFound):
                empty("转写尚未完成", "完成后会自动显示。", icon="hourglass_top")
            elif isinstance(self.transcript, Problem):
                failed(self.transcript, ui.navigate.reload)
            elif not self.transcript.get("turns"):
                empty("没有识别到说话内容", "录音可能是静音。", icon="volume_off")
            else:
                for notice in self.transcript.get("notices", []):
                    ui.label(notice).classes("mj-notice")
                html = transcript_html(self.transcript, evaluation.get("items", []), evaluation.get("alerts", []))
                ui.html(html, sanitize=False).classes("mj-transcript").mark("transcript")
                asr = self.transcript.get("asr", {})
                if asr.get("model") and asr["model"] != "chat":
                    private = "" if self.session.may("pii:read") else "个人信息已脱敏。"
                    ui.label(f"转写模型 {asr['model']} {asr.get('version', '')}；灰色为识别把握较低的话轮。{private}").classes("mj-muted small mj-foot")

    def _judged(self, evaluation: Evaluation) -> None:
        if not self.session.may("evaluations:read"):
            with card("质检结果"):
                empty("您的密钥没有查看质检结果的权限", icon="lock")
        elif isinstance(self.evaluation, Problem) and not isinstance(self.evaluation, NotFound):
            with card("质检结果"):
                failed(self.evaluation, ui.navigate.reload)
        elif not evaluation:
            with card("质检结果"):
                empty("还没有评分结果", "评分完成后会自动显示。", icon="hourglass_top")
        else:
            with card():
                with ui.tabs().props("dense no-caps inline-label align=left indicator-color=primary active-color=primary") as tabs:
                    ui.tab("score", "评分")
                    ui.tab("mood", "情绪与预警")
                    ui.tab("follow", "承诺与工单")
                    ui.tab("knowledge", "知识")
                with ui.tab_panels(tabs, value="score").props("keep-alive").classes("mj-panels"):
                    with ui.tab_panel("score"):
                        ui.echart(charts.dimensions(evaluation.get("dimensions", []))).classes("mj-dims")
                        ui.html(scorecard_html(evaluation.get("items", [])), sanitize=False).classes("mj-scorecard").mark("scorecard")
                        ui.label(f"{evaluation.get('engine', '')} · {when(evaluation.get('scored_at'), seconds=True)}").classes("mj-muted small mj-foot")
                    with ui.tab_panel("mood"):
                        self._mood(evaluation)
                    with ui.tab_panel("follow"):
                        self._follow(evaluation)
                    with ui.tab_panel("knowledge"):
                        self._knowledge()

    def _mood(self, evaluation: Evaluation) -> None:
        ui.label("客户情绪走势").classes("mj-h3")
        if evaluation.get("emotion_course"):
            ui.echart(charts.emotion_course(evaluation["emotion_course"])).classes("mj-mood")
        else:
            ui.label("没有客户话轮。").classes("mj-muted")
        ui.label("预警").classes("mj-h3")
        if evaluation.get("alerts"):
            ui.html(alerts_html(evaluation["alerts"]), sanitize=False).classes("mj-timeline")
        else:
            ui.label("本次会话没有预警。").classes("mj-muted")

    def _follow(self, evaluation: Evaluation) -> None:
        now = datetime.now(UTC)
        ui.label("坐席承诺").classes("mj-h3")
        promises = evaluation.get("promises", [])
        if promises:
            limits = {p.get("promise_id", ""): (when(p.get("deadline")), *due(p.get("deadline"), None, now)) for p in promises}
            ui.html(promises_html(promises, limits), sanitize=False).classes("mj-timeline")
        else:
            ui.label("坐席没有作出承诺。").classes("mj-muted")
        ui.label("工单").classes("mj-h3")
        if isinstance(self.tickets, Problem):
            failed(self.tickets, ui.navigate.reload)
        elif not self.tickets:
            ui.label("本次会话没有工单。" if self.session.may("tickets:read") else "您的密钥没有查看工单的权限。").classes("mj-muted")
        else:
            for ticket in self.tickets:
                with ui.link(target=f"/tickets/{ticket.get('ticket_id')}").classes("mj-row-link"):
                    with ui.element("div").classes("mj-hero-line"):
                        ui.label(ticket.get("title", "")).classes("mj-strong")
                        chip(word(TICKET_STATE, ticket.get("state")), "info")
                    words, tone = due(ticket.get("resolution_due_at"), ticket.get("resolved_at"), now)
                    with ui.element("div").classes("mj-hero-line"):
                        ui.label(f"{ticket.get('department', '')} · 解决期限 {when(ticket.get('resolution_due_at'))}").classes("mj-muted small")
                        chip(words, tone)

    def _knowledge(self) -> None:
        if isinstance(self.suggestions, Problem) and not isinstance(self.suggestions, NotFound):
            failed(self.suggestions, ui.navigate.reload)
        elif isinstance(self.suggestions, Problem) or not self.suggestions:
            empty("没有匹配的知识条目", "可在知识库中搜索，或补充新的条目。", icon="menu_book")
        else:
            for found in self.suggestions:
                article = found.get("article", {})
                with ui.link(target=f"/articles/{article.get('article_id')}").classes("mj-row-link"):
                    with ui.element("div").classes("mj-hero-line"):
                        ui.label(article.get("title", "")).classes("mj-strong")
                        chip(f"匹配 {found.get('relevance', 0.0) * 100:.0f}%", "info")
                    if found.get("because"):
                        ui.label(f"客户说：{found['because']}").classes("mj-muted small")
                    ui.label(article.get("script") or article.get("answer", "")).classes("mj-clamp")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    interaction_id = request.path_params["interaction_id"]
    page = InteractionPage(session, interaction_id)
    ui.link("← 返回会话列表", "/interactions").classes("mj-back")
    section = Section(page.fetch, page.show, lines=10)

    def take(event: Event) -> None:
        open_still = page.interaction.get("status") not in ("scored", "failed")
        about = event.interaction_id == interaction_id
        further = about and (event.name in ("SolutionSuggested", "TicketOpened") or changed(page.interaction, event) is not page.interaction)
        if further or (event is RESUMED and open_still):
            background_tasks.create(section.load(quiet=True), name="interaction after an event")

    ui.context.client.on_delete(session.events.listen(take))
