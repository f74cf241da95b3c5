"""ScorecardService over gRPC."""

from collections.abc import Callable

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from chassis.ids import new_id
from mingjian.nlp.v1 import scorecard_service_pb2 as pb
from mingjian.nlp.v1 import scorecard_service_pb2_grpc as pb_grpc

from nlp.adapters.protobuf_evaluations import contact_of_metadata, moment, scorecard_to_wire, turns_from_chat
from nlp.adapters.protobuf_scorecards import (
    case_to_wire,
    finding_to_wire,
    gate_from_wire,
    simulation_to_wire,
    tried_to_wire,
    version_to_wire,
)
from nlp.app import MAX_TRIED_TURNS, dialogue_of
from nlp.app_publishing import Publishing
from nlp.app_simulations import Simulations
from nlp.domain.schema import rule_schema

NAME = "mingjian.nlp.v1.ScorecardService"


def registered_scorecards(publishing: Publishing, simulations: Simulations) -> Callable[[grpc.aio.Server], None]:
    """What chassis.grpc_server.serving registers."""

    def register(server: grpc.aio.Server) -> None:
        pb_grpc.add_ScorecardServiceServicer_to_server(_Servicer(publishing, simulations), server)

    return register


class _Servicer(pb_grpc.ScorecardServiceServicer):
    def __init__(self, publishing: Publishing, simulations: Simulations) -> None:
        self._publishing, self._simulations = publishing, simulations

    async def GetRuleSchema(self, request: pb.GetRuleSchemaRequest, context: object) -> pb.GetRuleSchemaResponse:
        return pb.GetRuleSchemaResponse(schema=rule_schema())

    async def LintScorecard(self, request: pb.LintScorecardRequest, context: object) -> pb.LintScorecardResponse:
        linted = await self._publishing.lint(caller().tenant, _given(request.source, "source"))
        return pb.LintScorecardResponse(
            findings=[finding_to_wire(finding) for finding in linted.findings], scorecard=scorecard_to_wire(linted.card) if linted.card else None
        )

    async def TestRule(self, request: pb.TestRuleRequest, context: object) -> pb.TestRuleResponse:
        if not 1 <= len(request.turns) <= MAX_TRIED_TURNS:
            raise InvalidInput("turns", f"must be 1 to {MAX_TRIED_TURNS}")
        contact = contact_of_metadata(request.metadata, caller().tenant, spoken=False, interaction_id=new_id())
        dialogue = dialogue_of(contact, turns_from_chat(request.turns))
        return tried_to_wire(await self._publishing.try_rule(caller().tenant, _given(request.rule, "rule"), request.scorecard_id, dialogue))

    async def TestScorecard(self, request: pb.TestScorecardRequest, context: object) -> pb.TestScorecardResponse:
        cases = await self._publishing.test(caller().tenant, _given(request.source, "source"))
        return pb.TestScorecardResponse(cases=[case_to_wire(case) for case in cases], failed=sum(not case.result.passed for case in cases))

    async def PublishScorecard(self, request: pb.PublishScorecardRequest, context: object) -> pb.PublishScorecardResponse:
        who = caller()
        version = await self._publishing.publish(
            who.tenant, _given(request.source, "source"), note=request.note, simulation_id=request.simulation_id, by=who.principal
        )
        return pb.PublishScorecardResponse(version=version_to_wire(version))

    async def ActivateScorecard(self, request: pb.ActivateScorecardRequest, context: object) -> pb.ActivateScorecardResponse:
        scorecard_id, version = _given(request.scorecard_id, "scorecard_id"), _given(request.version, "version")
        return pb.ActivateScorecardResponse(
            version=version_to_wire(await self._publishing.activate(caller().tenant, scorecard_id, version, note=request.note))
        )

    async def ListScorecardVersions(self, request: pb.ListScorecardVersionsRequest, context: object) -> pb.ListScorecardVersionsResponse:
        page = await self._publishing.versions(
            caller().tenant, _given(request.scorecard_id, "scorecard_id"), size=request.page_size, token=request.page_token
        )
        return pb.ListScorecardVersionsResponse(versions=[version_to_wire(version) for version in page.versions], next_page_token=page.next_token)

    async def GetScorecardVersion(self, request: pb.GetScorecardVersionRequest, context: object) -> pb.GetScorecardVersionResponse:
        scorecard_id, version = _given(request.scorecard_id, "scorecard_id"), _given(request.version, "version")
        return pb.GetScorecardVersionResponse(version=version_to_wire(await self._publishing.version(caller().tenant, scorecard_id, version)))

    async def StartSimulation(self, request: pb.StartSimulationRequest, context: object) -> pb.StartSimulationResponse:
        who = caller()
        started = await self._simulations.start(
            who.tenant, _given(request.source, "source"), since=moment(request, "from"), until=moment(request, "to"), at_most=request.at_most,
            gate=gate_from_wire(request.gate), key=request.idempotency_key, by=who.principal,
        )
        return pb.StartSimulationResponse(simulation=simulation_to_wire(started))

    async def GetSimulation(self, request: pb.GetSimulationRequest, context: object) -> pb.GetSimulationResponse:
        found = await self._simulations.get(caller().tenant, _given(request.simulation_id, "simulation_id"))
        return pb.GetSimulationResponse(simulation=simulation_to_wire(found))

    async def ListSimulations(self, request: pb.ListSimulationsRequest, context: object) -> pb.ListSimulationsResponse:
        page = await self._simulations.page(caller().tenant, size=request.page_size, token=request.page_token)
        listed = [simulation_to_wire(simulation, listed=True) for simulation in page.simulations]
        return pb.ListSimulationsResponse(simulations=listed, next_page_token=page.next_token)

    async def CancelSimulation(self, request: pb.CancelSimulationRequest, context: object) -> pb.CancelSimulationResponse:
        found = await self._simulations.cancel(caller().tenant, _given(request.simulation_id, "simulation_id"))
        return pb.CancelSimulationResponse(simulation=simulation_to_wire(found))


def _given(value: str, field: str) -> str:
    if not value.strip():
        raise InvalidInput(field, "is missing")
    return value
