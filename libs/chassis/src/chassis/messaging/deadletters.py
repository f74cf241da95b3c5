"""What could not be handled: listed with its reason, and sent again when the cause is mended."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import nats.errors
import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from chassis.messaging.connection import DEAD_LETTERS, Events, ensure_dead_letters
from chassis.messaging.envelope import Envelope


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`sequence` names it in the dead-letter stream."""

    sequence: int
    consumer: str
    subject: str
    event_id: str
    reason: str
    headers: dict[str, str]
    data: bytes


async def dead_letters(events: Events, *, limit: int = 1000) -> AsyncIterator[DeadLetter]:
    """The dead letters, oldest first, at most `limit`; they stay where they are."""
    await ensure_dead_letters(events)
    subscription = await events.js.pull_subscribe(
        f"mingjian.{DEAD_LETTERS}.>", stream=DEAD_LETTERS,
        config=ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, inactive_threshold=60),
    )
    try:
        seen = 0
        while seen < limit:
            try:
                messages = await subscription.fetch(min(100, limit - seen), timeout=0.5)
            except nats.errors.TimeoutError:
                return
            for message in messages:
                seen += 1
                headers = dict(message.headers or {})
                yield DeadLetter(
                    message.metadata.sequence.stream, headers.get("mingjian-for", ""), headers.get("mingjian-subject", ""),
                    headers.get("ce-id", ""), headers.get("mingjian-reason", ""), headers, message.data,
                )
    finally:
        await subscription.unsubscribe()


async def replay(events: Events, letter: DeadLetter) -> None:
    """Send it again, to the one consumer that could not handle it, and take it off the dead letters."""
    headers = {k: v for k, v in letter.headers.items() if k not in ("mingjian-subject", "mingjian-reason")}
    headers["Nats-Msg-Id"] = f"{letter.event_id}-replay-{letter.sequence}"
    await events.publish(Envelope(letter.subject, headers, letter.data))
    try:
        await events.js.delete_msg(DEAD_LETTERS, letter.sequence)
    except nats.js.errors.NotFoundError:
        return  # somebody else took it off
