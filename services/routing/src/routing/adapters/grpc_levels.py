"""LevelService on the wire: unpack, call the app, pack."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from mingjian.routing.v1 import level_service_pb2 as pb
from mingjian.routing.v1 import level_service_pb2_grpc as pb_grpc

from routing.adapters.protobuf_tickets import KIND_OF, urgency_of
from routing.app_levels import LevelBook, preview
from routing.app_versions import Published
from routing.domain.calendars import Period, WorkingCalendar
from routing.domain.opening import TYPES
from routing.domain.service_levels import LevelRule, ServiceLevels, service_levels_in
from routing.domain.tickets import Kind

NAME = "mingjian.routing.v1.LevelService"
Context = grpc.aio.ServicerContext[Any, Any]


class LevelServicer(pb_grpc.LevelServiceServicer):
    """Tenant and principal come from the caller's identity."""

    def __init__(self, book: LevelBook, now: Callable[[], datetime]) -> None:
        self._book, self._now = book, now

    async def GetServiceLevels(self, request: pb.GetServiceLevelsRequest, context: Context) -> pb.GetServiceLevelsResponse:
        published, levels, active = await self._book.described(caller().tenant, request.version)
        return pb.GetServiceLevelsResponse(levels=_levels(published, active, levels))

    async def ListServiceLevels(self, request: pb.ListServiceLevelsRequest, context: Context) -> pb.ListServiceLevelsResponse:
        versions = await self._book.versions(caller().tenant)
        return pb.ListServiceLevelsResponse(versions=[_levels(published, number == 0) for number, published in enumerate(versions)])

    async def PublishServiceLevels(self, request: pb.PublishServiceLevelsRequest, context: Context) -> pb.PublishServiceLevelsResponse:
        who = caller()
        now = self._now()
        await self._book.publish(who.tenant, request.source, request.note, who.principal, now.replace(microsecond=now.microsecond // 1000 * 1000))
        published, levels, active = await self._book.described(who.tenant, "")
        return pb.PublishServiceLevelsResponse(levels=_levels(published, active, levels))

    async def PreviewDeadlines(self, request: pb.PreviewDeadlinesRequest, context: Context) -> pb.PreviewDeadlinesResponse:
        if request.type and request.type not in TYPES:
            raise InvalidInput("type", f"must be one of {'、'.join(TYPES)}")
        levels = service_levels_in(request.source) if request.source else await self._book.current(caller().tenant)
        at = request.opened_at.ToDatetime(tzinfo=UTC) if request.HasField("opened_at") else self._now()
        terms, alarms = preview(
            levels, kind=KIND_OF.get(request.kind, Kind.SERVICE), type_=request.type, urgency=urgency_of(request.urgency),
            tier=request.customer_tier, industry=request.industry, at=at,
        )
        answer = pb.PreviewDeadlinesResponse(policy_id=terms.policy.policy_id, calendar_id=terms.calendar.calendar_id)
        for alarm in alarms:
            planned = answer.alarms.add(target=alarm.target.value, share=alarm.share, level=alarm.level)
            planned.at.FromDatetime(alarm.at)
        return answer


def _levels(published: Published, active: bool, read: ServiceLevels | None = None) -> pb.ServiceLevels:
    wire = pb.ServiceLevels(version=published.version, active=active, published_by=published.published_by, note=published.note)
    if published.published_at is not None:
        wire.published_at.FromDatetime(published.published_at)
    if read is not None:
        wire.source = published.source
        wire.calendars.extend(_calendar(calendar) for calendar in read.calendars.values())
        wire.policies.extend(_policy(rule) for rule in read.rules)
    return wire


def _calendar(calendar: WorkingCalendar) -> pb.WorkingCalendar:
    return pb.WorkingCalendar(
        calendar_id=calendar.calendar_id, title=calendar.title, zone=calendar.zone, weekly=[_periods(periods) for periods in calendar.weekly],
        days=[pb.SpecialDay(date=day.isoformat(), periods=_periods(periods)) for day, periods in sorted(calendar.days.items())],
    )


def _periods(periods: tuple[Period, ...]) -> str:
    return " ".join(str(period) for period in periods)


def _policy(rule: LevelRule) -> pb.LevelPolicy:
    policy = rule.policy
    return pb.LevelPolicy(
        policy_id=policy.policy_id, calendar_id=rule.calendar_id, kinds=rule.kinds, types=rule.types, urgencies=rule.urgencies,
        tiers=rule.tiers, industries=rule.industries, causes=rule.causes, warn_at=policy.warn_at,
        allowed=[pb.AllowedTime(target=target.value, seconds=int(amount.total_seconds())) for target, amount in policy.allowed.items()],
        escalate_after_s=[int(amount.total_seconds()) for amount in policy.escalate_after],
    )
