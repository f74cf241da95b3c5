"""排名: agents or teams by one figure, best first."""

from functools import partial
from typing import Any

from client.shapes import KpiGroup
from nicegui import ui

from console.domain.charts import column as values_of
from console.domain.words import figure
from console.pages.controls import choice, column, switch_of, table
from console.pages.frame import empty

_SHOWN = ("score", "script_rate", "process_rate", "fcr_rate", "complaint_rate", "contacts")
_MOST = 20


def ranked(groups: list[KpiGroup], kpi: str) -> list[KpiGroup]:
    """Best first by this figure; those without one last. Groups without a name (nobody knows the agent) are left out."""
    named = [g for g in groups if g.get("key")]
    sense = next((v.get("sense") for g in named for v in g.get("kpis", []) if v.get("kpi") == kpi), "")
    rising = sense == "at_most"

    def place(group: KpiGroup) -> tuple[bool, float]:
        value = values_of([group], kpi)[0]
        return value is None, (value or 0.0) if rising else -(value or 0.0)

    return sorted(named, key=place)


class Ranking:
    """Its state: who is ranked, and by what."""

    def __init__(self, groups: dict[str, list[KpiGroup]]) -> None:
        self.groups = groups
        self.by, self.kpi = "agent", "score"

    @ui.refreshable_method
    def draw(self) -> None:
        """The controls and the table."""
        groups = self.groups[self.by]
        known = {v.get("kpi", ""): v for g in groups for v in g.get("kpis", [])}
        shown = [k for k in _SHOWN if k in known]
        with ui.element("div").classes("mj-card-line"):
            ui.label("排名").classes("mj-h2")
            ui.space()
            switch_of({"agent": "按坐席", "team": "按班组"}, self.by, partial(self._set, "by"))
            if shown:
                titles = {k: known[k].get("title", k) for k in shown}
                chosen = self.kpi if self.kpi in titles else shown[0]
                choice(titles, value=chosen, on_change=partial(self._set, "kpi")).props("aria-label=排名指标").classes("mj-filter")
        best = ranked(groups, self.kpi)[:_MOST]
        if not best:
            empty("没有可排名的数据", "会话元数据里带上坐席或班组编号后会出现在这里。", icon="leaderboard")
            return
        columns = [column("n", "名次", "center"), column("key", "坐席" if self.by == "agent" else "班组")]
        columns += [column(k, known[k].get("title", k), "right") for k in shown]
        rows: list[dict[str, Any]] = []
        for n, group in enumerate(best, 1):
            values = {v.get("kpi", ""): v for v in group.get("kpis", [])}
            row: dict[str, Any] = {"n": n, "key": group.get("key", "")}
            for k in shown:
                row |= {k: figure(values.get(k, {}).get("value"), known[k].get("unit")), f"{k}_missed": values.get(k, {}).get("met") is False}
            rows.append(row)
        cells = {k: f'<span :class="props.row.{k}_missed ? \'mj-due bad\' : \'\'">{{{{props.row.{k}}}}}</span>' for k in shown}
        cells["n"] = '<span :class="\'mj-rank r\' + props.row.n">{{props.row.n}}</span>'
        table(columns, rows, key="key", cells=cells, dense=True)

    def _set(self, name: str, e: Any) -> None:
        setattr(self, name, e.value)
        self.draw.refresh()
