"""The event stream's rules: who may see which event, and the token that says how far a listener has come."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chassis.errors import InvalidInput

_TOKEN = re.compile(r"[a-z]{1,30}=\d{1,19}(?:,[a-z]{1,30}=\d{1,19}){0,31}")

# What seeing an event takes, by the service that publishes it, beside events:read.
_BY_SERVICE = {
    "ingestion": "interactions:read", "asr": "interactions:read", "nlp": "evaluations:read", "routing": "tickets:read",
    "knowledge": "knowledge:read", "reporting": "kpis:read",
}
# Nobody has masked what these say, and it is the whole of them: they stay within the platform. Alerts and hints tell of them.
_WITHIN = frozenset({"mingjian.asr.v1.TurnTranscribed"})
# Words in events that nobody has masked, shown to pii:read alone: paths within the event's JSON.
UNMASKED: dict[str, tuple[str, ...]] = {"mingjian.ingestion.v1.FeedbackReceived": ("feedback", "comment")}


def permission_for(event_type: str) -> str | None:
    """Permission needed to see events of a type such as "mingjian.nlp.v1.InteractionScored"; None where nobody may."""
    return None if event_type in _WITHIN else _BY_SERVICE.get(event_type.split(".", 2)[1])


@dataclass(frozen=True, slots=True)
class Position:
    """The last sequence seen in each JetStream stream; every replica of the edge understands it."""

    of: Mapping[str, int]

    def __str__(self) -> str:
        return ",".join(f"{stream}={sequence}" for stream, sequence in sorted(self.of.items()))

    def moved(self, stream: str, sequence: int) -> "Position":
        return Position({**self.of, stream: max(sequence, self.of.get(stream, 0))})


def parse_position(token: str) -> Position:
    """Read what `str(position)` wrote. Raises InvalidInput."""
    if not _TOKEN.fullmatch(token):
        raise InvalidInput("Last-Event-ID", "is not an id that this stream gave out")
    return Position({stream: int(sequence) for stream, _, sequence in (part.partition("=") for part in token.split(","))})
