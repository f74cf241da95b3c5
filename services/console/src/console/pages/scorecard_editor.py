"""Changing a scorecard without fear: the file, and beside it what is wrong with it, its tests, a rule tried, a simulation, publishing."""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any

from chassis.errors import InvalidInput, Problem
from client.quality_shapes import LintFinding, Simulation, TriedCase, TriedRule
from fastapi import Request
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.dialogues import NotADialogue, turns
from console.domain.quality_words import FINDING, verdict
from console.domain.words import day_begins, day_ends, today, word
from console.pages.controls import day, line, plain_button, strong_button
from console.pages.frame import Section, act, chip, empty, said
from console.pages.markup import joined
from console.pages.replay import Replay
from console.pages.scorecard_html import quotes_html

MOST_BYTES = 2 * 1024 * 1024
# Typing stops this long before the file is checked.
_QUIET_S = 0.9
_MOST_CASES = 300
_EXAMPLE_RULE = "words: [抱歉, 对不起]\nrole: agent"
_EXAMPLE_TURNS = "客户：我的宽带又断了。\n坐席：非常抱歉给您带来不便，我马上帮您处理。"


class Editor:
    """The page's state: the file as it is typed, and what is known of it."""

    def __init__(self, session: Session, scorecard_id: str, version: str) -> None:
        self.session, self.id, self.version = session, scorecard_id, version
        self.source, self.checked = "", ""
        self.simulation: Simulation = {}
        self.editor: ui.codemirror | None = None
        self.findings: ui.element | None = None
        self.status: ui.label | None = None
        self._typed = 0

    async def fetch(self) -> str:
        version = self.version
        if not version:
            cards = (await self.session.gateway.get("/v1/scorecards")).get("scorecards", [])
            version = next((c["ref"]["version"] for c in cards if c.get("ref", {}).get("id") == self.id), "")
        found = await self.session.gateway.get(path("scorecards", self.id, "versions", version))
        self.version = version
        return str(found.get("source", ""))

    def show(self, source: str) -> None:
        self.source = source
        with ui.element("div").classes("mj-bench"):
            with ui.element("section").classes("mj-card flush mj-pen"):
                self.editor = ui.codemirror(source, language="YAML", theme="basicLight", indent="  ", line_wrapping=True, on_change=self.typed)
                self.editor.classes("mj-editor").mark("editor")
            with ui.element("section").classes("mj-card mj-tools"):
                parts: list[tuple[str, str, Any]] = [("lint", "检查", self._lint), ("tests", "测试语句", self._tests), ("rule", "试一条规则", self._rule)]
                if self.session.may("scorecards:write"):
                    parts += [("replay", "模拟", self._replay), ("publish", "发布", self._publish)]
                with ui.tabs().props("dense no-caps align=left indicator-color=primary active-color=primary narrow-indicator") as tabs:
                    for name, label, _ in parts:
                        ui.tab(name, label)
                with ui.tab_panels(tabs, value="lint").props("keep-alive").classes("mj-panels"):
                    for name, _, build_part in parts:
                        with ui.tab_panel(name):
                            build_part()
        ui.timer(0.1, self.check, once=True)

    def typed(self, e: Any) -> None:
        """The file was changed; it is checked once the typing stops."""
        self.source = e.value or ""
        self._typed += 1
        seen = self._typed
        if seen == 1:
            ui.run_javascript("window.onbeforeunload = () => true")
        if self.status:
            self.status.set_text("正在输入…")

        async def later() -> None:
            if seen == self._typed:
                await self.check()

        with ui.context.client:
            ui.timer(_QUIET_S, later, once=True)

    @property
    def too_large(self) -> bool:
        return len(self.source.encode()) > MOST_BYTES

    # ---- what is wrong with it

    def _lint(self) -> None:
        with line():
            self.status = ui.label("检查中…").classes("mj-muted small").mark("lint-status")
            ui.space()
            plain_button("重新检查", self.check, icon="rule").props("dense")
        self.findings = ui.element("div").classes("mj-timeline").mark("findings")

    async def check(self) -> None:
        """Ask what is wrong with the file as it is now."""
        if self.findings is None or self.status is None or self.findings.is_deleted:
            return
        asked, typed = self.source, self._typed
        if self.too_large:
            self.status.set_text("文件超过 2 MB，无法检查。")
            return
        try:
            answer = await self.session.gateway.post("/v1/scorecards:lint", {"source": asked})
        except Problem as e:
            self.status.set_text(said(e))
            return
        if typed != self._typed or self.findings.is_deleted:
            return
        self.checked = asked
        found: list[LintFinding] = answer.get("findings", [])
        errors = sum(1 for f in found if f.get("severity") == "error")
        items = len((answer.get("scorecard") or {}).get("items", []))
        read = f"共 {items} 个评分项" if items else "无法读成评分表"
        self.status.set_text(f"{errors} 个错误，{len(found) - errors} 个提醒 · {read}" if found else f"没有发现问题 · {read}")
        self.findings.clear()
        with self.findings:
            for finding in found:
                self._finding(finding)

    def _finding(self, f: LintFinding) -> None:
        bad, at = f.get("severity") == "error", (f.get("line", 0), f.get("column", 0))
        with ui.element("button").props("type=button").classes(f"mj-finding {'bad' if bad else 'warn'}").on("click", lambda: self.jump(*at)):
            with line():
                chip("错误" if bad else "提醒", "bad" if bad else "warn")
                chip(word(FINDING, f.get("kind")), "calm")
                if at[0]:
                    ui.label(f"第 {at[0]} 行，第 {at[1]} 列").classes("mj-link")
                ui.label(f.get("path", "")).classes("mj-code")
            ui.label(f.get("message", "")).classes("mj-text")
            if f.get("suggestion"):
                ui.label(f"建议：{f['suggestion']}").classes("mj-text mj-good")
            if f.get("example"):
                ui.label(f"例如：{f['example']}").classes("mj-said small")

    def jump(self, row: int, at: int) -> None:
        """The cursor to a place in the file."""
        if row and self.editor:
            ui.run_javascript(f"window.mingjian.toLine({self.editor.id}, {int(row)}, {int(at)})")

    # ---- its test utterances

    def _tests(self) -> None:
        async def run() -> None:
            button.props("loading")
            answer = await act(self.session.gateway.post("/v1/scorecards:test", {"source": self.source}))
            button.props(remove="loading")
            box.clear()
            if answer is None:
                return
            cases: list[TriedCase] = sorted(answer.get("cases", []), key=lambda c: c.get("passed", False))
            with box:
                if not cases:
                    empty("文件里没有测试语句", "在 tests: 下为每个评分项写上应通过和不应通过的话。", icon="checklist")
                    return
                failures = answer.get("failed", 0)
                ui.label(f"{len(cases)} 条测试，{f'{failures} 条未通过' if failures else '全部通过'}").classes("mj-strong").mark("tested")
                for case in cases[:_MOST_CASES]:
                    self._case(case)
                if len(cases) > _MOST_CASES:
                    ui.label(f"另有 {len(cases) - _MOST_CASES} 条。").classes("mj-muted small")

        with line():
            ui.label("运行文件里写的测试语句；未通过时不能发布。").classes("mj-muted small")
            ui.space()
            button = strong_button("运行", run, icon="play_arrow").props("dense").mark("run-tests")
        box = ui.element("div").classes("mj-section")

    def _case(self, case: TriedCase) -> None:
        at, _, name = case.get("name", "").partition(":")
        passed, row = case.get("passed", False), int(at) if at.isdigit() else 0
        with ui.element("button").props("type=button").classes("mj-case").on("click", lambda: self.jump(row, 1)):
            chip("通过" if passed else "未通过", "good" if passed else "bad")
            ui.label(name.strip() or at).classes("mj-code")
            ui.space()
            if passed:
                ui.label(case.get("expected", "").rpartition(": ")[2]).classes("mj-muted small")
            else:
                ui.label(f"应为 {case.get('expected', '')}，实为 {case.get('actual', '')}").classes("small")

    # ---- one rule on a dialogue

    def _rule(self) -> None:
        async def run() -> None:
            try:
                typed = turns(dialogue.value or "")
            except NotADialogue as e:
                dialogue.error = str(e)
                return
            dialogue.error, rule.error = None, None
            button.props("loading")
            body = {"rule": rule.value or "", "scorecard_id": self.id, "turns": typed}
            try:
                tried: TriedRule = await self.session.gateway.post("/v1/rules:test", body)
            except InvalidInput as e:
                rule.error = e.message
                return
            except Problem as e:
                ui.notify(said(e), type="negative", position="top")
                return
            finally:
                button.props(remove="loading")
            box.clear()
            with box:
                holds = tried.get("holds")
                outcome = ("无法判断：对话缺少所需信息", "calm") if holds is None else ("成立", "good") if holds else ("不成立", "bad")
                with line():
                    chip(*outcome)
                    ui.label(f"把握 {tried.get('confidence', 0.0) * 100:.0f}%").classes("mj-muted small")
                ui.label(tried.get("rule_text", "")).classes("mj-text").mark("rule-text")
                ui.html(joined(*quotes_html(tried.get("hits", []))), sanitize=False).classes("mj-quotes")

        ui.label("写一个条件，可引用此评分表已发布的规则名。").classes("mj-muted small")
        rule = ui.textarea("规则（YAML）", value=_EXAMPLE_RULE).props("outlined dense autogrow maxlength=100000").classes("mj-full mj-mono").mark("rule")
        dialogue = ui.textarea("对话", value=_EXAMPLE_TURNS).props("outlined dense autogrow maxlength=100000").classes("mj-full").mark("dialogue")
        with line("mj-actions"):
            button = strong_button("试一下", run, icon="play_arrow").props("dense").mark("try-rule")
        box = ui.element("div").classes("mj-section").mark("tried")

    # ---- a simulation

    def _replay(self) -> None:
        now = today(datetime.now(UTC))
        limits = ("min_precision", "min_recall", "max_fatal_flips", "max_mean_change")
        form: dict[str, Any] = {"from": "", "to": "", "at_most": 2000} | dict.fromkeys(limits)

        def gate() -> dict[str, float]:
            asked = {k: form[k] for k in limits if form[k] is not None}
            return {k: int(v) if k == "max_fatal_flips" else v / 100 if k.startswith("min_") else v for k, v in asked.items()}

        async def start() -> None:
            button.props("loading")
            body: dict[str, Any] = {"source": self.source, "gate": gate(), "at_most": int(form["at_most"] or 0), "idempotency_key": secrets.token_hex(16)}
            body |= {k: edge(form[k]) for k, edge in (("from", day_begins), ("to", day_ends)) if form[k]}
            made = await act(self.session.gateway.post("/v1/simulations", body), "模拟已开始，可离开此页，结果保存在模拟记录中")
            button.props(remove="loading")
            if made:
                self.simulation = made
                box.clear()
                with box:
                    Replay(self.session, made.get("simulation_id", ""), self.replayed)

        ui.label("用已有会话按现行版本和当前文件各评一次，比较差别；不影响任何成绩。").classes("mj-muted small")
        with ui.element("div").classes("mj-form"):
            for name, label in (("from", "从"), ("to", "到")):
                day(label, "", last=now).bind_value(form, name)
            ui.number("最多重放", min=1, max=100_000, precision=0, suffix="条").props("outlined dense").bind_value(form, "at_most")
        with ui.expansion("闸门：达不到就不能用于发布").props("dense").classes("mj-expansion"), ui.element("div").classes("mj-form"):
            ui.number("精确率不低于", min=0, max=100, suffix="%").props("outlined dense clearable").bind_value(form, "min_precision")
            ui.number("召回率不低于", min=0, max=100, suffix="%").props("outlined dense clearable").bind_value(form, "min_recall")
            ui.number("致命变化不超过", min=0, precision=0, suffix="条").props("outlined dense clearable").bind_value(form, "max_fatal_flips")
            ui.number("平均分变化不超过", min=0, max=100, suffix="分").props("outlined dense clearable").bind_value(form, "max_mean_change")
        with line("mj-actions"):
            ui.link("模拟记录", "/simulations").classes("mj-link").props("target=_blank")
            ui.space()
            button = strong_button("开始模拟", start, icon="science").props("dense").mark("simulate")
        box = ui.element("div").classes("mj-section").mark("replay")

    def replayed(self, simulation: Simulation) -> None:
        """It has ended: publishing may name it."""
        self.simulation = simulation
        self.tell_simulation.refresh()

    def fresh_simulation(self) -> str:
        """The simulation of this very file that may go with publishing; empty where there is none."""
        same = self.simulation.get("source_sha256") == hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()
        done = self.simulation.get("state") == "done" and self.simulation.get("gate_passed")
        return self.simulation.get("simulation_id", "") if same and done else ""

    # ---- publishing

    @ui.refreshable_method
    def tell_simulation(self) -> None:
        """Which simulation goes with it."""
        if self.fresh_simulation():
            words, tone = verdict(self.simulation)
            chip(f"附上刚才的模拟：{words}", tone if tone != "calm" else "info")
        elif self.simulation:
            chip("刚才的模拟未过闸门，或之后又改了文件，不会附上", "warn")
        else:
            ui.label("还没有模拟；公司要求闸门时须先在“模拟”中通过。").classes("mj-muted small")

    def _publish(self) -> None:
        async def send() -> None:
            if not (note.value or "").strip():
                note.error = "请填写修改说明"
                return
            button.props("loading")
            body = {"source": self.source, "note": note.value.strip(), "simulation_id": self.fresh_simulation()}
            try:
                made = await self.session.gateway.post("/v1/scorecards", body)
            except Problem as e:
                problem.set_text(said(e) if not isinstance(e, InvalidInput) else f"不能发布：{e.message}")
                problem.set_visibility(True)
                return
            finally:
                button.props(remove="loading")
            ui.run_javascript("window.onbeforeunload = null")
            ui.notify(f"已发布 {made.get('ref', {}).get('id')} {made.get('ref', {}).get('version')}，即刻生效", type="positive", position="top")
            ui.navigate.to(f"/scorecards/{made.get('ref', {}).get('id', self.id)}")

        ui.label("发布后即刻按新版本评分，已有结果不变；版本号写在文件的 version: 一行，发布过的版本不能再改。").classes("mj-muted small")
        self.tell_simulation()
        note = ui.textarea("修改说明：改了什么、为什么").props("outlined dense autogrow maxlength=2000").classes("mj-full").mark("publish-note")
        problem = ui.label().classes("mj-problem mj-text").mark("publish-problem")
        problem.set_visibility(False)
        with line("mj-actions"):
            button = strong_button("发布", send, icon="publish").mark("publish")


async def build(session: Session, request: Request) -> None:
    """Build the page. `?version=` begins with an earlier version."""
    scorecard_id = request.path_params["scorecard_id"]
    state = Editor(session, scorecard_id, request.query_params.get("version", ""))
    ui.link(f"← 返回 {scorecard_id}", f"/scorecards/{scorecard_id}").classes("mj-back")
    Section(state.fetch, state.show, lines=12)
