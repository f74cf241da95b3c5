"""Which policy and which calendar a ticket has: a versioned table, read from YAML, the first policy that matches counts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import yaml
from chassis.errors import InvalidInput
from chinese_calendar import is_workday

from routing.domain.calendars import Period, WorkingCalendar, parse_period
from routing.domain.clocks import Policy, Target
from routing.domain.tickets import Kind, Terms, Ticket, Urgency

MAX_BYTES = 200_000
MAX_POLICIES = 200
MAX_CALENDARS = 50
LONGEST = timedelta(days=365)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?")
# The State Council announces a year's holidays in the autumn before it: later years have none until the library that lists them is renewed.
_FIRST_YEAR, _LAST_YEAR = 2024, 2026


@dataclass(frozen=True, slots=True)
class LevelRule:
    """All conditions given must hold; an empty one is not given."""

    policy: Policy
    calendar_id: str
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    def holds(self, kind: Kind, type_: str, urgency: Urgency, tier: str, industry: str, causes: tuple[str, ...]) -> bool:
        """Does it count for such a ticket?"""
        given = ((self.kinds, kind.value), (self.types, type_), (self.urgencies, urgency.value), (self.tiers, tier), (self.industries, industry))
        return all(not wanted or value in wanted for wanted, value in given) and (not self.causes or bool(set(self.causes) & set(causes)))


@dataclass(frozen=True)
class ServiceLevels:
    """One version of the table. The last rule has no condition, so that every ticket has terms."""

    version: str
    calendars: Mapping[str, WorkingCalendar]
    rules: tuple[LevelRule, ...]

    def terms(self, *, kind: Kind, type_: str, urgency: Urgency, tier: str = "", industry: str = "", causes: tuple[str, ...] = ()) -> Terms:
        """The first policy that matches, and its calendar."""
        rule = next(rule for rule in self.rules if rule.holds(kind, type_, urgency, tier, industry, causes))
        return Terms(rule.policy, self.calendars[rule.calendar_id])

    def terms_for(self, ticket: Ticket) -> Terms:
        """The first policy that matches a ticket as it stands."""
        return self.terms(
            kind=ticket.kind, type_=ticket.type, urgency=ticket.urgency, tier=ticket.customer_tier, industry=ticket.industry, causes=ticket.causes,
        )

    def terms_of(self, policy_id: str) -> Terms | None:
        """The terms of that policy in this version; None where it has no such policy."""
        return next((Terms(r.policy, self.calendars[r.calendar_id]) for r in self.rules if r.policy.policy_id == policy_id), None)


def service_levels_in(text: str) -> ServiceLevels:
    """Read the YAML table. Raises InvalidInput naming what is missing or wrong."""
    if len(text.encode()) > MAX_BYTES:
        raise InvalidInput("source", f"is larger than {MAX_BYTES} bytes")
    try:
        table = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput("source", f"is not YAML: {error}") from None
    table = _mapping(table, "source", {"version", "warn_at", "calendars", "policies"})
    calendars = {name: _calendar(name, node) for name, node in _needed(table, "calendars", dict).items()}
    warn_at = tuple(_share(value) for value in table.get("warn_at", [0.5, 0.75, 0.9]))
    version = str(table.get("version") or "").strip()
    if not version or len(version) > 50:
        raise InvalidInput("version", "is needed, at most 50 characters")
    nodes = _needed(table, "policies", list)
    if len(nodes) > MAX_POLICIES or len(calendars) > MAX_CALENDARS:
        raise InvalidInput("policies", f"at most {MAX_POLICIES} policies and {MAX_CALENDARS} calendars")
    rules = tuple(_rule(number, node, version, warn_at, calendars) for number, node in enumerate(nodes))
    ids = [rule.policy.policy_id for rule in rules]
    if doubled := next((name for name in ids if ids.count(name) > 1), ""):
        raise InvalidInput("policies", f"the id {doubled} is used twice")
    for number, rule in enumerate(rules):
        general = not any((rule.kinds, rule.types, rule.urgencies, rule.tiers, rule.industries, rule.causes))
        if general != (number == len(rules) - 1):
            raise InvalidInput(f"policies[{number}].when", "the last policy, and it alone, has no condition: it counts for all that is left")
    return ServiceLevels(version, calendars, rules)


def _rule(number: int, node: object, version: str, warn_at: tuple[float, ...], calendars: Mapping[str, WorkingCalendar]) -> LevelRule:
    place = f"policies[{number}]"
    fields = _mapping(node, place, {"id", "when", "calendar", "allowed", "warn_at", "escalate_after"})
    policy_id, calendar_id = str(fields.get("id") or ""), str(fields.get("calendar") or "")
    if not policy_id:
        raise InvalidInput(f"{place}.id", "is missing")
    if calendar_id not in calendars:
        raise InvalidInput(f"{place}.calendar", f"must be one of {', '.join(calendars)}")
    allowed = {}
    for name, value in _mapping(fields.get("allowed"), f"{place}.allowed", {t.value for t in Target}).items():
        allowed[Target(name)] = _time(value, f"{place}.allowed.{name}")
    if Target.RESOLUTION in allowed and allowed.get(Target.FIRST_RESPONSE, timedelta(0)) > allowed[Target.RESOLUTION]:
        raise InvalidInput(f"{place}.allowed", "the first response must come before the resolution")
    given = _mapping(fields.get("when") or {}, f"{place}.when", {"kinds", "types", "urgencies", "tiers", "industries", "causes"})
    when = {name: _texts(value, f"{place}.when.{name}") for name, value in given.items()}
    for name, known in (("kinds", {k.value for k in Kind}), ("urgencies", {u.value for u in Urgency})):
        if wrong := set(when.get(name, ())) - known:
            raise InvalidInput(f"{place}.when.{name}", f"{min(wrong)} is not one of {', '.join(sorted(known))}")
    escalate = tuple(_time(value, f"{place}.escalate_after") for value in fields.get("escalate_after") or ())
    shares = tuple(_share(value) for value in fields["warn_at"]) if "warn_at" in fields else warn_at
    try:
        policy = Policy(policy_id, version, allowed, shares, escalate)
    except InvalidInput as error:
        raise InvalidInput(f"{place}.{error.field}", str(error)) from None
    return LevelRule(policy, calendar_id, **when)


def _calendar(name: str, node: object) -> WorkingCalendar:
    place = f"calendars.{name}"
    fields = _mapping(node, place, {"title", "zone", "weekly", "holidays", "days"})
    weekly: list[tuple[Period, ...]] = [()] * 7
    for weekdays, periods in _mapping(fields.get("weekly"), f"{place}.weekly", None).items():
        for number in _weekdays(weekdays, f"{place}.weekly.{weekdays}"):
            weekly[number] = _periods(periods, f"{place}.weekly.{weekdays}")
    special: dict[date, tuple[Period, ...]] = {}
    holidays = fields.get("holidays")
    if holidays == "china":
        special = _china(tuple(weekly))
    elif holidays is not None:
        raise InvalidInput(f"{place}.holidays", "must be china, or left out")
    for day, periods in _mapping(fields.get("days") or {}, f"{place}.days", None).items():
        special[_date(day, f"{place}.days.{day}")] = _periods(periods or [], f"{place}.days.{day}")
    try:
        return WorkingCalendar(name, str(fields.get("title") or name), str(fields.get("zone") or "Asia/Shanghai"), tuple(weekly), special)
    except InvalidInput as error:
        raise InvalidInput(f"{place}.{error.field}", str(error)) from None


def _china(weekly: tuple[tuple[Period, ...], ...]) -> dict[date, tuple[Period, ...]]:
    """Days on which China works otherwise than its weekday says: holidays off, days worked instead as the Monday is."""
    special, day = {}, date(_FIRST_YEAR, 1, 1)
    while day.year <= _LAST_YEAR:
        if is_workday(day) != (day.weekday() < 5):
            special[day] = weekly[0] if is_workday(day) else ()
        day += timedelta(days=1)
    return special


def _weekdays(text: str, place: str) -> list[int]:
    first, dash, last = text.partition("-")
    if first not in _DAYS or (dash and last not in _DAYS):
        raise InvalidInput(place, f"must be a day or a range of {', '.join(_DAYS)}")
    begin, end = _DAYS.index(first), _DAYS.index(last if dash else first)
    return [day % 7 for day in range(begin, end + 1 if begin <= end else end + 8)]


def _date(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(place, "is not a day like 2026-10-01") from None


def _periods(node: object, place: str) -> tuple[Period, ...]:
    return tuple(sorted(period for text in _texts(node, place) for period in parse_period(text, place)))


def _time(value: object, place: str) -> timedelta:
    found = _TIME.fullmatch(str(value).strip())
    hours, minutes = found.groups() if found else (None, None)
    amount = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if not timedelta(0) < amount <= LONGEST:
        raise InvalidInput(place, f"{value!r} is not a time like 15m, 24h or 7h30m of at most a year")
    return amount


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput("warn_at", f"{value!r} is not a number")
    return float(value)


def _texts(node: object, place: str) -> tuple[str, ...]:
    if not isinstance(node, list) or not all(isinstance(value, str) and value for value in node):
        raise InvalidInput(place, "must be a list of texts that are not empty")
    return tuple(node)


def _needed(table: Mapping[str, Any], name: str, kind: type) -> Any:
    value = table.get(name)
    if not isinstance(value, kind) or not value:
        raise InvalidInput(name, "is missing or empty")
    return value


def _mapping(node: object, place: str, known: set[str] | None) -> Mapping[str, Any]:
    if not isinstance(node, dict):
        raise InvalidInput(place, "is missing or no mapping")
    for key in node:
        if known is not None and key not in known:
            raise InvalidInput(f"{place}.{key}", f"unknown; known are {', '.join(sorted(known))}")
    return {str(key): value for key, value in node.items()}
