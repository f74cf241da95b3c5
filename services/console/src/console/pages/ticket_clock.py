"""How a clock looks: it counts on by the second in the browser, in working time, and turns colour by itself (static/tickets.js)."""

from datetime import UTC, datetime
from typing import Any

from chassis.errors import Problem
from nicegui import ui

from console.app import Session
from console.domain.deadlines import TARGET, Calendars, Countdown
from console.domain.words import word


def ticket_head() -> None:
    """Style and script of the ticket pages; the browser learns what time it is here, so that a wrong clock there does no harm."""
    now = datetime.now(UTC).timestamp() * 1000
    ui.add_head_html(
        f'<link rel="stylesheet" href="/assets/tickets.css"><meta name="mj-now" content="{now:.0f}"><script src="/assets/tickets.js" defer></script>'
    )


async def calendars_of(session: Session) -> Calendars:
    """Those that count now; around the clock where they cannot be had."""
    try:
        return Calendars(await session.gateway.get("/v1/service-levels"))
    except Problem:
        return Calendars()


def clock_row(c: Countdown | None, done: str = "") -> dict[str, Any]:
    """A clock's cells in a table row."""
    if c is None:
        return {"clock": done, "clock_tone": "calm", "clock_target": "", "left": None, "from": None, "to": None, "allowed": None, "share": 0}
    counted = {name: c.attributes.get(f"data-{name}") for name in ("left", "from", "to", "allowed")}
    return counted | {"clock": c.words, "clock_tone": c.tone, "clock_target": word(TARGET, c.target), "share": c.share}


class ClockLabel:
    """A clock on a page. `holder`, where given, takes its colour as well."""

    def __init__(self, c: Countdown | None, done: str = "") -> None:
        self.label = ui.label().classes("mj-clock")
        self._shown: tuple[Any, ...] = ()
        self.show(c, done)

    def show(self, c: Countdown | None, done: str = "") -> None:
        """Nothing is sent where the browser counts on rightly by itself."""
        tone, attributes = (c.tone, c.attributes) if c else ("calm", {})
        text = c.words if c else done
        shown = (attributes, "" if attributes else text)
        if shown == self._shown:
            return
        self._shown = shown
        for name in ("data-left", "data-from", "data-to", "data-allowed"):
            self.label.props(remove=name)
        self.label.props(" ".join(f"{k}={v}" for k, v in attributes.items()))
        self.label.classes(replace=f"mj-clock {tone}{'' if not c or c.working else ' idle'}")
        self.label.set_text(text)
