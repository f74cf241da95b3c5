"""RectificationService on the wire: unpack, call the app, pack."""

from datetime import UTC, datetime
from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from mingjian.routing.v1 import rectification_service_pb2 as pb
from mingjian.routing.v1 import rectification_service_pb2_grpc as pb_grpc

from routing.adapters.grpc_server import ticket_id_of, version_of, who
from routing.adapters.protobuf_rectification import CAUSE_OF, CAUSES, TARGETS
from routing.adapters.protobuf_tickets import to_wire
from routing.app_rectification import Rectifying, Summed

NAME = "mingjian.routing.v1.RectificationService"
Context = grpc.aio.ServicerContext[Any, Any]


class RectificationServicer(pb_grpc.RectificationServiceServicer):
    """Tenant and principal come from the caller's identity."""

    def __init__(self, rectifying: Rectifying) -> None:
        self._rectifying = rectifying

    async def PlanRectification(self, request: pb.PlanRectificationRequest, context: Context) -> pb.PlanRectificationResponse:
        cause = CAUSE_OF.get(request.root_cause)
        if cause is None:
            raise InvalidInput("root_cause", "is needed: training, process, system or product")
        ticket = await self._rectifying.plan(who(), ticket_id_of(request.ticket_id), version_of(request.version), cause, request.action)
        return pb.PlanRectificationResponse(ticket=to_wire(ticket))

    async def SummarizeRectifications(
        self, request: pb.SummarizeRectificationsRequest, context: Context
    ) -> pb.SummarizeRectificationsResponse:
        since = _moment(request, "from")
        sums, seen = await self._rectifying.summed(who(), since, _moment(request, "to"), request.team_id, request.agent_id or caller().agent_id)
        return pb.SummarizeRectificationsResponse(sums=[_sum(one) for one in sums], tickets=seen)


def _sum(one: Summed) -> pb.RectificationSum:
    wire = pb.RectificationSum(
        root_cause=CAUSES[one.cause], item_id=one.item_id, item_title=one.item_title, target=TARGETS[one.target], opened=one.opened,
        running=one.running, passed=one.passed, failed=one.failed, relapsed=one.relapsed, actions=one.actions,
    )
    if one.judged_before:
        wire.failing_before = one.failed_before / one.judged_before
    if one.judged_after:
        wire.failing_after = one.failed_after / one.judged_after
    return wire


def _moment(request: pb.SummarizeRectificationsRequest, field: str) -> datetime | None:
    moment: datetime = getattr(request, field).ToDatetime(tzinfo=UTC)
    return moment if request.HasField(field) else None  # type: ignore[arg-type]
