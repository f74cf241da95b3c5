"""What somebody changes of what a ticket says: its type, urgency, product and standard fields; department and terms follow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import InvalidInput, NotAllowedNow

from routing.domain.consistency import day_of
from routing.domain.departments import DepartmentRules, matter_of
from routing.domain.fields import FieldTable
from routing.domain.opening import TYPES
from routing.domain.service_levels import ServiceLevels
from routing.domain.tickets import MAX_HISTORY, MAX_NAME, MAX_NOTE, SYSTEM, Action, State, Ticket, Urgency, noted, under_terms


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change; None stays. An empty field value takes one away."""

    type: str | None = None
    urgency: Urgency | None = None
    product: str | None = None
    fields: Mapping[str, str] | None = None
    note: str = ""


def updated(
    ticket: Ticket, changes: Changes, table: FieldTable, rules: DepartmentRules, levels: ServiceLevels, by: str, at: datetime
) -> Ticket:
    """The ticket as changed, to be held against its contact again. Raises InvalidInput naming the field, NotAllowedNow."""
    if ticket.state in (State.RESOLVED, State.CLOSED):
        raise NotAllowedNow(f"a ticket that is {ticket.state.value} cannot be updated; reopen it first")
    if len(ticket.history) >= MAX_HISTORY:
        raise NotAllowedNow(f"a ticket keeps at most {MAX_HISTORY} history entries")
    if changes.type is not None and changes.type not in TYPES:
        raise InvalidInput("type", f"must be one of {'、'.join(TYPES)}")
    if changes.product is not None and len(changes.product) > MAX_NAME:
        raise InvalidInput("product", f"at most {MAX_NAME} characters")
    if len(changes.note) > MAX_NOTE:
        raise InvalidInput("note", f"at most {MAX_NOTE} characters")
    after = replace(
        ticket, type=changes.type or ticket.type, urgency=changes.urgency or ticket.urgency,
        product=ticket.product if changes.product is None else changes.product.strip(),
    )
    values = changes.fields or {}
    given = table.given(after.type, values, by, day_of(ticket))
    stays = [value for value in ticket.particulars.fields if value.by != SYSTEM and value.field_id not in values and value.field_id in _ids(table, after)]
    if (after.type, after.urgency, after.product) == (ticket.type, ticket.urgency, ticket.product) and not values:
        raise InvalidInput("fields", "nothing would change")
    fields, missing = table.complete(after.type, [*stays, *given], {}, f"{after.title}\n{after.description}")
    particulars = replace(ticket.particulars, fields=fields, missing=missing, findings=(), look_at=at, looks=0)
    routed = rules.route(matter_of(after))
    after = replace(after, particulars=particulars, department=routed.department, routed_by=routed.routed_by, skill=routed.skill)
    after = noted(after, Action.UPDATED, by, at, changes.note or _said(ticket, after, values))
    new, old = levels.terms_for(after), levels.terms_of(ticket.policy_id)
    if new.policy.policy_id == ticket.policy_id:
        return after
    # One change, one version and one entry: what moved the terms is told, not that they moved.
    return replace(under_terms(after, old or new, new, levels.version, at), version=after.version, history=after.history)


def _ids(table: FieldTable, ticket: Ticket) -> set[str]:
    return {spec.field_id for spec in table.of(ticket.type)}


def _said(before: Ticket, after: Ticket, values: Mapping[str, str]) -> str:
    changed = [
        f"{title}：{old or '无'} → {new or '无'}"
        for title, old, new in (
            ("类型", before.type, after.type), ("紧急程度", before.urgency.value, after.urgency.value), ("产品", before.product, after.product),
            ("部门", before.department, after.department),
        )
        if old != new
    ]
    if values:
        changed.append(f"要素：{'、'.join(values)}")
    return "；".join(changed)[:MAX_NOTE]
