"""What a transcript is, and how what was heard becomes its turns."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from asr.domain.acoustics import Acoustics

TELLING_MS = 2400
"""In a clip shorter than this a language is guessed rather than heard."""
NOISE_NO_SPEECH = 0.6
NOISE_LOGPROB = -1.0
DEFAULT_LANGUAGE = "zh"
CHAT_MODEL = "chat"


class Role(Enum):
    """Who speaks."""

    AGENT = "agent"
    CUSTOMER = "customer"

    @property
    def other(self) -> "Role":
        """The other side of the conversation."""
        return Role.CUSTOMER if self is Role.AGENT else Role.AGENT


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser heard in one clip."""

    text: str
    avg_logprob: float
    """Mean log-probability of a token; 0 is certain."""
    no_speech_prob: float
    """Probability that nobody speaks."""
    language: str
    """ISO 639-1."""

    @property
    def is_noise(self) -> bool:
        """Whether the words were made up: none, or unlikely ones where the model itself doubts that somebody speaks."""
        return not self.text or (self.no_speech_prob > NOISE_NO_SPEECH and self.avg_logprob < NOISE_LOGPROB)


@dataclass(frozen=True, slots=True)
class Model:
    """What wrote a transcript; enough to repeat it."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. `acoustics` is None where it was written and not spoken."""

    turn_id: str
    role: Role
    text: str
    start_ms: int
    end_ms: int
    confidence: float
    language: str
    acoustics: Acoustics | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The turns of one interaction in order of start."""

    interaction_id: str
    turns: tuple[Turn, ...]
    model: Model
    language: str
    duration_ms: int
    speech_ms: int
    """Time in which somebody speaks; overlapping speech counts once."""
    notices: tuple[str, ...] = ()


def confidence(heard: Sequence[tuple[Heard, int]]) -> float:
    """How sure the recogniser is of a turn, in 0..1: the geometric mean of its tokens' probabilities.

    exp of the mean log-probability per token (Radford et al. 2022, section 4.5, use the same mean to reject a decoding),
    averaged over the turn's clips, given with their lengths in ms, by length.
    """
    total = sum(length for _, length in heard)
    if total <= 0:
        return 0.0
    mean = sum(h.avg_logprob * length for h, length in heard) / total
    return math.exp(min(0.0, mean))


def language_of_clips(clips: Sequence[tuple[str, int]]) -> str:
    """Language of most of the time, from (language, ms) of each clip; short clips count only where there are no others."""
    spoken: Counter[str] = Counter()
    for language, length in [c for c in clips if c[1] >= TELLING_MS] or clips:
        spoken[language] += length
    return spoken.most_common(1)[0][0] if spoken else DEFAULT_LANGUAGE


def main_language(turns: Sequence[Turn]) -> str:
    """Language of most of the time spoken; of most turns where there are no times."""
    spoken: Counter[str] = Counter()
    for turn in turns:
        spoken[turn.language] += max(1, turn.end_ms - turn.start_ms)
    return spoken.most_common(1)[0][0] if spoken else DEFAULT_LANGUAGE


def numbered(index: int) -> str:
    """Id of the turn at `index`, counted from 0: t1, t2, …"""
    return f"t{index + 1}"
