"""When a contact calls for a ticket, and what the ticket says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from chassis.errors import InvalidInput

from routing.domain.clocks import Clocks
from routing.domain.departments import DepartmentRules, Matter
from routing.domain.particulars import Particulars
from routing.domain.service_levels import ServiceLevels
from routing.domain.tickets import (
    SYSTEM,
    Action,
    HistoryEntry,
    Kind,
    Promise,
    State,
    Ticket,
    Urgency,
    noted,
    timed,
    under_terms,
)

COMPLAINT, FAULT, TRANSACTION, INQUIRY = "投诉", "故障", "业务办理", "咨询"
TYPES = (COMPLAINT, FAULT, TRANSACTION, INQUIRY)
# The more serious of two types wins when findings about one contact come in pieces.
SERIOUSNESS: Mapping[str, int] = {COMPLAINT: 3, FAULT: 2, TRANSACTION: 1, INQUIRY: 0}

# China has kept UTC+8 without summer time since 1991, so a fixed offset is Asia/Shanghai for every deadline there can be.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

MAX_TITLE = 200
MAX_DESCRIPTION = 4_000


@dataclass(frozen=True, slots=True)
class Contact:
    """The interaction a finding is about, as it was received."""

    tenant: str
    interaction_id: str
    agent_id: str = ""
    customer_id: str = ""
    customer_tier: str = ""
    product: str = ""
    industry: str = ""
    team_id: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """What the evaluation of a contact says that may call for work. `summary` is the customer's matter, masked."""

    contact: Contact
    type: str
    urgency: Urgency
    customer_emotion: str
    summary: str
    promises: tuple[Promise, ...] = ()
    outbound: bool = False
    urgent_alerts: bool = False


@dataclass(frozen=True, slots=True)
class Feedback:
    """A customer's answer to a survey; what was not asked is None."""

    feedback_id: str
    contact: Contact
    csat: int | None = None
    nps: int | None = None
    solved: bool | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A ticket that is called for. A contact has at most one of each kind, so that its id can be derived."""

    contact: Contact
    kind: Kind
    type: str
    urgency: Urgency
    causes: tuple[str, ...]
    title: str
    description: str
    promises: tuple[Promise, ...] = ()


def wanted_for(scored: Scored) -> tuple[Wanted, ...]:
    """The tickets an evaluation calls for, the customer's own matter last.

    - A complaint or a fault is a service ticket.
    - So is a promise that has a deadline, or any promise made while something was being arranged (业务办理): it is still to be kept.
    - A customer who stayed angry is called back, whatever the matter.

    What the agent failed is put right by tickets of its own: see `rectification`.
    """
    wanted = []
    if scored.customer_emotion == "angry":
        wanted.append(
            Wanted(
                scored.contact, Kind.CALLBACK, scored.type, scored.urgency, ("dissatisfied",),
                _title("回访", scored.contact, "客户情绪激动，24小时内回访安抚"), _cut(f"客户诉求：{scored.summary}", MAX_DESCRIPTION),
            )
        )
    causes = []
    if scored.type == COMPLAINT:
        causes.append("complaint")
    if scored.type == FAULT:
        causes.append("fault")
    followed = tuple(p for p in scored.promises if causes or p.deadline is not None or scored.type == TRANSACTION)
    if followed:
        causes.append("promise")
    if causes:
        wanted.append(
            Wanted(
                scored.contact, Kind.SERVICE, scored.type, scored.urgency, tuple(causes),
                _title(scored.type, scored.contact, scored.summary or "、".join(p.what for p in followed)),
                _service_description(scored.summary, followed), followed,
            )
        )
    return tuple(wanted)


def wanted_for_alert(contact: Contact, kind: str, words: str) -> Wanted | None:
    """The ticket an urgent alert of a running call calls for at once: a complaint, or a callback for an angry customer."""
    if kind == "complaint_keyword":
        return Wanted(
            contact, Kind.SERVICE, COMPLAINT, Urgency.HIGH, ("complaint",), _title(COMPLAINT, contact, words), _cut(f"通话中预警：{words}", MAX_DESCRIPTION),
        )
    if kind == "negative_emotion":
        return Wanted(
            contact, Kind.CALLBACK, COMPLAINT, Urgency.HIGH, ("dissatisfied",), _title("回访", contact, "通话中客户情绪激动"),
            _cut(f"通话中预警：{words}", MAX_DESCRIPTION),
        )
    return None


def wanted_for_feedback(feedback: Feedback) -> Wanted | None:
    """The callback a bad mark calls for: 1 or 2 of 5, or 0 to 6 of 10, or a matter that is not solved."""
    marks = []
    if feedback.csat is not None and feedback.csat <= 2:
        marks.append(f"满意度 {feedback.csat} 分")
    if feedback.nps is not None and feedback.nps <= 6:
        marks.append(f"推荐意愿 {feedback.nps} 分")
    if feedback.solved is False:
        marks.append("问题未解决")
    if not marks:
        return None
    said = "、".join(marks)
    return Wanted(feedback.contact, Kind.CALLBACK, COMPLAINT, Urgency.NORMAL, ("feedback",), _title("回访", feedback.contact, said), f"客户评价：{said}")


def followup_of(ticket: Ticket) -> Wanted:
    """The call that asks, after a complaint was handled, whether it is settled."""
    contact = Contact(
        ticket.tenant, ticket.interaction_id, ticket.agent_id, ticket.customer_id, ticket.customer_tier, ticket.product, ticket.industry, ticket.team_id,
    )
    return Wanted(
        contact, Kind.CALLBACK, COMPLAINT, Urgency.NORMAL, ("complaint_followup",), _title("回访", contact, "投诉处理后3天内回访"),
        _cut(f"投诉：{ticket.title}\n处理结果：{ticket.resolution}", MAX_DESCRIPTION),
    )


def wanted_for_promise(contact: Contact, promise: Promise) -> Wanted | None:
    """The ticket a promise alone calls for: none where no deadline was given, because then nothing can be missed."""
    if promise.deadline is None:
        return None
    return Wanted(
        contact, Kind.SERVICE, TRANSACTION, Urgency.NORMAL, ("promise",),
        _title("承诺跟进", contact, promise.what), _service_description("", (promise,)), (promise,),
    )


def opened(
    wanted: Wanted, ticket_id: str, departments: DepartmentRules, levels: ServiceLevels, at: datetime, by: str = SYSTEM, note: str = ""
) -> Ticket:
    """The ticket as it is first stored, version 1."""
    contact = wanted.contact
    routed = departments.route(
        Matter(
            wanted.kind, wanted.type, contact.industry, contact.product, f"{wanted.title}\n{wanted.description}", wanted.urgency, contact.customer_tier
        )
    )
    late = [p.what for p in wanted.promises if p.deadline is not None and p.deadline <= at]
    note = note or "；".join([f"转{routed.department}", *(f"承诺期限已过，请核实是否兑现：{what}" for what in late)])
    terms = levels.terms(
        kind=wanted.kind, type_=wanted.type, urgency=wanted.urgency, tier=contact.customer_tier, industry=contact.industry, causes=wanted.causes,
    )
    ticket = Ticket(
        ticket_id=ticket_id,
        tenant=contact.tenant,
        interaction_id=contact.interaction_id,
        kind=wanted.kind,
        type=wanted.type,
        urgency=wanted.urgency,
        department=routed.department,
        routed_by=routed.routed_by,
        line=1,
        state=State.OPEN,
        title=wanted.title,
        description=wanted.description,
        causes=wanted.causes,
        customer_id=contact.customer_id,
        customer_tier=contact.customer_tier,
        agent_id=contact.agent_id,
        product=contact.product,
        industry=contact.industry,
        assignee="",
        opened_at=at,
        clocks=Clocks(),
        allowed={},
        due={},
        policy_id=terms.policy.policy_id,
        levels_version=levels.version,
        resolved_at=None,
        closed_at=None,
        overdue=False,
        level=0,
        resolution="",
        promises=wanted.promises,
        fired=(),
        version=1,
        history=(HistoryEntry(at, by, Action.OPENED, None, State.OPEN, note),),
        team_id=contact.team_id,
        interactions=(contact.interaction_id,) if contact.interaction_id else (),
        skill=routed.skill,
        particulars=Particulars(look_at=at if wanted.kind is Kind.SERVICE and contact.interaction_id else None),
    )
    return timed(ticket, Clocks().opened(at), terms)


def absorbed(ticket: Ticket, wanted: Wanted, departments: DepartmentRules, levels: ServiceLevels, at: datetime) -> Ticket:
    """The ticket with what a later finding about the same contact adds; the very same ticket where it adds nothing.

    A more serious type or a higher urgency moves it to the department and to the terms that belong to that, the time it has used
    kept; nothing is ever taken back.
    """
    causes = tuple(dict.fromkeys((*ticket.causes, *wanted.causes)))
    known = {p.promise_id for p in ticket.promises}
    promises = (*ticket.promises, *(p for p in wanted.promises if p.promise_id not in known))
    more_serious = SERIOUSNESS.get(wanted.type, 0) > SERIOUSNESS.get(ticket.type, 0)
    more_urgent = wanted.urgency is Urgency.HIGH and ticket.urgency is Urgency.NORMAL
    if causes == ticket.causes and promises == ticket.promises and not more_serious and not more_urgent:
        return ticket
    added = [cause for cause in causes if cause not in ticket.causes]
    changed = replace(ticket, causes=causes, promises=promises)
    if more_urgent:
        changed = replace(changed, urgency=Urgency.HIGH)
    if more_serious:
        contact = wanted.contact
        text = f"{wanted.title}\n{wanted.description}"
        routed = departments.route(
            Matter(ticket.kind, wanted.type, contact.industry, contact.product, text, changed.urgency, contact.customer_tier)
        )
        changed = replace(
            changed, type=wanted.type, title=wanted.title, description=wanted.description,
            department=routed.department, routed_by=routed.routed_by, skill=routed.skill,
            particulars=replace(changed.particulars, look_at=at),  # another type has other fields
        )
    changed = noted(changed, Action.COMMENTED, SYSTEM, at, f"并入同一会话的新发现：{'、'.join(added) or '承诺'}")
    new = levels.terms_for(changed)
    old = levels.terms_of(ticket.policy_id) or new
    if new.policy.policy_id == ticket.policy_id:
        return changed
    moved = under_terms(changed, old, new, levels.version, at)
    return replace(moved, version=changed.version)  # one change, one version


def by_hand(wanted: Wanted) -> Wanted:
    """A ticket somebody asks for, its fields checked. Raises InvalidInput naming the field."""
    if wanted.type not in TYPES:
        raise InvalidInput("type", f"must be one of {'、'.join(TYPES)}")
    for name, value, limit in (
        ("title", wanted.title, MAX_TITLE),
        ("description", wanted.description, MAX_DESCRIPTION),
        ("interaction_id", wanted.contact.interaction_id, 100),
        ("customer_id", wanted.contact.customer_id, 200),
        ("customer_tier", wanted.contact.customer_tier, 50),
        ("agent_id", wanted.contact.agent_id, 200),
        ("product", wanted.contact.product, 200),
    ):
        if len(value) > limit:
            raise InvalidInput(name, f"at most {limit} characters")
    if not wanted.title.strip():
        raise InvalidInput("title", "must not be empty")
    return replace(wanted, causes=("manual",))


def _service_description(summary: str, promises: tuple[Promise, ...]) -> str:
    lines = [f"客户诉求：{summary}"] if summary else []
    for promise in promises:
        due = _before(promise.deadline) if promise.deadline else "未说明期限"
        owner = f"，跟进人：{promise.owner}" if promise.owner else ""
        lines.append(f"坐席承诺：{promise.what}（{due}{owner}）")
    return _cut("\n".join(lines), MAX_DESCRIPTION)


def _before(deadline: datetime) -> str:
    """A deadline as people in China read it, "11月22日 05:04 前"."""
    at = deadline.astimezone(SHANGHAI)
    return f"{at.month}月{at.day}日 {at:%H:%M} 前"


def _title(label: str, contact: Contact, text: str) -> str:
    about = f"{contact.product}：" if contact.product else ""
    return _cut(f"【{label}】{about}{text[:60]}", MAX_TITLE)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
