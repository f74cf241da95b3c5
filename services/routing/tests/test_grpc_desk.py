import asyncio

import grpc
import httpx
import pytest
from chassis import blobs
from chassis.errors import InvalidInput
from chassis.identity import Identity
from chassis.ids import derived_id, new_id
from chassis.rpc_status import violated_field
from mingjian.routing.v1 import desk_service_pb2 as pb
from mingjian.routing.v1 import routing_service_pb2 as tickets
from mingjian.routing.v1 import webhook_service_pb2 as hooks
from mingjian.routing.v1.desk_service_pb2_grpc import DeskServiceStub, add_DeskServiceServicer_to_server
from mingjian.routing.v1.routing_service_pb2_grpc import RoutingServiceStub, add_RoutingServiceServicer_to_server
from mingjian.routing.v1.webhook_service_pb2_grpc import WebhookServiceStub, add_WebhookServiceServicer_to_server
from routing.adapters import grpc_desk, grpc_webhooks
from routing.adapters.grpc_server import NAME, RoutingServicer
from routing.adapters.httpx_webhooks import HttpxSender
from routing.adapters.mongo_contacts import MongoContacts
from routing.adapters.mongo_desk import MongoBulkRuns, MongoSavedFilters
from routing.adapters.mongo_webhooks import MongoHooks
from routing.adapters.obstore_files import ObstoreFiles
from routing.app_desk import Desk
from routing.app_screen import NoCustomers, Screen
from routing.app_tables import Tables
from routing.app_webhooks import Webhooks
from testkit.grpc_server import served

MAY = frozenset({
    "tickets:read", "tickets:write", "tickets:export", "customers:read", "webhooks:read", "webhooks:write",
})


@pytest.fixture
async def channel(db, routing, events, clock, tmp_path):
    store = MongoHooks(db, events)
    for each in (store, MongoContacts(db)):
        await each.prepare()
    desk = Desk(routing, MongoSavedFilters(db), MongoBulkRuns(db), ObstoreFiles(blobs.open_store((tmp_path / "b").as_uri())), new_id, derived_id)
    async with httpx.AsyncClient(trust_env=False) as client:
        webhooks = Webhooks(store, HttpxSender(client, inside_allowed=True), clock, new_id, derived_id, http_allowed=True)

        def register(server):
            add_RoutingServiceServicer_to_server(RoutingServicer(routing), server)
            add_DeskServiceServicer_to_server(grpc_desk.DeskServicer(desk, Screen(routing, MongoContacts(db), NoCustomers()), Tables(routing)), server)
            add_WebhookServiceServicer_to_server(grpc_webhooks.WebhookServicer(webhooks), server)

        async with served(register, NAME, grpc_desk.NAME, grpc_webhooks.NAME, identity=lambda: Identity("t1", "chief", MAY)) as made:
            yield made


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), violated_field(raised.value)


async def test_a_ticket_with_its_watchers_and_files_over_the_wire(channel):
    desk, routing = DeskServiceStub(channel), RoutingServiceStub(channel)
    ticket = (await routing.OpenTicket(tickets.OpenTicketRequest(type="故障", title="断网", customer_id="C1"))).ticket
    await desk.WatchTicket(pb.WatchTicketRequest(ticket_id=ticket.ticket_id))
    asked = pb.AddAttachmentRequest(ticket_id=ticket.ticket_id, name="日志.txt", media_type="text/plain", content=b"abc" * 200_000)
    after = (await desk.AddAttachment(asked)).ticket
    assert list(after.watchers) == ["chief"] and after.attachments[0].size_bytes == 600_000
    parts = [part async for part in desk.DownloadAttachment(
        pb.DownloadAttachmentRequest(ticket_id=ticket.ticket_id, attachment_id=after.attachments[0].attachment_id)
    )]
    assert b"".join(part.chunk for part in parts) == asked.content and parts[0].attachment.name == "日志.txt" and len(parts) > 1
    said = (await routing.CommentTicket(tickets.CommentTicketRequest(ticket_id=ticket.ticket_id, note="已联系", public=True))).ticket
    assert said.history[-1].public and said.HasField("first_responded_at")
    seen = (await routing.ListTickets(tickets.ListTicketsRequest(watcher="chief"))).tickets
    assert [t.ticket_id for t in seen] == [ticket.ticket_id]
    pop = await desk.GetScreenPop(pb.GetScreenPopRequest(customer_id="C1"))
    assert pop.open_tickets[0].clocks and pop.crm.status == "off"


async def test_saved_filters_bulk_changes_and_tables_over_the_wire(channel):
    desk = DeskServiceStub(channel)
    content = "外部编号,类型,标题\nX1,故障,断网\nX2,生气,x\n".encode()
    done = await desk.ImportTickets(pb.ImportTicketsRequest(content=content))
    assert (done.rows, done.opened, done.refused, done.problems[0].row, done.problems[0].column) == (2, 1, 1, 3, "type")
    parts = [part.chunk async for part in desk.ExportTickets(pb.ExportTicketsRequest(criteria=pb.TicketCriteria(state=tickets.TICKET_STATE_OPEN)))]
    text = b"".join(parts).decode("utf-8-sig")
    assert text.splitlines()[0].startswith("工单编号,外部编号") and ",X1," in text
    criteria = pb.TicketCriteria(state=tickets.TICKET_STATE_OPEN, kind=tickets.TICKET_KIND_SERVICE, query="断网", watcher="w")
    saved = (await desk.SaveFilter(pb.SaveFilterRequest(name="我的", criteria=criteria))).filter
    assert saved.criteria == criteria and list((await desk.ListSavedFilters(pb.ListSavedFiltersRequest())).filters) == [saved]
    ticket_id = text.splitlines()[1].split(",")[0]
    missing = new_id()
    results = (await desk.ChangeTickets(pb.ChangeTicketsRequest(
        action=pb.BULK_ACTION_COMMENT, tickets=[pb.TicketVersion(ticket_id=ticket_id), pb.TicketVersion(ticket_id=missing)], note="x", idempotency_key="k",
    ))).results
    assert [(r.ticket_id, r.done, r.status, r.version) for r in results] == [(ticket_id, True, "OK", 2), (missing, False, "NOT_FOUND", 0)]


async def test_webhooks_over_the_wire_show_their_secret_once(channel):
    stub = WebhookServiceStub(channel)
    made = await stub.CreateWebhook(hooks.CreateWebhookRequest(name="CRM", url="http://127.0.0.1:9/x", event_types=["TicketOpened"]))
    assert made.secret.startswith("whsec_") and list(made.webhook.event_types) == ["TicketOpened"]
    listed = (await stub.ListWebhooks(hooks.ListWebhooksRequest())).webhooks
    assert list(listed) == [made.webhook] and made.secret not in str(listed)
    named = {"webhook_id": made.webhook.webhook_id}
    paused = await stub.UpdateWebhook(hooks.UpdateWebhookRequest(**named, state=hooks.WEBHOOK_STATE_PAUSED, new_secret=True))
    assert paused.webhook.state == hooks.WEBHOOK_STATE_PAUSED and paused.secret not in ("", made.secret)
    assert not (await stub.ListDeliveries(hooks.ListDeliveriesRequest(**named))).deliveries
    await stub.DeleteWebhook(hooks.DeleteWebhookRequest(**named))
    assert (await refused(stub.GetWebhook(hooks.GetWebhookRequest(**named))))[0] == grpc.StatusCode.NOT_FOUND


async def test_what_is_wrong_is_refused_by_its_fields_name(channel):
    desk, stub = DeskServiceStub(channel), WebhookServiceStub(channel)
    unknown = new_id()
    wrong = grpc.StatusCode.INVALID_ARGUMENT
    assert await refused(desk.WatchTicket(pb.WatchTicketRequest(ticket_id="7"))) == (wrong, "ticket_id")
    assert (await refused(desk.WatchTicket(pb.WatchTicketRequest(ticket_id=unknown))))[0] == grpc.StatusCode.NOT_FOUND
    assert await refused(desk.ChangeTickets(pb.ChangeTicketsRequest())) == (wrong, "action")
    assert await refused(desk.DeleteSavedFilter(pb.DeleteSavedFilterRequest(filter_id="x"))) == (wrong, "filter_id")
    assert await refused(desk.GetScreenPop(pb.GetScreenPopRequest())) == (wrong, "customer_id")
    assert await refused(stub.CreateWebhook(hooks.CreateWebhookRequest(name="x", url="gopher://x"))) == (wrong, "url")
    asked = hooks.CreateWebhookRequest(name="x", url="http://127.0.0.1:9/", event_types=["InteractionScored"])
    assert await refused(stub.CreateWebhook(asked)) == (wrong, "event_types")
    assert await refused(stub.ReplayDeliveries(hooks.ReplayDeliveriesRequest(webhook_id="x"))) == (wrong, "webhook_id")


async def test_two_people_who_change_one_webhook_do_not_overwrite_each_other(channel):
    stub = WebhookServiceStub(channel)
    made = await stub.CreateWebhook(hooks.CreateWebhookRequest(name="CRM", url="http://127.0.0.1:9/x"))
    results = await asyncio.gather(*(
        stub.UpdateWebhook(hooks.UpdateWebhookRequest(webhook_id=made.webhook.webhook_id, name=f"n{n}")) for n in range(5)
    ), return_exceptions=True)
    failed = [r for r in results if isinstance(r, Exception)]
    assert len(failed) < 5 and all(isinstance(f, grpc.aio.AioRpcError) and f.code() == grpc.StatusCode.ABORTED for f in failed)


def test_the_limits_are_told_by_name():
    with pytest.raises(InvalidInput):
        grpc_desk.criteria_of(pb.TicketCriteria(order_by="random"))
