"""What can be done with a ticket as it stands, what it asks for, and why something cannot be done now."""

from dataclasses import dataclass

from client.shapes import Ticket

from console.domain.words import TICKET_STATE, word

_UNSOLVED = ("open", "assigned", "in_progress", "waiting")
_ANY = (*_UNSOLVED, "resolved", "closed")


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be done with a ticket; `asks` names the field that must be filled, its label and whether it is long.

    `given` are fields sent without asking. `needs` says what must come first where the state does not allow it.
    """

    verb: str
    name: str
    icon: str
    states: tuple[str, ...]
    asks: tuple[str, str, bool] | None = None
    given: tuple[tuple[str, str], ...] = ()
    needs: str = ""


# As RoutingService allows them; it decides again. The first that is possible is the one most people come for.
STEPS = (
    Step("start", "开始处理", "play_arrow", ("assigned",), needs="先分配给处理人"),
    Step("resume", "继续处理", "play_circle", ("waiting",), needs="只有等待客户的工单可以继续"),
    Step("resolve", "解决", "task_alt", ("in_progress", "waiting"), ("resolution", "解决办法", True), needs="先开始处理"),
    Step("close", "关闭", "lock", ("resolved",), needs="先解决，经确认后再关闭"),
    Step("assign", "分配", "person_add", _UNSOLVED, ("assignee", "分配给（工号或姓名）", False), needs="已解决的工单要先重新打开"),
    Step("escalate", "升级二线", "trending_up", _UNSOLVED, given=(("note", "一键升级二线"),), needs="已解决的工单要先重新打开"),
    Step("answer", "答复客户", "reply", _UNSOLVED, ("note", "答复内容", True), needs="已解决的工单要先重新打开"),
    Step("wait", "等待客户", "hourglass_top", ("in_progress",), ("note", "等待客户的什么（计时随之暂停）", True), needs="先开始处理"),
    Step("diagnose", "一线诊断", "troubleshoot", _UNSOLVED, ("note", "诊断结论", True), needs="已解决的工单要先重新打开"),
    Step(
        "customer-said", "客户来信来电", "record_voice_over", ("open", "assigned", "in_progress", "waiting", "resolved"),
        ("note", "客户说了什么（将开始再次响应计时）", True), needs="已关闭的工单要先重新打开",
    ),
    Step("reopen", "重新打开", "replay", ("resolved", "closed"), ("note", "重新打开的原因", True), needs="工单还没有解决"),
    Step("comment", "添加备注", "chat_bubble_outline", _ANY, ("note", "备注", True)),
)


def possible(ticket: Ticket) -> list[Step]:
    """What can be done with it as it stands."""
    return [step for step in STEPS if not why_not(step, ticket)]


def why_not(step: Step, ticket: Ticket) -> str:
    """Why the step cannot be taken now; empty where it can."""
    if step.verb == "close" and ticket.get("kind") == "rectification":
        return "整改工单凭后续会话的复核自动关闭，不能人工关闭"
    if step.verb == "escalate" and ticket.get("line") == 2:
        return "已经在二线"
    if ticket.get("state") not in step.states:
        return f"现在是“{word(TICKET_STATE, ticket.get('state'))}”：{step.needs}"
    return ""
