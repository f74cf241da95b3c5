"""A written conversation as turns."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import InvalidInput

from ingestion.domain.metadata import Role

MAX_TURNS = 5_000
MAX_TURN_CHARS = 5_000
# All turns stay with their interaction in one document, which holds 16 MB; four bytes a character at worst.
MAX_CHAT_CHARS = 2_000_000
MAX_MS = 7 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One written message; times in milliseconds since the contact began, None where unknown."""

    role: Role | None
    text: str
    start_ms: int | None = None
    end_ms: int | None = None


def check_turns(turns: Sequence[ChatTurn]) -> None:
    """Raises InvalidInput naming the turn, for example "turns[3].role". Where times are given they do not run backwards."""
    if not turns:
        raise InvalidInput("turns", "a chat needs at least one turn")
    if len(turns) > MAX_TURNS:
        raise InvalidInput("turns", f"at most {MAX_TURNS} turns")
    latest = 0
    for n, turn in enumerate(turns):
        field = f"turns[{n}]"
        if turn.role is None:
            raise InvalidInput(f"{field}.role", "must be agent or customer")
        if not turn.text.strip():
            raise InvalidInput(f"{field}.text", "is empty")
        if len(turn.text) > MAX_TURN_CHARS:
            raise InvalidInput(f"{field}.text", f"is longer than {MAX_TURN_CHARS} characters")
        latest = _check_times(field, turn, latest)
    if sum(len(t.text) for t in turns) > MAX_CHAT_CHARS:
        raise InvalidInput("turns", f"together longer than {MAX_CHAT_CHARS} characters")


def _check_times(field: str, turn: ChatTurn, latest: int) -> int:
    """The start to which later turns are held: people write at the same time, so turns may overlap but not change places."""
    for name, value in (("start_ms", turn.start_ms), ("end_ms", turn.end_ms)):
        if value is not None and not 0 <= value <= MAX_MS:
            raise InvalidInput(f"{field}.{name}", "must be between 0 and seven days")
    if turn.start_ms is not None and turn.start_ms < latest:
        raise InvalidInput(f"{field}.start_ms", "is before the turn above it")
    if turn.end_ms is not None and turn.end_ms < (turn.start_ms if turn.start_ms is not None else latest):
        raise InvalidInput(f"{field}.end_ms", "is before its start")
    return latest if turn.start_ms is None else turn.start_ms


def turns_sha256(turns: Sequence[ChatTurn]) -> str:
    """Hash of who said what when, lower-case hex."""
    said = [[t.role, t.text, t.start_ms, t.end_ms] for t in turns]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
