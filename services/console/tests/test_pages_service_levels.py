"""日历与时限: calendars, policies, what would go off, and publishing a version."""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.testing import User
from testkit.waiting import eventually

Visit = Callable[..., Any]


def rows(user: User) -> list[dict[str, Any]]:
    with user:
        return [r for table in user.find(ui.table).elements for r in table.rows]


def edit(user: User, change: Callable[[str], str]) -> None:
    with user:
        source = next(iter(user.find(marker="source").elements))
        source.set_value(change(source.value))  # type: ignore[attr-defined]


async def test_policies_are_shown_in_order_with_times_and_conditions(visit: Visit) -> None:
    user = await visit("/service-levels")
    await user.should_see(ui.table, retries=80)
    first, *_, last = rows(user)
    assert (first["policy"], first["when"], first["calendar"], first["first_response"], first["resolution"]) == (
        "rectification", "整改工单", "工作日", "7 小时 30 分", "22 小时 30 分",
    )
    assert (last["when"], last["diagnosis"], last["warn"], last["escalate"]) == ("其余全部", "—", "50% / 75% / 90%", "+24 小时")


async def test_a_calendar_shows_its_week_and_the_year_with_days_worked_instead(visit: Visit) -> None:
    user = await visit("/service-levels")
    await user.should_see(marker="week", retries=80)
    await user.should_see("09:00–12:00、13:30–18:00")
    await user.should_see("休息")
    with user:
        charts = [c.options for c in user.find(ui.echart).elements if "calendar" in c.options]
    days = {d["value"][0]: d["name"].split()[1] for d in charts[0]["series"][0]["data"]}
    assert (days["2026-10-01"], days["2026-10-10"], days["2026-10-12"], days["2026-10-11"]) == ("放假", "调休上班", "工作日", "休息日")


async def test_choosing_a_sort_of_ticket_shows_what_would_go_off(visit: Visit, gateway: Any) -> None:
    user = await visit("/service-levels")
    await user.should_see("政策 normal", retries=80)
    await user.should_see("首次响应：时间用掉 50%，预警")
    await user.should_see("解决：仍未完成，升级 2 级")
    with user:
        urgency = next(s for s in user.find(ui.select).elements if s.props.get("label") == "紧急程度")
        urgency.set_value("high")
    await user.should_see("政策 high", retries=60)
    await user.should_see("一线诊断：到期，超时升级 1 级")


async def test_a_table_that_is_wrong_is_told_and_not_published(visit: Visit, gateway: Any) -> None:
    user = await visit("/service-levels")
    await user.should_see(marker="publish-levels", retries=80)
    edit(user, lambda s: s.replace("calendar: office", "calendar: nowhere"))
    user.find(marker="publish-levels").click()
    await user.should_see("policies[0].calendar：must be one of always, office", retries=40)
    assert not [a for a in gateway.state["asked"] if (a["method"], a["path"]) == ("POST", "/v1/service-levels")]


async def test_a_version_is_published_with_a_note_and_counts_at_once(visit: Visit, gateway: Any) -> None:
    user = await visit("/service-levels")
    await user.should_see(marker="publish-levels", retries=80)
    edit(user, lambda s: s.replace('"2026-11-22"', '"2026-12-01"').replace("first_response: 2h", "first_response: 1h"))
    user.find(marker="publish-levels").click()
    await user.should_see(marker="confirm-levels", retries=40)
    user.find(marker="confirm-levels").click()
    assert not [a for a in gateway.state["asked"] if (a["method"], a["path"]) == ("POST", "/v1/service-levels")]
    user.find(marker="level-note").type("一小时内响应")
    user.find(marker="confirm-levels").click()
    await user.should_see("版本 2026-12-01", retries=60)

    async def listed() -> bool:
        return any(r["policy"] == "normal" and r["first_response"] == "1 小时" for r in rows(user))

    await eventually(listed)
    await user.should_see("key:admin")


async def test_an_old_version_can_be_looked_at(visit: Visit, gateway: Any) -> None:
    user = await visit("/service-levels?version=2026-11-22")
    await user.should_see("版本 2026-11-22", retries=80)
    assert gateway.asked("/v1/service-levels")[0]["query"] == {"version": "2026-11-22"}


async def test_who_may_not_publish_may_look_and_try(visit: Visit) -> None:
    user = await visit("/service-levels", key="mj_supervisor")
    await user.should_see("您的密钥没有发布时限的权限", retries=80)
    await user.should_not_see(marker="publish-levels")
    await user.should_see(marker="check-levels")
