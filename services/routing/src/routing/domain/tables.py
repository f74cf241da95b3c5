"""Tickets as rows of a CSV, for people with a spreadsheet: columns, cells that run nothing, durations in working time."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.errors import InvalidInput

from routing.domain.calendars import WorkingCalendar
from routing.domain.clocks import Target
from routing.domain.opening import TYPES, Contact, Wanted
from routing.domain.tickets import Kind, Ticket, Urgency

BOM = "\ufeff"
MAX_ROWS = 10_000
MAX_TABLE_BYTES = 10 * 2**20
_CLOCKS = {Target.FIRST_RESPONSE: "首次响应", Target.NEXT_RESPONSE: "后续响应", Target.DIAGNOSIS: "一线诊断", Target.RESOLUTION: "解决"}
EXPORTED: tuple[tuple[str, str], ...] = (
    ("ticket_id", "工单编号"), ("external_id", "外部编号"), ("kind", "工单类别"), ("type", "类型"), ("urgency", "紧急程度"), ("state", "状态"),
    ("department", "部门"), ("line", "处理层级"), ("assignee", "处理人"), ("title", "标题"), ("description", "描述"), ("customer_id", "客户编号"),
    ("customer_tier", "客户等级"), ("agent_id", "坐席"), ("team_id", "班组"), ("product", "产品"), ("causes", "原因"),
    ("interaction_id", "来源会话"), ("opened_at", "创建时间"), ("first_responded_at", "首次响应时间"), ("resolved_at", "解决时间"),
    ("closed_at", "关闭时间"), ("overdue", "超时"), ("reopenings", "重开次数"), ("resolution", "处理结果"),
    *((f"{target.value}_{what}", f"{title}{label}") for target, title in _CLOCKS.items() for what, label in (
        ("allowed_min", "时限（工作分钟）"), ("used_min", "已用（工作分钟）"), ("due_at", "到期时间"), ("breached", "超时"),
    )),
)
IMPORTED: Mapping[str, str] = {
    name: title for name, title in EXPORTED if name in (
        "external_id", "kind", "type", "urgency", "title", "description", "customer_id", "customer_tier", "agent_id", "product", "interaction_id",
    )
}
_LIMITS = {"title": 200, "description": 4_000}
_URGENCIES = {"": Urgency.NORMAL, "normal": Urgency.NORMAL, "high": Urgency.HIGH}


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: what might be one begins with an apostrophe."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠") else cell


def unsafe(cell: str) -> str:
    """What `safe` was given."""
    return cell[1:] if cell[:1] == "'" and safe(cell[1:]) == cell else cell


def written(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out).writerows([[safe(cell) for cell in row] for row in rows])
    return out.getvalue()


def row_of(ticket: Ticket, calendar: WorkingCalendar, zone: ZoneInfo, now: datetime) -> list[str]:
    """A ticket's cells, in the order of EXPORTED: local times, and working minutes used by now where a clock still runs."""
    def local(at: datetime | None) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else ""

    cells = [
        ticket.ticket_id, ticket.external_id, ticket.kind.value, ticket.type, ticket.urgency.value, ticket.state.value, ticket.department,
        str(ticket.line), ticket.assignee, ticket.title, ticket.description, ticket.customer_id, ticket.customer_tier, ticket.agent_id,
        ticket.team_id, ticket.product, " ".join(ticket.causes), ticket.interaction_id, local(ticket.opened_at), local(ticket.first_responded_at),
        local(ticket.resolved_at), local(ticket.closed_at), "是" if ticket.overdue else "否", str(ticket.reopenings), ticket.resolution,
    ]
    for target in _CLOCKS:
        clock, allowed = ticket.clocks[target], ticket.allowed.get(target)
        begun = target in ticket.clocks.of
        cells += [
            _minutes(allowed) if allowed is not None else "", _minutes(clock.used_by(now, calendar)) if begun else "",
            local(ticket.due.get(target)), ("是" if clock.breached_at else "否") if begun and allowed is not None else "",
        ]
    return cells


def _minutes(amount: timedelta) -> str:
    return f"{amount / timedelta(minutes=1):.1f}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a table; `row` counts as a spreadsheet does, the column names being row 1."""

    row: int
    external_id: str
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read: what is to be opened, or what is wrong with it."""

    number: int
    external_id: str
    wanted: Wanted | None
    problems: tuple[Problem, ...] = ()


def rows_in(content: bytes, tenant: str) -> Iterator[Row]:
    """The rows of a table. Raises InvalidInput where it is none: encoding, column names, too many rows."""
    if len(content) > MAX_TABLE_BYTES:
        raise InvalidInput("content", f"has more than {MAX_TABLE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise InvalidInput("content", f"is not UTF-8 at byte {e.start}: save it as “CSV UTF-8”") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _columns(next(reader, []))
        seen: dict[str, int] = {}
        for number, cells in enumerate(reader, start=2):
            if number > MAX_ROWS + 1:
                raise InvalidInput("content", f"has more than {MAX_ROWS} rows")
            if any(cell.strip() for cell in cells):
                yield _row(number, columns, cells, tenant, seen)
    except csv.Error as e:
        raise InvalidInput("content", f"is not CSV near line {reader.line_num}: {e}") from None


def _columns(names: Sequence[str]) -> list[str]:
    by_title = {title: name for name, title in EXPORTED}
    known = {name for name, _ in EXPORTED}
    columns = [by_title.get(name.strip(), name.strip()) for name in names]
    for name in columns:
        if name not in known:
            raise InvalidInput("content", f"row 1: there is no column {name[:50]!r}; there are {', '.join(IMPORTED)}")
    if len(set(columns)) < len(columns):
        raise InvalidInput("content", "row 1: a column is there twice")
    if missing := {"external_id", "type", "title"} - set(columns):
        raise InvalidInput("content", f"row 1: the column {min(missing)} is missing")
    return columns


def _row(number: int, columns: Sequence[str], cells: Sequence[str], tenant: str, seen: dict[str, int]) -> Row:
    """Columns that only an export has are passed over, so that an exported table can be taken in."""
    given = {name: unsafe(cell).strip() for name, cell in zip(columns, cells, strict=False)}
    key = given.get("external_id", "")
    found: list[Problem] = []

    def wrong(column: str, reason: str) -> None:
        found.append(Problem(number, key[:200], column, reason))

    if len(cells) != len(columns):
        wrong(columns[min(len(cells), len(columns) - 1)], f"the row has {len(cells)} cells, the table {len(columns)} columns")
    for name in IMPORTED:
        if len(given.get(name, "")) > _LIMITS.get(name, 200):
            wrong(name, f"at most {_LIMITS.get(name, 200)} characters")
    if not key:
        wrong("external_id", "must not be empty")
    elif key in seen:
        wrong("external_id", f"is that of row {seen[key]} already")
    else:
        seen[key] = number
    if given.get("type", "") not in TYPES:
        wrong("type", f"must be one of {'、'.join(TYPES)}")
    if not given.get("title", ""):
        wrong("title", "must not be empty")
    kind = {k.value: k for k in (Kind.SERVICE, Kind.CALLBACK)}.get(given.get("kind") or "service")
    if kind is None:
        wrong("kind", "must be service or callback")
    urgency = _URGENCIES.get(given.get("urgency", ""))
    if urgency is None:
        wrong("urgency", "must be normal or high")
    if found or kind is None or urgency is None:
        return Row(number, key, None, tuple(found))
    contact = Contact(tenant, **{f: given.get(f, "") for f in ("interaction_id", "agent_id", "customer_id", "customer_tier", "product")})
    return Row(number, key, Wanted(contact, kind, given["type"], urgency, (), given["title"], given.get("description", "")))
