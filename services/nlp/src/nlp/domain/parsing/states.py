"""Reads conditions on how the customer feels, what is demanded again and what is known of the contact."""

from __future__ import annotations

from collections.abc import Mapping

from nlp.domain import conditions as c
from nlp.domain.dialogue import Role
from nlp.domain.parsing.fields import Fields, RuleError, texts, unknown

LABELS = ("angry", "anxious", "neutral", "satisfied")
MAX_DEMANDS = 50
MAX_QUESTION_CHARS = 1000
CONTACT_DAYS = (7, 30)
_COMPARED = ("at_least", "at_most", "above", "below")


def emotion(fields: Fields) -> c.Condition:
    """What the customer feels, or how it changes."""
    inner = fields.inner("emotion", ("is", "at_least", "rises_after", "by", "not_back"))
    labels = tuple(inner.texts("is")) if inner.has("is") else ()
    for label in labels:
        if label not in LABELS:
            raise unknown(label, LABELS, f"{inner.place}.is", "emotion")
    at_least, rises_after = inner.number("at_least", most=1.0), inner.condition_or_none("rises_after")
    if not labels and at_least is None and rises_after is None:
        raise RuleError(inner.place, "needs is, at_least or rises_after")
    not_back = inner.flag("not_back")
    if rises_after is None and (not_back or inner.has("by")):
        raise RuleError(inner.place, "by and not_back are for rises_after")
    by = inner.number("by", 0.3, most=1.0)
    return c.Emotion(
        role=Role.CUSTOMER, range=fields.range, labels=labels, at_least=at_least, rises_after=rises_after, by=0.3 if by is None else by, not_back=not_back,
    )


def repeated(fields: Fields) -> c.Condition:
    """The same said again, by the customer where nobody is named."""
    inner = fields.inner("repeated", ("of", "at_least", "likeness", "min_chars"))
    at_least = inner.count("at_least", 2)
    if at_least < 2:
        raise RuleError(f"{inner.place}.at_least", "is 2 or more: once is no repetition")
    return c.Repeated(
        role=fields.role or Role.CUSTOMER, range=fields.range, of=inner.condition_or_none("of"), at_least=at_least,
        likeness=inner.number("likeness", 0.6, least=0.1, most=1.0) or 0.6, min_chars=max(2, inner.count("min_chars", 6)),
    )


def demands(fields: Fields) -> c.Condition:
    """Several things wanted, each with its own answer."""
    inner = fields.inner("demands", ("list", "at_least", "unanswered_at_most", "within_turns"))
    listed = inner.values.get("list")
    if not isinstance(listed, Mapping) or not 1 <= len(listed) <= MAX_DEMANDS:
        raise RuleError(f"{inner.place}.list", f"expected 1 to {MAX_DEMANDS} demands by name, each with of and answered_by")
    made = []
    for name, node in listed.items():
        one = Fields({"demand": node}, f"{inner.place}.list.{name}", fields.parse).inner("demand", ("of", "answered_by"))
        made.append(c.Demand(str(name), one.condition("of"), one.condition("answered_by")))
    at_least = max(1, inner.count("at_least", 1))
    if at_least > len(made):
        raise RuleError(f"{inner.place}.at_least", f"asks for {at_least} of {len(made)} demands")
    return c.Demands(
        role=fields.role, range=fields.range, listed=tuple(made), at_least=at_least, unanswered_at_most=inner.count("unanswered_at_most", 0),
        within_turns=inner.whole("within_turns"),
    )


def attribute(fields: Fields) -> c.Condition:
    """`{name: [values]}` or `{name: {in, not_in, at_least, ...}}`."""
    node = fields.values["attribute"]
    if not isinstance(node, Mapping) or len(node) != 1:
        raise RuleError(fields.place, "expected one attribute with its values")
    name, values = next(iter(node.items()))
    place = f"{fields.place}.{name}"
    if not isinstance(values, Mapping):
        return c.Attribute(role=fields.role, range=fields.range, name=str(name), values=tuple(texts(values, place)))
    inner = Fields({"attribute": values}, place, fields.parse).inner("attribute", ("in", "not_in", *_COMPARED))
    compared = any(inner.has(key) for key in _COMPARED)
    if not (compared or inner.has("in") or inner.has("not_in")):
        raise RuleError(place, "needs in, not_in or a comparison")
    return c.Attribute(
        role=fields.role, range=fields.range, name=str(name), values=tuple(inner.texts("in")) if inner.has("in") else (),
        excluded=tuple(inner.texts("not_in")) if inner.has("not_in") else (), limits=inner.limits() if compared else None,
    )


def previous_contacts(fields: Fields) -> c.Condition:
    """How often the customer came in the days before: the attribute previous_contacts_7d or previous_contacts_30d."""
    inner = fields.inner("previous_contacts", ("days", "at_least", "at_most"))
    days = inner.count("days", CONTACT_DAYS[0])
    if days not in CONTACT_DAYS:
        raise RuleError(f"{inner.place}.days", f"must be {' or '.join(map(str, CONTACT_DAYS))}")
    limits = inner.some_limits(("at_least", "at_most"))
    return c.Attribute(role=fields.role, range=fields.range, name=f"previous_contacts_{days}d", limits=limits)


def hang_up(fields: Fields) -> c.Condition:
    """Who ended the call: the attribute hang_up."""
    side = fields.values["hang_up"]
    if side not in tuple(Role):
        raise unknown(side, tuple(Role), fields.place, "side")
    return c.Attribute(role=fields.role, range=fields.range, name="hang_up", values=(str(side),))


def judge(fields: Fields) -> c.Condition:
    """A question to a language model."""
    inner = fields.inner("judge", ("question", "examples"))
    question = inner.values.get("question")
    if not isinstance(question, str) or not 4 <= len(question.strip()) <= MAX_QUESTION_CHARS:
        raise RuleError(f"{inner.place}.question", f"must be a text of 4 to {MAX_QUESTION_CHARS} characters")
    examples = tuple(inner.texts("examples")) if inner.has("examples") else ()
    return c.Judged(role=fields.role, range=fields.range, question=question.strip(), examples=examples)
