"""FieldService on the wire: unpack, call the app, pack."""

from typing import Any

import grpc
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import field_service_pb2 as pb
from mingjian.routing.v1 import field_service_pb2_grpc as pb_grpc

from routing.adapters.grpc_server import ticket_id_of, version_of, who
from routing.adapters.protobuf_tickets import to_wire, urgency_of
from routing.app_fields import Filling
from routing.domain.updating import Changes

NAME = "mingjian.routing.v1.FieldService"
Context = grpc.aio.ServicerContext[Any, Any]


class FieldServicer(pb_grpc.FieldServiceServicer):
    """Tenant and principal come from the caller's identity."""

    def __init__(self, filling: Filling) -> None:
        self._filling = filling

    async def ListTicketFields(self, request: pb.ListTicketFieldsRequest, context: Context) -> pb.ListTicketFieldsResponse:
        table = self._filling.table
        answer = pb.ListTicketFieldsResponse(version=table.version)
        for type_, specs in table.types.items():
            fields = [
                pb.FieldSpec(field_id=s.field_id, title=s.title, kind=s.kind, needed=s.needed, needed_when=s.needed_when) for s in specs
            ]
            answer.types.add(type=type_, fields=fields)
        return answer

    async def UpdateTicket(self, request: pb.UpdateTicketRequest, context: Context) -> pb.UpdateTicketResponse:
        changes = Changes(
            request.type or None, urgency_of(request.urgency) if request.urgency != nlp.URGENCY_UNSPECIFIED else None,
            request.product if request.HasField("product") else None, dict(request.fields), request.note,
        )
        ticket = await self._filling.update(who(), ticket_id_of(request.ticket_id), version_of(request.version), changes)
        return pb.UpdateTicketResponse(ticket=to_wire(ticket))

    async def CheckTicket(self, request: pb.CheckTicketRequest, context: Context) -> pb.CheckTicketResponse:
        ticket = await self._filling.check(who(), ticket_id_of(request.ticket_id), version_of(request.version))
        return pb.CheckTicketResponse(ticket=to_wire(ticket))
