"""python -m routing: the one place where routing meets the outside."""

import time
from datetime import UTC, datetime, timedelta

import grpc
from chassis.grpc_server import serving
from chassis.ids import derived_id, new_id
from chassis.lifecycle import cancelled
from chassis.messaging import consuming
from chassis.service import running, start
from mingjian.knowledge.v1.events_pb2 import SolutionSuggested
from mingjian.nlp.v1.events_pb2 import EvaluationReviewed, InteractionScored, PromiseMade
from mingjian.routing.v1.level_service_pb2_grpc import add_LevelServiceServicer_to_server
from mingjian.routing.v1.rectification_service_pb2_grpc import add_RectificationServiceServicer_to_server
from mingjian.routing.v1.routing_service_pb2_grpc import add_RoutingServiceServicer_to_server

from routing.adapters import grpc_levels, grpc_rectification, grpc_server
from routing.adapters.asyncio_timers import run_followers, run_timers
from routing.adapters.mongo_levels import MongoLevels
from routing.adapters.mongo_promises import MongoPromises
from routing.adapters.mongo_rectification import MongoRecords
from routing.adapters.mongo_tickets import MongoTickets
from routing.adapters.nats_consumer import OnEvaluationReviewed, OnInteractionScored, OnPromiseMade, OnSolutionSuggested
from routing.app import Routing
from routing.app_levels import LevelBook
from routing.app_rectification import Rectifying
from routing.domain.departments import department_rules_in
from routing.settings import Settings


async def serve(settings: Settings) -> None:
    """Run until SIGTERM."""
    departments = department_rules_in(settings.department_rules.read_text("utf-8"))
    async with running("routing", settings) as r:
        tickets, promises, levels = MongoTickets(r.db, r.events), MongoPromises(r.db), MongoLevels(r.db)
        for store in (tickets, promises, levels):
            await store.prepare()
        book = LevelBook(levels, settings.service_levels.read_text("utf-8"), time.monotonic)
        routing = Routing(
            tickets, promises, departments, book, _utc_now, new_id, derived_id,
            timedelta(seconds=settings.promise_settle_s),
        )
        r.up.push_async_callback(cancelled, r.life.spawn(tickets.outbox.sweep_forever(), "outbox"))
        r.up.push_async_callback(cancelled, r.life.spawn(run_timers(routing, settings.timer_poll_s), "timers"))
        r.up.push_async_callback(cancelled, r.life.spawn(run_followers(levels, routing), "service-levels"))
        rectifying = Rectifying(routing, MongoRecords(r.db))
        await r.up.enter_async_context(consuming(r.events, r.life, "routing", InteractionScored, OnInteractionScored(routing, rectifying)))
        await r.up.enter_async_context(consuming(r.events, r.life, "routing", PromiseMade, OnPromiseMade(routing)))
        await r.up.enter_async_context(consuming(r.events, r.life, "routing", EvaluationReviewed, OnEvaluationReviewed(rectifying)))
        await r.up.enter_async_context(consuming(r.events, r.life, "routing", SolutionSuggested, OnSolutionSuggested(rectifying)))

        def register(server: grpc.aio.Server) -> None:
            add_RoutingServiceServicer_to_server(grpc_server.RoutingServicer(routing), server)
            add_RectificationServiceServicer_to_server(grpc_rectification.RectificationServicer(rectifying), server)
            add_LevelServiceServicer_to_server(grpc_levels.LevelServicer(book, _utc_now), server)

        names = [grpc_server.NAME, grpc_levels.NAME, grpc_rectification.NAME]
        await r.up.enter_async_context(serving(
            settings.grpc_address, names, register, identity_key=settings.identity_key, grace_s=settings.stop_grace_s,
        ))
        await r.life.until_stopped()


def _utc_now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    start(Settings, serve)
