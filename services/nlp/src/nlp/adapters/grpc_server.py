"""NlpService over gRPC."""

from collections.abc import Callable

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from chassis.ids import new_id
from mingjian.asr.v1 import asr_service_pb2 as asr
from mingjian.nlp.v1 import nlp_service_pb2 as pb
from mingjian.nlp.v1 import nlp_service_pb2_grpc as pb_grpc

from nlp.adapters.grpc_promises import listed, settled
from nlp.adapters.protobuf_evaluations import (
    asked_to_wire,
    contact_of_metadata,
    evaluation_to_wire,
    moment,
    original_to_wire,
    scorecard_to_wire,
    stored_alert_to_wire,
    turns_from_chat,
)
from nlp.app import AlertFilters, Caller, EvaluationFilters, Findings, Scoring
from nlp.app_promises import PromiseKeeping
from nlp.app_vault import Vault

NAME = "mingjian.nlp.v1.NlpService"
READ_PII = "pii:read"


def registered(scoring: Scoring, findings: Findings, vault: Vault, keeping: PromiseKeeping) -> Callable[[grpc.aio.Server], None]:
    """What chassis.grpc_server.serving registers."""

    def register(server: grpc.aio.Server) -> None:
        pb_grpc.add_NlpServiceServicer_to_server(_Servicer(scoring, findings, vault, keeping), server)

    return register


class _Servicer(pb_grpc.NlpServiceServicer):
    def __init__(self, scoring: Scoring, findings: Findings, vault: Vault, keeping: PromiseKeeping) -> None:
        self._scoring, self._findings, self._vault, self._keeping = scoring, findings, vault, keeping

    async def GetEvaluation(self, request: pb.GetEvaluationRequest, context: object) -> pb.GetEvaluationResponse:
        found = await self._vault.evaluation(_named(request.interaction_id), _caller(), request.scorecard_id)
        wire = evaluation_to_wire(found)
        if found.provenance:  # here alone: prompts are too long for events and lists
            wire.provenance.asked.extend(asked_to_wire(asked) for asked in found.provenance.asked)
        return pb.GetEvaluationResponse(evaluation=wire)

    async def GetTranscript(self, request: pb.GetTranscriptRequest, context: object) -> pb.GetTranscriptResponse:
        found = await self._findings.transcript(_named(request.interaction_id), _caller())
        transcript = asr.Transcript.FromString(found.received)
        for turn in transcript.turns:
            turn.text = found.texts[turn.turn_id]
        return pb.GetTranscriptResponse(transcript=transcript)

    async def ListEvaluations(self, request: pb.ListEvaluationsRequest, context: object) -> pb.ListEvaluationsResponse:
        filters = EvaluationFilters(
            request.agent_id, request.team_id, moment(request, "from"), moment(request, "to"), request.fatal, request.failed_item_id,
            request.interaction_id, request.abstained_item_id,
        )
        page = await self._findings.page(filters, _caller(), size=request.page_size, token=request.page_token)
        return pb.ListEvaluationsResponse(evaluations=[evaluation_to_wire(e) for e in page.evaluations], next_page_token=page.next_token)

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: object) -> pb.ListAlertsResponse:
        filters = AlertFilters(request.interaction_id, request.kind)
        page = await self._findings.alerts(filters, _caller(), size=request.page_size, token=request.page_token)
        return pb.ListAlertsResponse(alerts=[stored_alert_to_wire(a) for a in page.alerts], next_page_token=page.next_token)

    async def Evaluate(self, request: pb.EvaluateRequest, context: object) -> pb.EvaluateResponse:
        made = contact_of_metadata(request.metadata, _caller().tenant, spoken=False, interaction_id=new_id())
        evaluation = await self._scoring.judge(made, turns_from_chat(request.turns))
        return pb.EvaluateResponse(evaluation=evaluation_to_wire(evaluation))

    async def GetOriginals(self, request: pb.GetOriginalsRequest, context: object) -> pb.GetOriginalsResponse:
        found = await self._vault.originals(_named(request.interaction_id), _caller())
        return pb.GetOriginalsResponse(originals=[original_to_wire(original) for original in found])

    async def ListPromises(self, request: pb.ListPromisesRequest, context: object) -> pb.ListPromisesResponse:
        return await listed(self._keeping, request)

    async def SettlePromise(self, request: pb.SettlePromiseRequest, context: object) -> pb.SettlePromiseResponse:
        return await settled(self._keeping, request)

    async def ListScorecards(self, request: pb.ListScorecardsRequest, context: object) -> pb.ListScorecardsResponse:
        cards = await self._findings.scorecards(request.industry, _caller())
        return pb.ListScorecardsResponse(scorecards=[scorecard_to_wire(card) for card in cards])


def _caller() -> Caller:
    identity = caller()
    return Caller(identity.tenant, identity.agent_id, identity.may(READ_PII))


def _named(interaction_id: str) -> str:
    if not interaction_id:
        raise InvalidInput("interaction_id", "is missing")
    return interaction_id
