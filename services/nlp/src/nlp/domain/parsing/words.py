"""Reads conditions on what was said: phrases, expressions, figures, days, meaning, requests and terms of the trade."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.numerals import NUMBER
from nlp.domain.parsing.fields import Fields, RuleError, texts
from nlp.domain.phrases import SHORT_SAME_SOUND, Phrase, PhraseError, parse_phrase
from nlp.domain.safe_regex import Expression, UnsafeRegexError, compile_safely
from nlp.domain.text import as_written

MAX_REACH_CHARS = 2000
MAX_TERMS = 500
WRITTEN_AS_SAID = "="  # at the end of a phrase: never by sound
MACROS = {
    "num": NUMBER,
    "money": rf"{NUMBER}(?:多|来|几)?(?:元|块|角|毛|分钱|万)",
    "time": rf"(?:{NUMBER}|几)个?(?:多)?(?:分钟|小时|钟头|工作日|自然日|天|日|周|星期|礼拜|月|年)",
}
# Expressions meet texts in one width (text.as_written); their own wide punctuation must mean the same.
_AS_WRITTEN = str.maketrans({"，": ",", "；": ";", "：": ":", "！": "!", "？": r"\?", "（": r"\(", "）": r"\)"})
_UPPER_CASE = re.compile(r"(?<![\\a-zA-Z<])[A-Z]")  # but no escape such as \S and no name of a group
STRICTNESS = ("off", "strict", "normal", "loose")
ASKING = (
    "请提供", "提供一下", "提供下", "请说", "说一下", "说下", "请报", "报一下", "报下", "告诉我", "告知我", "发给我", "发我", "发一下", "念一下", "念给我",
    "跟我说", "和我说", "多少", "是什么", "给我一下", "给我看", "需要您的", "核对一下", "输入一下", "收到的",
)
NOT_ASKING = (
    "不要告诉", "不要*告诉", "别告诉", "请勿", "切勿", "不要透露", "不要*提供", "不要*发", "不能告诉", "不需要提供", "不用提供", "不用告诉",
    "无需提供", "不会向您索取", "不会索要", "不会问", "不要说", "不用说", "别说", "自己输入", "您输入", "按键输入", "手机上输入", "页面输入",
    "自行输入", "您自己设置", "重置", "修改密码", "忘记密码", "忘了密码", "保管好",
)


def words(fields: Fields) -> c.Condition:
    """Phrases, any or `at_least` of them in one passage."""
    strictness = _strictness(fields)
    listed = phrases(fields.values["words"], fields.place, strictness)
    unless = phrases(fields.values["unless"], f"{fields.place}.unless", "off") if fields.has("unless") else ()
    at_least = len(set(listed)) if fields.values.get("at_least") == "all" else max(1, fields.count("at_least", 1))
    if at_least > len(listed):
        raise RuleError(f"{fields.place}.at_least", f"asks for {at_least} of {len(listed)} phrases")
    return c.Words(
        role=fields.role, range=fields.range, phrases=listed, unless=unless, at_least=at_least, not_negated=fields.flag("not_negated"),
        then=expression(fields.values["then"], f"{fields.place}.then") if fields.has("then") else None,
        whole_turn=fields.flag("whole_turn"), least_sure=SHORT_SAME_SOUND if strictness == "strict" else 0.0,
    )


def listed_words(node: object, place: str) -> c.Words:
    """Phrases written as a mere list."""
    return c.Words(phrases=phrases(node, place, "normal"))


def phrases(node: object, place: str, strictness: str) -> tuple[Phrase, ...]:
    """Phrases heard as strictly as asked for; one that ends in `=` is never heard by sound."""
    found = []
    for index, text in enumerate(texts(node, place)):
        heard = strictness != "off" and not text.endswith(WRITTEN_AS_SAID)
        text = text.removesuffix(WRITTEN_AS_SAID)
        if strictness == "loose" and heard and not text.endswith("~"):
            text += "~"
        try:
            found.append(parse_phrase(text, heard))
        except PhraseError as error:
            raise RuleError(f"{place}[{index}]", str(error)) from error
    return tuple(found)


def _strictness(fields: Fields) -> str:
    value = fields.values.get("sounds_like", "normal")
    if isinstance(value, bool):
        return "normal" if value else "off"
    return fields.one_of("sounds_like", STRICTNESS, "normal")


def expression(source: object, place: str) -> Expression:
    """A regular expression with {num}, {money} and {time}."""
    if not isinstance(source, str) or not source:
        raise RuleError(place, "must be a text")
    for name, expansion in MACROS.items():
        source = source.replace("{" + name + "}", f"(?:{expansion})")
    source = "".join(as_written(char) if char > "\x7f" and char.isalpha() else char for char in source).translate(_AS_WRITTEN)
    if _UPPER_CASE.search(source):
        source = f"(?i:{source})"
    try:
        return compile_safely(source)
    except UnsafeRegexError as error:
        raise RuleError(place, str(error)) from error


def regex(fields: Fields) -> c.Condition:
    """An expression, without what another one finds."""
    excluding = expression(fields.values["excluding"], f"{fields.place}.excluding") if fields.has("excluding") else None
    return c.Pattern(role=fields.role, range=fields.range, expression=expression(fields.values["regex"], fields.place), excluding=excluding)


def meaning(fields: Fields) -> c.Condition:
    """Sentences like examples and unlike others."""
    unlike = tuple(texts(fields.values["unlike"], f"{fields.place}.unlike")) if fields.has("unlike") else ()
    threshold = fields.number("threshold", 0.7)
    if threshold is None or threshold > 1:
        raise RuleError(f"{fields.place}.threshold", "is a cosine of at most 1")
    examples = tuple(texts(fields.values["meaning"], fields.place))
    return c.Meaning(role=fields.role, range=fields.range, examples=examples, counter_examples=unlike, threshold=threshold)


def near(fields: Fields) -> c.Condition:
    """Two lists of phrases close to each other."""
    inner = fields.inner("near", ("a", "b", "within_chars", "ordered"))
    for key in ("a", "b"):
        if not inner.has(key):
            raise RuleError(f"{inner.place}.{key}", "is missing")
    return c.Near(
        role=fields.role, range=fields.range,
        first=listed_words(inner.values["a"], f"{inner.place}.a"), second=listed_words(inner.values["b"], f"{inner.place}.b"),
        within_chars=_reach(inner, 10), ordered=inner.flag("ordered"),
    )


def figure(fields: Fields) -> c.Condition:
    """A number, compared."""
    inner = fields.inner("number", ("at_least", "at_most", "above", "below", "unit", "after", "within_chars"))
    units = tuple(inner.texts("unit")) if inner.has("unit") else ()
    after = listed_words(inner.values["after"], f"{inner.place}.after") if inner.has("after") else None
    if after is None and not units:
        raise RuleError(inner.place, "needs after or unit, to say which number is meant")
    return c.Figure(role=fields.role, range=fields.range, limits=inner.limits(), units=units, after=after, within_chars=_reach(inner, 12))


def day(fields: Fields) -> c.Condition:
    """A point in time, compared by how many days away it is."""
    inner = fields.inner("date", ("at_least_days", "at_most_days", "after", "within_chars"))
    days = c.Limits(at_least=inner.number("at_least_days"), at_most=inner.number("at_most_days"))
    after = listed_words(inner.values["after"], f"{inner.place}.after") if inner.has("after") else None
    return c.Day(role=fields.role, range=fields.range, days=days, after=after, within_chars=_reach(inner, 12))


def _reach(inner: Fields, default: int) -> int:
    reach = inner.count("within_chars", default)
    if reach > MAX_REACH_CHARS:
        raise RuleError(f"{inner.place}.within_chars", f"is at most {MAX_REACH_CHARS}")
    return reach


def asks_for(fields: Fields) -> c.Condition:
    """Something asked for, by the agent where nobody is named."""
    unless = phrases(fields.values["unless"], f"{fields.place}.unless", "off") if fields.has("unless") else ()
    return c.AskedFor(
        role=fields.role or Role.AGENT, range=fields.range, what=listed_words(fields.values["asks_for"], fields.place),
        asking=c.Words(phrases=tuple(parse_phrase(text, False) for text in ASKING)),
        unless=c.Words(phrases=(*unless, *(parse_phrase(text, False) for text in NOT_ASKING))),
    )


def jargon(fields: Fields) -> c.Condition:
    """Terms with their plain words."""
    inner = fields.inner("jargon", ("terms", "within_turns"))
    listed = inner.values.get("terms")
    if not isinstance(listed, Mapping) or not listed or len(listed) > MAX_TERMS:
        raise RuleError(f"{inner.place}.terms", f"expected 1 to {MAX_TERMS} terms, each with its plain words")
    terms = tuple(
        c.Term(listed_words(str(term), f"{inner.place}.terms.{term}"), listed_words(plainly, f"{inner.place}.terms.{term}"))
        for term, plainly in listed.items()
    )
    return c.Jargon(role=fields.role or Role.AGENT, range=fields.range, terms=terms, within_turns=inner.count("within_turns", 2))


def promise(fields: Fields) -> c.Condition:
    """Something undertaken, with or without a deadline."""
    if fields.values["promise"] in (None, {}):
        return c.Promised(role=fields.role, range=fields.range)
    inner = fields.inner("promise", ("dated",))
    dated = inner.flag("dated") if inner.values.get("dated") is not None else None
    return c.Promised(role=fields.role, range=fields.range, dated=dated)
