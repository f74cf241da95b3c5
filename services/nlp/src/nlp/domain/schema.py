"""The JSON Schema (draft 2020-12) of a scorecard file, for editors that check while people write; made from one description of the language."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from nlp.domain.judged import Outcome
from nlp.domain.parsing.states import CONTACT_DAYS, LABELS
from nlp.domain.rule_parser import OPERATORS
from nlp.domain.scorecard_parser import CHOSEN_BY, MAX_ITEMS, MAX_OPTIONS
from nlp.domain.scorecard_tests import HIT, MISS
from nlp.domain.scorecards import DIMENSIONS, FULL_SCORE, ExpectedAt, FatalPolicy

Schema = dict[str, Any]

CONDITION: Schema = {"$ref": "#/$defs/condition"}
TEXT: Schema = {"type": ["string", "number"], "minLength": 1}
TEXTS: Schema = {"$ref": "#/$defs/texts"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number", "minimum": 0}
ANY_NUMBER: Schema = {"type": "number"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
FLAG: Schema = {"type": "boolean"}
EXPRESSION: Schema = {"type": "string", "minLength": 1, "maxLength": 1500}
PARTS: Schema = {"type": "array", "items": CONDITION, "minItems": 1}
_COMPARED: Schema = {"at_least": ANY_NUMBER, "at_most": ANY_NUMBER, "above": ANY_NUMBER, "below": ANY_NUMBER}
_SECONDS: Schema = {"longer_than_s": NUMBER, "shorter_than_s": NUMBER}


def _of(description: str, properties: Schema, required: tuple[str, ...] = (), any_of: tuple[str, ...] = ()) -> Schema:
    made: Schema = {"description": description, "type": "object", "properties": properties, "additionalProperties": False}
    if required:
        made["required"] = list(required)
    if any_of:
        made["anyOf"] = [{"required": [name]} for name in any_of]
    return made


def _one_or_more(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one}]}


# By operator: its own value, and the keys it takes beside it.
VALUES: dict[str, Schema] = {
    "words": TEXTS | {"description": "说到其中任一词；* 代表最多六个字，*{n} 最多 n 个"},
    "regex": EXPRESSION | {"description": "正则表达式；{num}、{money}、{time} 代表中文或阿拉伯数字的数、金额、时间"},
    "near": _of("同一话轮里两组词相距不远", {"a": TEXTS, "b": TEXTS, "within_chars": COUNT, "ordered": FLAG}, ("a", "b")),
    "number": _of("说到的数", _COMPARED | {"unit": TEXTS, "after": TEXTS, "within_chars": COUNT}, any_of=("unit", "after")),
    "date": _of("说到的时间离会话几天", {"at_least_days": NUMBER, "at_most_days": NUMBER, "after": TEXTS, "within_chars": COUNT}),
    "meaning": TEXTS | {"description": "意思与例句相近"},
    "asks_for": TEXTS | {"description": "索要不该索要的信息，例如密码、验证码"},
    "jargon": _of(
        "说了专业术语而没有说白", {"terms": {"type": "object", "additionalProperties": TEXTS, "minProperties": 1}, "within_turns": COUNT}, ("terms",),
    ),
    "promise": {"anyOf": [{"type": "null"}, _of("坐席作出承诺", {"dated": FLAG})]},
    "silence": _of(
        "静音", {"longer_than_s": NUMBER, "between": {"enum": ["any", "same", "other"]}, "unless": CONDITION, "announced_s": NUMBER}, ("longer_than_s",),
    ),
    "hold": _of("告知后的等待", {"longer_than_s": NUMBER, "announced": CONDITION, "without": CONDITION}, ("longer_than_s", "announced")),
    "overlap": _of("抢话", {"longer_than_s": NUMBER}, ("longer_than_s",)),
    "response_time": _of("应答时长", _SECONDS | {"unless": CONDITION}, any_of=tuple(_SECONDS)),
    "speech_rate": _of(
        "语速，每秒字数", {"above": NUMBER, "below": NUMBER, "rises_percent": NUMBER, "min_chars": COUNT}, any_of=("above", "below", "rises_percent"),
    ),
    "loudness": _of(
        "音量", {"rises_db": NUMBER, "above_dbfs": {"type": "number", "minimum": -120, "maximum": 0}}, any_of=("rises_db", "above_dbfs"),
    ),
    "pitch": _of("音高上升", {"rises_percent": NUMBER}, ("rises_percent",)),
    "talk_share": _of("说话占比，0 到 1", {"above": SHARE, "below": SHARE}, any_of=("above", "below")),
    "call_length": _of("会话时长", _SECONDS, any_of=tuple(_SECONDS)),
    "emotion": _of("客户情绪", {
        "is": {"anyOf": [{"enum": list(LABELS)}, {"type": "array", "items": {"enum": list(LABELS)}, "minItems": 1}]},
        "at_least": SHARE, "rises_after": CONDITION, "by": SHARE, "not_back": FLAG,
    }, any_of=("is", "at_least", "rises_after")),
    "repeated": _of("重复诉说", {
        "of": CONDITION, "at_least": {"type": "integer", "minimum": 2}, "likeness": {"type": "number", "minimum": 0.1, "maximum": 1}, "min_chars": COUNT,
    }),
    "demands": _of("多个诉求各有回应", {
        "list": {
            "type": "object", "minProperties": 1,
            "additionalProperties": _of("诉求", {"of": CONDITION, "answered_by": CONDITION}, ("of", "answered_by")),
        },
        "at_least": COUNT, "unanswered_at_most": COUNT, "within_turns": COUNT,
    }, ("list",)),
    "attribute": {
        "description": "会话属性", "type": "object", "minProperties": 1, "maxProperties": 1,
        "additionalProperties": {"anyOf": [TEXTS, _of("属性值", _COMPARED | {"in": TEXTS, "not_in": TEXTS}, any_of=("in", "not_in", *_COMPARED))]},
    },
    "previous_contacts": _of(
        "此前来电次数", {"days": {"enum": list(CONTACT_DAYS)}, "at_least": COUNT, "at_most": COUNT}, any_of=("at_least", "at_most"),
    ),
    "hang_up": {"description": "哪一方挂机", "enum": ["agent", "customer"]},
    "judge": _of("由大模型回答的问题", {"question": {"type": "string", "minLength": 4, "maxLength": 1000}, "examples": TEXTS}, ("question",)),
    "rule": {"description": "另一条规则的名字", "type": "string", "minLength": 1},
    "all": PARTS | {"description": "全部成立"},
    "any": PARTS | {"description": "至少一个成立"},
    "none": PARTS | {"description": "一个也不成立"},
    "not": CONDITION | {"description": "不成立"},
    "sequence": PARTS | {"description": "依次成立"},
    "count": _of("命中的话轮数", {"of": CONDITION, "at_least": COUNT, "at_most": COUNT}, ("of",)),
    "each": _of("每次命中都有回应", {"of": CONDITION, "answered_by": CONDITION, "within_turns": COUNT}, ("of", "answered_by")),
}
BESIDE: dict[str, Schema] = {
    "unless": TEXTS | {"description": "与这些词重叠的命中不算"},
    "at_least": {"anyOf": [COUNT, {"const": "all"}]},
    "not_negated": FLAG | {"description": "前面有“不、没”等字的不算"},
    "sounds_like": {"description": "按音匹配的宽严", "anyOf": [FLAG, {"enum": ["off", "strict", "normal", "loose"]}]},
    "then": EXPRESSION | {"description": "紧跟在词后面的文字须匹配"},
    "whole_turn": FLAG | {"description": "整个话轮就是这个词"},
    "excluding": EXPRESSION,
    "unlike": TEXTS,
    "threshold": SHARE,
    "same_turn": FLAG,
    "within_turns": COUNT,
}
RANGE = _of("在会话的哪一段里找；话轮是一方说到另一方接话为止", {
    "first_turns": COUNT, "last_turns": COUNT, "first_s": NUMBER, "last_s": NUMBER,
    "first_percent": {"type": "number", "minimum": 0, "maximum": 100}, "last_percent": {"type": "number", "minimum": 0, "maximum": 100},
    "after": CONDITION, "before": CONDITION, "around": CONDITION,
    "hit": {"anyOf": [{"enum": ["first", "last"]}, {"type": "integer", "minimum": 1, "maximum": 1000}]},
    "within_turns": COUNT, "within_s": NUMBER,
})
_ITEM = {
    "id": {"type": "string", "minLength": 1}, "title": {"type": "string", "minLength": 1}, "points": {"type": "number", "exclusiveMinimum": 0},
    "fatal": {"anyOf": [FLAG, {"enum": ["card", "section"]}]}, "bonus": FLAG, "applies_when": CONDITION, "rule": CONDITION,
    "options": {
        "type": "array", "minItems": 2, "maxItems": MAX_OPTIONS,
        "items": _of("按档给分", {"title": TEXT, "points": NUMBER, "rule": CONDITION}, ("title", "points")),
    },
    "expected_at": {"enum": [place.value for place in ExpectedAt]}, "highlight": {"type": "string"},
}
_SAID: Schema = {"type": "string", "pattern": "^\\s*(坐席|客服|客户)\\s*[:：]|^\\s*[（(]\\s*(静音|抢话|语速)"}
_LINE: Schema = {"anyOf": [_SAID, _of("一句话", {"say": _SAID, "confidence": SHARE, "energy_db": ANY_NUMBER, "pitch_hz": ANY_NUMBER}, ("say",))]}
_LINES: Schema = {"anyOf": [_SAID, {"type": "array", "items": _LINE, "minItems": 1}]}
_CASES: Schema = {
    "type": "array", "minItems": 1,
    "items": {"anyOf": [_LINES, _of("一段会话", {"lines": _LINES, "attributes": {"type": "object", "additionalProperties": TEXT}}, ("lines",))]},
}
CARD: Schema = {
    "id": {"type": "string", "minLength": 1}, "version": TEXT, "title": {"type": "string", "minLength": 1}, "extends": {"type": "string"},
    "industries": {"type": "array", "items": {"type": "string"}},
    "applies_to": _of("判哪些会话", {name: _one_or_more({"enum": sorted(known)} if known else TEXT) for name, known in CHOSEN_BY.items()}),
    "additional": FLAG, "max_score": {"type": "number", "minimum": FULL_SCORE}, "fatal_policy": {"enum": [policy.value for policy in FatalPolicy]},
    "rules": {"type": "object", "additionalProperties": CONDITION}, "alerts": {"type": "object", "additionalProperties": CONDITION},
    "sections": {"type": "array", "items": _of("一组检查项", {
        "name": {"type": "string"}, "dimension": {"enum": list(DIMENSIONS)}, "weight": NUMBER,
        "items": {"type": "array", "maxItems": MAX_ITEMS, "items": _of("检查项", _ITEM, ("id", "title")) | {
            "oneOf": [{"required": ["rule", "points"]}, {"required": ["options"]}],
        }},
    }, ("dimension",))},
    "guidance": {"type": "object", "additionalProperties": _of("给坐席看的话", {
        "why": {"type": "string", "minLength": 1}, "fault": {"type": "string"}, "say": {"type": "string", "minLength": 1},
    }, ("why", "say"))},
    "tests": {"type": "object", "additionalProperties": _of("检查项的测试语句", {outcome.value: _CASES for outcome in Outcome})},
    "rule_tests": {"type": "object", "additionalProperties": _of("规则的测试语句", {HIT: _CASES, MISS: _CASES})},
}


@cache
def rule_schema() -> str:
    """The schema as JSON text."""
    operators = [_operator(name) for name in OPERATORS]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "明鉴评分表",
        **_of("一个评分表文件", CARD, ("id", "version", "title")),
        "$defs": {
            "condition": {"anyOf": [{"type": "string", "minLength": 1, "description": "规则名"}, TEXTS, *operators]},
            "texts": {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 2000}]},
            "range": RANGE,
        },
    }
    return json.dumps(schema, ensure_ascii=False)


def _operator(name: str) -> Schema:
    beside = {key: BESIDE[key] for key in OPERATORS[name].beside}
    either = {"role": {"enum": ["agent", "customer", "any"]}, "range": {"$ref": "#/$defs/range"}}
    return _of(VALUES[name].get("description", ""), {name: VALUES[name], **beside, **either}, (name,))
