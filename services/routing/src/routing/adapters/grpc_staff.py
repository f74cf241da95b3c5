"""StaffService on the wire: unpack, call the app, pack."""

from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from chassis.mongo import decode_page_token, encode_page_token, page_size
from mingjian.routing.v1 import staff_service_pb2 as pb
from mingjian.routing.v1 import staff_service_pb2_grpc as pb_grpc

from routing.adapters.grpc_server import ticket_id_of, version_of, who
from routing.adapters.protobuf_tickets import to_wire
from routing.app_staff import Staffing
from routing.domain.staff import Person, Presence

NAME = "mingjian.routing.v1.StaffService"
Context = grpc.aio.ServicerContext[Any, Any]
PRESENCES = {
    Presence.ONLINE: pb.PRESENCE_ONLINE, Presence.BUSY: pb.PRESENCE_BUSY, Presence.AWAY: pb.PRESENCE_AWAY, Presence.OFFLINE: pb.PRESENCE_OFFLINE,
}
_PRESENCE_OF = {wire: presence for presence, wire in PRESENCES.items()}


class StaffServicer(pb_grpc.StaffServiceServicer):
    """Tenant and principal come from the caller's identity."""

    def __init__(self, staffing: Staffing) -> None:
        self._staffing = staffing

    async def PutStaff(self, request: pb.PutStaffRequest, context: Context) -> pb.PutStaffResponse:
        given = request.staff
        person = Person(
            caller().tenant, given.agent_id, given.name, tuple(given.departments), tuple(given.skills), tuple(given.products),
            tuple(given.industries), tuple(given.languages), given.level or 1, given.senior, given.capacity, given.retired,
        )
        return pb.PutStaffResponse(staff=self._member(await self._staffing.put(person)))

    async def ListStaff(self, request: pb.ListStaffRequest, context: Context) -> pb.ListStaffResponse:
        tenant = caller().tenant
        if request.agent_id:
            person = await self._staffing.store.get(tenant, request.agent_id)
            return pb.ListStaffResponse(staff=[self._member(person)] if person else [])
        key = decode_page_token(request.page_token)
        if key and (len(key) != 1 or not isinstance(key[0], str)):
            raise InvalidInput("page_token", "is not a token this list gave out")
        presence = _PRESENCE_OF.get(request.presence)
        people, after = await self._staffing.page(tenant, request.department, presence, page_size(request.page_size), key[0] if key else "")
        return pb.ListStaffResponse(staff=[self._member(p) for p in people], next_page_token=encode_page_token(after) if after else "")

    async def SetPresence(self, request: pb.SetPresenceRequest, context: Context) -> pb.SetPresenceResponse:
        if request.presence not in _PRESENCE_OF:
            raise InvalidInput("presence", "must be PRESENCE_ONLINE, PRESENCE_BUSY, PRESENCE_AWAY or PRESENCE_OFFLINE")
        me = who()
        if me.agent_id and request.agent_id != me.agent_id:
            raise InvalidInput("agent_id", "must be your own")
        person = await self._staffing.set_presence(me.tenant, request.agent_id, _PRESENCE_OF[request.presence], request.for_s)
        return pb.SetPresenceResponse(staff=self._member(person))

    async def AutoAssignTicket(self, request: pb.AutoAssignTicketRequest, context: Context) -> pb.AutoAssignTicketResponse:
        ticket, choice = await self._staffing.auto_assign(who(), ticket_id_of(request.ticket_id), version_of(request.version))
        return pb.AutoAssignTicketResponse(ticket=to_wire(ticket), because=choice.because)

    def _member(self, person: Person) -> pb.StaffMember:
        presence = person.presence(self._staffing.routing.at())
        wire = pb.StaffMember(
            agent_id=person.agent_id, name=person.name, departments=person.departments, skills=person.skills, products=person.products,
            industries=person.industries, languages=person.languages, level=person.level, senior=person.senior, capacity=person.capacity,
            presence=PRESENCES[presence], load=person.load, retired=person.retired,
        )
        if person.until is not None and presence is not Presence.OFFLINE:
            wire.presence_until.FromDatetime(person.until)
        if person.last_assigned_at is not None:
            wire.last_assigned_at.FromDatetime(person.last_assigned_at)
        return wire
