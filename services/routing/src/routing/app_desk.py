"""What is done around tickets: watched, attached, told, saved filters, and the same change to many."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Protocol

from chassis.errors import AlreadyExists, InvalidInput, NotAllowedNow, NotFound, Problem, Stale

from routing.app import Change, Routing, TicketFilter, Who, commented
from routing.domain import desk
from routing.domain import tickets as steps
from routing.domain.attachments import Attachment, check_file
from routing.domain.search import words_in
from routing.domain.tickets import Action, Terms, Ticket

Criteria = TicketFilter
MAX_FILTERS = 50
MAX_BULK = 200
MAX_KEYS = 20
_TRIES = 5


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A list somebody wants to see again."""

    filter_id: str
    name: str
    criteria: Criteria


@dataclass(frozen=True, slots=True)
class SavedFilters:
    """All of one person's; `version` is 0 before the first was saved."""

    tenant: str
    principal: str
    filters: tuple[SavedFilter, ...]
    version: int


class FilterStore(Protocol):
    """Where saved filters are kept."""

    async def of(self, tenant: str, principal: str) -> SavedFilters:
        """Somebody's; none where he saved none."""

    async def keep(self, saved: SavedFilters) -> None:
        """Put them in the place of that version. Raises Stale."""


class Files(Protocol):
    """Where the content of attachments is kept."""

    async def write(self, tenant: str, ticket_id: str, attachment_id: str, content: bytes) -> None:
        """Again is the same."""

    def read(self, tenant: str, ticket_id: str, attachment_id: str) -> AsyncIterator[bytes]:
        """Raises NotFound."""

    async def delete(self, tenant: str, ticket_id: str, attachment_id: str) -> None:
        """One that is not there is no error."""


@dataclass(frozen=True, slots=True)
class BulkRun:
    """What an idempotency key was used for; `content` is a hash of what was asked."""

    run_id: str
    content: str
    at: datetime


class BulkRuns(Protocol):
    """What idempotency keys were used for."""

    async def begin(self, run: BulkRun) -> BulkRun:
        """The first run of that id: this one, or the one that was there."""


class BulkAction(Enum):
    """What is done to each ticket."""

    ASSIGN = "assign"
    ESCALATE = "escalate"
    COMMENT = "comment"
    CLOSE = "close"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Bulk:
    """The same to many: (ticket id, version seen or 0) each once."""

    action: BulkAction
    tickets: tuple[tuple[str, int], ...]
    key: str
    assignee: str = ""
    note: str = ""
    public: bool = False
    watcher: str = ""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """`status` is the name of a gRPC status; OK where it was done, now or before."""

    ticket_id: str
    status: str
    version: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """`files` is None where there is nowhere to keep them."""

    routing: Routing
    filters: FilterStore
    runs: BulkRuns
    files: Files | None
    new_id: Callable[[], str]
    derived_id: Callable[..., str]

    async def watch(self, who: Who, ticket_id: str, watcher: str) -> Ticket:
        """Raises NotFound, InvalidInput, NotAllowedNow."""
        name = _watcher(who, watcher)
        return await self._unless_same(who, ticket_id, Action.WATCHED, lambda t, terms, at: desk.watch(t, name, who.principal, at))

    async def unwatch(self, who: Who, ticket_id: str, watcher: str) -> Ticket:
        """Raises NotFound, InvalidInput."""
        name = _watcher(who, watcher)
        return await self._unless_same(who, ticket_id, Action.UNWATCHED, lambda t, terms, at: desk.unwatch(t, name, who.principal, at))

    async def attach(self, who: Who, ticket_id: str, version: int, name: str, media_type: str, content: bytes, note: str) -> Ticket:
        """Keep a file: its content first, then the ticket that names it. Raises NotFound, Stale, InvalidInput, NotAllowedNow."""
        check_file(name, media_type, content)
        sha256 = hashlib.sha256(content).hexdigest()
        made = Attachment(
            self.derived_id("attachment", who.tenant, ticket_id, name, sha256), name, media_type, len(content), sha256, who.principal, self.routing.at()
        )
        before = await self.routing.get(who, ticket_id)
        desk.attach(before, made, who.principal, made.at, note)  # refused before anything is written
        await self._files().write(who.tenant, ticket_id, made.attachment_id, content)
        return await self._unless_same(
            who, ticket_id, Action.ATTACHED, lambda t, terms, at: desk.attach(t, replace(made, at=at), who.principal, at, note), version
        )

    async def file(self, who: Who, ticket_id: str, attachment_id: str) -> tuple[Attachment, AsyncIterator[bytes]]:
        """What it is, and its bytes. Raises NotFound."""
        attachment = desk.attachment_of(await self.routing.get(who, ticket_id), attachment_id)
        return attachment, self._files().read(who.tenant, ticket_id, attachment_id)

    async def detach(self, who: Who, ticket_id: str, attachment_id: str, version: int, note: str) -> Ticket:
        """Take a file off, and then delete it; a file whose deletion a crash prevented goes with the next call for it.

        Raises NotFound, Stale, InvalidInput.
        """
        files = self._files()
        try:
            after = await self.routing.change(
                who, ticket_id, version, Action.DETACHED, lambda t, terms, at: desk.detach(t, attachment_id, who.principal, at, note)
            )
        except NotFound:
            await self.routing.get(who, ticket_id)
            await files.delete(who.tenant, ticket_id, attachment_id)
            raise
        await files.delete(who.tenant, ticket_id, attachment_id)
        return after

    async def saved(self, who: Who) -> tuple[SavedFilter, ...]:
        """The caller's own."""
        return (await self.filters.of(who.tenant, who.principal)).filters

    async def save(self, who: Who, filter_id: str, name: str, criteria: Criteria) -> SavedFilter:
        """Raises InvalidInput, NotFound for an id there is not, AlreadyExists for a name there is, NotAllowedNow where there are too many."""
        name = name.strip()
        if not 1 <= len(name) <= 100:
            raise InvalidInput("name", "must have 1 to 100 characters")
        check_criteria(criteria)
        made = SavedFilter(filter_id or self.new_id(), name, criteria)

        def put(filters: tuple[SavedFilter, ...]) -> tuple[SavedFilter, ...]:
            if any(f.name == name and f.filter_id != made.filter_id for f in filters):
                raise AlreadyExists(f"there is a filter {name} already", field="name")
            if any(f.filter_id == made.filter_id for f in filters):
                return tuple(made if f.filter_id == made.filter_id else f for f in filters)
            if filter_id:
                raise NotFound(f"no filter {filter_id}")
            if len(filters) >= MAX_FILTERS:
                raise NotAllowedNow(f"at most {MAX_FILTERS} filters are kept for one person")
            return (*filters, made)

        await self._change_filters(who, put)
        return made

    async def forget(self, who: Who, filter_id: str) -> None:
        """One that is not there is no error."""
        await self._change_filters(who, lambda filters: tuple(f for f in filters if f.filter_id != filter_id))

    async def bulk(self, who: Who, bulk: Bulk) -> list[BulkResult]:
        """Each ticket by itself, in the order given. Raises InvalidInput, AlreadyExists where the key was used for something else."""
        _check_bulk(bulk)
        content = hashlib.sha256(repr((bulk.action, bulk.tickets, bulk.assignee, bulk.note, bulk.public, bulk.watcher)).encode()).hexdigest()
        run = BulkRun(self.derived_id("bulk", who.tenant, who.principal, bulk.key), content, self.routing.at())
        if (await self.runs.begin(run)).content != content:
            raise AlreadyExists("this key was used for another change", field="idempotency_key")
        if bulk.action is BulkAction.ASSIGN:
            await self.routing.assignees.check(who.tenant, bulk.assignee.strip())
        return [await self._one(who, bulk, run.run_id, ticket_id, version) for ticket_id, version in bulk.tickets]

    async def _one(self, who: Who, bulk: Bulk, run_id: str, ticket_id: str, version: int) -> BulkResult:
        action, step = _step_of(who, bulk)
        try:
            before = await self.routing.get(who, ticket_id)
            if run_id in before.done_keys:
                return BulkResult(ticket_id, "OK", before.version)
            after = await self._unless_same(who, ticket_id, action, partial(_marked, run_id=run_id, step=step), version)
        except Stale as refused:
            return BulkResult(ticket_id, refused.code, (await self.routing.get(who, ticket_id)).version, refused.message)
        except Problem as refused:
            return BulkResult(ticket_id, refused.code, 0, refused.message)
        return BulkResult(ticket_id, "OK", after.version)

    async def _unless_same(self, who: Who, ticket_id: str, action: Action, step: Change, version: int = 0) -> Ticket:
        """A change; one that changes nothing is not written. Raises what the step raises."""
        try:
            return await self.routing.change(who, ticket_id, version, action, partial(_changing, step=step))
        except _Same as same:
            return same.ticket

    async def _change_filters(self, who: Who, change: Callable[[tuple[SavedFilter, ...]], tuple[SavedFilter, ...]]) -> None:
        for _ in range(_TRIES):
            before = await self.filters.of(who.tenant, who.principal)
            after = change(before.filters)
            if after == before.filters:
                return
            try:
                await self.filters.keep(replace(before, filters=after))
                return
            except Stale:
                continue
        raise Stale("the filters change too fast; try again")

    def _files(self) -> Files:
        if self.files is None:
            raise NotAllowedNow("this installation keeps no attachments: BLOB_URL is empty")
        return self.files


class _Same(Exception):
    """The step changed nothing."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.ticket_id)
        self.ticket = ticket


def _changing(ticket: Ticket, terms: Terms, at: datetime, *, step: Change) -> Ticket:
    after = step(ticket, terms, at)
    if after is ticket:
        raise _Same(ticket)
    return after


def _marked(ticket: Ticket, terms: Terms, at: datetime, *, run_id: str, step: Change) -> Ticket:
    """The mark is written with the change, so that a call that comes again after a crash finds what was done."""
    if run_id in ticket.done_keys:
        return ticket
    after = step(ticket, terms, at)
    return after if after is ticket else replace(after, done_keys=(*after.done_keys, run_id)[-MAX_KEYS:])


def _step_of(who: Who, bulk: Bulk) -> tuple[Action, Change]:
    match bulk.action:
        case BulkAction.ASSIGN:
            return Action.ASSIGNED, lambda t, terms, at: steps.assign(t, bulk.assignee, who.principal, at, bulk.note)
        case BulkAction.ESCALATE:
            return Action.ESCALATED, lambda t, terms, at: steps.escalate(t, terms, who.principal, at, bulk.note)
        case BulkAction.COMMENT:
            return Action.COMMENTED, commented(who, bulk.note, bulk.public)
        case BulkAction.CLOSE:
            return Action.CLOSED, lambda t, terms, at: steps.close(t, who.principal, at, bulk.note)
        case BulkAction.WATCH:
            name = _watcher(who, bulk.watcher)
            return Action.WATCHED, lambda t, terms, at: desk.watch(t, name, who.principal, at)


def _check_bulk(bulk: Bulk) -> None:
    if not 1 <= len(bulk.tickets) <= MAX_BULK:
        raise InvalidInput("tickets", f"must be 1 to {MAX_BULK}")
    if len({ticket_id for ticket_id, _ in bulk.tickets}) < len(bulk.tickets):
        raise InvalidInput("tickets", "must name each ticket once")
    if not 1 <= len(bulk.key) <= 200:
        raise InvalidInput("idempotency_key", "must have 1 to 200 characters")
    if bulk.action is BulkAction.ASSIGN and not bulk.assignee.strip():
        raise InvalidInput("assignee", "must not be empty")
    if bulk.action in (BulkAction.ESCALATE, BulkAction.COMMENT) and not bulk.note.strip():
        raise InvalidInput("note", "must not be empty")


def check_criteria(criteria: Criteria) -> None:
    """Raises InvalidInput for what no list could be narrowed to."""
    if criteria.query:
        words_in(criteria.query)
        if criteria.due_first:
            raise InvalidInput("criteria.order_by", "what is searched for comes newest first")


def _watcher(who: Who, watcher: str) -> str:
    """Who watches: the caller where nobody is named. Somebody who sees only his own tickets speaks for himself."""
    me = who.agent_id or who.principal
    if who.agent_id and watcher.strip() not in ("", me):
        raise InvalidInput("watcher", "must be yourself")
    return watcher.strip() or me
