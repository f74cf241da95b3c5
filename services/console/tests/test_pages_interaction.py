"""会话详情: words, evidence, scorecard, and what follows; what a caller without a right sees instead."""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from testkit.waiting import eventually

Visit = Callable[..., Any]


async def opened(visit: Visit, gateway: Any, status: str = "scored", key: str = "mj_admin", product: str = "") -> Any:
    call = next(c for c in gateway.state["calls"] if c["status"] == status and product in ("", c["metadata"]["product"]))
    user = await visit(f"/interactions/{call['interaction_id']}", key)
    await user.should_see(marker="status", retries=60)
    return user, call


def html(user: Any, marker: str) -> str:
    with user:
        return str(next(iter(user.find(marker=marker).elements)).content)


async def test_evidence_is_marked_in_the_words_and_points_at_its_item(visit: Visit, gateway: Any) -> None:
    user, _ = await opened(visit, gateway, product="宽带")
    words, card = html(user, "transcript"), html(user, "scorecard")
    assert (
        '<mark class="mj-ev fail" data-items="no_shirking" title="不推诿：未通过" tabindex="0">应该是您自己家里的问题，跟我们没关系</mark>' in words
    )
    assert 'id="item-no_shirking" data-turns="t5"' in card
    assert "138****5678" in words


async def test_a_turn_the_recogniser_was_not_sure_of_is_marked_doubtful(visit: Visit, gateway: Any) -> None:
    user, _ = await opened(visit, gateway, product="宽带")
    assert 'class="mj-turn agent doubtful" id="turn-t7"' in html(user, "transcript")


async def test_the_player_reads_from_the_consoles_own_route(visit: Visit, gateway: Any) -> None:
    user, call = await opened(visit, gateway, product="宽带")
    with user:
        assert next(iter(user.find(marker="audio").elements)).props["src"] == f"/audio/{call['interaction_id']}"


async def test_promises_tickets_and_knowledge_stand_beside_the_scorecard(visit: Visit, gateway: Any) -> None:
    user, _ = await opened(visit, gateway, product="宽带")
    for tab, expected in (("follow", "网维部"), ("knowledge", "光猫亮红灯（LOS）怎么处理")):
        with user:
            next(iter(user.find(ui.tabs).elements)).set_value(tab)
        await user.should_see(expected, retries=20)


async def test_a_key_without_audio_right_gets_words_in_place_of_the_player(visit: Visit, gateway: Any) -> None:
    user, _ = await opened(visit, gateway, key="mj_viewer", product="宽带")
    await user.should_see("您的密钥没有收听录音的权限。")
    await user.should_not_see(marker="audio")


async def test_a_key_without_evaluation_right_sees_words_alone(visit: Visit, gateway: Any) -> None:
    user, _ = await opened(visit, gateway, key="mj_narrow", product="宽带")
    await user.should_see("您的密钥没有查看质检结果的权限")
    assert "mj-ev" not in html(user, "transcript")
    assert not gateway.asked("/v1/tickets")


async def test_a_chat_has_no_player(visit: Visit, gateway: Any) -> None:
    user, _ = await opened(visit, gateway, product="手机")
    await user.should_not_see(marker="audio")
    assert "<time" not in html(user, "transcript") + html(user, "scorecard")
    assert "100%" not in html(user, "transcript")


async def test_a_call_on_its_way_fills_itself_when_it_is_scored(visit: Visit, gateway: Any) -> None:
    user, call = await opened(visit, gateway, status="transcribing")
    await user.should_see("转写尚未完成")
    await user.should_see("还没有评分结果")

    async def listening() -> bool:
        return bool(gateway.state["listeners"])

    await eventually(listening)
    gateway.control(f"score/{call['interaction_id']}")
    await user.should_see(marker="scorecard", retries=60)
    await user.should_not_see("还没有评分结果")


async def test_a_failed_call_says_why(visit: Visit, gateway: Any) -> None:
    user, _ = await opened(visit, gateway, status="failed")
    await user.should_see("录音损坏，无法解码")


async def test_words_that_look_like_a_script_stay_words(visit: Visit, gateway: Any) -> None:
    call = gateway.interaction("scored")
    gateway.control(
        "edit",
        interaction_id=call["interaction_id"],
        turns=[{"turn_id": "t1", "role": "customer", "text": "<img src=x onerror=alert(1)>", "start_ms": 0, "end_ms": 900}],
    )
    user = await visit(f"/interactions/{call['interaction_id']}")
    await user.should_see(marker="transcript", retries=60)
    assert "<img" not in html(user, "transcript")
    assert "&lt;img src=x onerror=alert(1)&gt;" in html(user, "transcript")


async def test_an_unknown_interaction_is_not_found(visit: Visit) -> None:
    user = await visit("/interactions/no-such-thing")
    await user.should_see("没有找到", retries=60)
