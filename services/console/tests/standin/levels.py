"""Service levels as the stand-in knows them: the YAML table, what it says as JSON, and what would go off."""

from datetime import date, datetime, timedelta
from typing import Any

import yaml
from calls import Json, iso

SOURCE = """\
version: "2026-11-22"
warn_at: [0.5, 0.75, 0.9]
calendars:
  always:
    title: 7×24 小时
    zone: Asia/Shanghai
    weekly: {mon-sun: ["00:00-24:00"]}
  office:
    title: 工作日
    zone: Asia/Shanghai
    weekly: {mon-fri: ["09:00-12:00", "13:30-18:00"]}
    holidays: china
policies:
  - id: rectification
    when: {kinds: [rectification]}
    calendar: office
    allowed: {first_response: 7h30m, resolution: 22h30m}
    escalate_after: [7h30m]
  - id: high
    when: {urgencies: [high]}
    calendar: always
    allowed: {first_response: 15m, next_response: 1h, diagnosis: 1h, resolution: 24h}
    escalate_after: [2h, 12h]
  - id: valued
    when: {tiers: [vip, gold]}
    calendar: always
    allowed: {first_response: 30m, next_response: 1h, diagnosis: 1h, resolution: 24h}
    escalate_after: [4h]
  - id: normal
    calendar: always
    allowed: {first_response: 2h, next_response: 8h, resolution: 48h}
    escalate_after: [24h]
"""
# 2026 as announced: first day off, last day off, days worked instead.
_HOLIDAYS = (
    ("2026-01-01", "2026-01-03", ("2026-01-04",)), ("2026-02-15", "2026-02-23", ("2026-02-14", "2026-02-28")), ("2026-04-04", "2026-04-06", ()),
    ("2026-05-01", "2026-05-05", ("2026-05-09",)), ("2026-06-19", "2026-06-21", ()), ("2026-09-25", "2026-09-27", ()),
    ("2026-10-01", "2026-10-07", ("2026-09-20", "2026-10-10")),
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class WrongLevels(Exception):
    """(field, what is wrong)."""


def _seconds(text: str) -> int:
    hours, _, minutes = str(text).partition("h") if "h" in str(text) else ("0", "", str(text))
    return int(hours) * 3600 + int(minutes.rstrip("m") or 0) * 60


def _days(monday: str) -> list[Json]:
    found: dict[str, str] = {}
    for first, last, worked in _HOLIDAYS:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            if day.weekday() < 5:
                found[day.isoformat()] = ""
            day += timedelta(days=1)
        found |= dict.fromkeys(worked, monday)
    return [{"date": day, "periods": found[day]} for day in sorted(found)]


def levels_in(source: str) -> Json:
    """Raises WrongLevels."""
    try:
        table: Any = yaml.safe_load(source)
    except yaml.YAMLError as e:
        raise WrongLevels("source", f"is not YAML: {e}") from None
    if not isinstance(table, dict) or not table.get("version"):
        raise WrongLevels("version", "is needed, at most 50 characters")
    calendars = []
    for name, node in table.get("calendars", {}).items():
        weekly = [""] * 7
        for days, periods in node["weekly"].items():
            first, _, last = days.partition("-")
            for n in range(_DAYS.index(first), _DAYS.index(last or first) + 1):
                weekly[n] = " ".join(periods)
        special = _days(weekly[0]) if node.get("holidays") == "china" else []
        calendars.append({"calendar_id": name, "title": node["title"], "zone": node["zone"], "weekly": weekly, "days": special})
    policies = []
    for n, node in enumerate(table.get("policies", [])):
        if node.get("calendar") not in table["calendars"]:
            raise WrongLevels(f"policies[{n}].calendar", f"must be one of {', '.join(table['calendars'])}")
        when = node.get("when", {})
        policies.append(
            {"policy_id": node["id"], "calendar_id": node["calendar"]}
            | {k: when.get(k, []) for k in ("kinds", "types", "urgencies", "tiers", "industries", "causes")}
            | {"allowed": [{"target": t, "seconds": _seconds(v)} for t, v in node["allowed"].items()], "warn_at": table["warn_at"]}
            | {"escalate_after_s": [_seconds(v) for v in node.get("escalate_after", [])]}
        )
    return {"version": table["version"], "active": False, "note": "", "source": source, "calendars": calendars, "policies": policies}


def preview(levels: Json, asked: Json, opened: datetime) -> Json:
    """As if everybody worked around the clock: near enough to look at."""
    told = {
        "kinds": asked.get("kind") or "service", "types": asked.get("type", ""), "urgencies": asked.get("urgency") or "normal",
        "tiers": asked.get("customer_tier", ""), "industries": asked.get("industry", ""), "causes": "",
    }
    policy = next(p for p in levels["policies"] if all(not p[k] or v in p[k] for k, v in told.items()))
    alarms = []
    for one in policy["allowed"]:
        if one["target"] == "next_response":
            continue
        steps = [(share, share, 0) for share in policy["warn_at"]] + [(1.0, 1.0, 1)]
        steps += [(1 + beyond / one["seconds"], 1.0, n) for n, beyond in enumerate(policy["escalate_after_s"], 2)]
        for at, share, level in steps:
            alarms.append({"target": one["target"], "at": iso(opened + timedelta(seconds=one["seconds"] * at)), "share": share, "level": level})
    return {"policy_id": policy["policy_id"], "calendar_id": policy["calendar_id"], "alarms": sorted(alarms, key=lambda a: a["at"])}
