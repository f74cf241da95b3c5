"""工单: board, list and one ticket as a visitor uses them."""

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


def texts(user: User, within: str) -> str:
    """All words inside the elements marked so."""
    with user:
        found = [e for box in user.find(marker=within).elements for e in box.descendants()]
    return " ".join(str(getattr(e, "text", "")) for e in found)


def press(user: User, which: Callable[[ui.button], bool]) -> None:
    """Click the first button on the page that is meant."""
    with user:
        button = min((b for b in user.find(ui.button).elements if which(b)), key=lambda b: b.id)
    UserInteraction(user, {button}, target=None).click()


def ticket_in(gateway: Any, state: str, kind: str = "service") -> dict[str, Any]:
    return next(t for t in gateway.state["tickets"] if (t["state"], t["kind"]) == (state, kind))


def ticket_now(gateway: Any, ticket: dict[str, Any]) -> dict[str, Any]:
    return next(t for t in gateway.state["tickets"] if t["ticket_id"] == ticket["ticket_id"])


async def listening(gateway: Any) -> bool:
    return bool(gateway.state["listeners"])


# ---- the board


async def test_the_board_shows_each_state_with_its_tickets_and_counts(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets")
    await user.should_see(marker="column-waiting", retries=80)
    waiting = [t for t in gateway.state["tickets"] if t["state"] == "waiting"]
    assert f" {len(waiting)} " in texts(user, "column-waiting")
    assert "已暂停" in texts(user, "column-waiting")
    assert "超时" in texts(user, "column-open")


async def test_a_running_clock_carries_what_the_browser_counts_from(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets")
    await user.should_see(marker="column-open", retries=80)
    with user:
        clocks = [e for box in user.find(marker="column-open").elements for e in box.descendants() if "data-left" in e.props]
    assert clocks
    assert all(float(c.props["data-to"]) > float(c.props["data-from"]) for c in clocks)


async def test_a_ticket_that_is_assigned_elsewhere_moves_to_its_column(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets")
    await user.should_see(marker="column-open", retries=80)
    await eventually(lambda: listening(gateway))
    ticket = {k: v for k, v in ticket_in(gateway, "open").items() if k != "history"}
    asked = len(gateway.asked("/v1/tickets"))
    moved = ticket | {"state": "assigned", "assignee": "周工", "version": ticket["version"] + 1}
    gateway.emit("TicketAssigned", ticket=moved)

    async def there() -> bool:
        return "周工" in texts(user, "column-assigned")

    await eventually(there)
    gateway.emit("TicketChanged", ticket=ticket | {"assignee": "旧版本"}, action="commented")
    gateway.emit("TicketChanged", ticket=moved | {"assignee": "吴工", "version": moved["version"] + 1}, action="commented")

    async def changed() -> bool:
        return "吴工" in texts(user, "column-assigned")

    await eventually(changed)
    assert "旧版本" not in texts(user, "column-open")
    assert len(gateway.asked("/v1/tickets")) == asked  # by the event alone


async def test_a_ticket_that_is_not_asked_for_does_not_appear(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets?kind=callback")
    await user.should_see(marker="column-open", retries=80)
    await eventually(lambda: listening(gateway))
    service, callback = ticket_in(gateway, "open"), next(t for t in gateway.state["tickets"] if t["kind"] == "callback")
    gateway.emit("TicketOpened", ticket=service | {"ticket_id": "s", "title": "不该出现"})
    gateway.emit("TicketOpened", ticket=callback | {"ticket_id": "c", "title": "新的回访", "state": "open"})
    await user.should_see("新的回访", retries=60)
    await user.should_not_see("不该出现")


async def test_what_the_gateway_cannot_narrow_is_picked_out_here(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets?view=list&urgency=high&type=%E6%8A%95%E8%AF%89")
    await user.should_see(ui.table, retries=80)
    assert rows(user)
    assert all(r["urgent"] and r["type"] == "投诉" for r in rows(user))


async def test_soonest_due_first_is_asked_of_the_gateway(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets?view=list&order_by=due&assignee=%E7%8E%8B%E5%B7%A5&kind=service")
    await user.should_see(ui.table, retries=80)
    # With one condition, as it takes no more in this order; the other is picked out here.
    assert gateway.asked("/v1/tickets")[0]["query"] == {"order_by": "due", "assignee": "王工", "page_size": "200"}
    shown = [next(t for t in gateway.state["tickets"] if t["ticket_id"] == r["id"]) for r in rows(user)]
    assert [t["next_due_at"] for t in shown] == sorted(t["next_due_at"] for t in shown)
    assert {t["kind"] for t in shown} == {"service"}


async def test_the_menu_of_a_tile_does_what_is_possible_and_says_why_not_the_rest(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets?state=assigned&kind=service")
    await user.should_see(marker="tile-menu", retries=80)
    with user:
        button = min(user.find(marker="tile-menu").elements, key=lambda b: b.id)
    UserInteraction(user, {button}, target=None).click()
    await user.should_see("现在是“已分配”：先开始处理", retries=40)
    user.find(marker="menu-start").click()

    async def started() -> bool:
        return any(a["path"].endswith(":start") for a in gateway.state["asked"])

    await eventually(started)


# ---- the list


async def test_the_list_shows_the_clock_that_matters(visit: Visit) -> None:
    user = await visit("/tickets?view=list")
    await user.should_see(ui.table, retries=60)
    shown = rows(user)
    assert {"bad", "good"} <= {r["clock_tone"] for r in shown}
    assert any(r["clock"].startswith("超时") and r["level"] for r in shown)
    assert any(r["clock"].startswith("已暂停") and r["left"] is None for r in shown)
    assert shown[0]["tier"] == "VIP"


async def test_only_overdue_tickets_where_asked(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets?view=list&overdue=true&department=%E7%BD%91%E7%BB%B4%E9%83%A8")
    await user.should_see(ui.table, retries=60)
    assert gateway.asked("/v1/tickets")[0]["query"] == {"department": "网维部", "overdue": "true", "page_size": "20"}
    assert all(r["department"] == "网维部" for r in rows(user))


async def test_a_ticket_changed_elsewhere_changes_in_the_list(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets?view=list")
    await user.should_see(ui.table, retries=60)
    await eventually(lambda: listening(gateway))
    ticket = ticket_in(gateway, "open")
    gateway.emit("TicketAssigned", ticket=ticket | {"state": "assigned", "assignee": "王工", "version": ticket["version"] + 1})

    async def changed() -> bool:
        return next(r for r in rows(user) if r["id"] == ticket["ticket_id"])["assignee"] == "王工"

    await eventually(changed)


async def test_a_ticket_can_be_opened_by_hand(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets")
    user.find("人工开单").click()
    await user.should_see("情况说明", retries=40)
    user.find("标题").type("客户要求书面道歉")
    press(user, lambda b: b.text == "开单")

    async def opened() -> bool:
        return any(t["title"] == "客户要求书面道歉" and t["type"] == "投诉" for t in gateway.state["tickets"])

    await eventually(opened)


# ---- one ticket


async def test_an_action_is_sent_with_the_version_that_was_shown(visit: Visit, gateway: Any) -> None:
    ticket = ticket_in(gateway, "in_progress")
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="resolve", retries=60)
    user.find(marker="resolve").click()
    await user.should_see(marker="confirm", retries=20)
    user.find(marker="confirm").click()
    assert not [a for a in gateway.state["asked"] if a["path"].endswith(":resolve")]
    user.find(marker="words").type("更换光猫，客户确认恢复")
    user.find(marker="confirm").click()

    async def resolved() -> bool:
        now = ticket_now(gateway, ticket)
        return bool(now["state"] == "resolved" and now["resolution"] == "更换光猫，客户确认恢复" and now["version"] == ticket["version"] + 1)

    await eventually(resolved)
    await user.should_see(marker="close", retries=40)


async def test_escalating_takes_one_click(visit: Visit, gateway: Any) -> None:
    ticket = next(t for t in gateway.state["tickets"] if t["state"] == "in_progress" and t["line"] == 1 and t["kind"] == "service")
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="escalate", retries=60)
    user.find(marker="escalate").click()

    async def escalated() -> bool:
        return bool(ticket_now(gateway, ticket)["line"] == 2)

    await eventually(escalated)


async def test_waiting_for_the_customer_stops_the_clocks(visit: Visit, gateway: Any) -> None:
    ticket = ticket_in(gateway, "in_progress")
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="wait", retries=60)
    user.find(marker="wait").click()
    await user.should_see(marker="confirm", retries=20)
    user.find(marker="words").type("等客户寄回光猫")
    user.find(marker="confirm").click()
    await user.should_see("已暂停", retries=60)
    await user.should_see(marker="resume", retries=40)


async def test_a_conflict_changes_nothing_and_offers_the_current_ticket(visit: Visit, gateway: Any) -> None:
    ticket = ticket_in(gateway, "assigned")
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="start", retries=60)
    assert gateway.ask(f"/v1/tickets/{ticket['ticket_id']}:start", version=0)["state"] == "in_progress"  # somebody else is faster
    user.find(marker="start").click()
    await user.should_see("该工单刚被他人修改", retries=60)
    assert ticket_now(gateway, ticket)["version"] == ticket["version"] + 1
    user.find(marker="reload").click()
    await user.should_see(marker="resolve", retries=40)


async def test_a_step_that_is_refused_is_explained(visit: Visit, gateway: Any) -> None:
    ticket = ticket_in(gateway, "in_progress")
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="more", retries=60)
    await user.should_see("现在是“处理中”：先解决，经确认后再关闭")
    await user.should_see("现在是“处理中”：工单还没有解决")


async def test_a_ticket_shows_its_clocks_contacts_moments_and_promises(visit: Visit, gateway: Any) -> None:
    ticket = gateway.state["tickets"][0]
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="clock-first_response", retries=60)
    await user.should_see(marker="contact", retries=60)
    await user.should_see("承诺：回电联系客户", retries=40)
    with user:
        targets = [link.props["href"] for link in user.find(ui.link).elements]
    assert f"/interactions/{ticket['interaction_ids'][0]}#turn=t5" in targets
    assert f"/interactions/{ticket['interaction_ids'][1]}#turn=t5" in targets
    await user.should_see("紧急程度被降低")


async def test_a_viewer_sees_a_ticket_without_actions(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/tickets/{ticket_in(gateway, 'open')['ticket_id']}", key="mj_viewer")
    await user.should_see("处理记录", retries=60)
    await user.should_not_see(marker="assign")


@pytest.mark.parametrize("path", ["/tickets", "/tickets?view=list"])
async def test_clocks_run_around_the_clock_where_the_levels_are_away(visit: Visit, gateway: Any, path: str) -> None:
    gateway.control("break", **{"/v1/service-levels": [503, 0]})
    user = await visit(path)
    await user.should_see("首次响应", retries=80) if "list" not in path else await user.should_see(ui.table, retries=80)


async def test_words_are_looked_for_by_the_gateway(visit: Visit, gateway: Any) -> None:
    user = await visit("/tickets?view=list&query=%E9%80%80%E6%AC%BE")
    await user.should_see(ui.table, retries=80)
    assert gateway.asked("/v1/tickets")[0]["query"] == {"query": "退款", "page_size": "20"}
    assert all("退款" in r["title"] or "退款" in ticket_now(gateway, {"ticket_id": r["id"]})["description"] for r in rows(user))


async def test_a_ticket_is_watched_and_left_again(visit: Visit, gateway: Any) -> None:
    ticket = ticket_in(gateway, "assigned")
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="watch", retries=60)
    user.find(marker="watch").click()
    await user.should_see("取消关注", retries=60)
    assert len(ticket_now(gateway, ticket)["watchers"]) == 1
    user.find(marker="watch").click()

    async def left() -> bool:
        return ticket_now(gateway, ticket)["watchers"] == []

    await eventually(left)


async def test_missing_facts_are_named_in_chinese(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/tickets/{gateway.state['tickets'][0]['ticket_id']}")
    await user.should_see("还缺：影响范围", retries=60)


async def test_what_somebody_types_stays_when_the_ticket_is_drawn_anew(visit: Visit, gateway: Any) -> None:
    ticket = ticket_in(gateway, "in_progress")
    user = await visit(f"/tickets/{ticket['ticket_id']}")
    await user.should_see(marker="resolve", retries=60)
    await eventually(lambda: listening(gateway))
    user.find(marker="resolve").click()
    await user.should_see(marker="confirm", retries=20)
    user.find(marker="words").type("更换光猫")
    asked = len(gateway.asked(f"/v1/tickets/{ticket['ticket_id']}"))
    changed = {k: v for k, v in ticket.items() if k != "history"} | {"version": ticket["version"] + 1}
    gateway.emit("TicketChanged", ticket=changed, action="commented")

    async def drawn_anew() -> bool:
        return len(gateway.asked(f"/v1/tickets/{ticket['ticket_id']}")) > asked

    await eventually(drawn_anew)
    await user.should_see(marker="state", retries=40)
    with user:
        assert next(iter(user.find(marker="words").elements)).value == "更换光猫"  # type: ignore[attr-defined]
    user.find(marker="confirm").click()

    async def resolved() -> bool:
        return bool(ticket_now(gateway, ticket)["state"] == "resolved")

    await eventually(resolved)
