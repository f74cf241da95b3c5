"""GatewayService: the edge's own RPCs. Unpack, call the app, pack."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from chassis.identity import caller
from chassis.mongo import decode_page_token, encode_page_token, page_size
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.gateway.v1 import gateway_service_pb2 as pb

from gateway.app import Audit, Keys
from gateway.domain.audit import Entry
from gateway.domain.keys import ApiKey


class GatewayService:
    """Answers in the name of `caller()`, who is always a key of this edge."""

    def __init__(self, keys: Keys, audit: Audit) -> None:
        self._keys, self._audit = keys, audit

    def methods(self) -> dict[str, Callable[[Any], Awaitable[Message]]]:
        """By "package.Service/Method"."""
        service = pb.DESCRIPTOR.services_by_name["GatewayService"]
        return {f"{service.full_name}/{m.name}": getattr(self, m.name) for m in service.methods}

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest) -> pb.CreateApiKeyResponse:
        who = caller()
        creator = await self._keys.of_principal(who.tenant, who.principal)
        key, secret = await self._keys.create(
            creator, name=request.name, role=request.role, agent_id=request.agent_id, team_id=request.team_id, extra=frozenset(request.extra_permissions),
        )
        return pb.CreateApiKeyResponse(key=_key(key), secret=secret)

    async def ListApiKeys(self, request: pb.ListApiKeysRequest) -> pb.ListApiKeysResponse:
        return pb.ListApiKeysResponse(keys=[_key(key) for key in await self._keys.newest(caller().tenant)])

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest) -> pb.RevokeApiKeyResponse:
        return pb.RevokeApiKeyResponse(key=_key(await self._keys.revoke(caller().tenant, request.key_id)))

    async def ListAuditEntries(self, request: pb.ListAuditEntriesRequest) -> pb.ListAuditEntriesResponse:
        limit = page_size(request.page_size)
        after = decode_page_token(request.page_token)
        before = after[0] if len(after) == 1 and isinstance(after[0], int) else 0
        entries = await self._audit.page(caller().tenant, object_id=request.object_id, before=before, limit=limit + 1)
        token = encode_page_token(entries[limit - 1].sequence) if len(entries) > limit else ""
        return pb.ListAuditEntriesResponse(entries=[_entry(entry) for entry in entries[:limit]], next_page_token=token)

    async def GetCaller(self, request: pb.GetCallerRequest) -> pb.GetCallerResponse:
        who = caller()
        key = await self._keys.of_principal(who.tenant, who.principal)
        return pb.GetCallerResponse(tenant=who.tenant, principal=who.principal, role=key.role, permissions=sorted(who.permissions))


def _time(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


def _key(key: ApiKey) -> pb.ApiKey:
    return pb.ApiKey(
        key_id=key.key_id, name=key.name, role=key.role, agent_id=key.agent_id, team_id=key.team_id, extra_permissions=key.extra_permissions,
        created_at=_time(key.created_at), revoked_at=_time(key.revoked_at) if key.revoked_at else None,
    )


def _entry(entry: Entry) -> pb.AuditEntry:
    return pb.AuditEntry(
        sequence=entry.sequence, at=_time(entry.at), principal=entry.principal, action=entry.action, object_id=entry.object_id,
        status=entry.status, hash=entry.hash,
    )
