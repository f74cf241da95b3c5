"""Doing something with a ticket: asking for what it needs, sending the version that is shown, and saying why it was refused."""

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.errors import NotAllowedNow, Problem, Stale
from client.shapes import Ticket
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.ticket_steps import STEPS, Step, why_not
from console.domain.words import TICKET_ACTION, TICKET_STATE, when, word
from console.pages.controls import dialog, line, quiet_button, strong_button, words
from console.pages.frame import said

Changed = Callable[[Ticket], Awaitable[None] | None]


class TicketActions:
    """The steps of one ticket as a page shows it; `changed` is told the ticket after each, also after somebody else's.

    Dialogs and notices hang on the page itself: what shows the ticket is drawn anew by every event, also while somebody types.
    """

    def __init__(self, session: Session, ticket: Callable[[], Ticket], changed: Changed) -> None:
        self._session, self._ticket, self._changed = session, ticket, changed
        self._page = ui.context.client

    def starter(self, step: Step) -> Callable[[], Any]:
        """What a button does: ask where something is needed, else do it."""
        async def start() -> None:
            if step.asks is None:
                await self.send(step, dict(step.given))
            else:
                self.ask(step, *step.asks)

        return start

    def ask(self, step: Step, field: str, label: str, long: bool) -> None:
        """What goes with the step."""
        async def send() -> None:
            if not (text.value or "").strip():
                text.error = f"请填写{label.partition('（')[0]}"
                return
            given = {field: text.value.strip()}
            if note is not None and (note.value or "").strip():
                given["note"] = note.value.strip()
            send_button.props("loading")
            done = await self.send(step, given)
            send_button.props(remove="loading")
            if done:
                box.close()

        with self._page, dialog(step.name) as box:
            text = (ui.textarea(label) if long else ui.input(label)).props("outlined dense autofocus maxlength=2000").classes("mj-full").mark("words")
            note = None if field == "note" else words("备注（可不填）", most=500).classes("mj-full")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                send_button = strong_button("确定", send).mark("confirm")

    async def send(self, step: Step, fields: dict[str, Any]) -> bool:
        """Do it to the version that is shown."""
        return await self.post(step.verb, step.name, fields)

    async def post(self, verb: str, name: str, fields: dict[str, Any]) -> bool:
        """True where it was done. A stale version offers to look at the current one; a refused step is explained."""
        shown = self._ticket()
        ticket_id = shown.get("ticket_id", "")
        try:
            # Watching changes nothing that others may have changed, and takes no version.
            seen = {} if verb in ("watch", "unwatch") else {"version": shown.get("version", 0)}
            after = await self._session.gateway.post(f"{path('tickets', ticket_id)}:{verb}", seen | fields)
        except (Stale, NotAllowedNow) as e:
            await self._refused(name, shown, e)
            return False
        except Problem as e:
            self._notify(said(e), bad=True)
            return False
        self._notify(f"已{name}")
        await self._tell(after.get("ticket", after))
        return True

    async def _refused(self, name: str, shown: Ticket, problem: Problem) -> None:
        try:
            current: Ticket = await self._session.gateway.get(path("tickets", shown.get("ticket_id", "")))
        except Problem as e:
            self._notify(said(e), bad=True)
            return
        stale = isinstance(problem, Stale)

        async def reload() -> None:
            box.close()
            await self._tell(current)

        with self._page, dialog("工单刚被他人修改" if stale else f"现在不能“{name}”", persistent=False) as box:
            if stale:
                seen, now = shown.get("version", 0), current.get("version", 0)
                state = word(TICKET_STATE, current.get("state"))
                ui.label(f"该工单刚被他人修改：您看到的是 v{seen}，现在是 v{now}（{state}）。“{name}”没有执行。").classes("mj-text")
                for entry in current.get("history", [])[-min(5, max(1, now - seen)):]:
                    what = f"{word(TICKET_ACTION, entry.get('action'))} {entry.get('note', '')}"
                    ui.label(f"{when(entry.get('at'))} {entry.get('by', '')} {what}").classes("mj-said small")
            else:
                step = next((s for s in STEPS if s.name == name), None)
                reason = (why_not(step, current) if step else "") or said(problem)
                ui.label(reason).classes("mj-text")
            with line("mj-actions"):
                quiet_button("先不刷新", box.close)
                strong_button("查看最新内容", reload, icon="refresh").mark("reload")

    def _notify(self, words: str, *, bad: bool = False) -> None:
        with self._page:
            if bad:
                ui.notify(words, type="negative", position="top", timeout=8000, close_button="知道了")
            else:
                ui.notify(words, type="positive", position="top")

    async def _tell(self, ticket: Ticket) -> None:
        told = self._changed(ticket)
        if told is not None:
            await told


def menu(actions: TicketActions, ticket: Ticket) -> None:
    """Every step as an entry; those that are not possible now come last and say why."""
    for step in sorted(STEPS, key=lambda s: bool(why_not(s, ticket))):
        reason = why_not(step, ticket)
        with ui.menu_item(on_click=actions.starter(step)).classes("mj-step-entry").mark(f"menu-{step.verb}") as entry:
            with ui.item_section().props("avatar"):
                ui.icon(step.icon).classes("mj-step-icon")
            with ui.item_section():
                ui.item_label(step.name)
                if reason:
                    ui.item_label(reason).props("caption")
        entry.set_enabled(not reason)
