"""Every event of the platform that others may see, on its way to whoever subscribed to it."""

from collections.abc import Iterable
from typing import Any

import orjson
from chassis.json_writer import to_json
from chassis.messaging import Delivery
from google.protobuf import message_factory
from google.protobuf.message import Message
from mingjian.asr.v1 import events_pb2 as asr
from mingjian.ingestion.v1 import events_pb2 as ingestion
from mingjian.knowledge.v1 import events_pb2 as knowledge
from mingjian.nlp.v1 import events_pb2 as nlp
from mingjian.reporting.v1 import events_pb2 as reporting
from mingjian.routing.v1 import events_pb2 as routing

from routing.app_webhooks import Told, Webhooks

# The permission that seeing a service's events takes, as at the platform's edge.
_PERMISSIONS = {
    ingestion: "interactions:read", asr: "interactions:read", nlp: "evaluations:read", routing: "tickets:read", knowledge: "knowledge:read",
    reporting: "kpis:read",
}
_WITHIN = {"mingjian.asr.v1.TurnTranscribed"}  # words nobody has masked
_UNMASKED = {"mingjian.ingestion.v1.FeedbackReceived": ("feedback", "comment")}
_ABOUT = (
    ("ticket", "ticket_id"), ("interaction", "interaction_id"), ("promise", "promise_id"), ("appeal", "appeal_id"), ("article", "article_id"),
    ("feedback", "feedback_id"),
)


def event_classes() -> dict[type[Message], str]:
    """Every event that may be told outside, and the permission it takes."""
    return {
        message_factory.GetMessageClass(described): permission
        for module, permission in _PERMISSIONS.items()
        for described in module.DESCRIPTOR.message_types_by_name.values()
        if described.full_name not in _WITHIN
    }


def may_be_told(permissions: Iterable[str], *, everything: bool = False) -> list[str]:
    """Full names of the events that somebody with these permissions may be told of."""
    held = set(permissions)
    return sorted(str(event.DESCRIPTOR.full_name) for event, needed in event_classes().items() if everything or needed in held)


class OnEvent:
    """Keeps a delivery for each subscriber before the event is acknowledged."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def __call__(self, delivery: Delivery[Any]) -> None:
        await self._webhooks.tell(told_of(delivery))


def told_of(delivery: Delivery[Any]) -> Told:
    """The event as a CloudEvent in JSON."""
    event_type, about = str(delivery.event.DESCRIPTOR.full_name), _about(delivery.event) or delivery.id
    said = to_json(delivery.event)
    if path := _UNMASKED.get(event_type):
        said.get(path[0], {}).pop(path[1], None)
    body = orjson.dumps({
        "specversion": "1.0", "id": delivery.id, "type": event_type, "source": f"/mingjian/{event_type.split('.', 2)[1]}", "subject": about,
        "time": delivery.at.isoformat(), "datacontenttype": "application/json", "data": said,
    })
    return Told(delivery.id, event_type, delivery.tenant, about, delivery.at, body)


def _about(event: Any) -> str:
    fields = event.DESCRIPTOR.fields_by_name
    for noun, name in _ABOUT:
        if noun in fields and fields[noun].message_type is not None and event.HasField(noun):
            found = str(getattr(getattr(event, noun), name, ""))
            if found:
                return found
    return next((str(getattr(event, name)) for name in ("interaction_id", "webhook_id") if name in fields), "")
