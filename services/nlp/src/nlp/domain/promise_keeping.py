"""What becomes of a promise: kept, late or broken, and who or what may say so."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import InvalidInput

from nlp.domain.calendar import after_working
from nlp.domain.evaluations import KeptPromise
from nlp.domain.reviews import LONGEST_NOTE

# The agent's side is to be in touch: a call to the customer keeps it. That the customer may call (随时联系我们) is no such promise.
_IN_TOUCH = re.compile(
    "(?:联系|通知|告知|告诉|答复|回复|打给|致电|回访)[给到]?[您你]|[给跟与和向][您你][^，。]{0,6}(?:联系|回|打|答复|反馈|来电|致电|说|讲|消息|结果)"
    "|回电|回访|回[您你]?个?电话|打过去|回过去"
)


class PromiseStatus(StrEnum):
    """What became of a promise."""

    OPEN = "open"
    KEPT = "kept"
    LATE = "late"
    BROKEN = "broken"


DEADLINE, TICKET, INTERACTION, PERSON = "deadline", "ticket", "interaction", "person"


@dataclass(frozen=True, slots=True)
class StoredPromise:
    """A promise with where it was made and what became of it.

    `breaks_at` is when it is broken if nobody hears that it was kept; None without a deadline. `settled_by` says what settled it:
    "ticket:<id>", "interaction:<id>", "deadline" or "person:<principal>", empty while open. `revision` grows with every change.
    """

    promise: KeptPromise
    tenant: str
    interaction_id: str
    agent_id: str
    team_id: str
    customer_id: str
    made_at: datetime
    breaks_at: datetime | None
    status: PromiseStatus = PromiseStatus.OPEN
    settled_at: datetime | None = None
    settled_by: str = ""
    note: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class JudgedContact:
    """A contact of a customer, as far as promises hang on it; `outbound` says that the company called, `unkept` that something was not done as said."""

    interaction_id: str
    customer_id: str
    outbound: bool
    at: datetime
    unkept: bool


def breaks_at(deadline: datetime | None, known_at: datetime, grace: timedelta) -> datetime | None:
    """When nobody waits any longer: so much working time after the deadline, or after it was known where that is later (a recording sent days after)."""
    return None if deadline is None else after_working(max(deadline, known_at), grace)


def in_touch(promise: KeptPromise) -> bool:
    """Whether what was promised is to be in touch with the customer."""
    return bool(_IN_TOUCH.search(promise.text))


def done(promise: StoredPromise, at: datetime, by: str) -> StoredPromise | None:
    """It was done at a moment, kept or late; None where that changes nothing.

    What was settled by the clock alone, or as late, is settled again by what shows that it was done (earlier); a person's word stands.
    """
    if at < promise.made_at or _says(promise, PERSON):
        return None
    deadline = promise.promise.deadline
    status = PromiseStatus.KEPT if deadline is None or at <= deadline else PromiseStatus.LATE
    open_still = promise.status is PromiseStatus.OPEN or promise.settled_by == DEADLINE
    sooner = promise.status is PromiseStatus.LATE and status is PromiseStatus.KEPT
    return _settled(promise, status, at, by) if open_still or sooner else None


def heard_of(promise: StoredPromise, contact: JudgedContact) -> StoredPromise | None:
    """What a later contact of the same customer says of it; None where nothing.

    The company's call keeps a promise to be in touch. A customer who says that nothing was done breaks what is due by then, and what
    had no deadline.
    """
    if contact.at <= promise.made_at or contact.interaction_id == promise.interaction_id:
        return None
    by = f"{INTERACTION}:{contact.interaction_id}"
    if contact.outbound:
        return done(promise, contact.at, by) if in_touch(promise.promise) else None
    deadline = promise.promise.deadline
    is_due = deadline is None or deadline <= contact.at
    if contact.unkept and is_due and promise.status is PromiseStatus.OPEN:
        return _settled(promise, PromiseStatus.BROKEN, contact.at, by)
    return None


def run_out(promise: StoredPromise, now: datetime) -> StoredPromise | None:
    """Broken by its deadline and the grace after it; None before that, and where it is settled."""
    if promise.status is not PromiseStatus.OPEN or promise.breaks_at is None or now < promise.breaks_at:
        return None
    return _settled(promise, PromiseStatus.BROKEN, promise.breaks_at, DEADLINE)


def said(promise: StoredPromise, status: PromiseStatus, note: str, principal: str, at: datetime) -> StoredPromise | None:
    """As a person says it, whatever was matched; None where the person has said just that. Raises InvalidInput."""
    if status is PromiseStatus.OPEN:
        raise InvalidInput("status", "must be kept, late or broken")
    if not note.strip():
        raise InvalidInput("note", "is missing")
    if len(note) > LONGEST_NOTE:
        raise InvalidInput("note", f"must have at most {LONGEST_NOTE} characters")
    by = f"{PERSON}:{principal}"
    if (promise.status, promise.settled_by, promise.note) == (status, by, note):
        return None
    return replace(_settled(promise, status, at, by), note=note)


def _says(promise: StoredPromise, who: str) -> bool:
    return promise.settled_by.startswith(f"{who}:")


def _settled(promise: StoredPromise, status: PromiseStatus, at: datetime, by: str) -> StoredPromise:
    return replace(promise, status=status, settled_at=at, settled_by=by, breaks_at=None, revision=promise.revision + 1)
