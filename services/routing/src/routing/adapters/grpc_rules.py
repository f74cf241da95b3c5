"""RuleService on the wire: unpack, call the app, pack."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from mingjian.routing.v1 import rule_service_pb2 as pb
from mingjian.routing.v1 import rule_service_pb2_grpc as pb_grpc

from routing.adapters.protobuf_tickets import KIND_OF, urgency_of
from routing.app import Tickets
from routing.app_rules import RuleBook, simulate
from routing.app_versions import Published
from routing.domain.departments import DepartmentRule, DepartmentRules, Matter, department_rules_in
from routing.domain.opening import MAX_DESCRIPTION, TYPES
from routing.domain.tickets import Kind

NAME = "mingjian.routing.v1.RuleService"
Context = grpc.aio.ServicerContext[Any, Any]


class RuleServicer(pb_grpc.RuleServiceServicer):
    """Tenant and principal come from the caller's identity."""

    def __init__(self, book: RuleBook, tickets: Tickets, now: Callable[[], datetime]) -> None:
        self._book, self._tickets, self._now = book, tickets, now

    async def GetRoutingRules(self, request: pb.GetRoutingRulesRequest, context: Context) -> pb.GetRoutingRulesResponse:
        published, rules, active = await self._book.described(caller().tenant, request.version)
        return pb.GetRoutingRulesResponse(rules=_rules(published, active, rules))

    async def ListRoutingRules(self, request: pb.ListRoutingRulesRequest, context: Context) -> pb.ListRoutingRulesResponse:
        versions = await self._book.versions(caller().tenant)
        return pb.ListRoutingRulesResponse(versions=[_rules(published, number == 0) for number, published in enumerate(versions)])

    async def PublishRoutingRules(self, request: pb.PublishRoutingRulesRequest, context: Context) -> pb.PublishRoutingRulesResponse:
        who = caller()
        now = self._now()
        await self._book.publish(who.tenant, request.source, request.note, who.principal, now.replace(microsecond=now.microsecond // 1000 * 1000))
        published, rules, active = await self._book.described(who.tenant, "")
        return pb.PublishRoutingRulesResponse(rules=_rules(published, active, rules))

    async def TestRouting(self, request: pb.TestRoutingRequest, context: Context) -> pb.TestRoutingResponse:
        if request.type not in TYPES:
            raise InvalidInput("type", f"must be one of {'、'.join(TYPES)}")
        if len(request.text) > MAX_DESCRIPTION:
            raise InvalidInput("text", f"at most {MAX_DESCRIPTION} characters")
        rules = department_rules_in(request.source) if request.source else await self._book.current(caller().tenant)
        matter = Matter(
            KIND_OF.get(request.kind, Kind.SERVICE), request.type, request.industry, request.product, request.text, urgency_of(request.urgency),
            request.customer_tier,
        )
        routed = rules.route(matter)
        trials = [pb.RuleTrial(rule_id=trial.rule_id, matched=trial.matched, because=trial.because) for trial in rules.trials(matter)]
        return pb.TestRoutingResponse(
            department=routed.department, skill=routed.skill, rule_id=routed.rule_id, version=routed.version, trials=trials,
        )

    async def SimulateRouting(self, request: pb.SimulateRoutingRequest, context: Context) -> pb.SimulateRoutingResponse:
        rules = department_rules_in(request.source)
        found = await simulate(self._tickets, caller().tenant, rules, request.limit or 1_000)
        return pb.SimulateRoutingResponse(
            version=rules.version, looked_at=found.looked_at, moved=found.moved,
            departments=[pb.DepartmentShift(department=name, before=before, after=after) for name, before, after in found.departments],
            examples=[
                pb.RoutingMove(ticket_id=m.ticket_id, title=m.title, from_department=m.before, to_department=m.after, routed_by=m.routed_by)
                for m in found.examples
            ],
        )


def _rules(published: Published, active: bool, read: DepartmentRules | None = None) -> pb.RoutingRules:
    wire = pb.RoutingRules(version=published.version, active=active, published_by=published.published_by, note=published.note)
    if published.published_at is not None:
        wire.published_at.FromDatetime(published.published_at)
    if read is not None:
        wire.source, wire.otherwise = published.source, read.otherwise
        wire.rules.extend(_rule(rule) for rule in read.rules)
    return wire


def _rule(rule: DepartmentRule) -> pb.RoutingRule:
    return pb.RoutingRule(
        rule_id=rule.rule_id, department=rule.department, skill=rule.skill, kinds=rule.kinds, types=rule.types, urgencies=rule.urgencies,
        tiers=rule.tiers, industries=rule.industries, products=rule.products, words=rule.words,
    )
