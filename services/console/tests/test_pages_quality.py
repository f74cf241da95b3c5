"""会话详情's scorecard, 复核, 申诉, 校准, 评分表 and 模拟 as a visitor uses them."""

from collections.abc import Callable
from typing import Any

import httpx
from console.domain.dialogues import NotADialogue, turns
from console.domain.differences import differences
from console.domain.quality_words import interval, kappa, masked_kinds, signed, verdict, who
from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction
from pytest import mark, raises
from testkit.waiting import eventually

Visit = Callable[..., Any]


def one(user: User, marker: str) -> Any:
    with user:
        return next(iter(user.find(marker=marker).elements))


def rows(user: User) -> list[dict[str, Any]]:
    with user:
        return [r for table in user.find(ui.table).elements for r in table.rows]


def called(gateway: Any, ending: str) -> list[dict[str, Any]]:
    return [a for a in gateway.state["asked"] if a["method"] == "POST" and a["path"].endswith(ending)]


def broadband(gateway: Any) -> str:
    return str(next(c for c in gateway.state["calls"] if c["metadata"]["product"] == "宽带" and c["status"] == "scored")["interaction_id"])


def appeal_to(gateway: Any, interaction_id: str) -> Any:
    return httpx.post(
        f"{gateway.url}/v1/interactions/{interaction_id}/appeals", json={"item_ids": ["apology"], "reason": "我道过歉了"},
        headers={"Authorization": "Bearer mj_agent"}, timeout=10,
    ).raise_for_status().json()


# ---- words and figures


def test_a_score_has_an_interval_only_where_something_was_left_open() -> None:
    item: Any = {"result": "abstain", "title": "致歉"}
    assert interval({"score_low": 60.0, "score_high": 72.5, "items": [item]}) == "60–72.5"
    assert interval({"score_low": 60.0, "score_high": 60.0, "items": [item]}) == ""
    assert interval({"score_low": 60.0, "score_high": 72.5, "items": [{"result": "pass"}]}) == ""


@mark.parametrize(("value", "expected"), [(0.85, "0.85 几乎一致"), (0.61, "0.61 高度一致"), (0.3, "0.30 较低"), (-0.1, "-0.10 很低"), (None, "—")])
def test_kappa_is_said_in_words(value: float | None, expected: str) -> None:
    assert kappa({} if value is None else {"kappa": value})[0] == expected


def test_people_are_told_apart_and_oneself_is_named() -> None:
    assert who("key:1", own="key:1") == "我"
    assert who("key:01a200ea-befb-74df-91c6-b2991a77bdf7") == "密钥 1a77bdf7"
    assert (who("shipped"), who("service:nlp"), who("")) == ("随软件提供", "系统", "—")


def test_what_was_masked_is_counted_by_kind() -> None:
    assert masked_kinds([{"kind": "name"}, {"kind": "mobile"}, {"kind": "mobile"}]) == [("手机号", 2), ("姓名", 1)]


def test_a_gate_without_limits_is_no_gate() -> None:
    assert verdict({"gate": {}, "gate_passed": True}) == ("未设闸门", "calm")
    assert verdict({"gate": {"min_recall": 0.0}, "gate_passed": False}) == ("未过闸门", "bad")
    assert verdict({"gate": {"min_recall": 0.9}}) == ("等待结果", "calm")
    assert [signed(x) for x in (1.25, -1.25, 0.01)] == ["+1.2", "−1.2", "0"]


def test_a_typed_dialogue_becomes_turns() -> None:
    assert turns("客户：断网了\n三天了\n\n坐席: 抱歉") == [{"role": "customer", "text": "断网了三天了"}, {"role": "agent", "text": "抱歉"}]


@mark.parametrize("text", ["", "你好", "客户：", "\n".join(["客户：一"] * 501)])
def test_what_is_no_dialogue_is_refused(text: str) -> None:
    with raises(NotADialogue):
        turns(text)


def test_differences_show_changed_lines_with_some_around() -> None:
    before = "\n".join(f"line {n}" for n in range(1, 21))
    found = differences(before, before.replace("line 10", "line ten"))
    assert [(x.kind, x.before, x.after) for x in found if x.kind in ("in", "out")] == [("out", 10, 0), ("in", 0, 10)]
    assert found[0].kind == "gap"
    assert len(found) == 9
    assert differences(before, before) == []


# ---- one interaction


async def test_an_open_item_makes_the_score_an_interval(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/interactions/{broadband(gateway)}")
    await user.should_see(marker="interval", retries=60)
    low, _, high = one(user, "interval").text.partition("–")
    assert float(low) < float(high)


async def test_items_say_by_what_they_were_judged(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/interactions/{broadband(gateway)}")
    await user.should_see(marker="scorecard", retries=60)
    card = one(user, "scorecard").content
    assert '<b>流程规范</b>' in card
    assert "判定依据" in card
    assert "坐席做到“不推诿”" in card
    assert "项不适用</summary>" in card


async def test_the_moment_the_mood_tipped_is_named(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/interactions/{broadband(gateway)}?tab=mood")
    await user.should_see(marker="tipping", retries=60)
    assert "未能挽回" in one(user, "tipping").text


async def test_a_review_is_sent_and_its_score_is_shown(visit: Visit, gateway: Any) -> None:
    interaction_id = broadband(gateway)
    user = await visit(f"/interactions/{interaction_id}?review=1", "mj_inspector")
    await user.should_see(marker="send-review", retries=60)
    before = one(user, "score").text
    user.find(marker="send-review").click()
    await user.should_see("请至少回答一项", retries=20)
    with user:
        one(user, "answer-apology").set_value("pass")
    user.find(marker="send-review").click()
    await user.should_see(marker="scorecard", retries=60)
    await user.should_see("得分", retries=20)
    assert one(user, "score").text != before
    assert "人工已定" in one(user, "scorecard").content
    assert len(called(gateway, "/reviews")) == 1


async def test_originals_are_for_those_who_may_read_them_and_say_that_it_is_noted(visit: Visit, gateway: Any) -> None:
    interaction_id = broadband(gateway)
    user = await visit(f"/interactions/{interaction_id}")
    await user.should_see("手机号 1", retries=60)
    await user.should_not_see(marker="originals")
    user = await visit(f"/interactions/{interaction_id}", "mj_inspector")
    await user.should_see(marker="originals", retries=60)
    user.find(marker="originals").click()
    await user.should_see("13800005678", retries=40)
    await user.should_see("审计日志")


async def test_an_agent_appeals_and_cannot_review(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/interactions/{broadband(gateway)}", "mj_agent")
    await user.should_see(marker="appeal", retries=60)
    await user.should_not_see(marker="review")
    user.find(marker="appeal").click()
    await user.should_see(marker="send-appeal", retries=40)
    with user:
        one(user, "appeal-apology").set_value(True)
    user.find(marker="send-appeal").click()
    assert not called(gateway, "/appeals")
    user.find(marker="appeal-reason").type("我道过歉了")
    user.find(marker="send-appeal").click()

    async def opened() -> bool:
        return bool(called(gateway, "/appeals"))

    await eventually(opened)


# ---- queue, appeals, calibrations


async def test_the_queue_leads_to_the_answers_and_is_filtered_by_reason(visit: Visit, gateway: Any) -> None:
    user = await visit("/reviews?reason=fatal", "mj_supervisor")
    await user.should_see(ui.table, retries=60)
    shown = rows(user)
    assert shown
    assert all(r["href"].endswith("?review=1") and "致命项" in [x["name"] for x in r["reasons"]] for r in shown)
    await user.should_see("我今天复核 0 条", retries=40)


async def test_an_empty_queue_says_so_and_a_broken_one_offers_a_retry(visit: Visit, gateway: Any) -> None:
    user = await visit("/reviews?reason=sample")
    await user.should_see("没有需要复核的会话", retries=60)
    gateway.control("break", **{"/v1/reviews:queue": [503, 0]})
    user = await visit("/reviews")
    await user.should_see(marker="retry", retries=60)


async def test_an_appeal_is_decided_item_by_item_by_somebody_else(visit: Visit, gateway: Any) -> None:
    interaction_id = broadband(gateway)
    appeal_to(gateway, interaction_id)
    user = await visit(f"/interactions/{interaction_id}?tab=people", "mj_supervisor")
    await user.should_see(marker="send-decision", retries=60)
    with user:
        one(user, "answer-apology").set_value("pass")
    user.find(marker="send-decision").click()
    await user.should_see("请填写裁定说明", retries=20)
    user.find(marker="decision-note").type("听了录音，确实道过歉")
    user.find(marker="send-decision").click()
    await user.should_see("已采纳", retries=60)
    await user.should_see("未通过 → 通过", retries=20)


async def test_who_opened_an_appeal_is_not_offered_to_decide_it(visit: Visit, gateway: Any) -> None:
    appeal_to(gateway, broadband(gateway))
    user = await visit("/appeals", "mj_agent")
    await user.should_see(ui.table, retries=60)
    assert [r["decides"] for r in rows(user)] == [False]
    user = await visit("/appeals", "mj_supervisor")
    await user.should_see(ui.table, retries=60)
    assert [(r["decides"], r["state"]) for r in rows(user)] == [(True, "待裁定")]
    user = await visit("/appeals?state=accepted", "mj_supervisor")
    await user.should_see("没有符合条件的申诉", retries=60)


async def test_a_calibration_is_answered_blind_and_then_shows_agreement(visit: Visit, gateway: Any) -> None:
    call, me = broadband(gateway), gateway.caller("mj_inspector")["principal"]
    made = gateway.ask("/v1/calibrations", title="投诉", interaction_ids=[call], inspectors=[me, "key:other"], idempotency_key="k")
    user = await visit(f"/calibrations/{made['calibration_id']}", "mj_inspector")
    await user.should_see(marker="send-answers", retries=60)
    await user.should_not_see("机器：未通过")
    assert "mj-ev" not in one(user, "transcript").content
    user.find(marker="send-answers").click()
    await user.should_see("没有判定", retries=20)
    assert not called(gateway, ":answer")
    for name in [i["item_id"] for i in gateway.get(f"/v1/interactions/{call}/evaluation")["items"]]:
        with user:
            one(user, f"answer-{name}").set_value("pass")
    user.find(marker="send-answers").click()
    await user.should_see(marker="agreement", retries=60)
    assert rows(user)[0]["kappa"] == "0.71 高度一致"
    assert rows(user)[1]["kappa"] == "—"


async def test_a_calibration_needs_two_inspectors_and_an_interaction(visit: Visit, gateway: Any) -> None:
    user = await visit("/calibrations")
    await user.should_see("还没有校准", retries=60)
    user.find(marker="new-calibration").click()
    await user.should_see(marker="create-calibration", retries=60)
    user.find(marker="calibration-title").type("十一月")
    user.find(marker="create-calibration").click()
    await user.should_see("请选择会话", retries=20)
    with user:
        offered = one(user, "offered")
        offered.selected = offered.rows[:2]
    user.find(marker="create-calibration").click()
    await user.should_see("至少需要两位质检员", retries=20)
    user.find(marker="more-inspectors").type("key:other")
    user.find(marker="create-calibration").click()

    async def created() -> bool:
        return bool(called(gateway, "/v1/calibrations"))

    await eventually(created)


# ---- scorecards


async def test_items_stand_under_their_section_with_the_text_of_their_rule(visit: Visit) -> None:
    user = await visit("/scorecards/telecom")
    await user.should_see("不推诿", retries=60)
    await user.should_see(marker="edit")


async def test_two_versions_are_compared_and_an_earlier_one_is_put_in_force_with_a_reason(visit: Visit, gateway: Any) -> None:
    user = await visit("/scorecards/telecom")
    await user.should_see(ui.tabs, retries=60)
    with user:
        next(iter(user.find(ui.tabs).elements)).set_value("versions")
    await user.should_see(marker="compare", retries=60)
    user.find(marker="compare").click()
    await user.should_see(marker="diff", retries=40)
    assert '<div class="mj-line in">' in one(user, "diff").content
    assert "[感谢来电]" in one(user, "diff").content
    with user:
        UserInteraction(user, {one(user, "versions")}, target=None).trigger("activate", {"version": "1.1.0"})
    await user.should_see(marker="activate-version", retries=40)
    user.find(marker="activate-version").click()
    assert not called(gateway, ":activate")
    user.find(marker="activate-note").type("新版误判")
    user.find(marker="activate-version").click()

    async def sent() -> bool:
        return bool(called(gateway, ":activate"))

    await eventually(sent)


async def test_what_is_wrong_with_a_file_is_named_with_its_place(visit: Visit) -> None:
    user = await visit("/scorecards/telecom/edit", "mj_inspector")
    await user.should_see("没有发现问题", retries=80)
    with user:
        editor = one(user, "editor")
        editor.set_value(editor.value.replace("words", "wordz"))
    await user.should_see("第 5 行，第 12 列", retries=80)
    await user.should_see("建议：words")
    await user.should_see("1 个错误")


async def test_a_rule_is_tried_on_a_typed_dialogue(visit: Visit, gateway: Any) -> None:
    user = await visit("/scorecards/telecom/edit", "mj_inspector")
    await user.should_see(ui.tabs, retries=60)
    with user:
        next(iter(user.find(ui.tabs).elements)).set_value("rule")
    await user.should_see(marker="try-rule", retries=40)
    with user:
        one(user, "dialogue").set_value("没有说话人")
    user.find(marker="try-rule").click()
    await user.should_see("第 1 行应以", retries=20)
    assert not called(gateway, "/v1/rules:test")
    with user:
        one(user, "dialogue").set_value("客户：断了\n坐席：抱歉")
    user.find(marker="try-rule").click()
    await user.should_see("坐席说到“抱歉”", retries=40)


async def test_a_simulation_shows_what_changes_and_goes_with_publishing(visit: Visit, gateway: Any) -> None:
    user = await visit("/scorecards/telecom/edit", "mj_inspector")
    await user.should_see(ui.tabs, retries=60)
    tabs = next(iter(user.find(ui.tabs).elements))
    with user:
        editor = one(user, "editor")
        editor.set_value(editor.value.replace("1.2.0", "1.3.0"))
        tabs.set_value("replay")
    await user.should_see(marker="simulate", retries=40)
    user.find(marker="simulate").click()
    await user.should_see(marker="flipped", retries=120)
    await user.should_see("71.2 → 74.9（+3.7）")
    with user:
        tabs.set_value("publish")
    await user.should_see("附上刚才的模拟", retries=40)
    user.find(marker="publish").click()
    await user.should_see("请填写修改说明", retries=20)
    user.find(marker="publish-note").type("补上说法")
    user.find(marker="publish").click()

    async def published() -> bool:
        return bool(gateway.get("/v1/scorecards/telecom/versions")["versions"][0]["ref"]["version"] == "1.3.0")

    await eventually(published)


async def test_simulations_are_listed_and_a_failed_gate_says_why(visit: Visit, gateway: Any) -> None:
    made = gateway.ask("/v1/simulations", source="id: telecom", gate={"max_fatal_flips": 0}, idempotency_key="s")
    user = await visit(f"/simulations/{made['simulation_id']}")
    await user.should_see("致命变化 3 条，超过 0 条", retries=120)
    user = await visit("/simulations")
    await user.should_see(ui.table, retries=60)
    assert [r["gate"] for r in rows(user)] == ["未过闸门"]


async def test_a_supervisor_may_look_and_try_but_neither_simulate_nor_publish(visit: Visit) -> None:
    user = await visit("/scorecards/telecom/edit", "mj_supervisor")
    await user.should_see("没有发现问题", retries=80)
    await user.should_not_see(marker="simulate")
    await user.should_not_see(marker="publish")


@mark.parametrize("path", ["/reviews", "/appeals", "/calibrations", "/scorecards", "/simulations"])
async def test_a_key_without_the_right_is_told_so(visit: Visit, path: str) -> None:
    user = await visit(path, "mj_viewer")
    await user.should_see("您的密钥没有打开此页面的权限", retries=40)


async def test_hints_to_agents_appear_beside_the_alerts(visit: Visit, gateway: Any) -> None:
    user = await visit("/alerts")
    await user.should_see(marker="hints", retries=60)

    async def listening() -> bool:
        return bool(gateway.state["listeners"])

    await eventually(listening)
    hint = {"hint_id": "h1", "kind": "missing_apology", "message": "请先致歉", "at_ms": 4000, "turn_id": "t2"}
    for _ in range(2):
        gateway.emit("HintSuggested", interaction={"interaction_id": "i1", "metadata": {"agent_id": "A1001"}}, hint=hint)
    await user.should_see("请先致歉", retries=60)
    with user:
        assert len(user.find("请先致歉").elements) == 1
