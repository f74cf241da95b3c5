import asyncio
from datetime import UTC, datetime

import httpx
from chassis.ids import derived_id, new_id
from chassis.lifecycle import Life, cancelled
from chassis.messaging import ensure_stream
from chassis.mongo import database
from http_receiver import receiving
from routing.adapters.asyncio_webhooks import run_webhooks
from routing.adapters.httpx_webhooks import HttpxSender
from routing.adapters.mongo_webhooks import MongoHooks
from routing.app import Who
from routing.app_webhooks import Told, Webhooks
from testkit.processes import free_port, mongo_server
from testkit.waiting import eventually

OPENED = "mingjian.routing.v1.TicketOpened"


def webhooks_on(db, events, client):
    sender = HttpxSender(client, inside_allowed=True, within_s=1.0)
    return Webhooks(MongoHooks(db, events), sender, lambda: datetime.now(UTC), new_id, derived_id, http_allowed=True)


async def test_what_was_stored_is_sent_after_the_database_was_killed_and_came_back(tmp_path, events):
    await ensure_stream(events, "routing")
    port, storage = free_port(), str(tmp_path / "files")
    async with receiving() as receiver, httpx.AsyncClient(trust_env=False) as client:
        with mongo_server(tmp_path / "one", port=port, storage=storage) as uri:
            async with database(uri, "routing") as db:
                first = webhooks_on(db, events, client)
                await first.hooks.prepare()
                await first.create(Who("t1", "chief"), "CRM", receiver.url, [], [OPENED])
                for number in range(3):
                    await first.tell(Told(f"e{number}", OPENED, "t1", f"T{number}", first.at(), b"{}"))
        async with database(uri, "routing") as db:  # nothing answers there: the loop starts and waits
            life = Life()
            task = life.spawn(run_webhooks(webhooks_on(db, events, client)), "webhooks")
            try:
                await asyncio.sleep(0)
                with mongo_server(tmp_path / "two", port=port, storage=storage):
                    await eventually(lambda: _all_three(receiver), within_s=30)
                    assert not task.done()
            finally:
                await cancelled(task)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 3


async def _all_three(receiver):
    return len(receiver.got) >= 3
