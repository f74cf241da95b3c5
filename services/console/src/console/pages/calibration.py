"""One calibration: answer blind, and once everything is answered see how far people agree."""

from collections.abc import Sequence
from typing import Any, cast

from chassis.errors import Problem
from client.quality_shapes import Calibration
from client.shapes import Evaluation, Transcript
from fastapi import Request
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.quality_words import ANSWER, kappa, share, who
from console.domain.words import NONE, short, when, word
from console.pages.answering import Answers
from console.pages.controls import column, line, plain_button, strong_button, table
from console.pages.conversation import transcript_html
from console.pages.frame import Section, act, card, chip, failed, together

_AGREEMENT = (
    column("item", "评分项"), column("kappa", "Kappa"), column("agreement", "两两一致率", "right"), column("machine", "与机器一致", "right"),
    column("answers", "答案数", "right"),
)
_APART = (column("item", "评分项"), column("call", "会话"), column("said", "各人的判定"), column("machine", "机器"))
_CELLS = {
    "kappa": '<span :class="\'mj-chip \'+props.row.tone">{{props.row.kappa}}</span>',
    "call": '<a class="mj-link" :href="props.row.href" target="_blank">{{props.row.call}}</a>',
}


class CalibrationPage:
    """One calibration, and the interaction that is being judged."""

    def __init__(self, session: Session, calibration_id: str) -> None:
        self.session, self.id = session, calibration_id
        self.own = session.caller.get("principal", "")
        self.calibration: Calibration = {}
        self.evaluations: dict[str, Evaluation] = {}
        self.chosen = ""
        self.section: Section[Calibration] | None = None

    async def fetch(self) -> Calibration:
        self.calibration = await self.session.gateway.get(path("calibrations", self.id))
        return self.calibration

    @property
    def answered(self) -> set[str]:
        """Interactions this visitor has judged."""
        return {a.get("interaction_id", "") for a in self.calibration.get("answers", []) if a.get("inspector") == self.own}

    async def show(self, c: Calibration) -> None:
        interactions, mine = c.get("interaction_ids", []), self.own in c.get("inspectors", [])
        left = [i for i in interactions if i not in self.answered] if mine else []
        with ui.element("section").classes("mj-card"):
            with line():
                ui.label(c.get("title", "")).classes("mj-h1").props("role=heading aria-level=1")
                done, total = c.get("done", 0), c.get("total", 0)
                chip(f"已答 {done} / {total}", "good" if total and done == total else "info").mark("progress")
                if mine:
                    chip(f"我还有 {len(left)} 条" if left else "我已全部答完", "warn" if left else "good").mark("mine")
            people = "、".join(who(p, self.own) for p in c.get("inspectors", []))
            about = f"{who(c.get('created_by'), self.own)} 发起于 {when(c.get('created_at'))} · {len(interactions)} 条会话 · 质检员：{people}"
            ui.label(about).classes("mj-muted small")
        if left:
            if self.chosen not in interactions:
                self.chosen = left[0]
            await self._judging(interactions)
            return
        await self._result(c)

    # ---- judging

    async def _judging(self, interactions: Sequence[str]) -> None:
        with line("mj-filters"):
            for n, interaction_id in enumerate(interactions, 1):
                done, now = interaction_id in self.answered, interaction_id == self.chosen
                make = strong_button if now else plain_button
                make(f"会话 {n}", lambda i=interaction_id: self._choose(i), icon="check" if done else None).props("dense")
            ui.label("盲评：看不到机器和他人的结果，全部答完后才公布。").classes("mj-muted small")
        get = self.session.gateway.get
        transcript, evaluation = await together(
            get(path("interactions", self.chosen, "transcript")), get(path("interactions", self.chosen, "evaluation")),
        )
        for answer in (transcript, evaluation):
            if isinstance(answer, Problem):
                failed(answer, ui.navigate.reload)
                return
        items = cast("Evaluation", evaluation).get("items", [])
        said = [a for a in self.calibration.get("answers", []) if a.get("inspector") == self.own and a.get("interaction_id") == self.chosen]
        answers = Answers(items, blind=True, given={i.get("item_id", ""): i.get("result", "") for a in said for i in a.get("items", [])})

        async def send() -> None:
            if answers.missing:
                ui.notify(f"还有 {len(answers.missing)} 项没有判定：{'、'.join(answers.missing[:3])}…", type="warning", position="top")
                return
            button.props("loading")
            body = {"interaction_id": self.chosen, "items": answers.given}
            done = await act(self.session.gateway.post(f"{path('calibrations', self.id)}:answer", body), "已提交")
            button.props(remove="loading")
            if done is not None and self.section:
                self.chosen = ""
                await self.section.load(quiet=True)

        def rest() -> None:
            for item in items:
                if item.get("item_id", "") not in answers.results:
                    answers.choose(item.get("item_id", ""), "na")

        with ui.element("div").classes("mj-split"):
            with ui.element("div").classes("mj-left"):
                if self.session.may("audio:read"):
                    with ui.element("section").classes("mj-card mj-player"):
                        ui.element("audio").props(f'src="/audio/{self.chosen}" controls preload=none').classes("mj-audio")
                with card("对话内容", classes="mj-words"):
                    ui.html(transcript_html(cast("Transcript", transcript), [], []), sanitize=False).classes("mj-transcript").mark("transcript")
            with ui.element("div").classes("mj-right"), card("逐项判定"):
                answers.draw()
                with ui.element("div").classes("mj-sticky"), line():
                    count = ui.label(f"已答 {len(answers.given)} / {len(items)} 项").classes("mj-muted small")
                    ui.space()
                    plain_button("其余不适用", rest).props("dense")
                    button = strong_button("提交", send).mark("send-answers")
                answers.on_change = lambda: count.set_text(f"已答 {len(answers.given)} / {len(items)} 项")

    async def _choose(self, interaction_id: str) -> None:
        self.chosen = interaction_id
        if self.section:
            await self.section.load(quiet=True)

    # ---- what came of it

    async def _result(self, c: Calibration) -> None:
        titles, machine = await self._names(c)
        found = c.get("agreement", [])
        with card("一致程度"):
            if c.get("done", 0) < c.get("total", 0):
                ui.label("还有人没有答完，以下是目前的结果。").classes("mj-notice")
            if not found:
                ui.label("还没有可以比较的答案。").classes("mj-muted")
            else:
                rows = []
                for n, a in enumerate(found):
                    words, tone = kappa(a)
                    name = titles.get(a.get("item_id", ""), a.get("item_id", "")) if a.get("item_id") else "全部评分项"
                    rows.append({
                        "id": n, "item": name, "kappa": words, "tone": tone, "agreement": share(a.get("agreement")), "machine": share(a.get("with_machine")),
                        "answers": a.get("answers", 0),
                    })
                table(_AGREEMENT, rows, key="id", cells={"kappa": _CELLS["kappa"]}, dense=True).mark("agreement")
                ui.label("Kappa（Fleiss）扣除了碰巧一致的部分；所有人总给同一答案时没有意义，显示“—”。").classes("mj-muted small mj-foot")
        self._apart(c, titles, machine)

    async def _names(self, c: Calibration) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
        """Titles of the items, and what the machine said by interaction and item."""
        asked = [self.session.gateway.get(path("interactions", i, "evaluation")) for i in c.get("interaction_ids", [])[:50]]
        titles: dict[str, str] = {}
        machine: dict[tuple[str, str], str] = {}
        for evaluation in await together(*asked):
            if not isinstance(evaluation, Problem):
                e = cast("Evaluation", evaluation)
                for item in e.get("items", []):
                    titles.setdefault(item.get("item_id", ""), item.get("title", ""))
                    machine[e.get("interaction_id", ""), item.get("item_id", "")] = item.get("result", "")
        return titles, machine

    def _apart(self, c: Calibration, titles: dict[str, str], machine: dict[tuple[str, str], str]) -> None:
        said: dict[tuple[str, str], dict[str, str]] = {}
        for answers in c.get("answers", []):
            for item in answers.get("items", []):
                at = answers.get("interaction_id", ""), item.get("item_id", "")
                said.setdefault(at, {})[answers.get("inspector", "")] = item.get("result", "")
        rows: list[dict[str, Any]] = [
            {
                "id": f"{call}/{item}", "item": titles.get(item, item), "call": short(call), "href": f"/interactions/{call}#item={item}",
                "said": "，".join(f"{who(p, self.own)}：{word(ANSWER, r)}" for p, r in by.items()), "machine": word(ANSWER, machine.get((call, item))) or NONE,
            }
            for (call, item), by in said.items() if len(set(by.values())) > 1
        ]
        if said:
            with card(f"分歧（{len(rows)}）"):
                if rows:
                    table(_APART, rows, key="id", cells={"call": _CELLS["call"]}, dense=True).mark("apart")
                else:
                    ui.label("没有分歧。").classes("mj-muted")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    page = CalibrationPage(session, request.path_params["calibration_id"])
    ui.link("← 返回校准列表", "/calibrations").classes("mj-back")
    page.section = Section(page.fetch, page.show, lines=10)
