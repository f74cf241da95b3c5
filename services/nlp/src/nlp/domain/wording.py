"""What people read of a judgement: evidence as masked words, reasons, promises and alerts in one Chinese sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nlp.domain.conditions import Hit
from nlp.domain.dialogue import Dialogue
from nlp.domain.judging import ItemResult, Outcome
from nlp.domain.pii.masking import Redaction
from nlp.domain.promises import DONE_VERBS, Promise

MAX_EXCERPT_CHARS = 80
MAX_WHAT_CHARS = 30
_SENTENCE_END = "。？！?!；;\n"
_FILLER = re.compile(r"^(?:好的?|明白了?|嗯|那么?|这边|那边|请你?放心|你放心|我们?这边|我们?会?|会|将|为你|给你|帮你|尽快为你|马上|[，,、。\s])+")
_LIMIT = re.compile(r"^(?:在|于)?(?:之内|以内|之前|之后|左右|内|前|后)")
_EMOTIONS = {"angry": "愤怒", "anxious": "焦急"}


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of one turn, masked: the sentence around them, and their places in the turn; both places 0 for a whole turn or a silence."""

    text: str
    char_from: int
    char_to: int


def quote(hit: Hit, dialogue: Dialogue, redaction: Redaction) -> Quote:
    """The masked words of a hit with the sentence they stand in."""
    if hit.end <= hit.start:  # a silence
        return Quote(hit.text, 0, 0)
    passage = dialogue.passages[hit.passage]
    index = passage.turn_at(hit.start)
    offset = passage.offsets[index - passage.first]
    masked = redaction.masked[dialogue.turns[index].turn_id]
    start, end = hit.start - offset, min(len(masked), hit.end - offset)
    if start == 0 and end == len(masked):
        return Quote(masked[:MAX_EXCERPT_CHARS], 0, 0)
    return Quote(_sentence_around(masked, start, end), start, end)


def words_of(hit: Hit, dialogue: Dialogue, redaction: Redaction) -> str:
    """The masked words of a hit alone."""
    found = quote(hit, dialogue, redaction)
    return redaction.masked[hit.turn_id][found.char_from : found.char_to] if found.char_to else found.text


def explanation(item: ItemResult, quoted: str) -> str:
    """Why an item came to what it did; `quoted` are the words of its first evidence."""
    said = f"：“{quoted}”" if quoted else ""
    match item.outcome:
        case Outcome.NA:
            return "本次会话不涉及此项。"
        case Outcome.ABSTAIN:
            return f"证据把握不足，请人工复核{said}。"
        case Outcome.PASS:
            return f"符合“{item.title}”{said}。" if quoted else f"符合“{item.title}”，未发现违反之处。"
        case Outcome.FAIL if item.missing:
            return f"未做到“{item.title}”，应在此处做到{said}。"
        case _:
            return f"违反“{item.title}”{said}。"


def alert_message(kind: str, quoted: str, emotion: str) -> str:
    """What an alert means."""
    match kind:
        case "negative_emotion":
            return f"客户情绪{_EMOTIONS.get(emotion, '激动')}：“{quoted}”"
        case "forbidden_phrase":
            return f"高风险沟通，坐席使用禁语：“{quoted}”"
        case "complaint_keyword":
            return f"客户提到风险词：“{quoted}”"
        case "long_silence":
            return f"长时间{quoted}，未向客户说明"
        case _:
            return f"{kind}：“{quoted}”"


def undertaking(promise: Promise, masked: str) -> str:
    """What was promised, short: the clause that promises, without its deadline and the words around it."""
    text = masked.translate(str.maketrans("您", "你"))
    if promise.deadline is not None:
        text = text.replace(promise.deadline.text, "")
    clauses = [_FILLER.sub("", _LIMIT.sub("", clause)) for clause in re.split("[，,、。；;]", text)]
    telling = [clause for clause in clauses if re.search(DONE_VERBS, clause)] or [clause for clause in clauses if clause] or [text]
    return telling[0].removesuffix("的").strip()[:MAX_WHAT_CHARS]


def _sentence_around(text: str, start: int, end: int) -> str:
    first = max((text.rfind(mark, 0, start) for mark in _SENTENCE_END), default=-1) + 1
    ends = [place for mark in _SENTENCE_END if (place := text.find(mark, end)) >= 0]
    last = min(ends) + 1 if ends else len(text)
    if last - first > MAX_EXCERPT_CHARS:
        spare = max(0, (MAX_EXCERPT_CHARS - (end - start)) // 2)
        first, last = max(first, start - spare), min(last, max(end, start) + spare)
    return text[first:last].strip("，, ")
