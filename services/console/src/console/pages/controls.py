"""The controls all pages use, in one look."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from nicegui import ui

Handler = Callable[..., Any]


def strong_button(text: str, on_click: Handler, *, icon: str | None = None) -> ui.button:
    """The one thing most people come for."""
    return ui.button(text, icon=icon, on_click=on_click).props("unelevated no-caps").classes("mj-btn")


def plain_button(text: str, on_click: Handler, *, icon: str | None = None) -> ui.button:
    """Something else that can be done."""
    return ui.button(text, icon=icon, on_click=on_click).props("outline no-caps").classes("mj-btn")


def quiet_button(text: str, on_click: Handler, *, icon: str | None = None) -> ui.button:
    """Cancel, reset, close."""
    return ui.button(text, icon=icon, on_click=on_click).props("flat no-caps color=grey-8")


def choice(words: Any, *, label: str | None = None, value: Any = None, on_change: Handler | None = None, multiple: bool = False) -> ui.select:
    """One of some."""
    chosen = ui.select(words, label=label, value=value, on_change=on_change, multiple=multiple).props("outlined dense options-dense behavior=menu")
    return chosen.props("use-chips") if multiple else chosen


def words(
    label: str | None = None, *, value: str = "", hint: str = "", on_change: Handler | None = None, most: int = 128, suggestions: list[str] | None = None
) -> ui.input:
    """A line of text; as a filter it waits until the typing stops."""
    line = ui.input(label, value=value, placeholder=hint, on_change=on_change, autocomplete=suggestions).props(f"outlined dense maxlength={most}")
    return line.props("clearable debounce=400") if on_change else line


def day(label: str, value: str, *, last: date, on_change: Handler | None = None) -> ui.input:
    """A day up to `last`."""
    return ui.input(label, value=value, on_change=on_change).props(f"outlined dense type=date max={last} stack-label").classes("mj-filter date")


def switch_of(options: Mapping[Any, str], value: Any, on_change: Handler) -> ui.toggle:
    """One of a few, all in sight."""
    look = "dense no-caps unelevated toggle-color=primary color=white text-color=grey-8"
    return ui.toggle(dict(options), value=value, on_change=on_change).props(look).classes("mj-spans")


def column(name: str, label: str, align: str = "left", *, roomy: bool = False) -> dict[str, Any]:
    """One column of a table; a `roomy` one is left out where the window is narrow."""
    made = {"name": name, "label": label, "field": name, "align": align}
    return made | {"classes": "mj-roomy", "headerClasses": "mj-roomy"} if roomy else made


def table(columns: Sequence[dict[str, Any]], rows: list[dict[str, Any]], *, key: str, cells: Mapping[str, str] | None = None, dense: bool = False) -> ui.table:
    """All its rows at once. `cells` are templates over `props.row`; a row with `href` leads there when clicked."""
    look = f"flat hide-pagination :rows-per-page-options=[0] {'dense' if dense else ''}"
    made = ui.table(columns=list(columns), rows=rows, row_key=key).classes("mj-table").props(look)
    for name, cell in (cells or {}).items():
        made.add_slot(f"body-cell-{name}", f'<q-td :props="props">{cell}</q-td>')
    return made


def leads_on(made: ui.table) -> ui.table:
    """A click anywhere in a row goes to its `href`."""
    made.on("row-click", js_handler="(e, row) => { if (!e.target.closest('a')) window.location.href = row.href }")
    return made.classes("mj-clickable")


def pager(note: str, back: Handler | None, forward: Handler | None) -> ui.element:
    """Under a list; None where there is no page that way."""
    with ui.element("div").classes("mj-pager") as bar:
        ui.label(note).classes("mj-muted")
        ui.space()
        ui.button("上一页", icon="chevron_left", on_click=back).props("flat dense no-caps").set_enabled(back is not None)
        ui.button("下一页", on_click=forward).props("flat dense no-caps icon-right=chevron_right").set_enabled(forward is not None)
    return bar


@contextmanager
def dialog(heading: str, *, persistent: bool = True, wide: bool = False) -> Iterator[ui.dialog]:
    """An open dialog that is gone once closed."""
    with ui.dialog().props("persistent" if persistent else "") as box, ui.card().classes("mj-dialog wide" if wide else "mj-dialog"):
        ui.label(heading).classes("mj-h2").props("role=heading aria-level=2")
        yield box
    box.on("hide", box.delete)
    box.open()


@contextmanager
def line(classes: str = "mj-hero-line") -> Iterator[ui.element]:
    """Things side by side."""
    with ui.element("div").classes(classes) as made:
        yield made


def fact(name: str, value: str) -> None:
    """A name with its value under it."""
    with ui.element("div"):
        ui.label(name).classes("mj-fact-name")
        ui.label(value).classes("mj-fact")
