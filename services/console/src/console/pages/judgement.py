"""What an interaction came to: scorecard, mood, promises, knowledge, and what people said; the right side of its page."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chassis.errors import NotFound, Problem
from client.shapes import Evaluation
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.domain import charts
from console.domain.live import Event
from console.domain.quality_words import HINT, MASKED, MODEL, PROMISE, contestable, masked_kinds
from console.domain.words import NONE, ROLE, TICKET_STATE, clock, due, points, when, word
from console.pages.controls import choice, dialog, line, plain_button, quiet_button, strong_button
from console.pages.conversation import alerts_html, promises_html
from console.pages.frame import act, card, chip, empty, failed
from console.pages.people import ask_appeal, history, may_decide, review_form
from console.pages.scorecard_html import scorecard_html

if TYPE_CHECKING:
    from console.pages.interaction import InteractionPage

TABS = {"score": "评分", "mood": "情绪预警", "follow": "承诺工单", "knowledge": "知识", "people": "复核申诉"}


class Judgement:
    """The panel; which part is open outlives a reload."""

    def __init__(self, page: "InteractionPage", *, tab: str, reviewing: bool) -> None:
        self.page, self.session = page, page.session
        self.tab = tab if tab in TABS else "score"
        self.reviewing, self._from_queue = reviewing, reviewing
        self.told: list[Event] = []

    def show(self) -> None:
        evaluation = self.page.evaluation
        if not self.session.may("evaluations:read"):
            with card("质检结果"):
                empty("您的密钥没有查看质检结果的权限", icon="lock")
        elif isinstance(evaluation, Problem) and not isinstance(evaluation, NotFound):
            with card("质检结果"):
                failed(evaluation, ui.navigate.reload)
        elif isinstance(evaluation, Problem) or not evaluation:
            with card("质检结果"):
                empty("还没有评分结果", "评分完成后会自动显示。", icon="hourglass_top")
                self._live()
        else:
            with card():
                self._tabs(evaluation)

    def _live(self) -> None:
        """What was raised since the page was opened, newest first."""
        for event in reversed(self.told):
            found = event.body.get("alert") or event.body.get("hint") or {}
            name = "预警" if "alert" in event.body else word(HINT, found.get("kind"))
            with ui.element("div").classes(f"mj-event {'bad' if 'alert' in event.body else 'calm'}"):
                ui.label(clock(found.get("at_ms")))
                ui.label(f"{name}：{found.get('message', '')}")

    def _tabs(self, evaluation: Evaluation) -> None:
        waiting = sum(1 for a in self.page.appeals if a.get("state") == "open") if isinstance(self.page.appeals, list) else 0

        def chosen(e: Any) -> None:
            self.tab = str(e.value)

        with ui.tabs(on_change=chosen).props("dense no-caps inline-label align=left indicator-color=primary active-color=primary narrow-indicator") as tabs:
            for name, label in TABS.items():
                with ui.tab(name, label):
                    if name == "people" and waiting:
                        ui.badge(str(waiting), color="warning").props("floating")
        with ui.tab_panels(tabs, value=self.tab).props("keep-alive").classes("mj-panels"):
            with ui.tab_panel("score"):
                self._score(evaluation)
            with ui.tab_panel("mood"):
                self._mood(evaluation)
            with ui.tab_panel("follow"):
                self._follow(evaluation)
            with ui.tab_panel("knowledge"):
                self._knowledge()
            with ui.tab_panel("people"):
                self._people(evaluation)

    # ---- the scorecard

    def _score(self, evaluation: Evaluation) -> None:
        if len(self.page.evaluations) > 1:
            cards = {e.get("scorecard", {}).get("id", ""): self._card_name(e) for e in self.page.evaluations}
            choice(cards, label="评分表", value=evaluation.get("scorecard", {}).get("id", ""), on_change=self._choose).classes("mj-full").mark("scorecards")
        if self.reviewing and self._may_review(evaluation):
            review_form(self.session, evaluation, done=self._reviewed, leave=self._leave_review)
            return
        counts = evaluation.get("primary", True)
        with line("mj-hero-line mj-below"):
            waiting = sum(1 for i in evaluation.get("items", []) if i.get("result") == "abstain")
            if waiting:
                chip(f"{waiting} 项待人工", "warn")
            if evaluation.get("reviewed_at"):
                chip(f"{when(evaluation.get('reviewed_at'))} 经人工复核", "info")
            if not counts:
                chip("参考评分表，不计入成绩", "calm")
            ui.space()
            if self._may_appeal(evaluation):
                plain_button("提出申诉", lambda: ask_appeal(self.session, evaluation, self.page.reload), icon="gavel").props("dense").mark("appeal")
            if self._from_queue:
                plain_button("下一条", self._next, icon="skip_next").props("dense").mark("next")
            if self._may_review(evaluation):
                strong_button("人工复核", self._begin_review, icon="rate_review").props("dense").mark("review")
        ui.echart(charts.dimensions(evaluation.get("dimensions", []))).classes("mj-dims")
        ui.html(scorecard_html(evaluation.get("items", [])), sanitize=False).classes("mj-scorecard").mark("scorecard")
        self._private(evaluation)
        self._provenance(evaluation)

    @staticmethod
    def _card_name(evaluation: Evaluation) -> str:
        ref = evaluation.get("scorecard", {"id": "", "version": ""})
        return f"{ref.get('id')} {ref.get('version')} · {points(evaluation.get('score'))} 分{'（计分）' if evaluation.get('primary') else ''}"

    async def _choose(self, e: Any) -> None:
        self.page.scorecard_id = str(e.value)
        await self.page.reload()

    def _may_review(self, evaluation: Evaluation) -> bool:
        return self.session.may("reviews:write") and self.session.caller.get("role") != "agent" and evaluation.get("primary", True)

    def _may_appeal(self, evaluation: Evaluation) -> bool:
        is_open = isinstance(self.page.appeals, list) and any(a.get("state") == "open" for a in self.page.appeals)
        some = any(contestable(i) for i in evaluation.get("items", []))
        return self.session.may("appeals:write") and some and not is_open and evaluation.get("primary", True)

    async def _begin_review(self) -> None:
        self.reviewing, self.tab = True, "score"
        self.page.redraw()

    async def _next(self) -> None:
        """On to what is most pressing now, other than this."""
        page = await act(self.session.gateway.get("/v1/reviews:queue", {"page_size": 2}))
        waiting = [c.get("evaluation", {}).get("interaction_id", "") for c in (page or {}).get("candidates", [])]
        following = next((i for i in waiting if i != self.page.id), "")
        ui.navigate.to(f"/interactions/{following}?review=1" if following else "/reviews")

    def _leave_review(self) -> None:
        self.reviewing = False
        self.page.redraw()

    async def _reviewed(self, before: float, after: float) -> None:
        self.reviewing = False
        same = points(before) == points(after)
        ui.notify("复核已提交，得分不变" if same else f"复核已提交，得分 {points(before)} → {points(after)}", type="positive", position="top")
        await self.page.reload()

    def _private(self, evaluation: Evaluation) -> None:
        kinds = masked_kinds(evaluation.get("redactions", []))
        if not kinds:
            return
        with line("mj-hero-line mj-private"):
            ui.icon("visibility_off").classes("mj-muted")
            ui.label("已脱敏").classes("mj-muted small")
            for kind, n in kinds:
                chip(f"{kind} {n}", "calm")
            if self.session.may("pii:read"):
                ui.space()
                quiet_button("查看原文", self._originals, icon="lock_open").props("dense").mark("originals")

    async def _originals(self) -> None:
        found = await act(self.session.gateway.get(path("interactions", self.page.id, "originals")))
        if found is None:
            return
        turns = {t.get("turn_id"): n for n, t in enumerate(self.page.turns, 1)}
        with self.page.box(), dialog("脱敏内容的原文", persistent=False, wide=True) as box:
            ui.label("本次查看已记入审计日志，请勿复制或外传。").classes("mj-notice")
            for original in found.get("originals", []):
                span = original.get("redaction", {})
                with line("mj-hero-line mj-original"):
                    chip(word(MASKED, span.get("kind")), "warn")
                    ui.label(original.get("text", "")).classes("mj-strong")
                    ui.space()
                    ui.label(f"第 {turns.get(span.get('turn_id'), '?')} 轮 · {word(ROLE, span.get('role'))}").classes("mj-muted small")
            with line("mj-actions"):
                strong_button("关闭", box.close)

    def _provenance(self, evaluation: Evaluation) -> None:
        made, chain, ref = evaluation.get("provenance", {}), evaluation.get("chain", {}), evaluation.get("scorecard", {"id": "", "version": ""})
        asr = made.get("asr", {})
        facts = [
            ("评分表版本", f"{ref.get('id')} {ref.get('version')}"), ("引擎", made.get("engine") or evaluation.get("engine", "")),
            ("评分时间", when(evaluation.get("scored_at"), seconds=True)), ("规则指纹", made.get("rules_sha256", "")),
            *((MODEL.get(name, name), version) for name, version in made.get("models", {}).items()),
            ("转写模型", " ".join(x for x in (asr.get("model"), asr.get("version")) if x)), ("话轮指纹", made.get("turns_sha256", "")),
            ("链上序号", str(chain.get("sequence", ""))), ("链上哈希", chain.get("sha256", "")), ("前一条哈希", chain.get("previous_sha256", "")),
        ]
        live = evaluation.get("live")
        if live:
            differing = [f"实时得分 {points(live.get('score'))}", f"不同的评分项 {len(live.get('items_differing', []))} 项"]
            facts.append(("与实时质检相比", "，".join(differing)))
        with ui.expansion("评分依据与存证", icon="verified").props("dense").classes("mj-expansion mj-provenance").mark("provenance"), line("mj-proof"):
            for name, value in facts:
                if value and value != NONE:
                    ui.label(name).classes("mj-fact-name")
                    ui.label(value).classes("mj-code" if len(value) > 40 else "mj-fact")

    # ---- mood, promises, knowledge, people

    def _mood(self, evaluation: Evaluation) -> None:
        course, tipping = evaluation.get("emotion_course", []), evaluation.get("tipping_point")
        with line():
            ui.label("客户情绪走势").classes("mj-h3")
            ui.space()
            if tipping:
                recovered = tipping.get("recovered", False)
                place = f"{clock(tipping.get('at_ms'))} 情绪转差" if tipping.get("at_ms") else "情绪转差"
                chip(f"{place}，{'之后已挽回' if recovered else '未能挽回'}", "good" if recovered else "bad").mark("tipping")
            elif course:
                chip("没有明显转差", "good")
        if course:
            turns = [e.get("turn_id", "") for e in course]
            ui.echart(charts.emotion_course(course, tipping), on_point_click=lambda e: self._to_turn(turns[e.data_index])).classes("mj-mood")
            ui.label("折线是情绪（-1 到 1），柱是声音激动程度（与本人平时相比，标准差）；点击可定位到话轮。").classes("mj-muted small")
        else:
            ui.label("没有客户话轮。").classes("mj-muted")
        ui.label("预警").classes("mj-h3")
        if evaluation.get("alerts"):
            ui.html(alerts_html(evaluation["alerts"]), sanitize=False).classes("mj-timeline")
        else:
            ui.label("本次会话没有预警。").classes("mj-muted")

    @staticmethod
    def _to_turn(turn_id: str) -> None:
        ui.run_javascript(f"window.mingjian.show({turn_id!r})")

    def _follow(self, evaluation: Evaluation) -> None:
        now = datetime.now(UTC)
        ui.label("坐席承诺").classes("mj-h3")
        # What became of them since; the evaluation itself knows only how they were made.
        stored = {p.get("promise", {}).get("promise_id", ""): p for p in self.page.promises}
        settled = {name: p.get("settled_at", "") for name, p in stored.items()}
        promises = [stored[p.get("promise_id", "")].get("promise", p) if p.get("promise_id") in stored else p for p in evaluation.get("promises", [])]
        if promises:
            limits = {
                p.get("promise_id", ""): (when(p.get("deadline")), *due(p.get("deadline"), settled.get(p.get("promise_id", "")), now)) for p in promises
            }
            ui.html(promises_html(promises, limits), sanitize=False).classes("mj-timeline")
            unsettled = {p.get("promise_id", ""): p.get("what", "") for p in promises if p.get("promise_id") in stored and p.get("status") == "open"}
            if unsettled and self.session.may("reviews:write"):
                plain_button("登记承诺结果", lambda: self._settle(unsettled), icon="handshake").props("dense").classes("mj-more").mark("settle")
        else:
            ui.label("坐席没有作出承诺。").classes("mj-muted")
        ui.label("工单").classes("mj-h3")
        if isinstance(self.page.tickets, Problem):
            failed(self.page.tickets, ui.navigate.reload)
        elif not self.page.tickets:
            ui.label("本次会话没有工单。" if self.session.may("tickets:read") else "您的密钥没有查看工单的权限。").classes("mj-muted")
        else:
            for ticket in self.page.tickets:
                with ui.link(target=f"/tickets/{ticket.get('ticket_id')}").classes("mj-row-link"):
                    with line():
                        ui.label(ticket.get("title", "")).classes("mj-strong")
                        chip(word(TICKET_STATE, ticket.get("state")), "info")
                    words, tone = due(ticket.get("resolution_due_at"), ticket.get("resolved_at"), now)
                    with line():
                        ui.label(f"{ticket.get('department', '')} · 解决期限 {when(ticket.get('resolution_due_at'))}").classes("mj-muted small")
                        chip(words, tone)

    def _settle(self, unsettled: dict[str, str]) -> None:
        async def send() -> None:
            if not (note.value or "").strip():
                note.error = "请填写依据"
                return
            body = {"status": outcome.value, "note": note.value.strip()}
            if await act(self.session.gateway.post(f"{path('promises', str(which.value))}:settle", body), "承诺结果已登记"):
                box.close()
                await self.page.reload()

        with dialog("登记承诺结果") as box:
            which = choice(unsettled, label="承诺", value=next(iter(unsettled))).classes("mj-full")
            outcome = choice({k: v for k, v in PROMISE.items() if k != "open"}, label="结果", value="kept").classes("mj-full")
            note = ui.textarea("依据").props("outlined dense maxlength=2000 autogrow").classes("mj-full")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                strong_button("登记", send)

    def _knowledge(self) -> None:
        if isinstance(self.page.suggestions, Problem) and not isinstance(self.page.suggestions, NotFound):
            failed(self.page.suggestions, ui.navigate.reload)
        elif isinstance(self.page.suggestions, Problem) or not self.page.suggestions:
            empty("没有匹配的知识条目", "可在知识库中搜索，或补充新的条目。", icon="menu_book")
        else:
            for found in self.page.suggestions:
                article = found.get("article", {})
                with ui.link(target=f"/articles/{article.get('article_id')}").classes("mj-row-link"):
                    with line():
                        ui.label(article.get("title", "")).classes("mj-strong")
                        chip(f"匹配 {found.get('relevance', 0.0) * 100:.0f}%", "info")
                    if found.get("because"):
                        ui.label(f"客户说：{found['because']}").classes("mj-muted small")
                    ui.label(article.get("script") or article.get("answer", "")).classes("mj-clamp")

    def _people(self, evaluation: Evaluation) -> None:
        reviews, appeals = self.page.reviews, self.page.appeals
        if isinstance(reviews, Problem) or isinstance(appeals, Problem):
            failed(reviews if isinstance(reviews, Problem) else appeals if isinstance(appeals, Problem) else NotFound(""), ui.navigate.reload)
        elif not reviews and not appeals:
            hint = "在“评分”中点“人工复核”可逐项判定。" if self._may_review(evaluation) else "不同意评分时，可在“评分”中提出申诉。"
            empty("还没有人复核或申诉", hint, icon="rate_review")
        else:
            if any(may_decide(self.session, a) for a in appeals):
                ui.label("有申诉等待您裁定。").classes("mj-notice")
            history(self.session, evaluation, reviews, appeals, self.page.reload)
