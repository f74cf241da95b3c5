"""What a live alert costs at least: 10,000 phrases matched in each turn and an alert told, and nothing else. `mingjian bench live` runs it."""

import random

from chassis.ids import derived_id
from chassis.messaging import Delivery, Events, consuming, wrap
from chassis.service import running, start
from chassis.settings import ServiceSettings
from daachorse import CharwiseDoubleArrayAhoCorasick
from mingjian.asr.v1.events_pb2 import TurnTranscribed
from mingjian.nlp.v1.events_pb2 import AlertRaised
from mingjian.nlp.v1.nlp_service_pb2 import Alert

PHRASES = 10_000
SOUGHT = ("投诉", "个人问题", "骗子")
_CHARACTERS = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"


class _Match:
    """Tells an alert for every turn in which a phrase is."""

    def __init__(self, events: Events) -> None:
        draw = random.Random(1)
        made = {"".join(draw.choices(_CHARACTERS, k=draw.randint(3, 6))) for _ in range(2 * PHRASES)}
        self._phrases = [*SOUGHT, *sorted(made)[: PHRASES - len(SOUGHT)]]
        self._automaton = CharwiseDoubleArrayAhoCorasick(self._phrases)
        self._events = events

    async def __call__(self, delivery: Delivery[TurnTranscribed]) -> None:
        event = delivery.event
        found = [self._phrases[number] for _, _, number in self._automaton.find_overlapping(event.turn.text)]
        if any(phrase in SOUGHT for phrase in found):
            about = event.interaction.interaction_id
            alert_id = derived_id("alert", delivery.tenant, about, event.turn.turn_id)
            alert = Alert(alert_id=alert_id, kind=found[0], at_ms=event.turn.start_ms, turn_id=event.turn.turn_id, text=event.turn.text)
            await self._events.publish(wrap(AlertRaised(interaction=event.interaction, alert=alert), tenant=delivery.tenant, key=alert_id, about=about))


async def _serve(settings: ServiceSettings) -> None:
    async with running("nlp", settings) as r, consuming(r.events, r.life, "nlp", TurnTranscribed, _Match(r.events), concurrency=64):
        await r.life.until_stopped()


if __name__ == "__main__":
    start(ServiceSettings, _serve)
