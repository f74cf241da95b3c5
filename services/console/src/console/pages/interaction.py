"""会话详情: one interaction: the recording, the words, the scorecard with its evidence, and what follows from it."""

from typing import Any, cast

from chassis.errors import NotFound, Problem
from client.quality_shapes import Appeal, Review, StoredPromise
from client.shapes import Evaluation, Found, Interaction, Ticket, Transcript, Turn
from fastapi import Request
from nicegui import background_tasks, ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.live import RESUMED, Event, changed
from console.domain.quality_words import abstained, interval
from console.domain.words import (
    CHANNEL,
    DIRECTION,
    EMOTION,
    INDUSTRY,
    MEDIUM,
    NONE,
    STATUS,
    clock,
    points,
    score_tone,
    short,
    when,
    word,
)
from console.pages.conversation import transcript_html
from console.pages.frame import Section, card, chip, empty, failed, together
from console.pages.interactions import EMOTION_TONE, STATUS_TONE
from console.pages.judgement import Judgement

_FURTHER = frozenset({"SolutionSuggested", "TicketOpened", "EvaluationReviewed", "AppealOpened", "AppealDecided", "PromiseSettled"})
_MOST_TOLD = 50
_STEPS = ("received", "transcribing", "scoring", "scored")


class InteractionPage:
    """One interaction and everything known about it."""

    def __init__(self, session: Session, interaction_id: str, *, tab: str = "", reviewing: bool = False) -> None:
        self.session, self.id = session, interaction_id
        self.scorecard_id = ""
        self.section: Section[None] | None = None
        self.judgement = Judgement(self, tab=tab, reviewing=reviewing)
        self.interaction: Interaction = {"interaction_id": interaction_id, "status": "received"}
        self.transcript: Transcript | Problem = {}
        self.evaluation: Evaluation | Problem = {}
        self.tickets: list[Ticket] | Problem = []
        self.suggestions: list[Found] | Problem = []
        self.evaluations: list[Evaluation] = []
        self.reviews: list[Review] | Problem = []
        self.appeals: list[Appeal] | Problem = []
        self.promises: list[StoredPromise] = []

    async def fetch(self) -> None:
        get, may = self.session.gateway.get, self.session.may
        self.interaction = await get(path("interactions", self.id))

        async def nothing() -> Any:
            return {}

        judged = may("evaluations:read")
        about: dict[str, str | int | bool | None] = {"interaction_id": self.id, "page_size": 50}
        transcript, evaluation, tickets, suggestions, cards, reviews, appeals, promises = await together(
            get(path("interactions", self.id, "transcript")),
            get(path("interactions", self.id, "evaluation"), {"scorecard_id": self.scorecard_id}) if judged else nothing(),
            get("/v1/tickets", {"interaction_id": self.id, "page_size": 20}) if may("tickets:read") else nothing(),
            get(path("interactions", self.id, "suggestions")) if may("knowledge:read") else nothing(),
            *(get(asked, about) if judged else nothing() for asked in ("/v1/evaluations", "/v1/reviews", "/v1/appeals", "/v1/promises")),
        )
        self.transcript, self.evaluation = cast("Transcript | Problem", transcript), cast("Evaluation | Problem", evaluation)
        if isinstance(evaluation, dict) and evaluation:
            # The interaction's own status follows a moment after the evaluation is there.
            self.interaction["status"] = "scored"
        self.tickets, self.suggestions = _listed(tickets, "tickets"), _listed(suggestions, "suggestions")
        self.reviews, self.appeals = _listed(reviews, "reviews"), _listed(appeals, "appeals")
        # Without these the evaluation still says all it knew.
        self.evaluations = [] if isinstance(cards, Problem) else _listed(cards, "evaluations")
        self.promises = [] if isinstance(promises, Problem) else _listed(promises, "promises")

    async def reload(self) -> None:
        """Ask again for all of it, leaving what is shown until then."""
        if self.section:
            await self.section.load(quiet=True)

    def redraw(self) -> None:
        """Show what is known once more."""
        if self.section:
            self.section.box.clear()
            with self.section.box:
                self.show(None)

    def box(self) -> ui.element:
        """Where dialogs of this page belong: outside what a reload clears."""
        return ui.context.client.content if self.section is None else self.section.box.client.content

    @property
    def turns(self) -> list[Turn]:
        return [] if isinstance(self.transcript, Problem) else self.transcript.get("turns", [])

    def show(self, _: None) -> None:
        evaluation = self.evaluation if not isinstance(self.evaluation, Problem) else {}
        self._heading(evaluation)
        with ui.element("div").classes("mj-split"):
            with ui.element("div").classes("mj-left"):
                self._audio(evaluation)
                self._transcript(evaluation)
            with ui.element("div").classes("mj-right"):
                self.judgement.show()
        ui.run_javascript("window.mingjian && window.mingjian.arrived()")

    def _heading(self, evaluation: Evaluation) -> None:
        i, metadata = self.interaction, self.interaction.get("metadata", {})
        with ui.element("section").classes("mj-card mj-hero"):
            if evaluation:
                tone = score_tone(evaluation.get("score", 0.0), fatal=evaluation.get("fatal", False))
                with ui.element("div").classes(f"mj-ring {tone}").style(f"--share:{evaluation.get('score', 0.0):.0f}"):
                    ui.label(points(evaluation.get("score", 0.0))).classes("mj-ring-score").mark("score")
                    between = interval(evaluation)
                    ui.label(between or "总分").classes("mj-ring-unit").mark("interval")
                    if between:
                        ui.tooltip(f"有 {len(abstained(evaluation.get('items', [])))} 项待人工判定，最终得分在 {between} 之间")
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
                    private = "此处为原文，查看已记入审计日志。" if self.session.may("pii:read") else "个人信息已脱敏。"
                    ui.label(f"转写模型 {asr['model']} {asr.get('version', '')}；灰色为识别把握较低的话轮。{private}").classes("mj-muted small mj-foot")


def _listed(answer: Any, name: str) -> Any:
    return answer if isinstance(answer, Problem) else answer.get(name, [])


async def build(session: Session, request: Request) -> None:
    """Build the page. `?review=1` begins a review, `?tab=` opens a part."""
    interaction_id, query = request.path_params["interaction_id"], request.query_params
    page = InteractionPage(session, interaction_id, tab=query.get("tab", ""), reviewing=query.get("review") == "1")
    if query.get("review") == "1":
        ui.link("← 返回复核队列", "/reviews").classes("mj-back")
    else:
        ui.link("← 返回会话列表", "/interactions").classes("mj-back")
    page.section = section = Section(page.fetch, page.show, lines=10)

    def take(event: Event) -> None:
        open_still = page.interaction.get("status") not in ("scored", "failed")
        about = event.interaction_id == interaction_id
        if about and open_still and event.name in ("AlertRaised", "HintSuggested"):
            page.judgement.told = [*page.judgement.told, event][-_MOST_TOLD:]
            page.redraw()
        further = about and (event.name in _FURTHER or changed(page.interaction, event) is not page.interaction)
        if page.judgement.reviewing and not (about and open_still):
            # Half-given answers are worth more than news.
            return
        if further or (event is RESUMED and open_still):
            background_tasks.create(section.load(quiet=True), name="interaction after an event")

    ui.context.client.on_delete(session.events.listen(take))
