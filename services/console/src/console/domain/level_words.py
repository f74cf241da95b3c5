"""Service levels in words and figures: allowed times, conditions, the week and the year of a calendar, what would go off."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from client.shapes import LevelPolicy, PlannedAlarm, WorkingCalendar

from console.domain.charts import BAD, CALM
from console.domain.deadlines import TARGET
from console.domain.words import SHANGHAI, TICKET_KIND, URGENCY, cause, figure, moment, word
from console.domain.working_time import periods_in

WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
HOLIDAY, INSTEAD, WORKED, FREE = "放假", "调休上班", "工作日", "休息日"


def allowed(seconds: float) -> str:
    """"15 分钟", "22 小时 30 分"; whole days only of 24 hours would mislead, so hours throughout."""
    hours, minutes = int(seconds) // 3600, int(seconds) // 60 % 60
    return f"{hours} 小时 {minutes} 分" if hours and minutes else f"{hours} 小时" if hours else f"{minutes} 分钟"


def conditions(policy: LevelPolicy) -> str:
    """Of which tickets it is the policy."""
    parts = [
        "、".join(word(TICKET_KIND, k) for k in policy.get("kinds", [])), "、".join(policy.get("types", [])),
        "、".join(word(URGENCY, u) for u in policy.get("urgencies", [])), "、".join(t.upper() for t in policy.get("tiers", [])),
        "、".join(policy.get("industries", [])), "、".join(cause(c) for c in policy.get("causes", [])),
    ]
    return " 且 ".join(p for p in parts if p) or "其余全部"


def policy_row(policy: LevelPolicy, number: int, calendars: dict[str, str]) -> dict[str, Any]:
    """What the table of policies shows of one."""
    times = {a.get("target", ""): allowed(a.get("seconds", 0)) for a in policy.get("allowed", [])}
    return {
        "n": number, "policy": policy.get("policy_id", ""), "when": conditions(policy),
        "calendar": calendars.get(policy.get("calendar_id", ""), policy.get("calendar_id", "")),
        "warn": " / ".join(figure(share, "ratio").replace(".0%", "%") for share in policy.get("warn_at", [])) or "—",
        "escalate": " → ".join(f"+{allowed(s)}" for s in policy.get("escalate_after_s", [])) or "—",
    } | {target: times.get(target, "—") for target in TARGET}


def day_kinds(calendar: WorkingCalendar, year: int) -> dict[str, str]:
    """Every day of a year: holiday, worked instead, worked or free."""
    special = {d.get("date", ""): d.get("periods", "") for d in calendar.get("days", [])}
    weekly, found = calendar.get("weekly", []), {}
    day = date(year, 1, 1)
    while day.year == year:
        usual = bool(weekly[day.weekday()]) if len(weekly) == 7 else True
        told = special.get(day.isoformat())
        found[day.isoformat()] = (HOLIDAY if not told else INSTEAD if not usual else WORKED) if told is not None else WORKED if usual else FREE
        day += timedelta(days=1)
    return found


def year_chart(calendar: WorkingCalendar, year: int) -> dict[str, Any]:
    """The year as a strip of weeks, one square a day. ECharts options."""
    names = (WORKED, FREE, HOLIDAY, INSTEAD)
    kinds = day_kinds(calendar, year)
    colours = ("#e8f0fb", "#eef1f4", BAD, "#e07b18")
    return {
        "tooltip": {"formatter": "{b}"},
        "visualMap": {
            "type": "piecewise", "orient": "horizontal", "left": "center", "top": 0, "itemWidth": 14, "itemHeight": 14, "dimension": 1,
            "pieces": [{"value": n, "label": name, "color": colour} for n, (name, colour) in enumerate(zip(names, colours, strict=True))],
        },
        "calendar": {
            "range": str(year), "top": 58, "left": 34, "right": 8, "bottom": 6, "cellSize": ["auto", "auto"], "yearLabel": {"show": False},
            "splitLine": {"lineStyle": {"color": "#98a2b3"}}, "itemStyle": {"borderColor": "#fff", "borderWidth": 2},
            "dayLabel": {"firstDay": 1, "nameMap": ["日", "一", "二", "三", "四", "五", "六"]},
            "monthLabel": {"nameMap": [f"{m} 月" for m in range(1, 13)]},
        },
        "series": [{
            "type": "heatmap", "coordinateSystem": "calendar",
            "data": [{"value": [day, names.index(kind)], "name": f"{day} {kind}"} for day, kind in kinds.items()],
        }],
    }


def week_bars(calendar: WorkingCalendar) -> list[list[tuple[float, float, str]]]:
    """For Monday to Sunday the worked periods as (from, width) in percent of a day, and in words."""
    return [
        [(start / 14.4, (end - start) / 14.4, f"{_clock(start)}–{_clock(end)}") for start, end in periods_in(text)] for text in calendar.get("weekly", [])
    ]


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def alarm_words(alarm: PlannedAlarm) -> tuple[str, str]:
    """What goes off, and its tone."""
    target, level = word(TARGET, alarm.get("target")), alarm.get("level", 0)
    if level == 0:
        share = alarm.get("share", 0.0)
        return f"{target}：时间用掉 {share * 100:.0f}%，预警", "watch" if share < 0.75 else "warn"
    return (f"{target}：到期，超时升级 1 级", "bad") if level == 1 else (f"{target}：仍未完成，升级 {level} 级", "bad")


def _wall_ms(at: datetime) -> float:
    """The chart shows UTC: given what clocks in Shanghai show, it reads so wherever the browser is."""
    return at.astimezone(SHANGHAI).replace(tzinfo=UTC).timestamp() * 1000


def lanes(alarms: Sequence[PlannedAlarm], opened: datetime) -> dict[str, Any]:
    """One lane for each target with its alarms in time. ECharts options."""
    targets = [t for t in TARGET if any(a.get("target") == t for a in alarms)]
    tone = {"watch": "#e0b400", "warn": "#e07b18", "bad": BAD}
    points: list[dict[str, Any]] = [
        {
            "value": [_wall_ms(at), targets.index(a.get("target", ""))], "name": alarm_words(a)[0],
            "symbol": "circle" if not a.get("level") else "diamond", "symbolSize": 10 if not a.get("level") else 14,
            "itemStyle": {"color": tone[alarm_words(a)[1]]},
        }
        for a in alarms if (at := moment(a.get("at"))) is not None
    ]
    begin = _wall_ms(opened)
    spans = [
        {"type": "line", "silent": True, "symbol": "none", "lineStyle": {"color": CALM, "width": 2},
         "data": [[begin, n], [max(p["value"][0] for p in points if p["value"][1] == n), n]]} for n in range(len(targets))
    ]
    return {
        "grid": {"left": 84, "right": 26, "top": 10, "bottom": 30}, "tooltip": {"formatter": "{b}"}, "useUTC": True,
        "xAxis": {"type": "time", "min": begin, "axisLabel": {"hideOverlap": True}},
        "yAxis": {"type": "category", "data": [TARGET[t] for t in targets], "inverse": True, "axisTick": {"show": False}, "axisLine": {"show": False}},
        "series": [*spans, {"type": "scatter", "data": points}],
    }
