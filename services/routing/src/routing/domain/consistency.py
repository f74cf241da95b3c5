"""A ticket that somebody wrote or changed, held against the contact it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from routing.domain.facts import amounts, days
from routing.domain.fields import FieldTable, Turn
from routing.domain.opening import SERIOUSNESS, SHANGHAI
from routing.domain.particulars import Finding
from routing.domain.tickets import SYSTEM, Action, Kind, Ticket, Urgency, noted

_TITLES = {"type_lowered": "类型偏轻", "urgency_lowered": "紧急程度偏低", "fact_missing": "缺少事实", "fact_contradicts": "与会话不符"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """A contact as it was transcribed and judged; `type` is "" where it was not judged yet."""

    turns: tuple[Turn, ...]
    type: str = ""
    urgency: Urgency = Urgency.NORMAL


def is_written_by_hand(ticket: Ticket) -> bool:
    """Did a person say what the ticket says?"""
    return "manual" in ticket.causes or any(entry.action is Action.UPDATED and entry.by != SYSTEM for entry in ticket.history)


def day_of(ticket: Ticket) -> date:
    """The day relative days in the contact are counted from: that of the ticket, in China."""
    return ticket.opened_at.astimezone(SHANGHAI).date()


def with_missing(ticket: Ticket, table: FieldTable) -> Ticket:
    """A new service ticket with what it still lacks."""
    if ticket.kind is not Kind.SERVICE:
        return ticket
    _, missing = table.complete(ticket.type, (), {}, f"{ticket.title}\n{ticket.description}")
    return replace(ticket, particulars=replace(ticket.particulars, missing=missing))


def filled(ticket: Ticket, table: FieldTable, conversation: Conversation | None, at: datetime, *, check: bool) -> Ticket:
    """The ticket with what was said taken in, and with what disagrees where `check`; what people gave stays.

    `conversation` is None where there is nothing to look at.
    """
    turns = conversation.turns if conversation else ()
    said = table.found(ticket.type, turns, day_of(ticket))
    by_hand = [value for value in ticket.particulars.fields if value.by != SYSTEM]
    heard = "\n".join((ticket.title, ticket.description, *(turn.text for turn in turns if turn.is_customer)))
    fields, missing = table.complete(ticket.type, by_hand, said, heard)
    particulars = replace(ticket.particulars, fields=fields, missing=missing, look_at=None, looks=0)
    titles = {spec.field_id: spec.title for spec in table.of(ticket.type)}
    notes = []
    if new := [value.title for value in fields if value.by == SYSTEM]:
        notes.append(f"从会话中提取：{'、'.join(new)}")
    if missing:
        notes.append(f"缺少：{'、'.join(titles[name] for name in missing)}")
    if not (check and conversation):
        return noted(replace(ticket, particulars=particulars), Action.FILLED, SYSTEM, at, "；".join(notes))
    findings = tuple(compare(ticket, conversation, table))
    notes.append(f"核对会话：{'、'.join(dict.fromkeys(_TITLES[finding.kind] for finding in findings)) or '一致'}")
    checked = replace(ticket, particulars=replace(particulars, findings=findings, checked_at=at))
    return noted(checked, Action.CHECKED, SYSTEM, at, "；".join(notes))


def compare(ticket: Ticket, conversation: Conversation, table: FieldTable) -> Iterator[Finding]:
    """In what the ticket falls short of the contact."""
    if SERIOUSNESS.get(conversation.type, 0) > SERIOUSNESS.get(ticket.type, 0):
        yield Finding("type_lowered", "type", ticket.type, conversation.type)
    if conversation.urgency is Urgency.HIGH and ticket.urgency is Urgency.NORMAL:
        yield Finding("urgency_lowered", "urgency", Urgency.NORMAL.value, Urgency.HIGH.value)
    type_ = conversation.type if SERIOUSNESS.get(conversation.type, 0) > SERIOUSNESS.get(ticket.type, 0) else ticket.type
    written = "\n".join((ticket.title, ticket.description, *(value.value for value in ticket.particulars.fields if value.by != SYSTEM)))
    given = {value.field_id: value.value for value in ticket.particulars.fields if value.by != SYSTEM}
    on = day_of(ticket)
    customer = [turn for turn in conversation.turns if turn.is_customer]
    sums = _sums(written) | {given[spec.field_id] for spec in table.of(ticket.type) if spec.kind == "amount" and spec.field_id in given}
    said_sums = {fact.value: turn for turn in conversation.turns for fact in amounts(turn.text)}
    dates = {fact.value for fact in days(written, on)}
    said_dates = {fact.value: turn for turn in conversation.turns for fact in days(turn.text, on)}
    for field_id, mine, theirs in (("amount", sums, said_sums), ("date", dates, said_dates)):
        for value in sorted(mine - theirs.keys()):
            if theirs:  # where none was said there is nothing to contradict
                turn = next((turn for turn in theirs.values() if turn.is_customer), next(iter(theirs.values())))
                yield Finding("fact_contradicts", field_id, value, "、".join(sorted(theirs)), turn.turn_id, turn.text)
    for spec in table.of(type_):
        said = spec.said_in(customer, on)
        if said is None or spec.field_id in given or "*" in said.key or not spec.needed:
            continue
        known = bool(sums) if spec.kind == "amount" else bool(dates) if spec.kind == "date" else said.key in written
        if not known:
            yield Finding("fact_missing", spec.field_id, "", said.value, said.turn.turn_id, said.turn.text)


def _sums(text: str) -> set[str]:
    return {fact.value for fact in amounts(text)}
