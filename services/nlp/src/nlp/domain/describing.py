"""Every condition as one Chinese sentence, for people who read why a rule applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.phrases import SHORT_SAME_SOUND, Phrase

MAX_LISTED = 6
MAX_EXPANDED_CHARS = 120
MAX_EXPRESSION_CHARS = 40
_ROLES = {Role.AGENT: "坐席", Role.CUSTOMER: "客户", None: ""}
_EMOTIONS = {"angry": "愤怒", "anxious": "焦急", "neutral": "平静", "satisfied": "满意"}
_ATTRIBUTES = {
    "industry": "行业", "channel": "渠道", "direction": "呼叫方向", "product": "产品", "customer_tier": "客户等级", "queue": "队列", "ticket_type": "工单类型",
    "urgency": "紧急程度", "customer_emotion": "客户最终情绪", "customer_emotion_worst": "客户最差情绪", "previous_contacts_7d": "此前7天内来访次数",
    "previous_contacts_30d": "此前30天内来访次数", "hang_up": "挂机方",
}
_BETWEEN = {c.Between.ANY: "", c.Between.SAME: "同一人两句话之间", c.Between.OTHER: "双方换人说话之间"}

Rules = Mapping[str, c.Condition]


def describe(condition: c.Condition, rules: Rules | None = None) -> str:
    """One sentence without its full stop; rules named in it are told in full where they are in `rules` and short enough."""
    said = _SAY[type(condition)](condition, rules or {})
    who = "" if isinstance(condition, c.Attribute | c.CallLength | c.Emotion) else _ROLES[condition.role]
    where = _range(condition.range, rules or {}) if condition.range is not None else ""
    if isinstance(condition, _MADE_OF_CONDITIONS) and (who or where):
        return f"{who}{where}：{said}"
    return f"{who}{where}{said}"


def _range(limits: c.Range, rules: Rules) -> str:
    parts = []
    for value, text in (
        (limits.first_turns, "前{}轮"), (limits.last_turns, "最后{}轮"), (limits.first_s, "开头{}秒内"), (limits.last_s, "最后{}秒内"),
        (limits.first_percent, "前{}%的会话里"), (limits.last_percent, "后{}%的会话里"),
    ):
        if value is not None:
            parts.append(text.format(_number(value)))
    near = "".join(
        text.format(_number(value)) for value, text in ((limits.within_turns, "{}轮以内"), (limits.within_s, "{}秒以内")) if value is not None
    )
    for bound, side in ((limits.after, "之后"), (limits.before, "之前"), (limits.around, "前后")):
        if bound is not None:
            which = "" if limits.hit is None else "最后一次" if limits.hit == c.LAST else f"第{limits.hit}次"
            parts.append(f"{which}{_quoted(bound, rules)}{side}{near}")
    return f"在{'、'.join(parts)}" if parts else ""


def _quoted(condition: c.Condition, rules: Rules) -> str:
    return f"“{describe(condition, rules).replace('“', '‘').replace('”', '’')}”"


def _number(value: float) -> str:
    return f"{value:g}"


def _texts(listed: Iterable[str]) -> str:
    texts = list(dict.fromkeys(listed))
    shown = "".join(f"“{text}”" for text in texts[:MAX_LISTED])
    return f"{shown}等{len(texts)}个" if len(texts) > MAX_LISTED else shown


def _phrases(phrases: tuple[Phrase, ...]) -> str:
    return _texts(phrase.text.removesuffix("~") for phrase in phrases)


def _one_of(phrases: tuple[Phrase, ...]) -> str:
    return _phrases(phrases) + ("之一" if len(phrases) > 1 else "")


def _limits(limits: c.Limits, unit: str = "") -> str:
    parts = (
        (limits.at_least, "不少于"), (limits.above, "超过"), (limits.at_most, "不多于"), (limits.below, "少于"),
    )
    return "且".join(f"{word}{_number(value)}{unit}" for value, word in parts if value is not None)


def _words(condition: c.Words, rules: Rules) -> str:
    del rules
    verb = "整句只说" if condition.whole_turn else "说到"
    many = len(condition.phrases)
    if condition.at_least > 1:
        what = f"{_phrases(condition.phrases)}{'全部' if condition.at_least == many else f'中的至少{condition.at_least}个'}"
    else:
        what = _one_of(condition.phrases)
    notes = []
    if condition.then is not None:
        notes.append(f"紧接着符合表达式“{condition.then.source}”")
    if condition.unless:
        notes.append(f"{_phrases(condition.unless)}不算")
    if condition.not_negated:
        notes.append("前面带否定的不算")
    if condition.least_sure >= SHORT_SAME_SOUND:
        notes.append("只认同音")
    return f"{verb}{what}" + (f"（{'，'.join(notes)}）" if notes else "")


def _pattern(condition: c.Pattern, rules: Rules) -> str:
    del rules
    without = f"（符合“{_cut(condition.excluding.source)}”的不算）" if condition.excluding is not None else ""
    return f"说出符合表达式“{_cut(condition.expression.source)}”的话{without}"


def _cut(expression: str) -> str:
    return expression if len(expression) <= MAX_EXPRESSION_CHARS else expression[: MAX_EXPRESSION_CHARS - 1] + "…"


def _near(condition: c.Near, rules: Rules) -> str:
    del rules
    where = "之后" if condition.ordered else "前后"
    return f"在{_one_of(condition.first.phrases)}{where}{condition.within_chars}个字以内说到{_one_of(condition.second.phrases)}"


def _after(words: c.Words | None, within: int) -> str:
    return f"在{_one_of(words.phrases)}之后{within}个字以内" if words is not None else ""


def _figure(condition: c.Figure, rules: Rules) -> str:
    del rules
    size = _limits(condition.limits)
    unit = f"（单位：{'、'.join(condition.units)}）" if condition.units else ""
    return f"{_after(condition.after, condition.within_chars)}说出{size + '的' if size else ''}数{unit}"


def _day(condition: c.Day, rules: Rules) -> str:
    del rules
    away = _limits(condition.days, "天")
    return f"{_after(condition.after, condition.within_chars)}说出{f'距今{away}的' if away else ''}时间"


def _meaning(condition: c.Meaning, rules: Rules) -> str:
    del rules
    unlike = f"，而不像{_texts(condition.counter_examples)}" if condition.counter_examples else ""
    return f"说出意思接近{_texts(condition.examples)}的话（相似度不低于{_number(condition.threshold)}）{unlike}"


def _asked_for(condition: c.AskedFor, rules: Rules) -> str:
    del rules
    return f"索要{_one_of(condition.what.phrases)}"


def _jargon(condition: c.Jargon, rules: Rules) -> str:
    del rules
    terms = _texts(term.said.phrases[0].text for term in condition.terms)
    plainly = _texts(phrase.text for term in condition.terms for phrase in term.plainly.phrases)
    return f"使用客户没有先说的术语{terms}，并且{condition.within_turns}轮以内没有用{plainly}这样的话解释"


def _promised(condition: c.Promised, rules: Rules) -> str:
    del rules
    return "作出" + {None: "", True: "有期限的", False: "没有期限的"}[condition.dated] + "承诺"


def _silence(condition: c.Silence, rules: Rules) -> str:
    until = f"直到{_ROLES[condition.role]}开口，" if condition.role is not None else ""
    unless = f"（事先{_quoted(condition.unless, rules)}的，{_number(condition.announced_s)}秒以内不算）" if condition.unless is not None else ""
    return f"{until}{_BETWEEN[condition.between]}出现超过{_number(condition.longer_than_s)}秒的静音{unless}"


def _hold(condition: c.Hold, rules: Rules) -> str:
    after = f"，之后没有{_quoted(condition.resumed, rules)}" if condition.resumed is not None else ""
    return f"{_quoted(condition.announced, rules)}之后让对方等待超过{_number(condition.longer_than_s)}秒{after}"


def _response_time(condition: c.ResponseTime, rules: Rules) -> str:
    unless = f"（事先{_quoted(condition.unless, rules)}的不算）" if condition.unless is not None else ""
    return f"在对方说完之后{_limits(condition.seconds, '秒')}才回应{unless}"


def _speech_rate(condition: c.SpeechRate, rules: Rules) -> str:
    del rules
    parts = []
    if condition.above is not None:
        parts.append(f"高于每秒{_number(condition.above)}个字")
    if condition.below is not None:
        parts.append(f"低于每秒{_number(condition.below)}个字")
    if condition.rises_percent is not None:
        parts.append(f"比本人平时快{_number(condition.rises_percent)}%以上")
    return f"语速{'或'.join(parts)}（至少{condition.min_chars}个字）"


def _loudness(condition: c.Loudness, rules: Rules) -> str:
    del rules
    parts = []
    if condition.rises_db is not None:
        parts.append(f"比本人平时高{_number(condition.rises_db)}分贝以上")
    if condition.above_dbfs is not None:
        parts.append(f"高于{_number(condition.above_dbfs)} dBFS")
    return f"音量{'或'.join(parts)}"


def _emotion(condition: c.Emotion, rules: Rules) -> str:
    shown = "情绪" + "或".join(_EMOTIONS[label] for label in condition.labels) if condition.labels else ""
    strong = f"不满程度不低于{_number(condition.at_least)}" if condition.at_least is not None else ""
    rise = ""
    if condition.rises_after is not None:
        rise = f"在{_quoted(condition.rises_after, rules)}之后不满上升{_number(condition.by)}以上"
        rise += "并且没有回落" if condition.not_back else ""
    return "客户" + "，".join(part for part in (rise, shown, strong) if part)


def _repeated(condition: c.Repeated, rules: Rules) -> str:
    what = f"{_quoted(condition.of, rules)}" if condition.of is not None else "说意思相同的话"
    return f"反复{what}，达到{condition.at_least}次"


def _demands(condition: c.Demands, rules: Rules) -> str:
    listed = "；".join(f"“{one.name}”（{describe(one.of, rules)}）的回应是：{describe(one.answered_by, rules)}" for one in condition.listed)
    most = "都有自己的回应" if not condition.unanswered_at_most else f"最多{condition.unanswered_at_most}个没有回应"
    within = f"{condition.within_turns}轮以内" if condition.within_turns is not None else ""
    return f"客户提出的诉求（至少{condition.at_least}个）{within}{most}：{listed}"


def _attribute(condition: c.Attribute, rules: Rules) -> str:
    del rules
    name = _ATTRIBUTES.get(condition.name, condition.name)
    parts = []
    if condition.values:
        parts.append(f"是{'或'.join(_side(condition, value) for value in condition.values)}")
    if condition.excluded:
        parts.append(f"不是{'或'.join(condition.excluded)}")
    if condition.limits is not None and (size := _limits(condition.limits)):
        parts.append(size)
    return f"{name}{'，'.join(parts)}"


def _side(condition: c.Attribute, value: str) -> str:
    if condition.name == "hang_up":
        return _ROLES[Role(value)]
    return _EMOTIONS.get(value, value) if condition.name.startswith("customer_emotion") else value or "空"


def _named(condition: c.Named, rules: Rules) -> str:
    inner = rules.get(condition.name)
    told = describe(inner, {name: rule for name, rule in rules.items() if name != condition.name}) if inner is not None else ""
    if not told:
        return f"符合规则“{condition.name}”"
    return told if len(told) <= MAX_EXPANDED_CHARS else told[: MAX_EXPANDED_CHARS - 1] + "…"


def _each_of(parts: tuple[c.Condition, ...], rules: Rules) -> list[str]:
    return [f"（{describe(part, rules)}）" if isinstance(part, _MADE_OF_CONDITIONS) else describe(part, rules) for part in parts]


def _all(condition: c.AllOf, rules: Rules) -> str:
    said = "，并且".join(_each_of(condition.parts, rules))
    if condition.within_turns is None:
        return said
    return f"在同一段话里{said}" if condition.within_turns == 0 else f"在相距{condition.within_turns}轮以内{said}"


def _sequence(condition: c.Sequence, rules: Rules) -> str:
    within = f"{condition.within_turns}轮以内" if condition.within_turns is not None else ""
    return f"先{f'，{within}再'.join(_each_of(condition.parts, rules))}"


def _count(condition: c.Count, rules: Rules) -> str:
    times = []
    if condition.at_least or condition.at_most is None:
        times.append(f"至少{condition.at_least}次")
    if condition.at_most is not None:
        times.append(f"至多{condition.at_most}次")
    return f"{'、'.join(times)}{describe(condition.part, rules)}"


def _each(condition: c.Each, rules: Rules) -> str:
    return f"每次{_quoted(condition.of, rules)}之后{condition.within_turns}轮以内都有{_quoted(condition.answered_by, rules)}"


_MADE_OF_CONDITIONS = (c.AllOf, c.AnyOf, c.Not, c.Sequence, c.Count, c.Each, c.Demands, c.Named)
_SAY: dict[type[c.Condition], Callable[[Any, Rules], str]] = {
    c.Words: _words, c.Pattern: _pattern, c.Near: _near, c.Figure: _figure, c.Day: _day, c.Meaning: _meaning, c.AskedFor: _asked_for,
    c.Jargon: _jargon, c.Promised: _promised, c.Silence: _silence, c.Hold: _hold,
    c.Overlap: lambda condition, _: f"抢话超过{_number(condition.longer_than_s)}秒",
    c.ResponseTime: _response_time, c.SpeechRate: _speech_rate, c.Loudness: _loudness,
    c.Pitch: lambda condition, _: f"音调比本人平时高{_number(condition.rises_percent)}%以上",
    c.TalkShare: lambda condition, _: f"说话占比{_limits(c.Limits(above=condition.share.above, below=condition.share.below))}",
    c.CallLength: lambda condition, _: f"会话时长{_limits(condition.seconds, '秒')}",
    c.Emotion: _emotion, c.Repeated: _repeated, c.Demands: _demands, c.Attribute: _attribute,
    c.Judged: lambda condition, _: f"经大模型判断，“{condition.question}”的答案为是",
    c.Named: _named, c.AllOf: _all, c.AnyOf: lambda condition, rules: "，或者".join(_each_of(condition.parts, rules)),
    c.Not: lambda condition, rules: f"没有出现：{describe(condition.part, rules)}", c.Sequence: _sequence, c.Count: _count, c.Each: _each,
}
