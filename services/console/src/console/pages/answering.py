"""Answering a scorecard's items by hand: for a review, for an appeal, and blind for a calibration."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from client.quality_shapes import ReviewedItem
from client.shapes import ItemResult
from nicegui import ui

from console.domain.quality_words import ANSWER
from console.domain.words import RESULT, points, word
from console.pages.controls import line
from console.pages.frame import chip
from console.pages.markup import joined
from console.pages.scorecard_html import quotes_html

_TONE = {"pass": "good", "fail": "bad", "abstain": "warn", "na": "calm"}


class Answers:
    """The items in question, each with a switch and a note. Nothing is answered until somebody does."""

    def __init__(self, items: Sequence[ItemResult], *, blind: bool = False, given: Mapping[str, str] | None = None) -> None:
        self.items, self._blind = items, blind
        self.on_change: Callable[[], object] = lambda: None
        self.results: dict[str, str] = dict(given or {})
        self.notes: dict[str, str] = {}
        self._switches: dict[str, ui.toggle] = {}

    def draw(self, items: Sequence[ItemResult] | None = None) -> None:
        """Some of the items, or all."""
        for item in self.items if items is None else items:
            self._one(item)

    def _one(self, item: ItemResult) -> None:
        name = item.get("item_id", "")
        tone = "" if self._blind else item.get("result", "")
        with ui.element("div").classes(f"mj-answer {tone}"):
            with line():
                ui.label(item.get("title") or name).classes("mj-strong")
                if item.get("fatal"):
                    ui.label("致命项").classes("mj-fatal soft")
                ui.label(f"{points(item.get('max_points', 0.0))} 分").classes("mj-muted small")
                if not self._blind:
                    ui.space()
                    chip(f"{'人工' if item.get('reviewed') else '机器'}：{word(RESULT, item.get('result'))}", _TONE.get(item.get("result", ""), "calm"))
            if self._blind:
                if item.get("rule_text"):
                    ui.label(item["rule_text"]).classes("mj-muted small mj-clamp").tooltip(item["rule_text"][:600])
            else:
                if item.get("explanation"):
                    ui.label(item["explanation"]).classes("small mj-text")
                if item.get("evidence"):
                    ui.html(joined(*quotes_html(item["evidence"])), sanitize=False).classes("mj-quotes")
            with line("mj-answer-line"):
                look = "dense no-caps unelevated toggle-color=primary color=white text-color=grey-8"
                switch = ui.toggle(ANSWER, value=self.results.get(name), clearable=True, on_change=lambda e, n=name: self._answer(n, e.value))
                self._switches[name] = switch.props(look).classes("mj-spans").mark(f"answer-{name}")
                note = ui.input(placeholder="理由（可不填）", on_change=lambda e, n=name: self.notes.__setitem__(n, e.value or ""))
                note.props("outlined dense maxlength=2000").classes("mj-answer-note")

    def _answer(self, name: str, result: str | None) -> None:
        if result:
            self.results[name] = result
        else:
            self.results.pop(name, None)
        self.on_change()

    def choose(self, name: str, result: str) -> None:
        """Answer one as if by hand."""
        self.results[name] = result
        if name in self._switches:
            self._switches[name].set_value(result)

    def agree(self) -> None:
        """Take the machine's word for all it was sure of."""
        for item in self.items:
            name, result = item.get("item_id", ""), item.get("result", "")
            if name not in self.results and result in ANSWER:
                self.choose(name, result)
        self.on_change()

    @property
    def missing(self) -> list[str]:
        """Titles of the items not answered."""
        return [i.get("title", "") for i in self.items if i.get("item_id", "") not in self.results]

    @property
    def given(self) -> list[ReviewedItem]:
        """As the gateway takes them, in the scorecard's order."""
        made: list[ReviewedItem] = []
        for item in self.items:
            name = item.get("item_id", "")
            if name in self.results:
                answer: Any = {"item_id": name, "result": self.results[name]}
                if note := self.notes.get(name, "").strip():
                    answer["note"] = note
                made.append(answer)
        return made
