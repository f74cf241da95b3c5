"""日历与时限: when people work, by when each sort of ticket is due, what would go off, and publishing a new version."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from chassis.errors import InvalidInput, Problem
from client.shapes import PlannedAlarm, ServiceLevels, WorkingCalendar
from fastapi import Request
from nicegui import ui

from console.app import Session
from console.domain.deadlines import TARGET
from console.domain.level_words import WEEKDAYS, alarm_words, lanes, policy_row, week_bars, year_chart
from console.domain.words import NONE, SHANGHAI, TICKET_KIND, TICKET_TYPES, URGENCY, local_time, when, word
from console.pages.controls import choice, column, dialog, line, plain_button, quiet_button, strong_button, table, words
from console.pages.frame import Section, act, card, chip, empty, said, title, together
from console.pages.ticket_clock import ticket_head

_COLUMNS = (
    column("n", "次序"), column("policy", "政策"), column("when", "适用"), column("calendar", "日历"),
    *(column(target, name) for target, name in TARGET.items()), column("warn", "预警", roomy=True), column("escalate", "超时后升级", roomy=True),
)
_SHIPPED = {"shipped": "随软件提供"}
MOST_SOURCE = 200_000


class LevelsPage:
    """The page's state: the version that is shown."""

    def __init__(self, session: Session, version: str) -> None:
        self.session, self.version = session, version
        self.levels: ServiceLevels = {}
        self.versions: list[ServiceLevels] | Problem = []
        self.section: Section[None] | None = None

    async def fetch(self) -> None:
        levels, versions = await together(
            self.session.gateway.get("/v1/service-levels", {"version": self.version}), self.session.gateway.get("/v1/service-levels/versions"),
        )
        if isinstance(levels, Problem):
            raise levels
        self.levels = levels  # type: ignore[assignment]
        self.versions = versions if isinstance(versions, Problem) else versions.get("versions", [])  # type: ignore[attr-defined]

    def show(self, _: None) -> None:
        levels = self.levels
        with line():
            ui.label(f"版本 {levels.get('version', NONE)}").classes("mj-h2").mark("version")
            chip("当前生效" if levels.get("active") else "历史版本", "good" if levels.get("active") else "calm")
            ui.label(self._origin(levels)).classes("mj-muted")
        with card("时限政策", classes="flush mj-padded"):
            ui.label("自上而下，第一条符合的生效；时间都是所用日历的工作时间。").classes("mj-muted small mj-indent")
            titles = {c.get("calendar_id", ""): c.get("title", "") for c in levels.get("calendars", [])}
            table(_COLUMNS, [policy_row(p, n, titles) for n, p in enumerate(levels.get("policies", []), 1)], key="policy", dense=True)
        with card("试算：如果现在有这样一张工单"):
            _Preview(self.session, lambda: "")
        with ui.element("div").classes("mj-calendars"):
            for calendar in levels.get("calendars", []):
                self._calendar(calendar)
        with ui.element("div").classes("mj-split even"):
            with ui.element("div").classes("mj-left"):
                self._editor()
            with ui.element("div").classes("mj-right"), card("版本"):
                self._version_list()

    def _origin(self, levels: ServiceLevels) -> str:
        by = word(_SHIPPED, levels.get("published_by"))
        at = when(levels.get("published_at")) if levels.get("published_at") else ""
        return " · ".join(x for x in (by, at, levels.get("note")) if x and x != NONE)

    def _calendar(self, calendar: WorkingCalendar) -> None:
        with card():
            with line():
                ui.label(calendar.get("title") or calendar.get("calendar_id", "")).classes("mj-h2")
                ui.label(f"{calendar.get('calendar_id', '')} · {calendar.get('zone', '')}").classes("mj-muted small")
            with ui.element("div").classes("mj-week").mark("week"):
                for name, bars in zip(WEEKDAYS, week_bars(calendar), strict=False):
                    ui.label(name).classes("mj-muted small")
                    with ui.element("div").classes("mj-week-day" + ("" if bars else " free")):
                        for start, width, said_so in bars:
                            with ui.element("i").style(f"left:{start:.2f}%;width:{width:.2f}%"):
                                ui.tooltip(f"{name} {said_so}")
                    ui.label("、".join(said_so for _, _, said_so in bars) or "休息").classes("mj-muted small")
            if calendar.get("days"):
                year = datetime.now(SHANGHAI).year
                years = sorted({int(d["date"][:4]) for d in calendar.get("days", [])} | {year})
                chart = ui.echart(year_chart(calendar, year)).classes("mj-year")

                def turn(e: Any) -> None:
                    chart.options.clear()
                    chart.options.update(year_chart(calendar, int(e.value)))
                    chart.update()

                if len(years) > 1:
                    choice({y: f"{y} 年" for y in years}, value=year, on_change=turn).classes("mj-filter slim")

    def _version_list(self) -> None:
        if isinstance(self.versions, Problem):
            ui.label(said(self.versions)).classes("mj-muted")
            return
        for one in self.versions:
            with line("mj-version"):
                ui.link(one.get("version", ""), f"/service-levels?version={one.get('version', '')}").classes("mj-cell-link")
                if one.get("active"):
                    chip("当前生效", "good")
                ui.label(self._origin(one)).classes("mj-muted small")

    def _editor(self) -> None:
        with card("编辑（YAML）"):
            if not self.session.may("levels:write"):
                ui.label("您的密钥没有发布时限的权限，可以查看和试算。").classes("mj-muted")
            source = ui.codemirror(self.levels.get("source", ""), language="YAML", line_wrapping=False).classes("mj-source").mark("source")
            problem = ui.label().classes("mj-problem").mark("level-problem")
            problem.set_visibility(False)
            ui.label("改动先试算，通过后填写说明再发布；版本号必须是新的。发布后，未完成的工单按新时限计算，已用时间保留。").classes("mj-muted small")

            async def checked() -> bool:
                problem.set_visibility(False)
                try:
                    await self.session.gateway.post("/v1/service-levels:preview", {"source": source.value[:MOST_SOURCE]})
                except InvalidInput as e:
                    problem.set_text(f"{e.field}：{e.message}" if e.field else e.message)
                except Problem as e:
                    problem.set_text(said(e))
                else:
                    return True
                problem.set_visibility(True)
                return False

            async def check() -> None:
                if await checked():
                    with dialog("用改动后的内容试算", persistent=False, wide=True) as box:
                        _Preview(self.session, lambda: source.value)
                        with line("mj-actions"):
                            quiet_button("关闭", box.close)

            async def publish() -> None:
                if await checked():
                    self._ask_note(source.value)

            with line("mj-actions"):
                plain_button("检查并试算", check, icon="rule").mark("check-levels")
                if self.session.may("levels:write"):
                    strong_button("发布", publish, icon="publish").mark("publish-levels")

    def _ask_note(self, source: str) -> None:
        async def send() -> None:
            if not (note.value or "").strip():
                note.error = "请填写说明"
                return
            button.props("loading")
            made = await act(self.session.gateway.post("/v1/service-levels", {"source": source, "note": note.value.strip()}), "已发布，立即生效")
            button.props(remove="loading")
            if made:
                box.close()
                self.version = ""
                ui.navigate.history.replace("/service-levels")
                if self.section:
                    await self.section.load()

        with dialog("发布新版本") as box:
            note = words("为什么改", most=500).props("autofocus").classes("mj-full").mark("level-note")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                button = strong_button("发布", send).mark("confirm-levels")


class _Preview:
    """Choose a sort of ticket; see what would go off and when."""

    def __init__(self, session: Session, source: Any) -> None:
        self._session, self._source = session, source
        now = datetime.now(SHANGHAI).strftime("%Y-%m-%dT%H:%M")
        self.form: dict[str, Any] = {"kind": "service", "type": "投诉", "urgency": "normal", "customer_tier": "", "opened_at": now}
        with ui.element("div").classes("mj-filters"):
            for name, label, known in (("kind", "种类", TICKET_KIND), ("type", "类型", {t: t for t in TICKET_TYPES}), ("urgency", "紧急程度", URGENCY)):
                choice(known, label=label, value=self.form[name], on_change=partial(self.change, name)).classes("mj-filter slim")
            words("客户等级", value="", on_change=partial(self.change, "customer_tier"), suggestions=["vip", "gold", "platinum"]).classes("mj-filter slim")
            opened = ui.input("开单时间", value=now, on_change=partial(self.change, "opened_at"))
            opened.props("outlined dense type=datetime-local stack-label").classes("mj-filter date")
        self.section: Section[Any] = Section(self.fetch, self.show, lines=3)

    async def change(self, name: str, e: Any) -> None:
        self.form[name] = e.value or ""
        await self.section.load(quiet=True)

    @property
    def opened(self) -> str:
        """As RFC 3339; now where it is no time."""
        try:
            return local_time(self.form["opened_at"])
        except ValueError:
            return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def fetch(self) -> Any:
        asked = {k: v for k, v in self.form.items() if v} | {"opened_at": self.opened}
        if self._source():
            asked["source"] = self._source()
        return await self._session.gateway.post("/v1/service-levels:preview", asked)

    def show(self, answer: Any) -> None:
        alarms: list[PlannedAlarm] = answer.get("alarms", [])
        with line():
            chip(f"政策 {answer.get('policy_id', '')}", "info").mark("preview-policy")
            chip(f"日历 {answer.get('calendar_id', '')}")
            ui.label("如果没有人处理：").classes("mj-muted")
        if not alarms:
            empty("没有时限", icon="timer_off")
            return
        opened = datetime.fromisoformat(self.opened.replace("Z", "+00:00"))
        ui.echart(lanes(alarms, opened)).classes("mj-lanes")
        with ui.element("div").classes("mj-alarms"):
            for alarm in alarms:
                said_so, tone = alarm_words(alarm)
                with ui.element("div").classes(f"mj-alarm mj-timed {tone}"):
                    ui.label(when(alarm.get("at"))[5:]).classes("mj-alarm-at")
                    ui.label(said_so)


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    ticket_head()
    title("日历与时限", "什么时候算工作时间，每类工单多久之内必须响应和解决")
    page = LevelsPage(session, request.query_params.get("version", "")[:50])
    page.section = Section(page.fetch, page.show, lines=10)
