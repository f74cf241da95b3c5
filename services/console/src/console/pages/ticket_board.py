"""The board: tickets by state, each with the clock that matters, moved by events without asking again."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from client.shapes import Ticket
from nicegui import ui

from console.app import Session
from console.domain.deadlines import TARGET, Calendars, next_due
from console.domain.words import NONE, TICKET_KIND, TICKET_STATE, when, word
from console.pages.frame import chip
from console.pages.ticket_actions import TicketActions, menu
from console.pages.ticket_clock import ClockLabel

_KIND_ICON = {"service": "support_agent", "callback": "phone_callback", "rectification": "fact_check"}
_DONE = {"resolved": "已解决", "closed": "已关闭"}
# A column that is full of events does not grow without end.
MOST_SHOWN = 100


def badges(ticket: Ticket) -> None:
    """What makes a ticket special."""
    if ticket.get("urgency") == "high":
        chip("紧急", "bad")
    if ticket.get("customer_tier"):
        chip(ticket["customer_tier"].upper(), "gold")
    if ticket.get("line") == 2:
        chip("二线", "warn")
    if ticket.get("level"):
        chip(f"升级 {ticket['level']} 级", "bad").tooltip("超时后逐级升级：1 级为刚超时，之后每过一段时限再升一级")


class Tile:
    """One ticket on the board."""

    def __init__(self, session: Session, calendars: Calendars, ticket: Ticket, changed: Callable[[Ticket], None]) -> None:
        self.ticket, self._session, self._calendars, self._changed = ticket, session, calendars, changed
        self.box = ui.element("article").classes("mj-tile mj-timed").mark("tile")
        self.clock: ClockLabel | None = None
        self.draw()

    def draw(self) -> None:
        """All of it anew."""
        t, due = self.ticket, next_due(self.ticket, self._calendars, datetime.now(UTC))
        self.box.clear()
        self.box.classes(replace=f"mj-tile mj-timed {due.tone if due else 'calm'}")
        with self.box:
            with ui.link(target=f"/tickets/{t.get('ticket_id', '')}").classes("mj-tile-title"):
                ui.icon(_KIND_ICON.get(t.get("kind", ""), "assignment")).tooltip(word(TICKET_KIND, t.get("kind")))
                ui.label(t.get("title") or "（无标题）")
            with ui.element("div").classes("mj-tile-chips"):
                if t.get("type"):
                    chip(t["type"], "info")
                badges(t)
            with ui.element("div").classes("mj-tile-clock"):
                ui.label(word(TARGET, due.target) if due else _DONE.get(t.get("state", ""), "无期限")).classes("mj-muted small")
                if due:
                    self.clock = ClockLabel(due)
                    if due.due_at:
                        ui.label(f"至 {when(due.due_at)[5:]}").classes("mj-muted small mj-tile-at")
                else:
                    self.clock = None
                    ui.label(when(t.get("closed_at") or t.get("resolved_at"))[5:]).classes("mj-muted small mj-tile-at")
            with ui.element("div").classes("mj-tile-foot"):
                ui.label(f"{t.get('department') or NONE} · {t.get('assignee') or '未分配'}").classes("mj-muted small")
                if self._session.may("tickets:write"):
                    button = ui.button(icon="more_horiz").props("flat round dense size=sm color=grey-7 aria-label=操作").mark("tile-menu")
                    button.on_click(lambda: self._open_menu(button))

    def _open_menu(self, button: ui.button) -> None:
        # A menu is made when somebody wants it: a board of a hundred tickets has a thousand entries otherwise.
        actions = TicketActions(self._session, lambda: self.ticket, self._changed)
        with button, ui.menu().props("auto-close") as box:
            menu(actions, self.ticket)
        box.on("hide", box.delete)
        box.open()

    def tick(self, now: datetime) -> None:
        """A working period may have begun or ended."""
        if self.clock:
            self.clock.show(next_due(self.ticket, self._calendars, now))


class Column:
    """The tickets of one state."""

    def __init__(self, state: str, more: Callable[[], Any], *, folded: bool) -> None:
        self.state, self.tiles, self.next_token = state, dict[str, Tile](), ""
        with ui.element("section").classes("mj-column").props(f'aria-label="{TICKET_STATE[state]}"').mark(f"column-{state}") as self.box:
            with ui.element("button").classes("mj-column-head").props("type=button") as head:
                ui.label(TICKET_STATE[state]).classes("mj-strong")
                self.count = ui.label().classes("mj-column-count").mark(f"count-{state}")
                self.late = ui.label().classes("mj-count")
            self.list = ui.element("div").classes("mj-column-list")
            self.more = ui.button("加载更多", on_click=more).props("flat dense no-caps").classes("mj-column-more")
        head.on("click", self.fold).tooltip("点击收起或展开")
        if folded:
            self.fold()
        self.tell()

    def fold(self) -> None:
        self.box.classes(toggle="folded")

    def tell(self) -> None:
        """How many there are, and how many of them are late."""
        late = sum(bool(t.ticket.get("overdue")) and self.state not in _DONE for t in self.tiles.values())
        self.count.set_text(f"{len(self.tiles)}{'+' if self.next_token else ''}")
        self.late.set_text(f"{late} 超时")
        self.late.set_visibility(late > 0)
        self.more.set_visibility(bool(self.next_token) and len(self.tiles) < MOST_SHOWN)


class Board:
    """All columns."""

    def __init__(self, session: Session, calendars: Calendars, states: tuple[str, ...], more: Callable[[str], Any]) -> None:
        self._session, self._calendars = session, calendars
        with ui.element("div").classes("mj-columns"):
            self.columns = {s: Column(s, partial(more, s), folded=s == "closed") for s in states}

    def fill(self, state: str, tickets: list[Ticket], next_token: str) -> None:
        """More of one column."""
        column = self.columns[state]
        column.next_token = next_token
        for ticket in tickets:
            if ticket.get("ticket_id") not in column.tiles:
                self._add(column, ticket)
        column.tell()

    def _add(self, column: Column, ticket: Ticket, *, first: bool = False) -> None:
        with column.list:
            tile = Tile(self._session, self._calendars, ticket, lambda t: self.put(t, fits=True))
        if first:
            tile.box.move(target_index=0)
            tile.box.classes("fresh")
        column.tiles[ticket.get("ticket_id", "")] = tile

    def put(self, ticket: Ticket, *, fits: bool) -> None:
        """The ticket as it is now: changed in place, moved to another column on top, new, or gone. An older version changes nothing."""
        ticket_id = ticket.get("ticket_id", "")
        old = next((c for c in self.columns.values() if ticket_id in c.tiles), None)
        if old and old.tiles[ticket_id].ticket.get("version", 0) > ticket.get("version", 0):
            return
        new = self.columns.get(ticket.get("state", "")) if fits else None
        if old and old is new:
            tile = old.tiles[ticket_id]
            tile.ticket = ticket
            tile.draw()
        else:
            if old:
                old.tiles.pop(ticket_id).box.delete()
            if new:
                self._add(new, ticket, first=True)
                while len(new.tiles) > MOST_SHOWN:
                    new.tiles.pop(next(iter(new.tiles))).box.delete()
        for column in {old, new} - {None}:
            if column:
                column.tell()

    def tick(self, now: datetime) -> None:
        for column in self.columns.values():
            for tile in column.tiles.values():
                tile.tick(now)
