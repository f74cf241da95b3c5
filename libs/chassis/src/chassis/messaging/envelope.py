"""An event ready to be sent: CloudEvents headers, an id derived from what it says, and where it belongs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from opentelemetry.trace import get_current_span

from chassis.ids import derived_id
from chassis.telemetry import TRACES


def type_of(event: Message | type[Message]) -> str:
    """The event's full proto name, for example "mingjian.nlp.v1.InteractionScored"."""
    return str(event.DESCRIPTOR.full_name)


def subject_of(event: type[Message], tenant: str = "*") -> str:
    """Grep one, find the other: the subject is the event's full proto name and the tenant."""
    return f"{type_of(event)}.{tenant}"


def stream_of(event_type: str) -> str:
    """The stream is named after the publishing service: mingjian.<service>.v1.<Event>."""
    return event_type.split(".", 2)[1]


@dataclass(frozen=True, slots=True)
class Envelope:
    """`headers` are complete: sending an envelope again sends the same bytes, and JetStream drops the second."""

    subject: str
    headers: dict[str, str]
    data: bytes

    @property
    def id(self) -> str:
        return self.headers["ce-id"]

    def to_document(self) -> dict[str, Any]:
        return {"id": self.id, "subject": self.subject, "headers": self.headers, "data": self.data}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Envelope":
        return cls(document["subject"], document["headers"], bytes(document["data"]))


def wrap(event: Message, *, tenant: str, key: str, about: str = "", at: datetime | None = None) -> Envelope:
    """Wrap an event. `key` is unique among this tenant's events of the type; `about` is the id of its subject, `key` where empty.

    The trace that is current now goes with it, so that whoever handles it later continues the same trace.
    """
    event_type = type_of(event)
    event_id = derived_id(event_type, tenant, key)
    headers = {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": event_type,
        "ce-source": f"/mingjian/{stream_of(event_type)}",
        "ce-subject": about or key,
        "ce-time": (at or datetime.now(UTC)).isoformat(),
        "content-type": "application/protobuf",
    }
    current = get_current_span().get_span_context()
    if current.trace_state:
        TRACES.inject(headers)
    elif current.is_valid:
        headers["traceparent"] = f"00-{current.trace_id:032x}-{current.span_id:016x}-{current.trace_flags:02x}"
    return Envelope(f"{event_type}.{tenant}", headers, event.SerializeToString())
