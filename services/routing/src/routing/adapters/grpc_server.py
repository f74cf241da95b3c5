"""RoutingService on the wire: unpack, call the app, pack."""

from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from chassis.ids import is_id
from chassis.mongo import page_size
from mingjian.routing.v1 import routing_service_pb2 as pb
from mingjian.routing.v1 import routing_service_pb2_grpc as pb_grpc

from routing.adapters.protobuf_tickets import KIND_OF, STATE_OF, to_wire, urgency_of
from routing.app import Routing, TicketFilter, Who
from routing.domain.opening import Contact, Wanted
from routing.domain.tickets import Kind

NAME = "mingjian.routing.v1.RoutingService"
Context = grpc.aio.ServicerContext[Any, Any]


class RoutingServicer(pb_grpc.RoutingServiceServicer):
    """Tenant and principal come from the caller's identity, never from a request."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    async def OpenTicket(self, request: pb.OpenTicketRequest, context: Context) -> pb.OpenTicketResponse:
        me = who()
        contact = Contact(
            me.tenant, request.interaction_id, request.agent_id, request.customer_id, request.customer_tier, request.product
        )
        wanted = Wanted(
            contact, KIND_OF.get(request.kind, Kind.SERVICE), request.type, urgency_of(request.urgency), (), request.title, request.description
        )
        return pb.OpenTicketResponse(ticket=to_wire(await self._routing.open_by_hand(me, wanted, request.idempotency_key)))

    async def GetTicket(self, request: pb.GetTicketRequest, context: Context) -> pb.GetTicketResponse:
        return pb.GetTicketResponse(ticket=to_wire(await self._routing.get(who(), ticket_id_of(request.ticket_id))))

    async def ListTickets(self, request: pb.ListTicketsRequest, context: Context) -> pb.ListTicketsResponse:
        narrowed = TicketFilter(
            interaction_id=request.interaction_id,
            state=STATE_OF.get(request.state),
            department=request.department,
            assignee=request.assignee,
            customer_id=request.customer_id,
            overdue=request.overdue,
            kind=KIND_OF.get(request.kind),
            due_first=due_first(request.order_by),
            watcher=request.watcher,
            query=request.query,
            team_id=request.team_id,
        )
        page = await self._routing.page(who(), narrowed, page_size(request.page_size), request.page_token)
        return pb.ListTicketsResponse(tickets=[to_wire(t, with_history=False) for t in page.tickets], next_page_token=page.next_token)

    async def AssignTicket(self, request: pb.AssignTicketRequest, context: Context) -> pb.AssignTicketResponse:
        ticket = await self._routing.assign(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.assignee, request.note)
        return pb.AssignTicketResponse(ticket=to_wire(ticket))

    async def StartTicket(self, request: pb.StartTicketRequest, context: Context) -> pb.StartTicketResponse:
        ticket = await self._routing.start(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.StartTicketResponse(ticket=to_wire(ticket))

    async def EscalateTicket(self, request: pb.EscalateTicketRequest, context: Context) -> pb.EscalateTicketResponse:
        ticket = await self._routing.escalate(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.EscalateTicketResponse(ticket=to_wire(ticket))

    async def CommentTicket(self, request: pb.CommentTicketRequest, context: Context) -> pb.CommentTicketResponse:
        ticket = await self._routing.comment(
            who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note, request.public
        )
        return pb.CommentTicketResponse(ticket=to_wire(ticket))

    async def ResolveTicket(self, request: pb.ResolveTicketRequest, context: Context) -> pb.ResolveTicketResponse:
        version = version_of(request.version)
        ticket = await self._routing.resolve(who(), ticket_id_of(request.ticket_id), version, request.resolution, request.note)
        return pb.ResolveTicketResponse(ticket=to_wire(ticket))

    async def CloseTicket(self, request: pb.CloseTicketRequest, context: Context) -> pb.CloseTicketResponse:
        ticket = await self._routing.close(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.CloseTicketResponse(ticket=to_wire(ticket))

    async def ReopenTicket(self, request: pb.ReopenTicketRequest, context: Context) -> pb.ReopenTicketResponse:
        ticket = await self._routing.reopen(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.ReopenTicketResponse(ticket=to_wire(ticket))

    async def WaitTicket(self, request: pb.WaitTicketRequest, context: Context) -> pb.WaitTicketResponse:
        ticket = await self._routing.wait(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.WaitTicketResponse(ticket=to_wire(ticket))

    async def ResumeTicket(self, request: pb.ResumeTicketRequest, context: Context) -> pb.ResumeTicketResponse:
        ticket = await self._routing.resume(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.ResumeTicketResponse(ticket=to_wire(ticket))

    async def AnswerTicket(self, request: pb.AnswerTicketRequest, context: Context) -> pb.AnswerTicketResponse:
        ticket = await self._routing.answer(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.AnswerTicketResponse(ticket=to_wire(ticket))

    async def DiagnoseTicket(self, request: pb.DiagnoseTicketRequest, context: Context) -> pb.DiagnoseTicketResponse:
        ticket = await self._routing.diagnose(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.DiagnoseTicketResponse(ticket=to_wire(ticket))

    async def RecordCustomerMessage(self, request: pb.RecordCustomerMessageRequest, context: Context) -> pb.RecordCustomerMessageResponse:
        ticket = await self._routing.customer_said(who(), ticket_id_of(request.ticket_id), version_of(request.version), request.note)
        return pb.RecordCustomerMessageResponse(ticket=to_wire(ticket))


def who() -> Who:
    """The caller."""
    identity = caller()
    return Who(identity.tenant, identity.principal, identity.agent_id)


def ticket_id_of(ticket_id: str) -> str:
    """Raises InvalidInput."""
    if not is_id(ticket_id):
        raise InvalidInput("ticket_id", "must be a UUID in lower case")
    return ticket_id


def due_first(order_by: str) -> bool:
    """Raises InvalidInput."""
    if order_by not in ("", "opened", "due"):
        raise InvalidInput("order_by", "must be opened or due")
    return order_by == "due"


def version_of(version: int) -> int:
    """Raises InvalidInput."""
    if version < 0:
        raise InvalidInput("version", "must not be negative")
    return version
