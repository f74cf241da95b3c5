"""会话: the list, live; filters, paging, empty and error states; upload."""

from collections.abc import Callable
from typing import Any

from console.pages.interactions import row
from console.pages.upload import metadata_of
from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from nicegui.testing import User
from testkit.waiting import eventually

Visit = Callable[..., Any]


def rows(user: User) -> list[dict[str, Any]]:
    with user:
        return [r for table in user.find(ui.table).elements for r in table.rows]


async def shown(user: User) -> list[dict[str, Any]]:
    await user.should_see(ui.table, retries=40)
    return rows(user)


async def test_the_list_shows_status_score_and_what_was_found(visit: Visit) -> None:
    first = await shown(await visit("/interactions"))
    assert [r["status"] for r in first[:4]] == ["转写中", "评分中", "失败", "已评分"]
    scored = first[3]
    assert (scored["type"], scored["urgent"], scored["emotion"], scored["fatal"], scored["score_tone"], scored["alerts"]) == (
        "投诉",
        True,
        "愤怒",
        True,
        "bad",
        3,
    )
    assert first[0]["score"] == "—"
    assert len(first) == 20


async def test_an_event_changes_a_row_in_place(visit: Visit, gateway: Any) -> None:
    user = await visit("/interactions")
    await shown(user)
    waiting = gateway.interaction("transcribing")["interaction_id"]
    await eventually(lambda: listening(gateway))
    gateway.control(f"score/{waiting}")

    async def scored() -> bool:
        return rows(user)[0]["status"] == "已评分" and rows(user)[0]["score"] == "100"

    await eventually(scored)


async def listening(gateway: Any) -> bool:
    return bool(gateway.state["listeners"])


async def test_a_new_interaction_appears_on_top_of_the_first_page_if_the_filter_fits(visit: Visit, gateway: Any) -> None:
    user = await visit("/interactions?industry=bank")
    before = await shown(user)
    assert {r["industry"] for r in before} == {"银行"}
    await eventually(lambda: listening(gateway))
    template = gateway.interaction("scored")
    for number, industry in (("new-1", "telecom"), ("new-2", "bank")):
        fresh = template | {"interaction_id": number, "status": "received", "metadata": template["metadata"] | {"industry": industry}}
        fresh.pop("outcome")
        gateway.emit("InteractionReceived", interaction=fresh)

    async def appeared() -> bool:
        return rows(user)[0]["id"] == "new-2"

    await eventually(appeared)
    assert "new-1" not in [r["id"] for r in rows(user)]


async def test_pages_are_turned_with_the_gateways_tokens(visit: Visit, gateway: Any) -> None:
    user = await visit("/interactions")
    first = await shown(user)
    user.find("下一页").click()
    await user.should_see("第 2 页 · 本页 20 条", retries=40)
    second = rows(user)
    assert not {r["id"] for r in first} & {r["id"] for r in second}
    assert [a["query"].get("page_token") for a in gateway.asked("/v1/interactions")] == [None, "20"]


async def test_a_filter_asks_the_gateway_again_from_the_first_page(visit: Visit, gateway: Any) -> None:
    user = await visit("/interactions?status=failed&from=2020-01-01&to=nonsense")
    assert {r["status"] for r in await shown(user)} == {"失败"}
    assert gateway.asked("/v1/interactions")[0]["query"] == {"status": "failed", "from": "2019-12-31T16:00:00Z", "page_size": "20"}


async def test_an_empty_list_says_what_to_do_next(visit: Visit, gateway: Any) -> None:
    gateway.control("edit", empty=True)
    user = await visit("/interactions")
    await user.should_see("还没有会话", retries=40)
    await user.should_see("上传一段录音")


async def test_a_filter_that_finds_nothing_says_so(visit: Visit) -> None:
    user = await visit("/interactions?agent_id=nobody")
    await user.should_see("没有符合条件的会话", retries=40)


async def test_a_gateway_that_is_away_shows_a_retry_that_works(visit: Visit, gateway: Any) -> None:
    gateway.control("break", **{"/v1/interactions": [503, 0]})
    user = await visit("/interactions")
    await user.should_see("服务暂时不可用", retries=40)
    gateway.control("break")
    user.find(marker="retry").click()
    assert len(await shown(user)) == 20


async def test_a_viewer_gets_no_upload_button(visit: Visit) -> None:
    user = await visit("/interactions", key="mj_viewer")
    await shown(user)
    await user.should_not_see("上传录音")


async def test_an_upload_is_sent_with_its_metadata_and_followed_to_its_score(visit: Visit, gateway: Any) -> None:
    user = await visit("/interactions")
    await shown(user)
    user.find("上传录音").click()
    await user.should_see("提交质检", retries=40)
    user.find("提交质检").click()
    await user.should_see("请先选择录音文件。")
    uploader = next(iter(user.find(ui.upload).elements))
    await uploader.handle_uploads([SmallFileUpload("通话.wav", "audio/wav", b"RIFF" + b"\0" * 5000)])
    user.find("产品").type("宽带")
    user.find("提交质检").click()
    await user.should_see("查看会话", retries=60)
    sent = gateway.asked("/v1/interactions")[-1]
    assert (sent["method"], sent["bytes"], sent["metadata"]["product"], sent["metadata"]["channels"]) == (
        "POST",
        5004,
        "宽带",
        {"left": "agent", "right": "customer"},
    )
    await eventually(lambda: listening(gateway))
    gateway.control(f"score/{gateway.interaction('received')['interaction_id']}")
    await user.should_see("质检完成", retries=60)


async def test_a_refused_upload_says_which_field_is_wrong(visit: Visit) -> None:
    user = await visit("/interactions")
    user.find("上传录音").click()
    await user.should_see("提交质检", retries=40)
    await next(iter(user.find(ui.upload).elements)).handle_uploads([SmallFileUpload("a.wav", "audio/wav", b"no audio at all")])
    user.find("提交质检").click()
    await user.should_see("audio", retries=60)


def test_the_form_becomes_metadata_without_empty_fields() -> None:
    form = {"industry": "", "product": " 宽带 ", "started_at": "2026-11-21T14:03", "left": "customer", "right": "agent"}
    assert metadata_of(form) == {"product": "宽带", "started_at": "2026-11-21T06:03:00Z", "channels": {"left": "customer", "right": "agent"}}


def test_a_chat_has_no_length_and_no_direction() -> None:
    shown_row = row({"interaction_id": "x", "medium": "chat", "status": "received", "metadata": {"channel": "online"}})
    assert (shown_row["who"], shown_row["length"], shown_row["score"]) == ("在线客服 · 在线文字", "—", "—")
