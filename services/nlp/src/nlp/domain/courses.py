"""What is known of a contact besides its words: how the customer felt turn by turn, and what a language model was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Feeling:
    """What one turn of the customer shows: a label, how dissatisfied (0-1) and how sure of it (0-1)."""

    emotion: str
    dissatisfaction: float
    confidence: float = 0.8


# Turn id -> feeling; turns that show nothing may be left out.
EmotionCourse = Mapping[str, Feeling]


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask a language model about some turns of a contact."""

    question: str
    examples: tuple[str, ...]
    turn_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What it answered: whether it holds (None: it cannot tell), how sure, and the turns it names."""

    holds: bool | None
    confidence: float
    turn_ids: tuple[str, ...] = ()


class Judge(Protocol):
    """Answers questions about a contact before it is evaluated; what it cannot answer it leaves out."""

    async def answers(self, questions: tuple[Question, ...], texts: Mapping[str, str]) -> Mapping[Question, Answer]:
        """`texts` are what was said, masked, by turn id."""
        ...
