import asyncio
import base64
import hashlib
import hmac
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest
from chassis.errors import InvalidInput, NotAllowedNow, NotFound
from chassis.ids import derived_id, new_id
from chassis.lifecycle import Life, cancelled
from chassis.messaging import consuming, ensure_stream, wrap
from http_receiver import receiving
from mingjian.ingestion.v1.events_pb2 import FeedbackReceived
from mingjian.ingestion.v1.ingestion_service_pb2 import Feedback
from mingjian.routing.v1 import routing_service_pb2 as pb
from mingjian.routing.v1.events_pb2 import TicketAssigned, TicketOpened, WebhookDisabled
from routing.adapters.asyncio_webhooks import run_webhooks
from routing.adapters.httpx_webhooks import HttpxSender
from routing.adapters.mongo_webhooks import MongoHooks
from routing.adapters.nats_webhooks import OnEvent, event_classes, may_be_told
from routing.app import Who
from routing.app_webhooks import LEASE, MAX_REPLAY, Told, Webhooks
from routing.domain.webhooks import BACKOFF, DISABLE_AFTER, DeliveryState, HookState, check_url, is_public, next_attempt
from testkit.waiting import eventually

CHIEF = Who("t1", "chief")
OPENED, ASSIGNED = "mingjian.routing.v1.TicketOpened", "mingjian.routing.v1.TicketAssigned"
SEEN = [OPENED, ASSIGNED]


@pytest.fixture
async def webhooks(db, events, clock):
    await ensure_stream(events, "routing")
    hooks = MongoHooks(db, events)
    await hooks.prepare()
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Webhooks(hooks, HttpxSender(client, inside_allowed=True, within_s=1.0), clock, new_id, derived_id, http_allowed=True)


def told(clock, number=0, event_type=OPENED, about="T1", at=None, body=b'{"n":0}'):
    return Told(f"e{number}", event_type, "t1", about, at or clock.at, body)


async def all_sent(webhooks, webhook):
    while await webhooks.send_next(await webhooks.hooks.get("t1", webhook.webhook_id)):
        pass


async def states(webhooks, webhook):
    found, _ = await webhooks.hooks.page(webhook.webhook_id, None, 100, "")
    return [(d.state, d.attempts) for d in reversed(found)]


async def refusing(request):
    return 500, b"broken"


def verified(secret, got):
    """As a receiver does it by hand."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = got.headers["webhook-id"].encode() + b"." + got.headers["webhook-timestamp"].encode() + b"." + got.body
    version, _, given = got.headers["webhook-signature"].partition(",")
    return version == "v1" and hmac.compare_digest(base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode(), given)


async def test_a_delivery_is_signed_so_that_a_receiver_can_verify_it_by_hand(webhooks, clock):
    async with receiving() as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", f"{receiver.url}/in?x=1", ["TicketOpened"], SEEN)
        assert await webhooks.tell(told(clock, body='{"客户":1}'.encode())) == 1
        await all_sent(webhooks, webhook)
    (got,) = receiver.got
    assert (got.method, got.path, got.body.decode()) == ("POST", "/in?x=1", '{"客户":1}')
    assert verified(webhook.secret, got) and got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert not verified((await webhooks.update(CHIEF, webhook.webhook_id, "", "", [], SEEN, None, True)).secret, got)
    assert await states(webhooks, webhook) == [(DeliveryState.DELIVERED, 1)]


async def test_the_same_event_again_is_the_same_delivery(webhooks, clock):
    async with receiving() as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, [], SEEN)
        assert [await webhooks.tell(told(clock)) for _ in range(3)] == [1, 0, 0]
        await all_sent(webhooks, webhook)
    assert len(receiver.got) == 1


async def test_only_what_is_asked_for_and_happened_since_is_sent(webhooks, clock):
    async with receiving() as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, ["TicketAssigned"], SEEN)
        assert await webhooks.tell(told(clock, 1)) == 0
        assert await webhooks.tell(told(clock, 2, ASSIGNED, at=clock.at - timedelta(seconds=1))) == 0
        assert await webhooks.tell(replace(told(clock, 3, ASSIGNED), tenant="t2")) == 0
        assert await webhooks.tell(told(clock, 4, ASSIGNED)) == 1
        await webhooks.update(CHIEF, webhook.webhook_id, "", "", [], SEEN, HookState.PAUSED, False)
        assert await webhooks.tell(told(clock, 5, ASSIGNED)) == 0


async def test_what_is_refused_is_tried_again_under_the_same_id_until_it_is_taken(webhooks, clock):
    answers = [(500, b"no"), (302, b""), (429, b""), (200, b"")]

    async def answer(request):
        return answers.pop(0)

    async with receiving(answer) as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, [], SEEN)
        await webhooks.tell(told(clock))
        await all_sent(webhooks, webhook)
        assert len(receiver.got) == 1  # not before its time
        for wait in BACKOFF[:3]:
            clock.move(wait)
            await all_sent(webhooks, webhook)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1 and len(receiver.got) == 4
    assert all(verified(webhook.secret, got) for got in receiver.got)
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 4
    assert await states(webhooks, webhook) == [(DeliveryState.DELIVERED, 4)]
    assert (await webhooks.hooks.get("t1", webhook.webhook_id)).failing_since is None


async def test_what_nobody_takes_is_dead_after_a_day_and_a_replay_sends_it(webhooks, clock):
    webhook = await webhooks.create(CHIEF, "CRM", "http://127.0.0.1:1/", [], SEEN)  # nobody listens there
    await webhooks.tell(told(clock))
    began = clock.at
    for wait in (timedelta(0), *BACKOFF):
        clock.move(wait)
        await all_sent(webhooks, webhook)
    assert timedelta(hours=23) < clock.at - began < timedelta(hours=24)
    ((delivery,), _) = await webhooks.hooks.page(webhook.webhook_id, DeliveryState.DEAD, 10, "")
    assert delivery.attempts == len(BACKOFF) + 1 and "ConnectError" in delivery.last_error
    async with receiving() as receiver:
        await webhooks.update(CHIEF, webhook.webhook_id, "", receiver.url, [], SEEN, None, False)
        assert await webhooks.replay(CHIEF, webhook.webhook_id, delivery.delivery_id, None) == 1
        await all_sent(webhooks, webhook)
    assert [got.headers["webhook-id"] for got in receiver.got] == [delivery.delivery_id]


async def test_all_since_a_time_can_be_replayed_and_each_has_its_own_id_again(webhooks, clock):
    async with receiving() as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, [], SEEN)
        for number in range(5):
            await webhooks.tell(told(clock, number, about=f"T{number}"))
            clock.move(timedelta(minutes=1))
        await all_sent(webhooks, webhook)
        assert await webhooks.replay(CHIEF, webhook.webhook_id, "", clock.at - timedelta(minutes=3)) == 3
        await all_sent(webhooks, webhook)
        ids = [got.headers["webhook-id"] for got in receiver.got]
        assert len(ids) == 8 and len(set(ids)) == 5 and ids[5:] == ids[2:5]
        with pytest.raises(NotFound):
            await webhooks.replay(CHIEF, webhook.webhook_id, new_id(), None)
        for given in (("", None), (new_id(), clock.at)):
            with pytest.raises(InvalidInput):
                await webhooks.replay(CHIEF, webhook.webhook_id, *given)
        await webhooks.update(CHIEF, webhook.webhook_id, "", "", [], SEEN, HookState.PAUSED, False)
        with pytest.raises(NotAllowedNow):
            await webhooks.replay(CHIEF, webhook.webhook_id, "", clock.at)


async def test_events_about_one_ticket_come_in_order_although_the_first_is_refused_once(webhooks, clock):
    refuse = [True]

    async def answer(request):
        return (500, b"") if refuse[0] and b'"n":1' in request.body else (200, b"")

    async with receiving(answer) as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, [], SEEN)
        for number, about in ((1, "T1"), (2, "T1"), (3, "T2")):
            await webhooks.tell(told(clock, number, about=about, at=clock.at + timedelta(milliseconds=number), body=b'{"n":%d}' % number))
        await all_sent(webhooks, webhook)
        assert [got.body for got in receiver.got] == [b'{"n":1}', b'{"n":3}']
        refuse[0] = False
        clock.move(BACKOFF[0])
        await all_sent(webhooks, webhook)
        clock.move(timedelta(seconds=1))
        await all_sent(webhooks, webhook)
    assert [got.body for got in receiver.got] == [b'{"n":1}', b'{"n":3}', b'{"n":1}', b'{"n":2}']


async def test_an_endpoint_that_fails_for_days_is_disabled_which_is_told_and_can_be_switched_on_again(webhooks, clock, events):
    async with receiving(refusing) as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, [], SEEN)
        await webhooks.tell(told(clock, 1, about="T1"))
        await all_sent(webhooks, webhook)
        clock.move(DISABLE_AFTER)
        await webhooks.tell(told(clock, 2, about="T2"))
        await all_sent(webhooks, webhook)
        after = await webhooks.hooks.get("t1", webhook.webhook_id)
        assert after.state is HookState.DISABLED and "500" in after.reason
        message = await events.js.get_msg("routing", 1)
        assert WebhookDisabled.FromString(message.data).webhook_id == webhook.webhook_id and message.subject.endswith("WebhookDisabled.t1")
        tries = len(receiver.got)
        assert await webhooks.tell(told(clock, 3, about="T3")) == 1  # kept for the day it is mended
        await all_sent(webhooks, webhook)
        assert len(receiver.got) == tries
    async with receiving() as mended:
        await webhooks.update(CHIEF, webhook.webhook_id, "", mended.url, [], SEEN, HookState.ACTIVE, False)
        clock.move(timedelta(hours=1))
        await all_sent(webhooks, webhook)
    assert len(mended.got) == 3


async def test_an_endpoint_that_says_it_is_gone_is_not_called_again(webhooks, clock):
    async def gone(request):
        return 410, b""

    async with receiving(gone) as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, [], SEEN)
        for number in range(3):
            await webhooks.tell(told(clock, number, about=str(number)))
        await all_sent(webhooks, webhook)
        assert len(receiver.got) == 1
    assert (await webhooks.hooks.get("t1", webhook.webhook_id)).state is HookState.DISABLED


async def test_a_worker_that_died_while_sending_leaves_the_delivery_to_the_next(webhooks, clock, monkeypatch):
    async with receiving() as receiver:
        webhook = await webhooks.create(CHIEF, "CRM", receiver.url, [], SEEN)
        await webhooks.tell(told(clock))

        async def die(*args):
            raise KeyboardInterrupt  # kill -9 after sending, before it was noted

        with monkeypatch.context() as patch:
            patch.setattr(MongoHooks, "settle", die)
            with pytest.raises(KeyboardInterrupt):
                await webhooks.send_next(webhook)
        await all_sent(webhooks, webhook)
        assert len(receiver.got) == 1  # it is still the dead one's
        clock.move(LEASE)
        await all_sent(webhooks, webhook)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1 and len(receiver.got) == 2
    assert await states(webhooks, webhook) == [(DeliveryState.DELIVERED, 1)]


@asynccontextmanager
async def running(webhooks):
    life = Life()
    task = life.spawn(run_webhooks(webhooks), "webhooks")
    try:
        yield
    finally:
        await cancelled(task)


async def test_a_slow_endpoint_does_not_hold_up_another(db, events, webhooks):
    real = replace(webhooks, now=lambda: datetime.now(UTC))

    async def slow(request):
        await asyncio.sleep(30)
        return 200, b""

    async with receiving(slow) as one, receiving() as other:
        behind = await real.create(CHIEF, "slow", one.url, [], SEEN)
        await real.create(CHIEF, "fast", other.url, [], SEEN)
        for number in range(40):
            await real.tell(Told(f"e{number}", OPENED, "t1", f"T{number}", real.at(), b"{}"))
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with running(real):
            await eventually(lambda: _count(other, 40), within_s=10)
            assert loop.time() - began < 5
            await eventually(lambda: _count(one, 4), within_s=5)
        assert (await real.hooks.page(behind.webhook_id, DeliveryState.DELIVERED, 10, ""))[0] == []


async def _all_acked(events):
    infos = [info for stream in ("routing", "ingestion") for info in await events.js.consumers_info(stream)]
    return all(info.num_pending == 0 and info.num_ack_pending == 0 for info in infos)


async def _count(receiver, number):
    return len(receiver.got) >= number


async def test_what_waited_for_an_endpoint_that_was_down_is_sent_when_it_is_back(webhooks, clock):
    async with receiving() as receiver:
        port = receiver.port
    webhook = await webhooks.create(CHIEF, "CRM", f"http://127.0.0.1:{port}/", [], SEEN)
    for number in range(3):
        await webhooks.tell(told(clock, number, about=f"T{number}"))
    await all_sent(webhooks, webhook)
    assert await states(webhooks, webhook) == [(DeliveryState.PENDING, 1)] * 3
    async with receiving(port=port) as back, running(webhooks):
        clock.move(BACKOFF[0])
        await eventually(lambda: _count(back, 3))
    assert len({got.headers["webhook-id"] for got in back.got}) == 3


async def test_events_go_from_the_stream_to_the_receiver_once_each_also_when_delivered_twice(webhooks, events):
    real = replace(webhooks, now=lambda: datetime.now(UTC))
    async with receiving() as receiver:
        webhook = await real.create(CHIEF, "CRM", receiver.url, [], may_be_told([], everything=True))
        life = Life()
        for stream in ("routing", "ingestion"):
            await ensure_stream(events, stream)
        async with (
            consuming(events, life, "webhooks", TicketOpened, OnEvent(real)), consuming(events, life, "webhooks", TicketAssigned, OnEvent(real)),
            consuming(events, life, "webhooks", FeedbackReceived, OnEvent(real)), running(real),
        ):
            ticket = pb.Ticket(ticket_id="T1", title="宽带断了", state=pb.TICKET_STATE_OPEN)
            for event, key in ((TicketOpened(ticket=ticket), "T1-1"), (TicketOpened(ticket=ticket), "T1-1"), (TicketAssigned(ticket=ticket), "T1-2"),
                               (FeedbackReceived(feedback=Feedback(feedback_id="F1", comment="我的电话13800138000")), "F1")):
                await events.publish(wrap(event, tenant="t1", key=key, at=datetime.now(UTC)))
            await eventually(lambda: _count(receiver, 3))
            await eventually(lambda: _all_acked(events))
    assert len(await states(real, webhook)) == 3
    bodies = [orjson.loads(got.body) for got in receiver.got]
    assert sorted(body["type"].rpartition(".")[2] for body in bodies) == ["FeedbackReceived", "TicketAssigned", "TicketOpened"]
    said = next(body for body in bodies if body["type"].endswith("Opened"))
    assert (said["subject"], said["data"]["ticket"]["title"], said["data"]["ticket"]["state"]) == ("T1", "宽带断了", "open")
    assert "13800138000" not in str(bodies)  # nobody has masked what customers write in surveys
    assert all(verified(webhook.secret, got) for got in receiver.got)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://crm.example/hook", True), ("http://crm.example/hook", False), ("ftp://x/", False), ("https://", False), ("https://u:p@x/", False),
        ("https://x/#f", False), ("https://x:0/", False), ("https://x:99999/", False), ("https://x/" + "a" * 2000, False), ("https://x/\r\nHost: y", False),
    ],
)
def test_what_a_url_may_be(url, allowed):
    if allowed:
        check_url(url, http_allowed=False)
    else:
        with pytest.raises(InvalidInput) as refused:
            check_url(url, http_allowed=False)
        assert refused.value.field == "url"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False), ("172.16.0.1", False),
        ("169.254.169.254", False), ("0.0.0.0", False), ("100.64.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:a00:1::", False), ("nonsense", False),
    ],
)
def test_which_addresses_are_on_the_internet(address, public):
    assert is_public(address) is public


async def test_a_name_that_leads_inside_is_refused_when_it_is_made_and_each_time_it_is_called(webhooks, clock):
    where = ["8.8.8.8"]

    async def resolve(host, port):
        return where

    async with receiving() as receiver, httpx.AsyncClient(trust_env=False) as client:
        guarded = replace(webhooks, sender=HttpxSender(client, within_s=1.0, resolve=resolve))
        webhook = await guarded.create(CHIEF, "CRM", f"http://rebinding.example:{receiver.port}/", [], SEEN)
        where[:] = ["127.0.0.1"]  # the name answers otherwise the second time
        with pytest.raises(InvalidInput) as refused:
            await guarded.create(CHIEF, "CRM", f"http://rebinding.example:{receiver.port}/", [], SEEN)
        assert refused.value.field == "url"
        await guarded.tell(told(clock))
        await all_sent(guarded, webhook)
        ((delivery,), _) = await guarded.hooks.page(webhook.webhook_id, None, 10, "")
        assert "not an address on the internet" in delivery.last_error and receiver.got == []
        where[:] = ["8.8.8.8", "10.0.0.1"]  # one inside is enough
        with pytest.raises(InvalidInput):
            await guarded.create(CHIEF, "CRM", f"http://rebinding.example:{receiver.port}/", [], SEEN)


async def test_nobody_subscribes_to_what_he_may_not_see(webhooks):
    assert "mingjian.asr.v1.TurnTranscribed" not in may_be_told([], everything=True)
    assert may_be_told(["tickets:read"]) and all(name.startswith("mingjian.routing.") for name in may_be_told(["tickets:read"]))
    assert len(may_be_told([], everything=True)) == len(event_classes()) > 20
    with pytest.raises(InvalidInput) as refused:
        await webhooks.create(CHIEF, "x", "http://127.0.0.1:9/", ["InteractionScored"], may_be_told(["tickets:read"]))
    assert refused.value.field == "event_types"


def test_the_waits_grow_and_end():
    now = datetime(2026, 11, 2, tzinfo=UTC)
    waits = [next_attempt(n, now) for n in range(1, len(BACKOFF) + 2)]
    assert waits[-1] is None and waits[:-1] == sorted(waits[:-1]) and MAX_REPLAY == 10_000


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"webhook_id": "w", "due_at": {"$lte": datetime(2026, 11, 2, tzinfo=UTC)}}, "webhook_id_due_at"),
        ({"webhook_id": "w", "order": {"$gte": "0", "$lt": "~"}}, "webhook_id_order"),
        ({"webhook_id": "w", "state": "dead", "order": {"$gte": "0", "$lt": "~"}}, "webhook_id_state_order"),
        ({"webhook_id": "w", "about": "T", "state": "pending", "order": {"$lt": "1"}}, "webhook_id_about_state_order"),
    ],
)
async def test_every_look_at_deliveries_is_a_range_of_one_index(webhooks, db, query, index):
    plan = await db["webhook_deliveries"].find(query).limit(10).explain()
    assert f"'{index}'" in str(plan["queryPlanner"]["winningPlan"]) and "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
