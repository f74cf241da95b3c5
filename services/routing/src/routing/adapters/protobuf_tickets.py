"""Tickets between the wire and the domain: names of enums, times, and the events each step becomes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chassis.messaging import Envelope, wrap
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.ingestion.v1 import events_pb2 as ingestion_events
from mingjian.ingestion.v1.ingestion_service_pb2 import DIRECTION_OUTBOUND, Interaction
from mingjian.nlp.v1 import events_pb2 as nlp_events
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import events_pb2 as events
from mingjian.routing.v1 import routing_service_pb2 as pb

from routing.adapters.protobuf_rectification import matter_to_wire
from routing.app import Happened
from routing.domain.attachments import Attachment
from routing.domain.clocks import Target
from routing.domain.opening import Contact, Feedback, Scored
from routing.domain.tickets import Action, HistoryEntry, Kind, Promise, State, Ticket, Urgency

KINDS = {
    Kind.SERVICE: pb.TICKET_KIND_SERVICE,
    Kind.CALLBACK: pb.TICKET_KIND_CALLBACK,
    Kind.RECTIFICATION: pb.TICKET_KIND_RECTIFICATION,
}
STATES = {
    State.OPEN: pb.TICKET_STATE_OPEN,
    State.ASSIGNED: pb.TICKET_STATE_ASSIGNED,
    State.IN_PROGRESS: pb.TICKET_STATE_IN_PROGRESS,
    State.WAITING: pb.TICKET_STATE_WAITING,
    State.RESOLVED: pb.TICKET_STATE_RESOLVED,
    State.CLOSED: pb.TICKET_STATE_CLOSED,
}
URGENCIES = {Urgency.NORMAL: nlp.URGENCY_NORMAL, Urgency.HIGH: nlp.URGENCY_HIGH}

KIND_OF = {wire: kind for kind, wire in KINDS.items()}
STATE_OF = {wire: state for state, wire in STATES.items()}


def urgency_of(wire: nlp.Urgency.ValueType) -> Urgency:
    return Urgency.HIGH if wire == nlp.URGENCY_HIGH else Urgency.NORMAL


def to_wire(ticket: Ticket, *, with_history: bool = True) -> pb.Ticket:
    """The ticket as others see it."""
    wire = pb.Ticket(
        ticket_id=ticket.ticket_id,
        tenant=ticket.tenant,
        interaction_id=ticket.interaction_id,
        kind=KINDS[ticket.kind],
        type=ticket.type,
        urgency=URGENCIES[ticket.urgency],
        department=ticket.department,
        line=ticket.line,
        state=STATES[ticket.state],
        title=ticket.title,
        description=ticket.description,
        causes=ticket.causes,
        customer_id=ticket.customer_id,
        customer_tier=ticket.customer_tier,
        agent_id=ticket.agent_id,
        product=ticket.product,
        assignee=ticket.assignee,
        opened_at=_stamp(ticket.opened_at),
        overdue=ticket.overdue,
        level=ticket.level,
        policy_id=ticket.policy_id,
        levels_version=ticket.levels_version,
        clocks=[_clock(ticket, target) for target in Target if target in ticket.clocks.of],
        resolution=ticket.resolution,
        version=ticket.version,
        routed_by=ticket.routed_by,
        team_id=ticket.team_id,
        interaction_ids=ticket.interactions,
        rectification=matter_to_wire(ticket.rectification) if ticket.rectification else None,
        watchers=ticket.watchers,
        attachments=[attachment_to_wire(attachment) for attachment in ticket.attachments],
        external_id=ticket.external_id,
        skill=ticket.skill,
        industry=ticket.industry,
        missing_fields=ticket.particulars.missing,
    )
    told = ticket.particulars
    wire.fields.extend(
        pb.TicketField(field_id=f.field_id, title=f.title, value=f.value, by=f.by, turn_id=f.turn_id, text=f.text) for f in told.fields
    )
    wire.findings.extend(
        pb.TicketFinding(
            kind=f.kind, field_id=f.field_id, ticket_says=f.ticket_says, contact_says=f.contact_says, turn_id=f.turn_id, text=f.text,
        )
        for f in told.findings
    )
    running = [at for target, at in ticket.due.items() if ticket.clocks[target].since is not None]
    for moment, field in (
        (ticket.due.get(Target.FIRST_RESPONSE), wire.first_response_due_at),
        (ticket.due.get(Target.RESOLUTION), wire.resolution_due_at),
        (min(running, default=None), wire.next_due_at),
        (ticket.first_responded_at, wire.first_responded_at),
        (ticket.resolved_at, wire.resolved_at),
        (ticket.closed_at, wire.closed_at),
        (told.checked_at, wire.checked_at),
    ):
        if moment is not None:
            field.FromDatetime(moment)
    if with_history:
        wire.history.extend(_entry(entry) for entry in ticket.history)
    return wire


def _clock(ticket: Ticket, target: Target) -> pb.TicketClock:
    clock = ticket.clocks[target]
    wire = pb.TicketClock(
        target=target.value, used_s=clock.used // timedelta(seconds=1), running=clock.since is not None,
        allowed_s=ticket.allowed.get(target, timedelta(0)) // timedelta(seconds=1),
    )
    for moment, field in ((ticket.due.get(target), wire.due_at), (clock.met_at, wire.met_at), (clock.breached_at, wire.breached_at)):
        if moment is not None:
            field.FromDatetime(moment)
    return wire


def _entry(entry: HistoryEntry) -> pb.HistoryEntry:
    return pb.HistoryEntry(
        at=_stamp(entry.at),
        by=entry.by,
        action=entry.action.value,
        from_state=STATES[entry.from_state] if entry.from_state else pb.TICKET_STATE_UNSPECIFIED,
        to_state=STATES[entry.to_state],
        note=entry.note,
        public=entry.public or entry.action is Action.ANSWERED,
    )


def attachment_to_wire(attachment: Attachment) -> pb.Attachment:
    """A file as others see it."""
    return pb.Attachment(
        attachment_id=attachment.attachment_id, name=attachment.name, media_type=attachment.media_type, size_bytes=attachment.size_bytes,
        sha256=attachment.sha256, by=attachment.by, at=_stamp(attachment.at),
    )


_EVENTS = {
    Action.OPENED: events.TicketOpened,
    Action.ASSIGNED: events.TicketAssigned,
    Action.ESCALATED: events.TicketEscalated,
    Action.RESOLVED: events.TicketResolved,
    Action.CLOSED: events.TicketClosed,
    Action.REOPENED: events.TicketReopened,
    Action.CALLED_BACK: events.TicketResolved,
    Action.PROVEN: events.TicketClosed,
    Action.WITHDRAWN: events.TicketClosed,
    Action.UNPROVEN: events.TicketReopened,
    Action.RELAPSED: events.TicketReopened,
}


def envelopes(happened: Happened) -> tuple[Envelope, ...]:
    """The events that tell of it."""
    ticket = happened.ticket
    wire = to_wire(ticket, with_history=False)
    at = ticket.history[-1].at
    if happened.action in _EVENTS:
        event = _EVENTS[happened.action](ticket=wire)
        return (wrap(event, tenant=ticket.tenant, key=f"{ticket.ticket_id}-{ticket.version}", about=ticket.ticket_id, at=at),)
    if happened.action in (Action.DUE_SOON, Action.OVERDUE):
        due: events.TicketDueSoon | events.TicketOverdue
        if happened.action is Action.DUE_SOON:
            due = events.TicketDueSoon(ticket=wire, deadline=happened.deadline, share=happened.share)
        else:
            due = events.TicketOverdue(ticket=wire, deadline=happened.deadline, level=happened.level)
        return (wrap(due, tenant=ticket.tenant, key=f"{ticket.ticket_id}-{happened.name}", about=ticket.ticket_id, at=at),)
    changed = events.TicketChanged(ticket=wire, action=happened.action.value)
    return (wrap(changed, tenant=ticket.tenant, key=f"{ticket.ticket_id}-{ticket.version}", about=ticket.ticket_id, at=at),)


def scored_of(event: nlp_events.InteractionScored, tenant: str) -> Scored:
    """What routing needs of an evaluation."""
    evaluation = event.evaluation
    return Scored(
        contact=contact_of(event.interaction, tenant),
        type=evaluation.ticket_type,
        urgency=urgency_of(evaluation.urgency),
        customer_emotion=evaluation.customer_emotion,
        summary=evaluation.summary,
        outbound=event.interaction.metadata.direction == DIRECTION_OUTBOUND,
        urgent_alerts=any(alert.severity == nlp.URGENCY_HIGH for alert in evaluation.alerts),
        promises=tuple(promise_of(promise) for promise in evaluation.promises),
    )


def contact_of(interaction: Interaction, tenant: str) -> Contact:
    """The tenant is the one the event was published for, never what the payload claims."""
    metadata = interaction.metadata
    return Contact(
        tenant=tenant,
        interaction_id=interaction.interaction_id,
        agent_id=metadata.agent_id,
        customer_id=metadata.customer_id,
        customer_tier=metadata.customer_tier,
        product=metadata.product,
        industry=metadata.industry,
        team_id=metadata.team_id,
    )


def feedback_of(event: ingestion_events.FeedbackReceived, tenant: str) -> Feedback:
    """What routing needs of a customer's answer; the interaction may be unknown."""
    given = event.feedback
    contact = contact_of(event.interaction, tenant)
    contact = replace(contact, interaction_id=contact.interaction_id or given.interaction_id, customer_id=contact.customer_id or given.customer_id)
    return Feedback(
        given.feedback_id, contact, given.csat if given.HasField("csat") else None, given.nps if given.HasField("nps") else None,
        given.solved if given.HasField("solved") else None,
    )


def promise_of(promise: nlp.Promise) -> Promise:
    deadline = _moment(promise.deadline) if promise.HasField("deadline") else None
    return Promise(promise.promise_id, promise.what or promise.text, deadline, promise.owner)


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _moment(stamp: Timestamp) -> datetime:
    """To the millisecond, as it is stored."""
    moment = stamp.ToDatetime(tzinfo=UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
