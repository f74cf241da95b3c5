"""Tables of tickets: out, page by page, and in, row by row, each once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from chassis.errors import InvalidInput, NotFound

from routing.app import Routing, Who
from routing.app_desk import Criteria, check_criteria
from routing.domain import tables
from routing.domain.opening import by_hand

_PAGE = 200
_AT_ONCE = 16
_PROBLEMS = 1_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a table's rows; `problems` are the first 1,000."""

    rows: int
    opened: int
    known: int
    refused: int
    problems: tuple[tables.Problem, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """Holds one page of an export at a time, however long the table is."""

    routing: Routing

    async def export(self, who: Who, criteria: Criteria, zone: str) -> AsyncIterator[str]:
        """The table in parts of a page. Raises InvalidInput."""
        check_criteria(criteria)
        levels = await self.routing.levels.current(who.tenant)
        local = _zone(zone or next(iter(levels.calendars.values())).zone)
        now = self.routing.at()
        yield tables.BOM + tables.written([[title for _, title in tables.EXPORTED]])
        token = ""
        while True:
            page = await self.routing.page(who, criteria, _PAGE, token)
            rows = []
            for ticket in page.tickets:
                terms = levels.terms_of(ticket.policy_id) or levels.terms_for(ticket)
                rows.append(tables.row_of(ticket, terms.calendar, local, now))
            if rows:
                yield tables.written(rows)
            if not (token := page.next_token):
                return

    async def take_in(self, who: Who, content: bytes, dry_run: bool) -> Imported:
        """Open a ticket for each row that is right and was not imported before. Raises InvalidInput where it is no table."""
        rows = list(tables.rows_in(content, who.tenant))
        problems = [problem for row in rows for problem in row.problems]
        right = [row for row in rows if row.wanted is not None]
        new = 0
        for begin in range(0, len(right), _AT_ONCE):
            done = await asyncio.gather(*(self._open(who, row, dry_run) for row in right[begin : begin + _AT_ONCE]))
            new += sum(one is True for one in done)
            problems += [one for one in done if isinstance(one, tables.Problem)]
        wrong = {problem.row for problem in problems}
        return Imported(len(rows), new, len(rows) - len(wrong) - new, len(wrong), tuple(sorted(problems, key=lambda p: p.row)[:_PROBLEMS]))

    async def _open(self, who: Who, row: tables.Row, dry_run: bool) -> bool | tables.Problem:
        """True for a new ticket, False for one that was there, the problem where it is refused."""
        if row.wanted is None:
            raise ValueError("a row without problems says what it wants")
        try:
            if not dry_run:
                return (await self.routing.open_imported(who, row.wanted, row.external_id))[1]
            by_hand(row.wanted)
            return not await self._is_there(who, row.external_id)
        except InvalidInput as refused:
            return tables.Problem(row.number, row.external_id, refused.field, refused.message)

    async def _is_there(self, who: Who, external_id: str) -> bool:
        try:
            await self.routing.tickets.get(who.tenant, self.routing.imported_id(who.tenant, external_id))
        except NotFound:
            return False
        return True


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput("zone", "is not an IANA time zone such as Asia/Shanghai") from None
