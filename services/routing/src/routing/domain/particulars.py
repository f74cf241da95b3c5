"""What a ticket says beyond its title: standard fields with where they are known from, and where it disagrees with its contact."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One standard field. `turn_id` and `text` say where it was said; empty where given by hand."""

    field_id: str
    title: str
    value: str
    by: str
    turn_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A disagreement with the contact: type_lowered, urgency_lowered, fact_missing or fact_contradicts."""

    kind: str
    field_id: str
    ticket_says: str
    contact_says: str
    turn_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Particulars:
    """`missing` are needed fields nobody knows. `look_at` is when the contact is to be looked at (again), None where not; `looks` counts tries in vain."""

    fields: tuple[FieldValue, ...] = ()
    missing: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    checked_at: datetime | None = None
    look_at: datetime | None = None
    looks: int = 0
