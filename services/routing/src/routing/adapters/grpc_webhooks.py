"""WebhookService on the wire: unpack, call the app, pack."""

from datetime import UTC, datetime
from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from chassis.ids import is_id
from chassis.mongo import page_size
from mingjian.routing.v1 import webhook_service_pb2 as pb
from mingjian.routing.v1 import webhook_service_pb2_grpc as pb_grpc

from routing.adapters.grpc_server import who
from routing.adapters.nats_webhooks import may_be_told
from routing.app_webhooks import Webhooks
from routing.domain.webhooks import Delivery, DeliveryState, HookState, Webhook, short

NAME = "mingjian.routing.v1.WebhookService"
Context = grpc.aio.ServicerContext[Any, Any]

_STATES = {
    HookState.ACTIVE: pb.WEBHOOK_STATE_ACTIVE, HookState.PAUSED: pb.WEBHOOK_STATE_PAUSED, HookState.DISABLED: pb.WEBHOOK_STATE_DISABLED,
}
_STATE_OF = {wire: state for state, wire in _STATES.items()}
_DELIVERY_STATES = {
    DeliveryState.PENDING: pb.DELIVERY_STATE_PENDING, DeliveryState.DELIVERED: pb.DELIVERY_STATE_DELIVERED, DeliveryState.DEAD: pb.DELIVERY_STATE_DEAD,
}
_DELIVERY_STATE_OF = {wire: state for state, wire in _DELIVERY_STATES.items()}


class WebhookServicer(pb_grpc.WebhookServiceServicer):
    """Nobody subscribes to events that he may not see."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Context) -> pb.CreateWebhookResponse:
        made = await self._webhooks.create(who(), request.name, request.url, list(request.event_types), _may_see())
        return pb.CreateWebhookResponse(webhook=_webhook(made), secret=made.secret)

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Context) -> pb.ListWebhooksResponse:
        return pb.ListWebhooksResponse(webhooks=[_webhook(one) for one in await self._webhooks.hooks.of_tenant(caller().tenant)])

    async def GetWebhook(self, request: pb.GetWebhookRequest, context: Context) -> pb.GetWebhookResponse:
        return pb.GetWebhookResponse(webhook=_webhook(await self._webhooks.hooks.get(caller().tenant, _id(request.webhook_id))))

    async def UpdateWebhook(self, request: pb.UpdateWebhookRequest, context: Context) -> pb.UpdateWebhookResponse:
        after = await self._webhooks.update(
            who(), _id(request.webhook_id), request.name, request.url, list(request.event_types), _may_see(), _STATE_OF.get(request.state),
            request.new_secret,
        )
        return pb.UpdateWebhookResponse(webhook=_webhook(after), secret=after.secret if request.new_secret else "")

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Context) -> pb.DeleteWebhookResponse:
        await self._webhooks.hooks.delete(caller().tenant, _id(request.webhook_id))
        return pb.DeleteWebhookResponse()

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Context) -> pb.ListDeliveriesResponse:
        webhook = await self._webhooks.hooks.get(caller().tenant, _id(request.webhook_id))
        found, token = await self._webhooks.hooks.page(
            webhook.webhook_id, _DELIVERY_STATE_OF.get(request.state), page_size(request.page_size), request.page_token
        )
        return pb.ListDeliveriesResponse(deliveries=[_delivery(one) for one in found], next_page_token=token)

    async def ReplayDeliveries(self, request: pb.ReplayDeliveriesRequest, context: Context) -> pb.ReplayDeliveriesResponse:
        if request.delivery_id:
            _id(request.delivery_id, "delivery_id")
        since = request.since.ToDatetime(tzinfo=UTC) if request.HasField("since") else None
        return pb.ReplayDeliveriesResponse(replayed=await self._webhooks.replay(who(), _id(request.webhook_id), request.delivery_id, since))


def _may_see() -> list[str]:
    identity = caller()
    return may_be_told(identity.permissions, everything=identity.is_service)


def _id(value: str, field: str = "webhook_id") -> str:
    if not is_id(value):
        raise InvalidInput(field, "must be a UUID in lower case")
    return value


def _webhook(webhook: Webhook) -> pb.Webhook:
    wire = pb.Webhook(
        webhook_id=webhook.webhook_id, name=webhook.name, url=webhook.url, event_types=[short(name) for name in webhook.event_types],
        state=_STATES[webhook.state], reason=webhook.reason, created_by=webhook.created_by,
    )
    _set(wire.created_at, webhook.created_at)
    if webhook.failing_since is not None:
        _set(wire.failing_since, webhook.failing_since)
    return wire


def _delivery(delivery: Delivery) -> pb.Delivery:
    wire = pb.Delivery(
        delivery_id=delivery.delivery_id, event_type=short(delivery.event_type), about=delivery.about, state=_DELIVERY_STATES[delivery.state],
        attempts=delivery.attempts, last_status=delivery.last_status, last_error=delivery.last_error,
    )
    _set(wire.at, delivery.at)
    if delivery.next_at is not None:
        _set(wire.next_at, delivery.next_at)
    if delivery.delivered_at is not None:
        _set(wire.delivered_at, delivery.delivered_at)
    return wire


def _set(field: Any, moment: datetime) -> None:
    field.FromDatetime(moment)
