"""python -m reporting: the one place where reporting meets the outside."""

from datetime import datetime, timedelta

from chassis.grpc_server import serving
from chassis.lifecycle import cancelled
from chassis.service import running, start
from mingjian.reporting.v1.reporting_service_pb2_grpc import add_ReportingServiceServicer_to_server

from reporting.adapters.grpc_server import NAME, ReportingServicer
from reporting.adapters.mongo_books import MongoBooks
from reporting.adapters.nats_consumer import Unpacking, listen
from reporting.adapters.wire import breached
from reporting.adapters.yaml_catalogue import load_catalogue, load_compliance
from reporting.app import Folding, Reports
from reporting.domain.days import SHANGHAI
from reporting.settings import ReportingSettings


async def serve(settings: ReportingSettings) -> None:
    catalogue = load_catalogue(settings.kpi_catalogue)
    unpacking = Unpacking(load_compliance(settings.compliance_catalogue))
    async with running("reporting", settings) as r:
        books = MongoBooks(r.db, r.events, breached, folded_kept=timedelta(days=settings.folded_kept_days))
        await books.prepare()
        folding = Folding(books, catalogue, most=settings.fold_batch)
        servicer = ReportingServicer(Reports(books, catalogue), lambda: datetime.now(SHANGHAI).date())
        r.up.push_async_callback(cancelled, r.life.spawn(books.outbox.sweep_forever(), "outbox"))
        await listen(r.up, r.events, r.life, folding.fold, unpacking, concurrency=settings.consumer_concurrency)
        await r.up.enter_async_context(serving(
            settings.grpc_address, [NAME], lambda server: add_ReportingServiceServicer_to_server(servicer, server),
            identity_key=settings.identity_key, grace_s=settings.stop_grace_s,
        ))
        await r.life.until_stopped()


if __name__ == "__main__":
    start(ReportingSettings, serve)
