"""Steps around a ticket that do not move it: who watches it, its files, words that were sent to the customer."""

from dataclasses import replace
from datetime import datetime

from chassis.errors import InvalidInput, NotAllowedNow, NotFound

from routing.domain.attachments import MAX_ATTACHMENTS, Attachment
from routing.domain.tickets import MAX_NAME, Action, State, Terms, Ticket, comment, noted, timed

MAX_WATCHERS = 50


def watch(ticket: Ticket, watcher: str, by: str, at: datetime) -> Ticket:
    """Raises InvalidInput, NotAllowedNow; the very same ticket where he watches it already."""
    watcher = _name(watcher)
    if watcher in ticket.watchers:
        return ticket
    if len(ticket.watchers) >= MAX_WATCHERS:
        raise NotAllowedNow(f"a ticket has at most {MAX_WATCHERS} watchers")
    return replace(noted(ticket, Action.WATCHED, by, at, f"{watcher} 关注"), watchers=(*ticket.watchers, watcher))


def unwatch(ticket: Ticket, watcher: str, by: str, at: datetime) -> Ticket:
    """The very same ticket where he does not watch it."""
    watcher = _name(watcher)
    if watcher not in ticket.watchers:
        return ticket
    return replace(noted(ticket, Action.UNWATCHED, by, at, f"{watcher} 取消关注"), watchers=tuple(w for w in ticket.watchers if w != watcher))


def attach(ticket: Ticket, attachment: Attachment, by: str, at: datetime, note: str) -> Ticket:
    """Raises NotAllowedNow where there are too many; the very same ticket where it has this file."""
    if any(a.attachment_id == attachment.attachment_id for a in ticket.attachments):
        return ticket
    if len(ticket.attachments) >= MAX_ATTACHMENTS:
        raise NotAllowedNow(f"a ticket keeps at most {MAX_ATTACHMENTS} attachments")
    said = f"附件 {attachment.name}" + (f"：{note}" if note else "")
    return replace(_worded(ticket, Action.ATTACHED, by, at, said), attachments=(*ticket.attachments, attachment))


def detach(ticket: Ticket, attachment_id: str, by: str, at: datetime, note: str) -> Ticket:
    """Raises NotFound, InvalidInput where no reason is given."""
    attachment = attachment_of(ticket, attachment_id)
    if not note.strip():
        raise InvalidInput("note", "must not be empty")
    left = tuple(a for a in ticket.attachments if a.attachment_id != attachment_id)
    return replace(_worded(ticket, Action.DETACHED, by, at, f"删除附件 {attachment.name}：{note}"), attachments=left)


def attachment_of(ticket: Ticket, attachment_id: str) -> Attachment:
    """Raises NotFound."""
    for attachment in ticket.attachments:
        if attachment.attachment_id == attachment_id:
            return attachment
    raise NotFound(f"no attachment {attachment_id}")


def tell(ticket: Ticket, terms: Terms, by: str, at: datetime, note: str) -> Ticket:
    """Words that were sent to the customer: whichever response was asked for has been given. In any state. Raises InvalidInput."""
    said = _worded(ticket, Action.COMMENTED, by, at, note, public=True)
    if ticket.state in (State.RESOLVED, State.CLOSED):
        return said
    return timed(said, ticket.clocks.answered(at, terms.calendar), terms)


def _worded(ticket: Ticket, action: Action, by: str, at: datetime, note: str, *, public: bool = False) -> Ticket:
    """A comment under another name."""
    said = comment(ticket, by, at, note)
    return replace(said, history=(*ticket.history, replace(said.history[-1], action=action, public=public)))


def _name(watcher: str) -> str:
    watcher = watcher.strip()
    if not 1 <= len(watcher) <= MAX_NAME:
        raise InvalidInput("watcher", f"must have 1 to {MAX_NAME} characters")
    return watcher
