"""DeskService on the wire: unpack, call the app, pack."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.ids import is_id
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.routing.v1 import desk_service_pb2 as pb
from mingjian.routing.v1 import desk_service_pb2_grpc as pb_grpc

from routing.adapters.grpc_server import due_first, ticket_id_of, version_of, who
from routing.adapters.protobuf_tickets import KIND_OF, KINDS, STATE_OF, STATES, attachment_to_wire, to_wire
from routing.app_desk import Bulk, BulkAction, BulkResult, Criteria, Desk, SavedFilter
from routing.app_screen import CrmCustomer, FollowedPromise, Screen, SeenContact
from routing.app_tables import Tables

NAME = "mingjian.routing.v1.DeskService"
Context = grpc.aio.ServicerContext[Any, Any]

_ACTIONS = {
    pb.BULK_ACTION_ASSIGN: BulkAction.ASSIGN, pb.BULK_ACTION_ESCALATE: BulkAction.ESCALATE, pb.BULK_ACTION_COMMENT: BulkAction.COMMENT,
    pb.BULK_ACTION_CLOSE: BulkAction.CLOSE, pb.BULK_ACTION_WATCH: BulkAction.WATCH,
}


class DeskServicer(pb_grpc.DeskServiceServicer):
    """Tenant and principal come from the caller's identity, never from a request."""

    def __init__(self, desk: Desk, screen: Screen, tables: Tables) -> None:
        self._desk, self._screen, self._tables = desk, screen, tables

    async def WatchTicket(self, request: pb.WatchTicketRequest, context: Context) -> pb.WatchTicketResponse:
        return pb.WatchTicketResponse(ticket=to_wire(await self._desk.watch(who(), ticket_id_of(request.ticket_id), request.watcher)))

    async def UnwatchTicket(self, request: pb.UnwatchTicketRequest, context: Context) -> pb.UnwatchTicketResponse:
        return pb.UnwatchTicketResponse(ticket=to_wire(await self._desk.unwatch(who(), ticket_id_of(request.ticket_id), request.watcher)))

    async def AddAttachment(self, request: pb.AddAttachmentRequest, context: Context) -> pb.AddAttachmentResponse:
        ticket = await self._desk.attach(
            who(), ticket_id_of(request.ticket_id), version_of(request.version), request.name, request.media_type, request.content, request.note
        )
        return pb.AddAttachmentResponse(ticket=to_wire(ticket))

    async def DownloadAttachment(self, request: pb.DownloadAttachmentRequest, context: Context) -> AsyncIterator[pb.DownloadAttachmentResponse]:
        attachment, chunks = await self._desk.file(who(), ticket_id_of(request.ticket_id), request.attachment_id)
        first = True
        async for chunk in chunks:
            yield pb.DownloadAttachmentResponse(attachment=attachment_to_wire(attachment) if first else None, chunk=chunk)
            first = False

    async def RemoveAttachment(self, request: pb.RemoveAttachmentRequest, context: Context) -> pb.RemoveAttachmentResponse:
        ticket = await self._desk.detach(
            who(), ticket_id_of(request.ticket_id), request.attachment_id, version_of(request.version), request.note
        )
        return pb.RemoveAttachmentResponse(ticket=to_wire(ticket))

    async def ListSavedFilters(self, request: pb.ListSavedFiltersRequest, context: Context) -> pb.ListSavedFiltersResponse:
        return pb.ListSavedFiltersResponse(filters=[_filter(saved) for saved in await self._desk.saved(who())])

    async def SaveFilter(self, request: pb.SaveFilterRequest, context: Context) -> pb.SaveFilterResponse:
        saved = await self._desk.save(who(), _filter_id(request.filter_id, needed=False), request.name, criteria_of(request.criteria))
        return pb.SaveFilterResponse(filter=_filter(saved))

    async def DeleteSavedFilter(self, request: pb.DeleteSavedFilterRequest, context: Context) -> pb.DeleteSavedFilterResponse:
        await self._desk.forget(who(), _filter_id(request.filter_id, needed=True))
        return pb.DeleteSavedFilterResponse()

    async def ChangeTickets(self, request: pb.ChangeTicketsRequest, context: Context) -> pb.ChangeTicketsResponse:
        if request.action not in _ACTIONS:
            raise InvalidInput("action", f"must be one of {', '.join(action.value for action in BulkAction)}")
        named = tuple((ticket_id_of(one.ticket_id), version_of(one.version)) for one in request.tickets)
        bulk = Bulk(
            _ACTIONS[request.action], named, request.idempotency_key, request.assignee, request.note, request.public, request.watcher
        )
        return pb.ChangeTicketsResponse(results=[_result(one) for one in await self._desk.bulk(who(), bulk)])

    async def GetScreenPop(self, request: pb.GetScreenPopRequest, context: Context) -> pb.GetScreenPopResponse:
        seen = await self._screen.of(who(), request.customer_id, request.phone_hash, request.interaction_id)
        return pb.GetScreenPopResponse(
            customer_id=seen.customer_id, customer_tier=seen.customer_tier, contacts=[_contact(contact) for contact in seen.contacts],
            contacts_in_week=seen.contacts_in_week, open_tickets=[to_wire(t, with_history=False) for t in seen.open_tickets],
            recent_tickets=[to_wire(t, with_history=False) for t in seen.recent_tickets],
            open_promises=[_promise(promise) for promise in seen.promises], repeat_contacts=seen.repeat_contacts, crm=_crm(seen.crm),
        )

    async def ExportTickets(self, request: pb.ExportTicketsRequest, context: Context) -> AsyncIterator[pb.ExportTicketsResponse]:
        async for part in self._tables.export(who(), criteria_of(request.criteria), request.zone):
            yield pb.ExportTicketsResponse(chunk=part.encode())

    async def ImportTickets(self, request: pb.ImportTicketsRequest, context: Context) -> pb.ImportTicketsResponse:
        done = await self._tables.take_in(who(), request.content, request.dry_run)
        return pb.ImportTicketsResponse(
            rows=done.rows, opened=done.opened, known=done.known, refused=done.refused,
            problems=[pb.ImportProblem(row=p.row, external_id=p.external_id, column=p.column, reason=p.reason) for p in done.problems],
        )


def criteria_of(wire: pb.TicketCriteria) -> Criteria:
    """Raises InvalidInput."""
    return Criteria(
        interaction_id=wire.interaction_id, state=STATE_OF.get(wire.state), department=wire.department, assignee=wire.assignee,
        customer_id=wire.customer_id, overdue=wire.overdue, kind=KIND_OF.get(wire.kind), watcher=wire.watcher, query=wire.query,
        due_first=due_first(wire.order_by),
    )


def _filter(saved: SavedFilter) -> pb.SavedFilter:
    of = saved.criteria
    criteria = pb.TicketCriteria(
        interaction_id=of.interaction_id, department=of.department, assignee=of.assignee, customer_id=of.customer_id, overdue=of.overdue,
        watcher=of.watcher, query=of.query, order_by="due" if of.due_first else "",
    )
    if of.state:
        criteria.state = STATES[of.state]
    if of.kind:
        criteria.kind = KINDS[of.kind]
    return pb.SavedFilter(filter_id=saved.filter_id, name=saved.name, criteria=criteria)


def _filter_id(filter_id: str, *, needed: bool) -> str:
    if (filter_id or needed) and not is_id(filter_id):
        raise InvalidInput("filter_id", "must be a UUID in lower case")
    return filter_id


def _result(result: BulkResult) -> pb.TicketChangeResult:
    return pb.TicketChangeResult(
        ticket_id=result.ticket_id, done=result.status == "OK", version=result.version, status=result.status, reason=result.reason
    )


def _contact(contact: SeenContact) -> pb.CustomerContact:
    return pb.CustomerContact(
        interaction_id=contact.interaction_id, at=_stamp(contact.at), agent_id=contact.agent_id, product=contact.product, type=contact.type,
        summary=contact.summary, customer_emotion=contact.emotion,
    )


def _promise(followed: FollowedPromise) -> pb.OpenPromise:
    promise = followed.promise
    return pb.OpenPromise(
        promise_id=promise.promise_id, what=promise.what, deadline=_stamp(promise.deadline), ticket_id=followed.ticket_id, overdue=followed.overdue
    )


def _crm(crm: CrmCustomer) -> pb.CrmCustomer:
    return pb.CrmCustomer(
        status=crm.status, name=crm.name, tier=crm.tier, since=_stamp(crm.since), tags=crm.tags,
        orders=[
            pb.CustomerOrder(order_id=o.order_id, product=o.product, status=o.status, amount=o.amount, ordered_at=_stamp(o.ordered_at))
            for o in crm.orders
        ],
    )


def _stamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
