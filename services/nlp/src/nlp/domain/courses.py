"""What is known of a contact besides its words: how the customer felt turn by turn, and what a language model was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """What it answered: whether it holds (None: it cannot tell), how sure (0-1), the turns it names, and in `failure` why there is no answer."""

    holds: bool | None
    confidence: float
    turn_ids: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer, and how both went over the wire: what was sent (masked) to which model, and what came back."""

    question: Question
    answer: Answer
    model: str = ""
    prompt: str = ""
    reply: str = ""


class Judge(Protocol):
    """Asks a language model."""

    async def ask(self, questions: Sequence[Question], lines: Mapping[str, str]) -> Sequence[Asked]:
        """Every question with an answer, one that says why there is none where it fails; raises nothing.

        `lines` are who said what, masked, by turn id and in order.
        """
        ...


def answers_of(asked: Iterable[Asked]) -> dict[Question, Answer]:
    """The answers by question."""
    return {one.question: one.answer for one in asked}
