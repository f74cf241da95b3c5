"""Subscriptions and deliveries in MongoDB: what was told is stored before it is acknowledged, and stays until it is sent."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.errors import InvalidInput, NotFound, Stale
from chassis.messaging import Events, wrap
from chassis.mongo import (
    LAST,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    Outbox,
    decode_page_token,
    encode_page_token,
    newest_first,
)
from mingjian.routing.v1.events_pb2 import WebhookDisabled

from routing.domain.webhooks import Delivery, DeliveryState, HookState, Webhook

_DIGITS = 15
_KEPT = timedelta(days=7)
_DEAD_KEPT = timedelta(days=30)


class MongoHooks:
    """The collections `webhooks` and `webhook_deliveries`.

    `wake_at` on a subscription says when its next delivery is due, so that what waits for a broken endpoint costs the others nothing;
    `due_at` on a delivery that is pending says when it is tried, `order` is the event's moment and the delivery.
    """

    def __init__(self, db: Database, events: Events) -> None:
        self._hooks, self._deliveries = db["webhooks"], db["webhook_deliveries"]
        self.outbox = Outbox(self._hooks, events)

    async def prepare(self) -> None:
        await self._hooks.create_indexes([
            IndexModel([("tenant", 1), ("created_at", 1)], name="tenant_created_at"), IndexModel([("wake_at", 1)], sparse=True, name="wake_at"),
        ])
        await self._deliveries.create_indexes([
            IndexModel([("webhook_id", 1), ("order", 1)], name="webhook_id_order"),
            IndexModel([("webhook_id", 1), ("state", 1), ("order", 1)], name="webhook_id_state_order"),
            IndexModel([("webhook_id", 1), ("due_at", 1)], name="webhook_id_due_at"),
            IndexModel([("webhook_id", 1), ("about", 1), ("state", 1), ("order", 1)], name="webhook_id_about_state_order"),
            IndexModel([("forget_at", 1)], sparse=True, expireAfterSeconds=0, name="forget_at"),
        ])
        await self.outbox.prepare()

    async def add(self, webhook: Webhook) -> None:
        await self._hooks.insert_one({"_id": webhook.webhook_id} | _hook_document(webhook))

    async def keep(self, webhook: Webhook) -> None:
        update: Document = {"$set": _hook_document(webhook)}
        told = []
        if webhook.state is HookState.DISABLED:
            event = WebhookDisabled(webhook_id=webhook.webhook_id, name=webhook.name, reason=webhook.reason)
            told = [wrap(event, tenant=webhook.tenant, key=f"{webhook.webhook_id}-{webhook.version}", about=webhook.webhook_id)]
            update |= Outbox.appended(told)
        changed = await self._hooks.update_one({"_id": webhook.webhook_id, "version": webhook.version - 1}, update)
        if not changed.matched_count:
            raise Stale(f"the webhook {webhook.webhook_id} has just been changed; look again")
        await self.outbox.flush(webhook.webhook_id, told)

    async def get(self, tenant: str, webhook_id: str) -> Webhook:
        found = await self._hooks.find_one({"_id": webhook_id})
        if found is None or found["tenant"] != tenant:
            raise NotFound(f"no webhook {webhook_id}")
        return _hook_in(found)

    async def of_tenant(self, tenant: str) -> Sequence[Webhook]:
        return [_hook_in(d) for d in await self._hooks.find({"tenant": tenant}).sort("created_at", 1).to_list(200)]

    async def delete(self, tenant: str, webhook_id: str) -> None:
        await self.get(tenant, webhook_id)
        await self._hooks.delete_one({"_id": webhook_id})
        await self._deliveries.delete_many({"webhook_id": webhook_id})

    async def store(self, delivery: Delivery) -> bool:
        document = _delivery_document(delivery) | {
            "_id": delivery.delivery_id, "body": delivery.body,
            "order": f"{round(delivery.at.timestamp() * 1000):0{_DIGITS}d}-{delivery.delivery_id}",
        }
        try:
            await self._deliveries.insert_one(document)
        except DuplicateKeyError:
            return False
        finally:  # also after a crash in between, when the event comes again
            await self._hooks.update_one({"_id": delivery.webhook_id}, {"$set": {"wake_at": delivery.next_at}, "$inc": {"wakes": 1}})
        return True

    async def page(self, webhook_id: str, state: DeliveryState | None, size: int, token: str) -> tuple[Sequence[Delivery], str]:
        key = decode_page_token(token)
        if key and (len(key) != 1 or not isinstance(key[0], str) or not key[0][:_DIGITS].isdecimal()):
            raise InvalidInput("page_token", "is not a token this list gave out")
        equal: Document = {"webhook_id": webhook_id} | ({"state": state.value} if state else {})
        found = await newest_first(self._deliveries, equal, size + 1, digits=_DIGITS, until=key[0] if key else LAST, projection={"body": 0})
        return [_delivery_in(d) for d in found[:size]], encode_page_token(found[size - 1]["order"]) if len(found) > size else ""

    async def due_hooks(self, now: datetime, limit: int) -> Sequence[Webhook]:
        found = self._hooks.find({"wake_at": {"$lte": now}}).sort("wake_at", 1).limit(limit)
        return [_hook_in(document) for document in await found.to_list(limit)]

    async def take(self, webhook_id: str, now: datetime, until: datetime) -> Delivery | None:
        for _ in range(20):
            found = await self._deliveries.find({"webhook_id": webhook_id, "due_at": {"$lte": now}}).sort("due_at", 1).limit(10).to_list(10)
            if not found:
                return None
            for document in sorted(found, key=lambda d: str(d["order"])):
                taken = await self._deliveries.update_one({"_id": document["_id"], "due_at": document["due_at"]}, {"$set": {"due_at": until}})
                if taken.modified_count:
                    return _delivery_in(document)
        return None

    async def earlier_pending(self, delivery: Delivery, fewer_attempts: int) -> bool:
        order = f"{round(delivery.at.timestamp() * 1000):0{_DIGITS}d}-{delivery.delivery_id}"
        equal = {"webhook_id": delivery.webhook_id, "about": delivery.about, "state": DeliveryState.PENDING.value}
        found = await self._deliveries.find(equal | {"order": {"$lt": order}}, {"attempts": 1}).sort("order", 1).limit(20).to_list(20)
        return any(document["attempts"] < fewer_attempts for document in found)

    async def settle(self, delivery: Delivery) -> None:
        document = _delivery_document(delivery)
        update: Document = {"$set": document}
        if delivery.next_at is None:
            kept = _DEAD_KEPT if delivery.state is DeliveryState.DEAD else _KEPT
            update = {"$set": document | {"forget_at": datetime.now(UTC) + kept}, "$unset": {"due_at": ""}}
        await self._deliveries.update_one({"_id": delivery.delivery_id}, update)

    async def wake(self, webhook_id: str) -> bool:
        hook = await self._hooks.find_one({"_id": webhook_id}, {"wakes": 1, "state": 1})
        if hook is None:
            return False
        first: list[Document] = []
        if hook["state"] == HookState.ACTIVE.value:
            first = await self._deliveries.find({"webhook_id": webhook_id, "due_at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}}, {"due_at": 1}) \
                .sort("due_at", 1).limit(1).to_list(1)
        update: Document = {"$set": {"wake_at": first[0]["due_at"]}} if first else {"$unset": {"wake_at": ""}}
        # A delivery that was stored meanwhile has counted up, and its own moment stands.
        await self._hooks.update_one({"_id": webhook_id, "wakes": hook.get("wakes", 0)} if "wakes" in hook else {"_id": webhook_id}, update)
        return bool(first)

    async def replay(self, webhook_id: str, delivery_id: str, since: datetime | None, now: datetime, limit: int) -> int:
        query: Document = {"webhook_id": webhook_id}
        if since is not None:
            query["order"] = {"$gte": f"{round(since.timestamp() * 1000):0{_DIGITS}d}"}
            found = self._deliveries.find(query, {"_id": 1}).sort("order", 1).limit(limit)
        else:
            found = self._deliveries.find({"_id": delivery_id, "webhook_id": webhook_id}, {"_id": 1}).limit(1)
        ids = [document["_id"] async for document in found]
        for begin in range(0, len(ids), 500):
            await self._deliveries.update_many(
                {"_id": {"$in": ids[begin : begin + 500]}},
                {"$set": {"state": DeliveryState.PENDING.value, "attempts": 0, "due_at": now, "next_at": now}, "$unset": {"forget_at": ""}},
            )
        return len(ids)


def _hook_document(webhook: Webhook) -> Document:
    document = asdict(webhook) | {"state": webhook.state.value, "event_types": list(webhook.event_types)}
    del document["webhook_id"]
    return document


def _hook_in(document: Document) -> Webhook:
    return Webhook(
        document["_id"], document["tenant"], document["name"], document["url"], tuple(document["event_types"]), document["secret"],
        HookState(document["state"]), document["created_by"], document["created_at"], document["reason"], document["failing_since"], document["version"],
    )


def _delivery_document(delivery: Delivery) -> Document:
    """Everything but what is written once."""
    fields: dict[str, Any] = {
        "webhook_id": delivery.webhook_id, "tenant": delivery.tenant, "event_type": delivery.event_type, "about": delivery.about, "at": delivery.at,
        "state": delivery.state.value, "attempts": delivery.attempts, "next_at": delivery.next_at, "last_status": delivery.last_status,
        "last_error": delivery.last_error, "delivered_at": delivery.delivered_at,
    }
    return fields | ({"due_at": delivery.next_at} if delivery.next_at else {})


def _delivery_in(document: Document) -> Delivery:
    return Delivery(
        document["_id"], document["webhook_id"], document["tenant"], document["event_type"], document["about"], document["at"], document.get("body", b""),
        DeliveryState(document["state"]), document["attempts"], document["next_at"], document["last_status"], document["last_error"],
        document["delivered_at"],
    )
