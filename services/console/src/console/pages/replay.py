"""How a simulation goes and what came of it; on its own page and beside the editor."""

from collections.abc import Callable
from typing import Any

from chassis.errors import Problem
from client.quality_shapes import GroupChange, ItemChange, Simulation
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain import quality_charts
from console.domain.quality_words import RUN, RUN_TONE, progress, share, signed, verdict, who
from console.domain.words import points, short, when, word
from console.pages.controls import column, fact, line, plain_button, table
from console.pages.frame import act, chip, failed

_POLL_S = 1.0
# A mean that moves by less looks unmoved in one digit.
_MOVED = 0.05
_ITEMS = (
    column("title", "评分项"), column("pf", "通过→未通过", "right"), column("fp", "未通过→通过", "right"), column("other", "其他变化", "right"),
    column("precision", "精确率", "right"), column("recall", "召回率", "right"), column("examples", "例子"),
)
_CELLS = {
    "examples": '<a v-for="e in props.row.examples" class="mj-link" style="margin-right:8px" :href="e.href" target="_blank">{{e.name}}</a>',
}


class Replay:
    """One simulation, asked for again while it runs."""

    def __init__(self, session: Session, simulation_id: str, on_end: Callable[[Simulation], object] | None = None) -> None:
        self.session, self.id, self._on_end = session, simulation_id, on_end
        self.simulation: Simulation = {}
        self.box = ui.element("div").classes("mj-section")
        self._timer = ui.timer(_POLL_S, self.ask)

    async def ask(self) -> None:
        """Where it is now; once it has ended nobody asks any more."""
        try:
            now: Simulation = await self.session.gateway.get(path("simulations", self.id))
        except Problem as e:
            self._timer.cancel()
            if not self.box.is_deleted:
                self.box.clear()
                with self.box:
                    failed(e, None)
            return
        if self.box.is_deleted:
            self._timer.cancel()
            return
        changed, self.simulation = now != self.simulation, now
        if changed:
            self.box.clear()
            with self.box:
                self.show(now)
        if now.get("state") != "running":
            self._timer.cancel()
            if self._on_end:
                self._on_end(now)

    async def cancel(self) -> None:
        await act(self.session.gateway.post(f"{path('simulations', self.id)}:cancel"), "已停止")

    def show(self, s: Simulation) -> None:
        """Progress, and what was found so far."""
        candidate, baseline = s.get("candidate", {"id": "", "version": ""}), s.get("baseline", {"id": "", "version": ""})
        words, tone = verdict(s)
        with line():
            chip(word(RUN, s.get("state")), RUN_TONE.get(s.get("state", ""), "calm")).mark("state")
            chip(words, tone).mark("verdict")
            ui.label(f"{baseline.get('id')} {baseline.get('version')} → {candidate.get('version')}").classes("mj-strong")
            own = self.session.caller.get("principal", "")
            ui.label(f"{who(s.get('started_by'), own)} · {when(s.get('started_at'), seconds=True)}").classes("mj-muted small")
            ui.space()
            if s.get("state") == "running" and self.session.may("scorecards:write"):
                plain_button("停止", self.cancel, icon="stop").props("dense")
        if s.get("state") == "running":
            ui.linear_progress(progress(s), show_value=False).props("rounded instant-feedback")
        skipped = f"，{s['skipped']} 条因没有转写略过" if s.get("skipped") else ""
        ui.label(f"已重放 {s.get('done', 0):,} / {s.get('total', 0):,} 条{skipped}").classes("mj-muted small")
        if s.get("reason"):
            ui.label(s["reason"]).classes("mj-problem")
        for reason in s.get("gate_reasons", []):
            ui.label(reason).classes("mj-problem")
        if not s.get("done"):
            return
        with line("mj-facts"):
            change = s.get("mean_after", 0.0) - s.get("mean_before", 0.0)
            fact("平均分", f"{points(s.get('mean_before'))} → {points(s.get('mean_after'))}（{signed(change)}）")
            fact("变为致命", str(s.get("became_fatal", 0)))
            fact("不再致命", str(s.get("ceased_fatal", 0)))
            for name, key in (("精确率下限", "min_precision"), ("召回率下限", "min_recall")):
                if s.get("gate", {}).get(key) is not None:
                    fact(name, share(s["gate"].get(key)))  # type: ignore[arg-type]
        self._groups(s)
        self._items(s.get("items", []))

    def _groups(self, s: Simulation) -> None:
        for name, groups in (("班组得分变化", s.get("teams", [])), ("坐席得分变化", s.get("agents", []))):
            moved: list[GroupChange] = [g for g in groups if g.get("id") and abs(g.get("mean_after", 0.0) - g.get("mean_before", 0.0)) >= _MOVED]
            if moved:
                ui.label(name).classes("mj-h3")
                shown = moved[:12]
                ui.echart(quality_charts.group_changes(shown)).style(f"height:{40 + 30 * len(shown)}px").classes("mj-full")
                if len(moved) > len(shown):
                    ui.label(f"另有 {len(moved) - len(shown)} 个变化较小。").classes("mj-muted small")

    def _items(self, items: list[ItemChange]) -> None:
        flipped = [i for i in items if i.get("pass_to_fail") or i.get("fail_to_pass") or i.get("other_changes") or i.get("reviewed")]
        ui.label("评分项变化").classes("mj-h3")
        if not flipped:
            ui.label("没有评分项发生变化。").classes("mj-muted")
            return
        rows: list[dict[str, Any]] = [
            {
                "id": i.get("item_id", ""), "title": i.get("title") or i.get("item_id", ""), "pf": i.get("pass_to_fail", 0), "fp": i.get("fail_to_pass", 0),
                "other": i.get("other_changes", 0), "precision": share(i.get("precision")), "recall": share(i.get("recall")),
                "examples": [{"name": short(e), "href": f"/interactions/{e}#item={i.get('item_id', '')}"} for e in i.get("examples", [])[:5]],
            }
            for i in flipped
        ]
        table(_ITEMS, rows, key="id", cells=_CELLS, dense=True).mark("flipped")
        ui.label("精确率与召回率以人工复核过的答案为准；没有复核时显示“—”。").classes("mj-muted small")
