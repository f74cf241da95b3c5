"""ReportingService on the wire: unpack, ask, pack."""

from collections.abc import Callable
from datetime import date

from chassis.errors import InvalidInput
from chassis.identity import caller
from grpc.aio import ServicerContext
from mingjian.reporting.v1 import reporting_service_pb2 as pb
from mingjian.reporting.v1 import reporting_service_pb2_grpc as pb_grpc

from reporting.adapters.wire import to_change, to_rate, to_target, to_value
from reporting.app import Reports, Viewer
from reporting.domain import days

NAME = "mingjian.reporting.v1.ReportingService"


class ReportingServicer(pb_grpc.ReportingServiceServicer):
    """`today` gives the day in Asia/Shanghai."""

    def __init__(self, reports: Reports, today: Callable[[], date]) -> None:
        self._reports, self._today = reports, today

    async def QueryKpis(self, request: pb.QueryKpisRequest, context: ServicerContext[pb.QueryKpisRequest, pb.QueryKpisResponse]) -> pb.QueryKpisResponse:
        span = days.span(getattr(request, "from"), request.to, self._today())
        groups = await self._reports.kpis(_viewer(), span, request.group_by, request.agent_id, request.team_id)
        response = pb.QueryKpisResponse(to=span.last.isoformat(), groups=[pb.KpiGroup(key=k, kpis=[to_value(v) for v in vs]) for k, vs in groups])
        setattr(response, "from", span.first.isoformat())
        return response

    async def CompareKpis(
        self, request: pb.CompareKpisRequest, context: ServicerContext[pb.CompareKpisRequest, pb.CompareKpisResponse]
    ) -> pb.CompareKpisResponse:
        span = days.span(getattr(request, "from"), request.to, self._today())
        if bool(request.baseline_from) != bool(request.baseline_to):
            raise InvalidInput("baseline_to" if request.baseline_from else "baseline_from", "is needed with the other end of the baseline")
        baseline = span.before()
        if request.baseline_from:
            baseline = days.span(request.baseline_from, request.baseline_to, self._today(), first_field="baseline_from", last_field="baseline_to")
        changes = await self._reports.compare(_viewer(), span, baseline, request.agent_id, request.team_id)
        return pb.CompareKpisResponse(changes=[to_change(c) for c in changes])

    async def ListItemRates(
        self, request: pb.ListItemRatesRequest, context: ServicerContext[pb.ListItemRatesRequest, pb.ListItemRatesResponse]
    ) -> pb.ListItemRatesResponse:
        span = days.span(getattr(request, "from"), request.to, self._today())
        return pb.ListItemRatesResponse(items=[to_rate(r) for r in await self._reports.item_rates(_viewer(), span, request.agent_id, request.team_id)])

    async def ListTargets(
        self, request: pb.ListTargetsRequest, context: ServicerContext[pb.ListTargetsRequest, pb.ListTargetsResponse]
    ) -> pb.ListTargetsResponse:
        return pb.ListTargetsResponse(targets=[to_target(k) for k in (await self._reports.catalogue(_viewer())).kpis])

    async def SetTarget(self, request: pb.SetTargetRequest, context: ServicerContext[pb.SetTargetRequest, pb.SetTargetResponse]) -> pb.SetTargetResponse:
        return pb.SetTargetResponse(target=to_target(await self._reports.set_target(_viewer(), request.kpi, request.target)))


def _viewer() -> Viewer:
    identity = caller()
    return Viewer(identity.tenant, identity.agent_id)
