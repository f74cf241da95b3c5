"""The customer's mood from turn to turn: what each turn shows, how it goes on, where it tipped and whether it came back."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nlp.domain.courses import Feeling
from nlp.domain.dialogue import Role, Turn
from nlp.domain.emotion.features import MAX_CHARS, pairs, repeated
from nlp.domain.emotion.model import Context, EmotionModel, TextScores
from nlp.domain.emotion.voice import EXCITED
from nlp.domain.text import letters_of

ANGRY, ANXIOUS, SATISFIED, NEUTRAL = "angry", "anxious", "satisfied", "neutral"
EMOTIONS = (ANGRY, ANXIOUS, SATISFIED)
SHOWN = 0.5  # half of what the whole contact needs is enough to mark one turn
_VALENCE = {ANGRY: -1.0, ANXIOUS: -0.5, SATISFIED: 1.0}
# How far a turn moves the level: a clear feeling nearly all the way, one that shows nothing a little back to calm.
_MOVES, _CALMS = 0.6, 0.2
LOW, BACK = -0.3, -0.1
_COMPARED_TURNS = 6
_ASKED_TURNS = 4
_FORGETS = 0.5
_ASKS = re.compile(r"[?？]|[吗么呢]$")
# 没有了 to 还有其他问题吗 has a word of refusal in it and refuses nothing.
_ANYTHING_ELSE = re.compile(r"(?:还有|其他|其它|别的|另外)[^。！!]{0,15}(?:[吗么呢?？]|没有)")
_NOTHING_ELSE = re.compile(
    r"(?:嗯|哦|啊|好的?|行|暂时|目前|应该)*(?:没有?|没事|不用|不需要|就这些|没有?(?:别的|其他的?|其它的?|问题))(?:了|啦|呢|吧|的)*(?:没有?[了啦]?|谢谢你?|感谢|再见|拜拜|好的?|就这些)*"
)
# What rules are sure of is not left to the model: these words show dissatisfaction in any trade.
_SURE = {ANGRY: 0.9, ANXIOUS: 0.6}
_CONTENT = 0.1
# Words that only the model takes for dissatisfied mean worry where the voice is excited too: two witnesses, and never anger.
_DOUBTFUL = 0.65
_SURENESS = 0.8

Strengths = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class TurnEmotion:
    """What one customer turn shows.

    `strength` is how far past its threshold the rules' words are (1 = just reached), `valence` from -1 (worst) to 1, `level` the
    smoothed valence so far, `arousal` the voice against the speaker's own usual in standard deviations (0 without sound) and
    `dissatisfaction` the probability, 0 to 1, that the customer is dissatisfied.
    """

    turn_id: str
    emotion: str
    strength: float
    valence: float = 0.0
    level: float = 0.0
    arousal: float = 0.0
    dissatisfaction: float = 0.0


@dataclass(frozen=True, slots=True)
class Tipping:
    """Where the mood turned for the worse: the customer's turn, the agent's before it (empty where there is none), whether it came back."""

    turn_id: str
    after_turn_id: str
    recovered: bool


def course(model: EmotionModel, turns: Sequence[Turn], strengths: Strengths, arousals: Mapping[str, float]) -> tuple[TurnEmotion, ...]:
    """The customer's turns in order; each is judged by itself and those before it alone.

    The label is what the rules' words reached, because words can be shown to the agent; without them only doubtful words in an excited
    voice are more than neutral. The model gives how likely the customer is dissatisfied in every turn, and rules only bound it:
    by words of anger and worry from below, by words of content, and that there is nothing else, from above.
    """
    made: list[TurnEmotion] = []
    level = 0.0
    scored = model.scores_of(turn.text for turn in turns if turn.role is Role.CUSTOMER)
    for turn, scores, context in contexts(turns, strengths, lambda turn: scored[turn.text]):
        emotion, strength = _shown(strengths.get(turn.turn_id, {}))
        excitement = arousals.get(turn.turn_id, 0.0)
        dissatisfied = _bounded(model.dissatisfaction(scores, context), emotion, strength, context)
        if emotion == NEUTRAL and dissatisfied >= _DOUBTFUL and excitement > EXCITED:
            emotion, strength = ANXIOUS, SHOWN
        felt = _VALENCE.get(emotion, 0.0) * min(1.0, strength)
        valence = felt if felt > 0 else min(felt, 0.5 - dissatisfied)
        level += (_CALMS + _MOVES * abs(valence)) * (valence - level)
        made.append(TurnEmotion(turn.turn_id, emotion, round(strength, 3), round(valence, 3), round(level, 3), excitement, round(dissatisfied, 3)))
    return tuple(made)


def feelings(made: Sequence[TurnEmotion], turns: Sequence[Turn]) -> dict[str, Feeling]:
    """The course as rules on emotion read it; words heard in doubt make the feeling doubtful."""
    heard = {turn.turn_id: turn.confidence for turn in turns}
    return {point.turn_id: Feeling(point.emotion, point.dissatisfaction, round(_SURENESS * heard[point.turn_id], 3)) for point in made}


def contexts(turns: Sequence[Turn], strengths: Strengths, scored: Callable[[Turn], TextScores]) -> Iterator[tuple[Turn, TextScores, Context]]:
    """Each customer turn with its scores and what it is judged by; `scored` is asked once for each turn, in order."""
    said: deque[frozenset[str]] = deque(maxlen=_COMPARED_TURNS)
    asking: deque[bool] = deque(maxlen=_ASKED_TURNS)
    earlier, waiting, number, closing = 0.0, 0, 0, False
    for turn in turns:
        if turn.role is not Role.CUSTOMER:
            waiting, closing = 0, _ANYTHING_ELSE.search(turn.text[-MAX_CHARS:]) is not None
            continue
        scores, shown, own = scored(turn), strengths.get(turn.turn_id, {}), pairs(turn.text)
        yield turn, scores, Context(
            shown.get(ANGRY, 0.0), shown.get(ANXIOUS, 0.0), shown.get(SATISFIED, 0.0), earlier, repeated(own, said), waiting, sum(asking), number,
            closing and _NOTHING_ELSE.fullmatch(letters_of(turn.text[:MAX_CHARS])) is not None,
        )
        earlier += (1 - _FORGETS) * (scores.dissatisfied - earlier) if number else scores.dissatisfied
        said.append(own)
        asking.append(bool(_ASKS.search(turn.text.strip())))
        waiting += 1
        number += 1


def tipping(made: Sequence[TurnEmotion], turns: Sequence[Turn]) -> Tipping | None:
    """The fall that was not made good, or else the deepest: where the level fell below LOW; it is back once it rises above BACK."""
    falls: list[tuple[bool, float, str]] = []
    for point in made:
        if falls and not falls[-1][0]:
            _, lowest, where = falls[-1]
            falls[-1] = (point.level > BACK, min(lowest, point.level), where)
        elif point.level < LOW:
            falls.append((False, point.level, point.turn_id))
    if not falls:
        return None
    recovered, _, where = min(falls, key=lambda fall: fall[:2])
    agent = ""
    for turn in turns:
        if turn.turn_id == where:
            break
        if turn.role is Role.AGENT:
            agent = turn.turn_id
    return Tipping(where, agent, recovered)


def _shown(strengths: Mapping[str, float]) -> tuple[str, float]:
    best = max(EMOTIONS, key=lambda emotion: strengths.get(emotion, 0.0))
    strength = strengths.get(best, 0.0)
    return (best if strength >= SHOWN else NEUTRAL), strength


def _bounded(probability: float, emotion: str, strength: float, context: Context) -> float:
    if emotion == SATISFIED or (emotion == NEUTRAL and context.nothing_else):
        return min(probability, _CONTENT)
    return max(probability, _SURE.get(emotion, 0.0) * min(1.0, strength))
