"""Reads conditions on the clock and the voice."""

from __future__ import annotations

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.parsing.fields import Fields, RuleError

_SECONDS = ("longer_than_s", "shorter_than_s")


def silence(fields: Fields) -> c.Condition:
    """Nobody speaks."""
    inner = fields.inner("silence", ("longer_than_s", "between", "unless", "announced_s"))
    return c.Silence(
        role=fields.role, range=fields.range, longer_than_s=inner.needed("longer_than_s"), between=c.Between(inner.one_of("between", tuple(c.Between), "any")),
        unless=inner.condition_or_none("unless"), announced_s=inner.number("announced_s", 120.0) or 0.0,
    )


def hold(fields: Fields) -> c.Condition:
    """An announced silence."""
    inner = fields.inner("hold", ("longer_than_s", "announced", "without"))
    return c.Hold(
        role=fields.role, range=fields.range, longer_than_s=inner.needed("longer_than_s"), announced=inner.condition("announced"),
        resumed=inner.condition_or_none("without"),
    )


def overlap(fields: Fields) -> c.Condition:
    """One begins while the other speaks."""
    inner = fields.inner("overlap", ("longer_than_s",))
    return c.Overlap(role=fields.role, range=fields.range, longer_than_s=inner.needed("longer_than_s"))


def response_time(fields: Fields) -> c.Condition:
    """How soon one answers the other."""
    inner = fields.inner("response_time", (*_SECONDS, "unless"))
    return c.ResponseTime(role=fields.role, range=fields.range, seconds=_seconds(inner), unless=inner.condition_or_none("unless"))


def speech_rate(fields: Fields) -> c.Condition:
    """Characters per second."""
    inner = fields.inner("speech_rate", ("above", "below", "rises_percent", "min_chars"))
    above, below, rises = inner.number("above"), inner.number("below"), inner.number("rises_percent")
    if above is None and below is None and rises is None:
        raise RuleError(inner.place, "needs above, below or rises_percent")
    return c.SpeechRate(role=fields.role, range=fields.range, above=above, below=below, rises_percent=rises, min_chars=inner.count("min_chars", 15))


def loudness(fields: Fields) -> c.Condition:
    """Louder than usual, or than a level."""
    inner = fields.inner("loudness", ("rises_db", "above_dbfs"))
    rises, above = inner.number("rises_db"), inner.number("above_dbfs", least=-120.0, most=0.0)
    if rises is None and above is None:
        raise RuleError(inner.place, "needs rises_db or above_dbfs")
    return c.Loudness(role=fields.role, range=fields.range, rises_db=rises, above_dbfs=above)


def pitch(fields: Fields) -> c.Condition:
    """Higher than usual."""
    inner = fields.inner("pitch", ("rises_percent",))
    return c.Pitch(role=fields.role, range=fields.range, rises_percent=inner.needed("rises_percent"))


def talk_share(fields: Fields) -> c.Condition:
    """Who speaks how much."""
    inner = fields.inner("talk_share", ("above", "below"))
    for key in ("above", "below"):
        inner.number(key, most=1.0)
    return c.TalkShare(role=fields.role or Role.AGENT, range=fields.range, share=inner.some_limits(("above", "below")))


def call_length(fields: Fields) -> c.Condition:
    """How long the contact lasted."""
    inner = fields.inner("call_length", _SECONDS)
    return c.CallLength(role=fields.role, range=fields.range, seconds=_seconds(inner))


def _seconds(inner: Fields) -> c.Limits:
    above, below = inner.number("longer_than_s"), inner.number("shorter_than_s")
    if above is None and below is None:
        raise RuleError(inner.place, "needs longer_than_s or shorter_than_s")
    if above is not None and below is not None and above >= below:
        raise RuleError(inner.place, f"nothing is longer than {above:g} and shorter than {below:g} seconds")
    return c.Limits(above=above, below=below)
