"""JetStream as this platform uses it: typed events, one durable consumer per service and event, dead letters.

Subject = the event's full proto name + tenant. Stream = the publishing service. See README for the promises kept.
"""

from chassis.messaging.connection import Events, connect, connected, ensure_stream
from chassis.messaging.consumer import Delivery, Handler, consuming
from chassis.messaging.envelope import Envelope, subject_of, wrap

__all__ = ["Delivery", "Envelope", "Events", "Handler", "connect", "connected", "consuming", "ensure_stream", "subject_of", "wrap"]
