"""Transcripts from nlp over gRPC, asked for without the right to see what is masked."""

from collections.abc import Sequence

import grpc
from chassis.errors import NotFound
from chassis.identity import Identity, caller
from mingjian.ingestion.v1.ingestion_service_pb2 import ROLE_CUSTOMER
from mingjian.nlp.v1.nlp_service_pb2 import GetTranscriptRequest
from mingjian.nlp.v1.nlp_service_pb2_grpc import NlpServiceStub

_UNMASKED = "pii:read"


def without_unmasking() -> Identity:
    """The caller, but never with the right to unmasked text: what is suggested and published quotes the customer.

    One of the platform's own services asks as somebody who may read interactions and nothing else.
    """
    identity = caller()
    permissions = frozenset({"interactions:read"}) if identity.is_service else identity.permissions - {_UNMASKED}
    return Identity(identity.tenant, identity.principal, permissions, identity.agent_id)


class GrpcTranscripts:
    """Use a channel made with `identity=without_unmasking`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._nlp = NlpServiceStub(channel)

    async def customer_turns(self, interaction_id: str) -> Sequence[str]:
        try:
            response = await self._nlp.GetTranscript(GetTranscriptRequest(interaction_id=interaction_id))
        except grpc.aio.AioRpcError as e:
            if e.code() is grpc.StatusCode.NOT_FOUND:
                raise NotFound(f"no transcript of interaction {interaction_id}") from e
            raise
        return [turn.text for turn in response.transcript.turns if turn.role == ROLE_CUSTOMER]
