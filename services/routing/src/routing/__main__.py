"""python -m routing: the one place where routing meets the outside."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.ids import derived_id, new_id
from chassis.lifecycle import cancelled
from chassis.messaging import Handler, consuming
from chassis.service import running, start
from google.protobuf.message import Message
from mingjian.ingestion.v1.events_pb2 import FeedbackReceived
from mingjian.knowledge.v1.events_pb2 import SolutionSuggested
from mingjian.nlp.v1.events_pb2 import AlertRaised, EvaluationReviewed, InteractionScored, PromiseMade, PromiseSettled
from mingjian.routing.v1.events_pb2 import TicketResolved
from mingjian.routing.v1.field_service_pb2_grpc import add_FieldServiceServicer_to_server
from mingjian.routing.v1.level_service_pb2_grpc import add_LevelServiceServicer_to_server
from mingjian.routing.v1.rectification_service_pb2_grpc import add_RectificationServiceServicer_to_server
from mingjian.routing.v1.routing_service_pb2_grpc import add_RoutingServiceServicer_to_server
from mingjian.routing.v1.rule_service_pb2_grpc import add_RuleServiceServicer_to_server
from mingjian.routing.v1.staff_service_pb2_grpc import add_StaffServiceServicer_to_server

from routing.adapters import grpc_fields, grpc_levels, grpc_rectification, grpc_rules, grpc_server, grpc_staff
from routing.adapters.asyncio_fields import run_filling
from routing.adapters.asyncio_staff import run_staffing
from routing.adapters.asyncio_timers import run_followers, run_timers
from routing.adapters.grpc_nlp import GrpcNlp
from routing.adapters.mongo_fields import MongoToLookAt
from routing.adapters.mongo_intake import MongoMatters, MongoWaiting
from routing.adapters.mongo_rectification import MongoRecords
from routing.adapters.mongo_staff import MongoQueue, MongoStaff
from routing.adapters.mongo_tickets import MongoTickets
from routing.adapters.mongo_versions import MongoVersions
from routing.adapters.nats_consumer import (
    OnAlertRaised,
    OnEvaluationReviewed,
    OnFeedbackReceived,
    OnInteractionScored,
    OnPromiseMade,
    OnPromiseSettled,
    OnSolutionSuggested,
    OnTicketResolved,
)
from routing.app import Routing
from routing.app_fields import Filling
from routing.app_intake import Intake
from routing.app_levels import level_book
from routing.app_rectification import Rectifying
from routing.app_rules import rule_book
from routing.app_staff import Staffing, Workload
from routing.domain.consistency import with_missing
from routing.domain.fields import field_table_in
from routing.settings import Settings
from routing.wiring_desk import around


async def serve(settings: Settings) -> None:
    """Run until SIGTERM."""
    fields = field_table_in(settings.ticket_fields.read_text("utf-8"))
    async with running("routing", settings) as r:
        tickets, waiting = MongoTickets(r.db, r.events), MongoWaiting(r.db)
        levels, rules = MongoVersions(r.db, "service_levels"), MongoVersions(r.db, "routing_rules")
        staff, queue, to_look_at = MongoStaff(r.db), MongoQueue(r.db), MongoToLookAt(r.db)
        for store in (tickets, waiting, levels, rules, staff, queue, to_look_at):
            await store.prepare()
        book = level_book(levels, settings.service_levels.read_text("utf-8"), time.monotonic)
        ruled = rule_book(rules, settings.department_rules.read_text("utf-8"), time.monotonic)
        workload = Workload(staff, _utc_now)
        routing = Routing(tickets, ruled, book, _utc_now, new_id, derived_id, workload, partial(with_missing, table=fields))
        staffing = Staffing(routing, staff, queue, workload, settings.auto_assign)
        nlp = await r.up.enter_async_context(channel(settings.nlp_address, identity_key=settings.identity_key))
        filling = Filling(routing, GrpcNlp(nlp), to_look_at, fields)
        intake = Intake(routing, waiting, MongoMatters(r.db), timedelta(seconds=settings.promise_settle_s))
        rectifying = Rectifying(routing, MongoRecords(r.db))
        r.up.push_async_callback(cancelled, r.life.spawn(tickets.outbox.sweep_forever(), "outbox"))
        r.up.push_async_callback(cancelled, r.life.spawn(run_timers(routing, intake, settings.timer_poll_s), "timers"))
        r.up.push_async_callback(cancelled, r.life.spawn(run_followers(levels, routing), "service-levels"))
        r.up.push_async_callback(cancelled, r.life.spawn(run_staffing(staffing), "staffing"))
        r.up.push_async_callback(cancelled, r.life.spawn(run_filling(filling), "fields"))
        handlers: dict[type[Message], Handler[Any]] = {
            InteractionScored: OnInteractionScored(intake, rectifying), PromiseMade: OnPromiseMade(intake), PromiseSettled: OnPromiseSettled(intake),
            AlertRaised: OnAlertRaised(intake), EvaluationReviewed: OnEvaluationReviewed(rectifying),
            SolutionSuggested: OnSolutionSuggested(rectifying), FeedbackReceived: OnFeedbackReceived(intake),
            TicketResolved: OnTicketResolved(routing, intake),
        }
        desk = await around(r, routing, tickets, settings, _utc_now)
        for event, handler in desk.heard(handlers).items():
            await r.up.enter_async_context(consuming(r.events, r.life, "routing", event, handler))

        def register(server: grpc.aio.Server) -> None:
            desk.register(server)
            add_RoutingServiceServicer_to_server(grpc_server.RoutingServicer(routing), server)
            add_RectificationServiceServicer_to_server(grpc_rectification.RectificationServicer(rectifying), server)
            add_FieldServiceServicer_to_server(grpc_fields.FieldServicer(filling), server)
            add_StaffServiceServicer_to_server(grpc_staff.StaffServicer(staffing), server)
            add_RuleServiceServicer_to_server(grpc_rules.RuleServicer(ruled, tickets, _utc_now), server)
            add_LevelServiceServicer_to_server(grpc_levels.LevelServicer(book, _utc_now), server)

        names = [grpc_server.NAME, grpc_rules.NAME, grpc_staff.NAME, grpc_fields.NAME, grpc_levels.NAME, grpc_rectification.NAME]
        await r.up.enter_async_context(serving(
            settings.grpc_address, [*names, *desk.names], register, identity_key=settings.identity_key, grace_s=settings.stop_grace_s,
        ))
        await r.life.until_stopped()


def _utc_now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    start(Settings, serve)
