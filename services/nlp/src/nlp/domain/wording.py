"""What people read of a judgement: evidence as masked words, reasons, promises and alerts in one Chinese sentence."""

from __future__ import annotations

from dataclasses import dataclass

from nlp.domain.conditions import Hit
from nlp.domain.dialogue import Dialogue, Passage, Role
from nlp.domain.judged import Cause, ItemResult, Outcome
from nlp.domain.pii.masking import Redaction
from nlp.domain.promises import Promise, shortened
from nlp.domain.scorecards import ExpectedAt
from nlp.domain.text import letters_of

MAX_EXCERPT_CHARS = 80
MAX_WHAT_CHARS = 30
MAX_CALLED_FOR_CHARS = 30
_SENTENCE_END = "。？！?!；;\n"
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


def masked_passage(passage: Passage, dialogue: Dialogue, redaction: Redaction) -> str:
    """The text of a passage, masked, every character in its place."""
    characters = list(passage.text)
    for number, offset in enumerate(passage.offsets):
        words = redaction.masked[dialogue.turns[passage.first + number].turn_id]
        characters[offset : offset + len(words)] = words
    return "".join(characters)


def words_of(hit: Hit, dialogue: Dialogue, redaction: Redaction) -> str:
    """The masked words of a hit alone."""
    found = quote(hit, dialogue, redaction)
    return redaction.masked[hit.turn_id][found.char_from : found.char_to] if found.char_to else found.text


def explanation(item: ItemResult, quoted: str, dialogue: Dialogue, applies: str = "") -> str:
    """Why an item came to what it did, for the agent to read; `quoted` are the words of its first evidence, `applies` says when it applies."""
    why = item.guidance.why or item.title
    say = f"建议说：“{item.guidance.say}”" if item.guidance.say else ""
    match item.outcome:
        case Outcome.NA:
            return _not_applied(item, why, applies)
        case Outcome.ABSTAIN:
            return _left_to_a_person(item, why, quoted, dialogue)
        case Outcome.PASS:
            done = f"做到了“{why}”" + (f"，达到“{item.option}”（{item.points:g}分）" if item.option else "")
            return f"{done}{_said(item, quoted, dialogue)}。" if quoted else f"未发现问题：{why}。"
        case _:
            cost = "本节计0分。" if item.fatal_to_section else ""
            return f"{_fault(item, why, quoted, dialogue)}{cost}{say if item.missing else say.replace('建议说', '建议改说')}"


def _not_applied(item: ItemResult, why: str, applies: str) -> str:
    match item.cause:
        case Cause.NO_TIMES:
            return "本次会话没有判断此项所需的内容（例如时间）。"
        case Cause.NOT_EARNED:
            return f"没有获得加分：{why}。"
        case _:
            return f"本次会话不涉及此项（适用条件：{applies}）。" if applies else "本次会话不涉及此项。"


def _left_to_a_person(item: ItemResult, why: str, quoted: str, dialogue: Dialogue) -> str:
    if not item.evidence:
        return f"把握不足（置信{item.confidence:.2f}），交人工判断是否做到“{why}”。"
    if doubt := next((hit.doubt for hit in item.evidence if hit.doubt), ""):
        return f"{doubt}，交人工判断是否做到“{why}”。"
    hit = item.evidence[0]
    number = number_of(hit.turn_id, dialogue)
    if item.cause is Cause.BADLY_HEARD:
        return f"没有听到“{why}”，但第{number}轮听得不清（置信{hit.confidence:.2f}），可能漏听，交人工判断。"
    meant = _meant(item, quoted)
    words = f"“{quoted}”可能是“{meant}”" if meant else f"听得不清，“{quoted}”未必可靠"
    return f"第{number}轮{words}（置信{hit.confidence:.2f}），交人工判断是否做到“{why}”。"


def _fault(item: ItemResult, why: str, quoted: str, dialogue: Dialogue) -> str:
    if item.missing:
        return f"{_called_for(item, quoted, dialogue)}没有做到“{why}”。"
    reached = f"只达到“{item.option}”" if item.option else item.guidance.fault or f"没有做到“{why}”"
    return f"{reached}{_said(item, quoted, dialogue)}。"


def number_of(turn_id: str, dialogue: Dialogue) -> int:
    """Which turn of the contact it is, from 1."""
    return next(number for number, turn in enumerate(dialogue.turns, start=1) if turn.turn_id == turn_id)


def _said(item: ItemResult, quoted: str, dialogue: Dialogue) -> str:
    """The words of the first evidence and their turn; where they were only heard alike, what they must have been."""
    if not quoted:
        return ""
    hit = item.evidence[0]
    turn = f"（第{number_of(hit.turn_id, dialogue)}轮）"
    if hit.end <= hit.start:
        return f"：{quoted}{turn}"
    meant = _meant(item, quoted)
    return f"：“{meant}”（第{number_of(hit.turn_id, dialogue)}轮，听写可能有误）" if meant else f"：“{quoted}”{turn}"


def _meant(item: ItemResult, quoted: str) -> str:
    """The phrase looked for where it is written otherwise than what was heard; empty where it is the same or holds wildcards."""
    meant = item.evidence[0].phrase.rstrip("~")
    return "" if not meant or "*" in meant or letters_of(meant) in letters_of(quoted) else meant


def _called_for(item: ItemResult, quoted: str, dialogue: Dialogue) -> str:
    """Where something missing should have been."""
    if not item.evidence or item.expected_at is ExpectedAt.START:
        return "开场时"
    if item.expected_at is ExpectedAt.END:
        return "结束前"
    who = "客户" if dialogue.passages[item.evidence[0].passage].role is Role.CUSTOMER else "您"
    return f"{who}说到“{quoted[:MAX_CALLED_FOR_CHARS]}”之后，"


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


def undertaking(promise: Promise, passage: str) -> str:
    """What was promised, short and in the agent's words; `passage` is the passage it was said in, masked, place by place."""
    what = shortened(passage[promise.what_start : promise.what_end], promise.deadline)[:MAX_WHAT_CHARS]
    return f"{promise.about}（{what}）" if promise.about else what


def _sentence_around(text: str, start: int, end: int) -> str:
    first = max((text.rfind(mark, 0, start) for mark in _SENTENCE_END), default=-1) + 1
    ends = [place for mark in _SENTENCE_END if (place := text.find(mark, end)) >= 0]
    last = min(ends) + 1 if ends else len(text)
    if last - first > MAX_EXCERPT_CHARS:
        spare = max(0, (MAX_EXCERPT_CHARS - (end - start)) // 2)
        first, last = max(first, start - spare), min(last, max(end, start) + spare)
    return text[first:last].strip("，, ")
