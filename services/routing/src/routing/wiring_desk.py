"""What the desk and the webhooks need of the outside, put together for __main__."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
import httpx
from chassis import blobs
from chassis.ids import derived_id, new_id
from chassis.lifecycle import cancelled
from chassis.messaging import Handler, consuming
from chassis.service import Running
from google.protobuf.message import Message
from mingjian.ingestion.v1.events_pb2 import CallStarted
from mingjian.nlp.v1.events_pb2 import InteractionScored
from mingjian.routing.v1.desk_service_pb2_grpc import add_DeskServiceServicer_to_server
from mingjian.routing.v1.webhook_service_pb2_grpc import add_WebhookServiceServicer_to_server

from routing.adapters import grpc_desk, grpc_webhooks
from routing.adapters.asyncio_webhooks import run_webhooks
from routing.adapters.httpx_customers import HttpxCustomers
from routing.adapters.httpx_webhooks import HttpxSender
from routing.adapters.mongo_contacts import MongoContacts
from routing.adapters.mongo_desk import MongoBulkRuns, MongoSavedFilters
from routing.adapters.mongo_tickets import MongoTickets
from routing.adapters.mongo_webhooks import MongoHooks
from routing.adapters.nats_contacts import OnCallStarted, OnContactScored
from routing.adapters.nats_webhooks import OnEvent, event_classes
from routing.adapters.nats_words import HEARD, OnTicketWords
from routing.adapters.obstore_files import ObstoreFiles
from routing.app import Routing
from routing.app_desk import Desk
from routing.app_screen import Customers, NoCustomers, Screen
from routing.app_tables import Tables
from routing.app_webhooks import Webhooks
from routing.settings import Settings


@dataclass(frozen=True, slots=True)
class Around:
    """The services around tickets, for the server and the consumers."""

    desk: grpc_desk.DeskServicer
    hooks: grpc_webhooks.WebhookServicer
    contacts: MongoContacts
    names: tuple[str, ...] = (grpc_desk.NAME, grpc_webhooks.NAME)

    def register(self, server: grpc.aio.Server) -> None:
        """Serve them."""
        add_DeskServiceServicer_to_server(self.desk, server)
        add_WebhookServiceServicer_to_server(self.hooks, server)

    def heard(self, handlers: Mapping[type[Message], Handler[Any]]) -> dict[type[Message], Handler[Any]]:
        """The handlers, and what the screen-pop hears."""
        scored = OnContactScored(self.contacts, handlers[InteractionScored])
        return dict(handlers) | {CallStarted: OnCallStarted(self.contacts), InteractionScored: scored}


async def around(r: Running, routing: Routing, tickets: MongoTickets, settings: Settings, now: Callable[[], datetime]) -> Around:
    """Bring everything up within `r.up`."""
    contacts, runs, hooks = MongoContacts(r.db), MongoBulkRuns(r.db), MongoHooks(r.db, r.events)
    for store in (contacts, runs, hooks):
        await store.prepare()
    files = ObstoreFiles(blobs.open_store(settings.blob_url)) if settings.blob_url else None
    desk = Desk(routing, MongoSavedFilters(r.db), runs, files, new_id, derived_id)
    customers: Customers = NoCustomers()
    if settings.crm_url:
        token = {"Authorization": f"Bearer {settings.crm_token}"} if settings.crm_token else {}
        client = await r.up.enter_async_context(httpx.AsyncClient(
            base_url=settings.crm_url.rstrip("/") + "/", headers=token, timeout=settings.crm_timeout_s, trust_env=False,
            limits=httpx.Limits(max_connections=20),
        ))
        customers = HttpxCustomers(client)
    outside = await r.up.enter_async_context(httpx.AsyncClient(
        timeout=settings.webhook_timeout_s, trust_env=False, limits=httpx.Limits(max_connections=800, max_keepalive_connections=100),
    ))
    sender = HttpxSender(outside, inside_allowed=settings.webhook_inside_allowed, within_s=settings.webhook_timeout_s)
    webhooks = Webhooks(hooks, sender, now, new_id, derived_id, settings.webhook_http_allowed)
    r.up.push_async_callback(cancelled, r.life.spawn(run_webhooks(webhooks), "webhooks"))
    r.up.push_async_callback(cancelled, r.life.spawn(hooks.outbox.sweep_forever(), "webhook-outbox"))
    for heard in HEARD:
        await r.up.enter_async_context(consuming(r.events, r.life, "words", heard, OnTicketWords(tickets.search), concurrency=4))
    for event in event_classes():
        await r.up.enter_async_context(consuming(r.events, r.life, "webhooks", event, OnEvent(webhooks), concurrency=4))
    return Around(
        grpc_desk.DeskServicer(desk, Screen(routing, contacts, customers), Tables(routing)), grpc_webhooks.WebhookServicer(webhooks), contacts
    )
