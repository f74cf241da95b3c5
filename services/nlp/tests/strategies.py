"""Random contacts and random conditions of every operator, for laws that must hold of all of them."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from nlp.domain.courses import Feeling
from nlp.domain.dialogue import Acoustics, Dialogue, Interaction, Role, Turn, in_order
from nlp.domain.rule_parser import OPERATORS

# What is said and what is looked for come from one small vocabulary, so that most conditions find something in most contacts.
SAYINGS = (
    "您好，请问有什么可以帮您？",
    "我要退款！",
    "我要退款，你们什么时候给我退款？",
    "抱歉，请您稍等。",
    "嗯，好的。",
    "主板故障，工时费90元。",
    "三个工作日之内退给您。",
    "我的验证码是多少？",
    "请把验证码告诉我一下。",
    "请不要告诉我您的密码。",
    "机器启动不了，要投诉你们。",
    "感谢您的来点，再见。",
    "明天上午我们会联系您。",
    "不用退款了",
    "配件费一共二百八，运费12元",
    "OK, I want a refund. 😀",
    "",
    "我說過了，什麼時候給我退款？",
    "久等了，已经退了。",
    "投诉",
)
PHRASES = (
    "退款",
    "抱歉",
    "您好",
    "请*稍等",
    "感谢您的来电",
    "投诉",
    "退*{8}款",
    "工时费",
    "验证码",
    "密码",
    "主板故障",
    "启动不了",
    "什么时候",
    "refund",
    "来电~",
    "已经=",
)
EXPRESSIONS = ("退[款了]", "{num}元", "(?:退|换)[^。]{0,6}款", "(?<!不用)退款", "(我|你)+要?")
NAMES = ("complains", "apologises", "calm")
RULES: dict[str, Any] = {
    "complains": {"words": ["投诉", "退款"], "role": "customer", "not_negated": True},
    "apologises": {"words": ["抱歉", "久等了"], "role": "agent"},
    "calm": {"not": "complains"},
}
ATTRIBUTES = {
    "channel": "hotline",
    "industry": "telecom",
    "queue": "2",
    "previous_contacts_7d": "3",
    "hang_up": "customer",
    "started_at": "2026-11-22T09:00:00+08:00",
}

_phrases = st.lists(st.sampled_from(PHRASES), min_size=1, max_size=4, unique=True)
_seconds = st.sampled_from([0.2, 1, 3, 10, 60])
_small = st.integers(0, 3)
_leaf = st.one_of(_phrases, st.sampled_from(NAMES))


@st.composite
def dialogues(draw: st.DrawFn, *, max_turns: int = 14, timed: bool | None = None) -> Dialogue:
    """Turns of both roles that may overlap, with or without times and sound, recognised with more or less confidence."""
    timed = draw(st.booleans()) if timed is None else timed
    spoken = draw(st.booleans())
    turns, now = [], 0
    for number in range(draw(st.integers(0, max_turns))):
        text = draw(st.sampled_from(SAYINGS))
        start = max(0, now + draw(st.sampled_from([-1500, -200, 0, 300, 1200, 4000, 15000])))
        end = start + 200 + 180 * len(text)
        sound = draw(
            st.one_of(
                st.none(),
                st.builds(
                    Acoustics,
                    st.sampled_from([-38.0, -30.0, -29.0, -18.0]),
                    st.sampled_from([None, 140.0, 150.0, 210.0]),
                    st.sampled_from([3.0, 5.0, 9.0]),
                ),
            )
        )
        turns.append(
            Turn(
                f"t{number + 1}",
                draw(st.sampled_from(Role)),
                text,
                start if timed else None,
                end if timed else None,
                draw(st.sampled_from([1.0, 0.9, 0.5, 0.1])),
                sound,
            )
        )
        now = end
    interaction = Interaction("i1", "telecom", "hotline" if spoken else "online", "inbound", ATTRIBUTES, spoken)
    return Dialogue(interaction, in_order(turns))


@st.composite
def courses(draw: st.DrawFn, dialogue: Dialogue) -> dict[str, Feeling]:
    """How the customer felt in some of the turns."""
    feelings = st.builds(
        Feeling, st.sampled_from(["angry", "anxious", "neutral", "satisfied"]), st.sampled_from([0.0, 0.2, 0.5, 0.9]), st.sampled_from([0.5, 0.9])
    )
    return {turn.turn_id: draw(feelings) for turn in dialogue.turns if turn.role is Role.CUSTOMER and draw(st.integers(0, 4))}


@cache
def attributes() -> st.SearchStrategy[dict[str, str]]:
    """Some of what a contact may carry."""
    return st.lists(st.sampled_from(sorted(ATTRIBUTES)), unique=True).map(lambda names: {name: ATTRIBUTES[name] for name in names})


@cache
def conditions(*, operators: tuple[str, ...] = tuple(OPERATORS)) -> st.SearchStrategy[Any]:
    """Conditions as they are written in YAML, to be read by `parse_condition`; the rules they may name are RULES."""
    leaves = st.one_of(_leaf, *(one_of_kind(name) for name in operators if name in _LEAVES))
    made = [name for name in operators if name not in _LEAVES]
    return st.recursive(leaves, lambda inner: st.one_of(*(one_of_kind(name, inner) for name in made)), max_leaves=4) if made else leaves


def one_of_kind(name: str, inner: st.SearchStrategy[Any] = _leaf) -> st.SearchStrategy[Any]:
    """Conditions of one operator, made of `inner` where it is made of conditions."""
    operator = _LEAVES[name] if name in _LEAVES else _made(name, inner)
    more = st.fixed_dictionaries({}, optional={"role": st.sampled_from(["agent", "customer", "any"]), "range": ranges()})
    return st.builds(lambda made, rest: {**made, **rest}, operator, more)


@cache
def ranges() -> st.SearchStrategy[dict[str, Any]]:
    """Ranges of every kind."""
    within = st.one_of(_small.map(lambda n: {"within_turns": n}), _seconds.map(lambda s: {"within_s": s}))
    hit = st.one_of(st.just({}), st.sampled_from(["first", "last", 1, 2, 3]).map(lambda k: {"hit": k}))
    of_contact = st.one_of(
        st.fixed_dictionaries({}, optional={"first_turns": _small, "last_turns": _small}),
        st.fixed_dictionaries({}, optional={"first_s": _seconds, "last_s": _seconds}),
        st.sampled_from([0, 10, 50, 100]).flatmap(lambda p: st.sampled_from([{"first_percent": p}, {"last_percent": p}])),
    )
    around = st.builds(lambda b, w, h: {"around": b, **w, **h}, _leaf, within, hit)
    beside = st.builds(lambda side, b, w, h: {side: b, **w, **h}, st.sampled_from(["after", "before"]), _leaf, st.one_of(st.just({}), within), hit)
    return st.one_of(of_contact, around, beside)


def _fixed(key: str, required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({key: st.fixed_dictionaries(required, optional=optional)})


def _made(name: str, inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An operator that is made of conditions."""
    several = st.lists(inner, min_size=1, max_size=3)
    if name in ("any", "none"):
        return several.map(lambda parts: {name: parts})
    if name in ("all", "sequence"):
        near = st.one_of(st.just({}), _small.map(lambda n: {"within_turns": n}), st.just({"same_turn": True} if name == "all" else {}))
        return st.builds(lambda parts, rest: {name: parts, **rest}, several, near)
    if name == "not":
        return inner.map(lambda part: {"not": part})
    if name == "count":
        return st.builds(
            lambda part, least, more: {"count": {"of": part, "at_least": least, **({"at_most": least + more} if more else {})}}, inner, _small, _small
        )
    if name == "each":
        return _fixed("each", {"of": inner, "answered_by": inner}, {"within_turns": _small})
    if name == "silence":
        return _fixed("silence", {"longer_than_s": _seconds}, {"between": st.sampled_from(["any", "same", "other"]), "unless": inner, "announced_s": _seconds})
    if name == "hold":
        return _fixed("hold", {"longer_than_s": _seconds, "announced": inner}, {"without": inner})
    if name == "response_time":
        return _fixed("response_time", {"longer_than_s": _seconds}, {"unless": inner})
    if name == "emotion":
        return st.one_of(
            _fixed("emotion", {"is": st.sampled_from(["angry", "satisfied"])}, {"at_least": st.sampled_from([0.2, 0.5])}),
            _fixed("emotion", {"rises_after": inner}, {"by": st.sampled_from([0.1, 0.4]), "not_back": st.booleans()}),
        )
    if name == "repeated":
        return _fixed(
            "repeated", {}, {"of": inner, "at_least": st.sampled_from([2, 3]), "likeness": st.sampled_from([0.4, 0.9]), "min_chars": st.sampled_from([2, 5])}
        )
    if name == "demands":
        demand = st.fixed_dictionaries({"of": inner, "answered_by": inner})
        return _fixed(
            "demands", {"list": st.dictionaries(st.sampled_from("甲乙丙"), demand, min_size=1)}, {"unanswered_at_most": _small, "within_turns": _small}
        )
    raise KeyError(name)


_LEAVES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "words": st.builds(
        lambda listed, most, rest: {"words": listed, "at_least": min(most, len(listed)), **rest},
        _phrases,
        st.integers(1, 2),
        st.fixed_dictionaries(
            {},
            optional={
                "unless": _phrases,
                "not_negated": st.booleans(),
                "whole_turn": st.booleans(),
                "then": st.sampled_from(EXPRESSIONS),
                "sounds_like": st.sampled_from(["off", "strict", "normal", "loose", True, False]),
            },
        ),
    ),
    "regex": st.builds(
        lambda one, other: {"regex": one, **other},
        st.sampled_from(EXPRESSIONS),
        st.one_of(st.just({}), st.sampled_from(EXPRESSIONS).map(lambda e: {"excluding": e})),
    ),
    "near": _fixed("near", {"a": _phrases, "b": _phrases}, {"within_chars": st.sampled_from([0, 4, 12]), "ordered": st.booleans()}),
    "number": _fixed(
        "number", {"unit": st.sampled_from(["元", "天"])}, {"at_least": st.sampled_from([0, 50]), "at_most": st.sampled_from([90, 300]), "after": _phrases}
    ),
    "date": _fixed("date", {}, {"at_most_days": st.sampled_from([1, 5]), "after": _phrases}),
    "meaning": st.builds(
        lambda examples, threshold: {"meaning": list(examples), "threshold": threshold},
        st.lists(st.sampled_from(SAYINGS[:6]), min_size=1, max_size=2),
        st.sampled_from([0.5, 0.9]),
    ),
    "asks_for": st.builds(lambda what: {"asks_for": what}, _phrases),
    "jargon": st.builds(
        lambda term, plainly, turns: {"jargon": {"terms": {term: plainly}, "within_turns": turns}}, st.sampled_from(PHRASES[:12]), _phrases, _small
    ),
    "promise": st.sampled_from([{"promise": {}}, {"promise": {"dated": True}}, {"promise": {"dated": False}}]),
    "overlap": _fixed("overlap", {"longer_than_s": st.sampled_from([0, 0.1, 1])}, {}),
    "speech_rate": _fixed("speech_rate", {"above": st.sampled_from([3, 5])}, {"rises_percent": st.sampled_from([5, 50]), "min_chars": st.sampled_from([0, 5])}),
    "loudness": _fixed("loudness", {"rises_db": st.sampled_from([3, 10])}, {"above_dbfs": st.sampled_from([-35, -20])}),
    "pitch": _fixed("pitch", {"rises_percent": st.sampled_from([5, 30])}, {}),
    "talk_share": _fixed("talk_share", {"above": st.sampled_from([0.3, 0.7])}, {}),
    "call_length": _fixed("call_length", {"longer_than_s": _seconds}, {}),
    "attribute": st.one_of(
        _fixed("attribute", {"channel": st.sampled_from([["hotline"], ["online"]])}, {}),
        _fixed("attribute", {"queue": st.sampled_from([{"at_least": 2}, {"below": 2}, {"not_in": ["2"]}])}, {}),
    ),
    "previous_contacts": _fixed("previous_contacts", {"at_least": _small}, {"days": st.sampled_from([7, 30])}),
    "hang_up": st.sampled_from([{"hang_up": "agent"}, {"hang_up": "customer"}]),
    "judge": st.just({"judge": {"question": "坐席是否真正理解了客户的诉求？"}}),
    "rule": st.sampled_from(NAMES).map(lambda name: {"rule": name}),
}
