"""看板: figures with their targets, their course, what fails most, and who does best, for a span of days beside the one before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from chassis.errors import Problem
from client.shapes import ItemRate, Kpi, KpiChange, KpiGroup, RaisedAlert
from fastapi import Request
from nicegui import ui

from console.app import Session
from console.domain import charts
from console.domain.words import ALERT, difference, figure, goal, today, when, word
from console.pages.alerts import place
from console.pages.controls import choice, column, day, plain_button, switch_of, table
from console.pages.frame import Section, card, empty, failed, title, together
from console.pages.ranking import Ranking

# Shown as cards, in this order; every other figure stands in the table below.
HEADLINE = (
    "contacts", "score", "script_rate", "process_rate", "fcr_rate", "repeat_rate", "complaint_rate", "ticket_overdue_rate", "csat", "nps", "aht",
    "emotion_escalated_rate",
)
SPANS = {7: "近 7 天", 30: "近 30 天", 90: "近 90 天"}
_LONGEST = 366
_ALL_COLUMNS = (
    column("title", "指标"), column("value", "本期", "right"), column("baseline", "上一周期", "right"), column("change", "变化", "right"),
    column("goal", "目标", "right"), column("met", "达标", "center"),
)


@dataclass(frozen=True, slots=True)
class Days:
    """A span of days, both inclusive."""

    first: date
    last: date

    @property
    def before(self) -> "Days":
        """The span of the same length just before."""
        length = self.last - self.first + timedelta(days=1)
        return Days(self.first - length, self.last - length)

    @property
    def each(self) -> list[str]:
        return [(self.first + timedelta(days=n)).isoformat() for n in range((self.last - self.first).days + 1)]

    @property
    def query(self) -> dict[str, str]:
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


def days_of(query: Mapping[str, str], now: date) -> Days:
    """The span in the address; the last 30 days where it is none. At most a year."""
    try:
        first, last = date.fromisoformat(query.get("from", "")), date.fromisoformat(query.get("to", ""))
    except ValueError:
        return Days(now - timedelta(days=29), now)
    last = min(last, now)
    return Days(max(min(first, last), last - timedelta(days=_LONGEST - 1)), last)


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the page shows; a part that failed is its Problem."""

    changes: list[KpiChange]
    by_day: list[KpiGroup]
    by_day_before: list[KpiGroup]
    groups: dict[str, list[KpiGroup]]
    rates: list[ItemRate]
    definitions: dict[str, str]
    alerts: list[RaisedAlert] | Problem


class Dashboard:
    """The page's state: the span, and the figure whose course is drawn."""

    def __init__(self, session: Session, days: Days) -> None:
        self.session, self.days = session, days
        self.kpi = "score"
        self.figures: Figures | None = None

    async def fetch(self) -> Figures:
        get, days = self.session.gateway.get, self.days

        async def alerts() -> Any:
            return await get("/v1/alerts", {"page_size": 8}) if self.session.may("evaluations:read") else {}

        answers = await together(
            get("/v1/kpis:compare", days.query), get("/v1/kpis", days.query | {"group_by": "day"}), get("/v1/kpis", days.before.query | {"group_by": "day"}),
            get("/v1/kpis", days.query | {"group_by": "agent"}), get("/v1/kpis", days.query | {"group_by": "team"}), get("/v1/item-rates", days.query),
            get("/v1/kpi-targets"), alerts(),
        )
        for answer in answers[:7]:
            if isinstance(answer, Problem):
                raise answer
        compare, by_day, before, by_agent, by_team, rates, targets, raised = cast("list[Any]", answers)
        self.figures = Figures(
            compare.get("changes", []), by_day.get("groups", []), before.get("groups", []),
            {"agent": by_agent.get("groups", []), "team": by_team.get("groups", [])}, rates.get("items", []),
            {t["kpi"]: t.get("definition", "") for t in targets.get("targets", [])}, raised if isinstance(raised, Problem) else raised.get("alerts", []),
        )
        return self.figures

    def show(self, f: Figures) -> None:
        changes = {c.get("current", {}).get("kpi", ""): c for c in f.changes}
        measured = [c for c in f.changes if (c.get("current", {}).get("value") or 0) or c.get("current", {}).get("denominator")]
        if not measured:
            with card():
                longer = Days(self.days.last - timedelta(days=89), self.days.last)
                empty("这段时间没有数据", "换一个时间范围，或先上传几通录音。", icon="insights", action="查看近 90 天", on_action=lambda: self.go(longer))
            return
        with ui.element("div").classes("mj-kpis"):
            for kpi in HEADLINE:
                if kpi in changes:
                    self._card(changes[kpi], f.definitions.get(kpi, ""))
        with ui.element("div").classes("mj-board"):
            with card(classes="wide"):
                self._trend(f, changes)
            with card("客户情绪占比"):
                counts = [(k, changes.get(f"emotion_{k}", {}).get("current", {}).get("value") or 0.0) for k in ("angry", "anxious", "neutral", "satisfied")]
                if any(v for _, v in counts):
                    ui.echart(charts.emotion_share(counts)).classes("mj-chart")
                else:
                    empty("没有情绪数据", icon="mood")
            with card("评分项通过率（由低到高）", classes="wide"):
                judged = [r for r in f.rates if r.get("rate") is not None][:12]
                if judged:
                    ui.echart(charts.item_rates(judged)).style(f"height:{len(judged) * 30 + 16}px;width:100%")
                else:
                    empty("没有评分项数据", icon="rule")
            with card("最新预警"):
                self._alerts(f.alerts)
            with card(classes="full"):
                Ranking(f.groups).draw()
            with card(classes="full"), ui.expansion("全部指标", icon="table_rows").classes("mj-expansion").props("dense"):
                self._all(f.changes)

    def _card(self, change: KpiChange, definition: str) -> None:
        current = change.get("current", {})
        met = current.get("met")
        with ui.element("section").classes(f"mj-kpi {'good' if met else 'bad' if met is False else ''}").mark(f"kpi-{current.get('kpi')}") as box:
            with ui.element("div").classes("mj-kpi-head"):
                ui.label(current.get("title", ""))
                if met is not None:
                    ui.label("达标" if met else "未达标").classes(f"mj-chip {'good' if met else 'bad'}")
            ui.label(figure(current.get("value"), current.get("unit"))).classes("mj-kpi-value")
            with ui.element("div").classes("mj-kpi-foot"):
                ui.label(f"目标 {goal(current)}" if goal(current) else "未设目标")
                moved = change.get("change")
                if moved is not None:
                    tone = "good" if change.get("better") else "bad" if change.get("better") is False and moved else "calm"
                    arrow = "▲" if moved > 0 else "▼" if moved < 0 else "＝"
                    ui.label(f"{arrow} {difference(moved, current.get('unit')).lstrip('+−-')}").classes(f"mj-moved {tone}").tooltip("与上一周期相比")
            if definition:
                with box:
                    ui.tooltip(definition)

    def _trend(self, f: Figures, changes: dict[str, KpiChange]) -> None:
        names = {k: changes[k].get("current", {}).get("title", k) for k in (*HEADLINE, *changes) if k in changes}
        with ui.element("div").classes("mj-card-line"):
            ui.label("趋势").classes("mj-h2")
            ui.space()
            chosen = self.kpi if self.kpi in names else next(iter(names))
            choice(names, value=chosen, on_change=lambda e: draw(e.value)).props("aria-label=指标").classes("mj-filter")
        chart = ui.echart({}).classes("mj-chart")

        def draw(kpi: str) -> None:
            self.kpi = kpi
            value: Kpi = changes.get(kpi, {}).get("current", {})
            now, before = ({g.get("key", ""): charts.column([g], kpi)[0] for g in groups} for groups in (f.by_day, f.by_day_before))
            series = [("本期", [now.get(d) for d in self.days.each]), ("上一周期", [before.get(d) for d in self.days.before.each])]
            chart.options.clear()
            chart.options.update(charts.trend(self.days.each, series, unit=value.get("unit", ""), target=value.get("target")))
            chart.update()

        draw(chosen)

    def _alerts(self, alerts: list[RaisedAlert] | Problem) -> None:
        if isinstance(alerts, Problem):
            failed(alerts, None)
        elif not alerts:
            empty("没有预警", icon="notifications_none")
        else:
            for raised in alerts:
                alert = raised.get("alert", {})
                target = f"/interactions/{raised.get('interaction_id')}#turn={alert.get('turn_id', '')}"
                with ui.link(target=target).classes(f"mj-alert-line {'bad' if alert.get('severity') == 'high' else 'warn'}"):
                    ui.label(word(ALERT, alert.get("kind"))).classes("mj-strong")
                    ui.label(place(raised)).classes("mj-muted small")
                    ui.label(when(raised.get("raised_at"))[5:]).classes("mj-muted small mj-end")
            ui.link("查看全部预警 →", "/alerts").classes("mj-link")

    def _all(self, changes: list[KpiChange]) -> None:
        rows = []
        for change in changes:
            current, baseline = change.get("current", {}), change.get("baseline", {})
            unit, met = current.get("unit"), current.get("met")
            rows.append({
                "title": current.get("title", ""), "value": figure(current.get("value"), unit), "baseline": figure(baseline.get("value"), unit),
                "change": difference(change.get("change"), unit), "goal": goal(current), "met": "" if met is None else "达标" if met else "未达标",
            })
        table(_ALL_COLUMNS, rows, key="title", dense=True)

    def go(self, days: Days) -> None:
        ui.navigate.to(f"/dashboard?{urlencode(days.query)}")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    now = today(datetime.now(UTC))
    days = days_of(request.query_params, now)
    board = Dashboard(session, days)
    with ui.element("div").classes("mj-topline"):
        title("看板", f"{days.first} 至 {days.last}，对比 {days.before.first} 至 {days.before.last}")
        ui.space()
        with ui.element("div").classes("mj-filters bare"):
            chosen = next((n for n in SPANS if days == Days(now - timedelta(days=n - 1), now)), None)
            switch_of(SPANS, chosen, lambda e: board.go(Days(now - timedelta(days=e.value - 1), now)))
            first, last = day("从", days.first.isoformat(), last=now), day("到", days.last.isoformat(), last=now)
            plain_button("查看", lambda: board.go(days_of({"from": first.value or "", "to": last.value or ""}, now)))
    Section(board.fetch, board.show, lines=10)
