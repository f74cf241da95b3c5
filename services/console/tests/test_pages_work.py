"""看板, 预警, 知识库 and 管理 as a visitor uses them."""

from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction
from testkit.waiting import eventually

Visit = Callable[..., Any]


def rows(user: User) -> list[dict[str, Any]]:
    with user:
        return [r for table in user.find(ui.table).elements for r in table.rows]


def press(user: User, which: Callable[[ui.button], bool]) -> None:
    """Click the first button on the page that is meant."""
    with user:
        button = min((b for b in user.find(ui.button).elements if which(b)), key=lambda b: b.id)
    UserInteraction(user, {button}, target=None).click()


async def listening(gateway: Any) -> bool:
    return bool(gateway.state["listeners"])


# ---- dashboard


async def test_the_dashboard_shows_figures_with_targets_and_the_span_before(visit: Visit, gateway: Any) -> None:
    user = await visit("/dashboard?from=2026-11-01&to=2026-11-07")
    await user.should_see("首次解决率", retries=80)
    await user.should_see("目标 ≥ 85.0%")
    await user.should_see("未达标")
    await user.should_see("2026-11-01 至 2026-11-07，对比 2026-10-25 至 2026-10-31")
    spans = [(a["query"].get("from"), a["query"].get("to")) for a in gateway.asked("/v1/kpis") if a["query"].get("group_by") == "day"]
    assert sorted(spans) == [("2026-10-25", "2026-10-31"), ("2026-11-01", "2026-11-07")]


async def test_the_dashboard_draws_trend_rates_and_moods(visit: Visit) -> None:
    user = await visit("/dashboard")
    await user.should_see(ui.echart, retries=80)
    with user:
        kinds = {c.options["series"][0]["type"] for c in user.find(ui.echart).elements}
    assert kinds == {"line", "bar", "pie"}


async def test_a_dashboard_that_cannot_ask_offers_a_retry(visit: Visit, gateway: Any) -> None:
    gateway.control("break", **{"/v1/item-rates": [503, 0]})
    user = await visit("/dashboard")
    await user.should_see("服务暂时不可用", retries=80)


# ---- alerts


async def test_an_alert_leads_to_its_moment(visit: Visit) -> None:
    user = await visit("/alerts")
    await user.should_see("查看这一刻 →", retries=60)
    with user:
        assert any("#turn=t5" in link.props["href"] for link in user.find(ui.link).elements)


async def test_a_new_alert_appears_at_once(visit: Visit, gateway: Any) -> None:
    user = await visit("/alerts")
    await user.should_see("查看这一刻 →", retries=60)
    await eventually(lambda: listening(gateway))
    call = gateway.interaction("scored")
    gateway.emit(
        "AlertRaised",
        interaction=call,
        alert={
            "alert_id": "fresh",
            "kind": "complaint_keyword",
            "at_ms": 4000,
            "turn_id": "t2",
            "text": "我要打一二三一五",
            "message": "客户提到监管",
            "severity": "high",
        },
    )
    await user.should_see("我要打一二三一五", retries=60)


# ---- knowledge


async def test_a_question_finds_articles(visit: Visit) -> None:
    user = await visit("/knowledge?q=光猫红灯")
    await user.should_see("光猫亮红灯（LOS）怎么处理", retries=60)
    await user.should_see("匹配 98%")


async def test_a_question_without_an_answer_says_so(visit: Visit) -> None:
    user = await visit("/knowledge?q=zzz")
    await user.should_see("没有找到与“zzz”相关的条目", retries=60)


async def test_an_article_shows_answer_and_words_to_say(visit: Visit) -> None:
    user = await visit("/articles/telecom-0")
    await user.should_see("LOS 红灯表示光信号中断", retries=60)
    await user.should_see("我马上帮您看一下")


async def test_the_graph_leads_from_product_to_solution(visit: Visit) -> None:
    user = await visit("/knowledge/graph?industry=telecom")
    await user.should_see(ui.echart, retries=60)
    with user:
        root = next(iter(user.find(ui.echart).elements)).options["series"][0]["data"][0]
    broadband = next(p for p in root["children"] if p["name"] == "宽带")
    assert [s["article_id"] for s in broadband["children"][0]["children"]] == ["telecom-0", "telecom-1"]


# ---- administration


async def test_a_secret_is_shown_once(visit: Visit, gateway: Any) -> None:
    user = await visit("/administration")
    await user.should_see(ui.table, retries=60)
    user.find(marker="new-key").click()
    await user.should_see(marker="create-key", retries=40)
    user.find(marker="key-name").type("夜班质检")
    user.find(marker="create-key").click()
    await user.should_see("mj_once_5f2c9d7e1b", retries=40)
    assert gateway.state["keys"][0]["name"] == "夜班质检"
    await user.open("/administration")
    await user.should_see(ui.table, retries=60)
    await user.should_not_see("mj_once_5f2c9d7e1b")


async def test_a_target_is_changed_in_percent_and_sent_as_a_ratio(visit: Visit, gateway: Any) -> None:
    user = await visit("/administration?tab=targets")
    await user.should_see("首次解决率", retries=60)
    press(user, lambda b: b.props.get("aria-label") == "修改目标")
    await user.should_see(marker="save-target", retries=40)
    user.find(marker="target").clear().type("97.5")
    user.find(marker="save-target").click()

    async def saved() -> bool:
        return bool(gateway.state["targets"]["script_rate"] == 0.975)

    await eventually(saved)


async def test_the_audit_log_speaks_chinese(visit: Visit) -> None:
    user = await visit("/administration?tab=audit")
    await user.should_see(ui.table, retries=60)

    async def there() -> bool:
        return any(r.get("action") == "收听录音" for r in rows(user))

    await eventually(there)


@pytest.mark.parametrize("key", ["mj_viewer", "mj_supervisor"])
async def test_administration_is_for_administrators(visit: Visit, key: str) -> None:
    user = await visit("/administration", key=key)
    await user.should_see("您的密钥没有打开此页面的权限")
    with user:
        assert "/administration" not in [link.props["href"] for link in user.find(ui.link).elements]


async def test_navigation_shows_what_a_key_may_open(visit: Visit) -> None:
    user = await visit("/interactions", key="mj_narrow")
    await user.should_see("会话")
    with user:
        assert {link.props["href"] for link in user.find(ui.link).elements} == {"/", "/interactions"}


async def test_a_key_without_rights_is_told_so(visit: Visit) -> None:
    user = await visit("/", key="mj_nothing")
    await user.should_see("您的密钥没有任何页面的权限")
