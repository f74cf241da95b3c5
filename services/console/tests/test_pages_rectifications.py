"""整改: what has to be put right, its evidence and drill, the plan, the proof, and what came of all."""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.testing import User
from testkit.waiting import eventually

Visit = Callable[..., Any]


def matters(gateway: Any, target: str = "agent") -> list[dict[str, Any]]:
    return [t for t in gateway.state["tickets"] if t.get("rectification", {}).get("target") == target]


def links(user: User) -> list[str]:
    with user:
        return [str(link.props["href"]) for link in user.find(ui.link).elements]


async def listening(gateway: Any) -> bool:
    return bool(gateway.state["listeners"])


async def test_rectifications_are_listed_by_target_with_how_far_their_proof_is(visit: Visit, gateway: Any) -> None:
    user = await visit("/rectifications")
    await user.should_see("此后连续 7 通通过即可关闭", retries=80)
    await user.should_see("等待填写整改方案")
    await user.should_see("没有达到标准，请重新制定措施")
    await user.should_not_see("宽带一班：首问负责")
    running = [t for t in matters(gateway) if t["state"] != "closed"]
    assert {f"/rectifications/{t['ticket_id']}" for t in running} <= set(links(user))


async def test_each_call_of_a_proof_leads_to_its_item(visit: Visit, gateway: Any) -> None:
    user = await visit("/rectifications?tab=team")
    await user.should_see("宽带一班：首问负责", retries=80)
    matter = matters(gateway, "team")[0]["rectification"]
    assert f"/interactions/{matter['calls'][0]['interaction_id']}#item=first_responder" in links(user)


async def test_a_proof_that_goes_on_is_shown_at_once(visit: Visit, gateway: Any) -> None:
    user = await visit("/rectifications")
    await user.should_see("此后连续 7 通通过即可关闭", retries=80)
    await eventually(lambda: listening(gateway))
    ticket = next(t for t in matters(gateway) if t["rectification"]["still_needed"] == 7)
    matter = ticket["rectification"]
    more = matter | {"calls": [*matter["calls"], {"interaction_id": "x", "at": matter["calls"][0]["at"], "failed": True}], "still_needed": 15}
    gateway.emit("TicketChanged", ticket=ticket | {"version": ticket["version"] + 1, "rectification": more}, action="commented")
    await user.should_see("已复核 5 通，1 通未通过；此后连续 15 通通过即可关闭", retries=60)


async def test_an_agent_sees_what_is_his_own(visit: Visit) -> None:
    user = await visit("/rectifications", key="mj_agent")
    await user.should_see("我的整改", retries=80)
    await user.should_see("A1001：不推诿", retries=60)
    await user.should_not_see("A2003：确认理解")
    await user.should_not_see("班组")


async def test_a_rectification_shows_evidence_script_and_proof_in_plain_words(visit: Visit, gateway: Any) -> None:
    ticket = next(t for t in matters(gateway) if t["rectification"]["still_needed"] == 7)
    user = await visit(f"/rectifications/{ticket['ticket_id']}")
    await user.should_see(marker="clip", retries=60)
    clip = ticket["rectification"]["evidence"][0]
    with user:
        plays = [e.props for box in user.find(marker="clip").elements for e in box.descendants() if "data-clip" in e.props]
    told = {"data-clip": f"/audio/{clip['interaction_id']}", "data-from-ms": str(clip["start_ms"]), "data-to-ms": str(clip["end_ms"])}
    assert told in [{k: p[k] for k in told} for p in plays]
    assert f"/interactions/{clip['interaction_id']}#turn={clip['turn_id']}" in links(user)
    await user.should_see("没有改好（30.0% 未通过）却被判通过的可能：4.1%")
    await user.should_see("我跟您确认一下")
    await user.should_see(ui.echart)


async def test_a_key_without_audio_right_reads_the_evidence(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/rectifications/{matters(gateway)[1]['ticket_id']}", key="mj_viewer")
    await user.should_see("您的密钥没有收听录音的权限", retries=60)


async def test_the_drill_hides_what_should_be_said_until_asked(visit: Visit, gateway: Any) -> None:
    ticket = next(t for t in matters(gateway) if t["rectification"]["item_id"] == "apology")
    user = await visit(f"/rectifications/{ticket['ticket_id']}")
    await user.should_see(marker="drill-next", retries=60)
    user.find(marker="drill-next").click()
    await user.should_see("你们到底管不管")
    await user.should_see("轮到您了")
    user.find(marker="drill-next").click()
    await user.should_not_see("轮到您了")
    await user.should_not_see(marker="drill-next")


async def test_a_plan_is_sent_with_the_suggested_cause_and_begins_the_proof(visit: Visit, gateway: Any) -> None:
    ticket = next(t for t in matters(gateway) if not t["rectification"]["calls"])
    user = await visit(f"/rectifications/{ticket['ticket_id']}")
    await user.should_see(marker="plan", retries=60)
    user.find(marker="plan").click()
    assert not [a for a in gateway.state["asked"] if a["path"].endswith(":plan")]
    user.find(marker="action").type("班前会演练三遍")
    user.find(marker="plan").click()

    async def planned() -> bool:
        now = next(t for t in gateway.state["tickets"] if t["ticket_id"] == ticket["ticket_id"])["rectification"]
        return bool((now["root_cause"], now["action"]) == ("training", "班前会演练三遍") and now["proof_since"])

    await eventually(planned)
    await user.should_see("复核开始", retries=60)


async def test_what_came_of_rectifications_is_summed_by_cause(visit: Visit, gateway: Any) -> None:
    user = await visit("/rectifications?tab=summary&days=30")
    await user.should_see(marker="sum", retries=60)
    await user.should_see("近 30 天共 14 件整改")
    await user.should_see("24.0%")
    await user.should_see("未复核")
    assert gateway.asked("/v1/rectifications:summary")[0]["query"]["from"].endswith("Z")


async def test_a_service_ticket_is_no_rectification(visit: Visit, gateway: Any) -> None:
    user = await visit(f"/rectifications/{gateway.state['tickets'][0]['ticket_id']}")
    await user.should_see("这不是整改工单", retries=60)


async def test_a_plan_that_is_being_written_stays_when_an_event_comes(visit: Visit, gateway: Any) -> None:
    ticket = next(t for t in matters(gateway) if not t["rectification"]["calls"])
    user = await visit(f"/rectifications/{ticket['ticket_id']}")
    await user.should_see(marker="plan", retries=60)
    await eventually(lambda: listening(gateway))
    user.find(marker="action").type("带教旁听")
    asked = len(gateway.asked(f"/v1/tickets/{ticket['ticket_id']}"))
    gateway.emit("TicketChanged", ticket=ticket | {"version": ticket["version"] + 1}, action="commented")

    async def drawn_anew() -> bool:
        return len(gateway.asked(f"/v1/tickets/{ticket['ticket_id']}")) > asked

    await eventually(drawn_anew)
    await user.should_see(marker="plan", retries=40)
    with user:
        assert next(iter(user.find(marker="action").elements)).value == "带教旁听"  # type: ignore[attr-defined]
