"""The one way through the edge, whichever protocol a call came by: permission, narrowing to an agent, the call itself, the audit log."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
from chassis.errors import Denied, InvalidInput, NotFound, Problem
from chassis.identity import Identity, caller
from google.protobuf.message import DecodeError, Message
from mingjian.ingestion.v1 import ingestion_service_pb2
from mingjian.routing.v1 import routing_service_pb2

from gateway.adapters.grpc_peers import Peers, find
from gateway.adapters.proto_methods import PublicMethod
from gateway.app import Audit
from gateway.domain.audit import is_audited
from gateway.domain.narrowing import Narrowing, narrowing_of

log = logging.getLogger(__name__)

GET_INTERACTION = "mingjian.ingestion.v1.IngestionService/GetInteraction"
GET_TICKET = "mingjian.routing.v1.RoutingService/GetTicket"
_OBJECT_FIELDS = (
    "interaction_id", "ticket_id", "webhook_id", "key_id", "kpi", "article_id", "appeal_id", "promise_id", "scorecard_id", "simulation_id", "calibration_id",
)
_MADE = (("ticket", "ticket_id"), ("webhook", "webhook_id"), ("key", "key_id"), ("simulation", "simulation_id"), ("calibration", "calibration_id"))
_OWNERS_KEPT = 10_000

Local = Callable[[Any], Awaitable[Message]]


class PublicCalls:
    """`local` answers the gateway's own RPCs, by method name. The caller is `chassis.identity.caller()`."""

    def __init__(self, methods: Sequence[PublicMethod], peers: Peers, local: Mapping[str, Local], audit: Audit) -> None:
        self.by_name = {method.name: method for method in methods}
        self._peers, self._local, self._audit = peers, local, audit
        # Whose an interaction is never changes, so it is asked once.
        self._owners: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()

    async def unary(self, method: PublicMethod, request: Message, *, within_s: float | None = None) -> Message:
        """Raises Problem or grpc.aio.AioRpcError."""
        who = self._allowed(method)
        if _is_narrowed(who):
            await self._narrow(method, request, who)
        if not is_audited(method.name, method.permission, who.permissions):
            return await self._answer(method, request, within_s)
        # A change that was made is written down also where the client has hung up meanwhile.
        return await asyncio.shield(asyncio.ensure_future(self._audited(method, request, who, within_s)))

    async def unary_bytes(self, method: PublicMethod, request: bytes, *, within_s: float | None = None) -> bytes:
        """The same for a request that nobody has to look into: its bytes go on as they are. Raises Problem or AioRpcError."""
        who = self._allowed(method)
        if method.name not in self._local and not _is_narrowed(who) and not is_audited(method.name, method.permission, who.permissions):
            answer: bytes = await self._peers.unary(method, request, raw=True, within_s=within_s)
            return answer
        return (await self.unary(method, self._parse(method, request), within_s=within_s)).SerializeToString()

    async def send(self, method: PublicMethod, parts: AsyncIterator[Any], *, raw: bool = False, within_s: float | None = None) -> Any:
        """A call of many parts in. Raises Problem or AioRpcError."""
        who = self._allowed(method)
        if _is_narrowed(who):
            narrowing_of(method.name, of_a_team=not who.agent_id)
            raise Denied("a key that is held to one agent's or one team's work sends no streams")
        return await self._peers.send(method, parts, raw=raw, within_s=within_s)

    async def receive(self, method: PublicMethod, request: Message, *, within_s: float | None = None) -> AsyncIterator[Message]:
        """A call of many parts out; what is audited is written down before the first part leaves. Raises Problem or AioRpcError."""
        who = self._allowed(method)
        if _is_narrowed(who):
            await self._narrow(method, request, who)
        audited = is_audited(method.name, method.permission, who.permissions)
        parts = self._peers.receive(method, request, within_s=within_s)
        try:
            first = await anext(parts, None)
        except grpc.aio.AioRpcError as e:
            if audited:
                await self._record(who, method, request, e.code().name)
            raise
        if audited:
            await self._record(who, method, request, "OK")
        if first is not None:
            yield first
            async for part in parts:
                yield part

    async def receive_bytes(self, method: PublicMethod, request: bytes, *, within_s: float | None = None) -> AsyncIterator[bytes]:
        async for part in self.receive(method, self._parse(method, request), within_s=within_s):
            yield part.SerializeToString()

    def _allowed(self, method: PublicMethod) -> Identity:
        who = caller()
        if not who.may(method.permission):
            raise Denied(f"this needs the permission {method.permission}")
        return who

    def _parse(self, method: PublicMethod, request: bytes) -> Message:
        try:
            return method.request.FromString(request)
        except DecodeError:
            raise InvalidInput("request", f"is not a {method.request.DESCRIPTOR.full_name}") from None

    async def _answer(self, method: PublicMethod, request: Message, within_s: float | None) -> Message:
        local = self._local.get(method.name)
        answer: Message = await local(request) if local else await self._peers.unary(method, request, within_s=within_s)
        return answer

    async def _audited(self, method: PublicMethod, request: Message, who: Identity, within_s: float | None) -> Message:
        try:
            answer = await self._answer(method, request, within_s)
        except grpc.aio.AioRpcError as e:
            await self._record(who, method, request, e.code().name)
            raise
        except Problem as e:
            await self._record(who, method, request, e.code)
            raise
        await self._record(who, method, request, "OK", answer)
        return answer

    async def _record(self, who: Identity, method: PublicMethod, request: Message, status: str, answer: Message | None = None) -> None:
        object_id = find(request, *_OBJECT_FIELDS)
        for field, name in _MADE:
            if answer is not None and not object_id and field in answer.DESCRIPTOR.fields_by_name:
                object_id = find(getattr(answer, field), name)
        try:
            await self._audit.record(who.tenant, who.principal, method.name, object_id, status)
        except Exception:
            log.critical("could not write the audit log", extra={"method": method.name, "principal": who.principal, "status": status})
            raise

    async def _narrow(self, method: PublicMethod, request: Any, who: Identity) -> None:
        """Hold a request to the agent's own work. Raises Denied, or NotFound as for what is not there at all."""
        match narrowing_of(method.name, of_a_team=not who.agent_id):
            case Narrowing.AGENT_FIELD:
                _set_own(request, *(("agent_id", who.agent_id) if who.agent_id else ("team_id", who.team_id)))
            case Narrowing.OWN_INTERACTION:
                await self._own_interaction(request.interaction_id, who)
            case Narrowing.OWN_INTERACTION_IF_ANY:
                if request.interaction_id:
                    await self._own_interaction(request.interaction_id, who)
            case Narrowing.OWN_TICKET:
                await self._own_ticket(request.ticket_id, who)
            case Narrowing.OWN_TICKETS:
                if request.interaction_id:
                    await self._own_interaction(request.interaction_id, who)
                elif request.watcher:
                    if request.watcher != who.agent_id:
                        raise Denied("a key of role agent lists what its own agent watches")
                elif request.assignee in ("", who.agent_id):
                    request.assignee = who.agent_id
                else:
                    raise Denied("a key of role agent lists the tickets of its own interactions, or those given to it")
            case Narrowing.FREE:
                return

    async def _own_interaction(self, interaction_id: str, who: Identity) -> None:
        if not interaction_id:
            raise Denied("this key has to name one of its own interactions: interaction_id")
        place = (who.tenant, interaction_id)
        owner = self._owners.get(place)
        if owner is None:
            asked = ingestion_service_pb2.GetInteractionRequest(interaction_id=interaction_id)
            answer = await self._peers.unary(self.by_name[GET_INTERACTION], asked)
            metadata = answer.interaction.metadata
            owner = self._owners[place] = (metadata.agent_id, metadata.team_id)
            if len(self._owners) > _OWNERS_KEPT:
                self._owners.popitem(last=False)
        if not _is_own(who, *owner):
            raise NotFound("there is no such interaction")

    async def _own_ticket(self, ticket_id: str, who: Identity) -> None:
        answer = await self._peers.unary(self.by_name[GET_TICKET], routing_service_pb2.GetTicketRequest(ticket_id=ticket_id))
        ticket = answer.ticket
        if not (_is_own(who, ticket.agent_id, ticket.team_id) or (who.agent_id and who.agent_id in (ticket.assignee, *ticket.watchers))):
            raise NotFound("there is no such ticket")


def _is_narrowed(who: Identity) -> bool:
    return bool(who.agent_id or who.team_id)


def _is_own(who: Identity, agent_id: str, team_id: str) -> bool:
    return agent_id == who.agent_id if who.agent_id else team_id == who.team_id


def _set_own(request: Any, field: str, own: str) -> None:
    """Raises Denied where another's is asked for, or where the call has no such field."""
    if field not in request.DESCRIPTOR.fields_by_name:
        raise Denied(f"this cannot be narrowed by {field}, so a key that is held to it may not do it")
    if getattr(request, field) not in ("", own):
        raise Denied(f"a key that is held to one {field.removesuffix('_id')} sees its own work alone")
    setattr(request, field, own)
