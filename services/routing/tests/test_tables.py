import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput
from routing.app import TicketFilter, Who
from routing.app_tables import Tables
from routing.domain.tables import BOM, EXPORTED, MAX_ROWS, rows_in, safe, unsafe
from routing.domain.tickets import Kind

CHIEF = Who("t1", "chief")
TITLES = [title for _, title in EXPORTED]


ALL = TicketFilter()


async def table_of(tables, criteria=ALL, zone="", who=CHIEF):
    text = "".join([part async for part in tables.export(who, criteria, zone)])
    assert text.startswith(BOM)
    header, *rows = csv.reader(io.StringIO(text.removeprefix(BOM)))
    assert header == TITLES
    return [dict(zip([name for name, _ in EXPORTED], row, strict=True)) for row in rows]


def csv_of(*rows):
    out = io.StringIO()
    csv.writer(out).writerows([["external_id", "type", "title", "urgency", "description", "customer_id"], *rows])
    return out.getvalue().encode()


async def test_an_export_has_local_times_and_working_time_of_each_clock(routing, open_ticket, clock):
    tables = Tables(routing)
    # Friday 2026-11-06, 17:00 in Shanghai; a callback's clocks run in office hours
    ticket = open_ticket(at=clock.at + timedelta(days=4), kind=Kind.CALLBACK)
    await routing.tickets.add(ticket, None)
    terms = (await routing.levels.current("t1")).terms_of(ticket.policy_id)
    clock.at = ticket.opened_at + timedelta(days=3)  # Monday, the same hour
    (row,) = await table_of(tables)
    assert row["opened_at"] == "2026-11-06 17:00:00"
    (utc,) = await table_of(tables, zone="UTC")
    assert utc["opened_at"] == "2026-11-06 09:00:00"
    worked = terms.calendar.between(ticket.opened_at, clock.at)
    assert row["resolution_used_min"] == f"{worked / timedelta(minutes=1):.1f}"
    with pytest.raises(InvalidInput) as refused:
        await table_of(tables, zone="Mars/Olympus")
    assert refused.value.field == "zone"


async def test_business_hours_count_in_an_export_and_nights_and_weekends_do_not(routing, open_ticket, clock, levels):
    rule = next(rule for rule in levels.rules if rule.calendar_id == "office")
    ticket = replace(open_ticket(at=clock.at + timedelta(days=4)), policy_id=rule.policy.policy_id)  # Friday 17:00
    await routing.tickets.add(ticket, None)
    clock.at = ticket.opened_at + timedelta(days=2, hours=17)  # Monday 10:00: an hour on Friday, an hour on Monday
    (row,) = await table_of(Tables(routing))
    assert row["first_response_used_min"] == "120.0"


async def test_an_export_pages_through_everything_and_heeds_the_filters(routing, open_ticket):
    for n in range(7):
        await routing.tickets.add(open_ticket(at=open_ticket().opened_at + timedelta(minutes=n), customer_id=f"C{n % 2}"), None)
    tables = Tables(routing)
    assert len(await table_of(tables)) == 7
    rows = await table_of(tables, TicketFilter(customer_id="C1"))
    assert [row["customer_id"] for row in rows] == ["C1"] * 3 and rows == sorted(rows, key=lambda r: r["opened_at"], reverse=True)
    assert await table_of(tables, who=Who("t2", "x")) == []


@pytest.mark.parametrize("evil", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝cmd|' /C calc'!A0"])
async def test_no_cell_of_an_export_is_a_formula(evil, routing, open_ticket):
    await routing.tickets.add(replace(open_ticket(customer_id=evil), title=evil, description=f'多行\n"{evil}"'), None)
    (row,) = await table_of(Tables(routing))
    assert row["title"] == f"'{evil}" and row["customer_id"] == f"'{evil}" and unsafe(safe(evil)) == evil
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝")) for cell in row.values())


async def test_each_right_row_opens_a_ticket_once_however_often_it_comes(routing):
    tables = Tables(routing)
    content = csv_of(["X1", "投诉", "多扣费", "high", "扣了两次", "C1"], ["X2", "故障", "断网", "", "", "C2"])
    assert (await tables.take_in(CHIEF, content, True)).opened == 2
    assert (await routing.page(CHIEF, TicketFilter(), 10, "")).tickets == ()
    done = await tables.take_in(CHIEF, content, False)
    assert (done.rows, done.opened, done.known, done.refused) == (2, 2, 0, 0)
    again = await tables.take_in(CHIEF, BOM.encode() + content + csv_of(["X3", "咨询", "问", "", "", ""]).split(b"\n", 1)[1], False)
    assert (again.rows, again.opened, again.known) == (3, 1, 2)
    tickets = (await routing.page(CHIEF, TicketFilter(), 10, "")).tickets
    assert {t.external_id for t in tickets} == {"X1", "X2", "X3"} and len(tickets) == 3
    assert next(t for t in tickets if t.external_id == "X1").urgency.value == "high"


async def test_every_wrong_row_is_named_with_its_column_and_the_right_ones_go_in(routing):
    done = await Tables(routing).take_in(CHIEF, csv_of(
        ["X1", "投诉", "好的", "", "", ""], ["", "投诉", "无编号", "", "", ""], ["X3", "生气", "", "very", "", ""], ["X1", "投诉", "重复", "", "", ""],
        ["X5", "投诉", "长" * 201, "", "", ""], ["X6", "投诉"],
    ), False)
    assert [(p.row, p.column) for p in done.problems] == [
        (3, "external_id"), (4, "type"), (4, "title"), (4, "urgency"), (5, "external_id"), (6, "title"), (7, "title"), (7, "title"),
    ]
    assert (done.rows, done.opened, done.refused) == (6, 1, 5)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "missing"), ("编号".encode("gbk"), "UTF-8"), (b"external_id,type,title,colour\n", "colour"), (b"external_id,title\n", "type is missing"),
        (b"external_id,external_id,type,title\n", "twice"), (b'external_id,type,title\nX1,"\xe6\x8a\x95', "not CSV"),
        (b"external_id,type,title\n" + b"X,\xe6\x8a\x95\xe8\xaf\x89,a\n" * (MAX_ROWS + 1), "more than 10000 rows"), (b"x" * (10 * 2**20 + 1), "bytes"),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(content, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        list(rows_in(content, "t1"))
    assert refused.value.field == "content"


async def test_an_exported_table_can_be_taken_in_again(routing):
    tables = Tables(routing)
    await tables.take_in(CHIEF, csv_of(["X1", "投诉", "=多扣费", "high", "甲\n乙", "C1"]), False)
    text = "".join([part async for part in tables.export(CHIEF, TicketFilter(), "")])
    (row,) = rows_in(text.encode(), "t1")
    assert row.problems == () and row.wanted.title == "=多扣费" and row.wanted.description == "甲\n乙"
    assert (await tables.take_in(CHIEF, text.encode(), False)).known == 1
