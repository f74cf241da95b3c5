"""What happens first and what then where rules ask a language model: their questions are gathered, asked on masked words, and answered once."""

import asyncio
from collections.abc import Mapping, Sequence

from nlp.domain.courses import Answer, Asked, Judge, Question
from nlp.domain.dialogue import Dialogue, Role
from nlp.domain.engine import QualityEngine
from nlp.domain.pii.masking import redact
from nlp.domain.scorecards import Scorecard

TOO_MANY = "超出每通会话可问语言模型的问题数"
_ROUNDS = 5  # an answer may call for another question
_SPEAKERS = {Role.AGENT: "坐席", Role.CUSTOMER: "客户"}


class LanguageModel:
    """Satisfies app.Asking: at most so many questions for each contact and scorecard."""

    def __init__(self, judge: Judge, *, most: int) -> None:
        self._judge, self._most = judge, most

    async def about(self, engine: QualityEngine, card: Scorecard, dialogue: Dialogue) -> Sequence[Asked]:
        """Everything a scorecard asks about a contact, answered; what is beyond the limit says so."""
        asked: list[Asked] = []
        for _ in range(_ROUNDS):
            questions = await asyncio.to_thread(engine.questions, card, dialogue, tuple(asked))
            if not questions:
                break
            left = max(0, self._most - len(asked))
            if left:
                asked += await self._judge.ask(questions[:left], await asyncio.to_thread(_lines, dialogue))
            asked += [Asked(question, Answer(None, 0.0, failure=TOO_MANY)) for question in questions[left:]]
        return asked


def _lines(dialogue: Dialogue) -> Mapping[str, str]:
    masked = redact(dialogue).masked
    return {turn.turn_id: f"{_SPEAKERS[turn.role]}：{masked[turn.turn_id]}" for turn in dialogue.turns}


def lines_of(question: Question, lines: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """The turns a question is about, with who said what."""
    return [(turn_id, lines[turn_id]) for turn_id in question.turn_ids if turn_id in lines]
