"""The loop that sends deliveries: each endpoint has its own few senders, so that a slow one holds up nobody else."""

import asyncio
import logging

from chassis.errors import NotFound, Stale
from chassis.transient import is_transient

from routing.app_webhooks import Webhooks
from routing.domain.webhooks import Webhook

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.2
_PAUSE_S = 2.0
_ENDPOINTS = 200  # sent to at once by this process
_PER_ENDPOINT = 4
_TURN = 200  # deliveries before the subscription is read again


async def run_webhooks(webhooks: Webhooks) -> None:
    """Runs as long as the process; give it to Life.spawn. A database that is away is waited for, anything else ends it."""
    busy: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            for webhook_id, task in list(busy.items()):
                if task.done():
                    del busy[webhook_id]
                    task.result()
            try:
                for webhook in await webhooks.hooks.due_hooks(webhooks.at(), _ENDPOINTS):
                    if webhook.webhook_id not in busy and len(busy) < _ENDPOINTS:
                        busy[webhook.webhook_id] = asyncio.create_task(_endpoint(webhooks, webhook), name=f"webhook-{webhook.webhook_id}")
            except Exception as failure:
                if not is_transient(failure):
                    raise
                log.warning("webhooks wait: %s", type(failure).__name__)
                await asyncio.sleep(_PAUSE_S)
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        for task in busy.values():
            task.cancel()
        await asyncio.gather(*busy.values(), return_exceptions=True)


async def _endpoint(webhooks: Webhooks, webhook: Webhook) -> None:
    async def sender() -> None:
        for _ in range(_TURN // _PER_ENDPOINT):
            try:
                if not await webhooks.send_next(webhook):
                    return
            except (Stale, NotFound):
                return  # the subscription was changed or deleted meanwhile; what is due is looked at anew

    try:
        async with asyncio.TaskGroup() as senders:
            for _ in range(_PER_ENDPOINT):
                senders.create_task(sender())
        await webhooks.hooks.wake(webhook.webhook_id)
    except* Exception as group:
        for failure in group.exceptions:
            if not is_transient(failure):
                raise
        log.warning("a webhook waits: %s", type(group.exceptions[0]).__name__)
        await asyncio.sleep(_PAUSE_S)
